"""What a certificate says of itself."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from rorpost_gateway.certificates import CertificateFacts, read_certificate
from tests.peers.authority import Authority

FROM = datetime(2026, 1, 1, tzinfo=UTC)
UNTIL = datetime(2027, 1, 1, tzinfo=UTC)


def certificate(*names: x509.GeneralName) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gw.motala.se")])
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=1,
        not_valid_before=FROM,
        not_valid_after=UNTIL,
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_facts() -> None:
    facts = read_certificate(certificate(x509.DNSName("GW.Motala.se"), x509.DNSName("*.region.se")))
    assert facts == CertificateFacts(
        valid_from=FROM, valid_until=UNTIL, names=("gw.motala.se", "*.region.se")
    )


def test_a_common_name_is_no_name() -> None:
    facts = read_certificate(certificate())
    assert facts.names == ()
    assert not facts.covers("gw.motala.se")


def test_the_first_of_a_chain_counts(authority: Authority) -> None:
    facts = read_certificate(authority.certificate.read_bytes() + authority.ca_file.read_bytes())
    assert "gw.motala.se" in facts.names
    assert facts.valid_until > datetime.now(tz=UTC) + timedelta(days=1)


@pytest.mark.parametrize(
    ("names", "hostname", "covers"),
    [
        (("gw.motala.se",), "gw.motala.se", True),
        (("gw.motala.se",), "GW.MOTALA.SE", True),
        (("*.motala.se",), "gw.motala.se", True),
        (("*.motala.se",), "a.gw.motala.se", False),
        (("*.motala.se",), "motala.se", False),
        (("*.se",), "gw.motala.se", False),
        (("motala.se",), "gw.motala.se", False),
        (("gw.motala.se.example.org",), "gw.motala.se", False),
        ((), "gw.motala.se", False),
    ],
)
def test_which_names_are_covered(names: tuple[str, ...], hostname: str, covers: bool) -> None:
    assert CertificateFacts(valid_from=FROM, valid_until=UNTIL, names=names).covers(hostname) is covers


@pytest.mark.parametrize(
    "octets", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate(octets: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the library's own, of several texts
        read_certificate(octets)


def test_a_private_key_is_no_certificate(authority: Authority) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        read_certificate(authority.key.read_bytes())
