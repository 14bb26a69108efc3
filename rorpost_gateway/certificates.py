"""What a PEM certificate says of itself: until when, and for which host names. No I/O."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509


@dataclass(frozen=True, kw_only=True)
class CertificateFacts:
    """Both instants carry an offset; names are lower case and may begin with `*.`."""

    valid_from: datetime
    valid_until: datetime
    names: tuple[str, ...]

    def covers(self, hostname: str) -> bool:
        """Whether a client that connects to `hostname` would take it (RFC 9525, section 6.3)."""
        wildcard = f"*.{hostname.partition('.')[2]}"
        return hostname.lower() in self.names or wildcard.lower() in self.names


def read_certificate(pem: bytes) -> CertificateFacts:
    """The facts of the first certificate in a PEM file. Raises ValueError."""
    certificate = x509.load_pem_x509_certificates(pem)[0]
    try:
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = alternative.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        names = []
    return CertificateFacts(
        valid_from=certificate.not_valid_before_utc,
        valid_until=certificate.not_valid_after_utc,
        names=tuple(name.lower() for name in names),
    )
