"""A throw-away certificate authority, one a test session.

Real TLS in tests, verified: servers present a certificate for `localhost`,
`gw.motala.se` and the loopback addresses, clients trust this authority alone.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

SERVER_NAMES = ("localhost", "gw.motala.se", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True)
class Authority:
    """The authority and one server certificate. Files are PEM; the key file has mode 0600."""

    ca: trustme.CA
    ca_file: Path
    certificate: Path  # with its chain
    key: Path
    folder: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file)

    def issue(self, *names: str, stem: str | None = None) -> tuple[Path, Path]:
        """Another certificate, for `names`; returns the paths of certificate and key.

        `stem` names the files (the first name where left out).
        """
        return _write(self.ca, self.folder, stem or names[0], names)


def _write(ca: trustme.CA, folder: Path, stem: str, names: tuple[str, ...]) -> tuple[Path, Path]:
    issued = ca.issue_cert(*names)
    certificate, key = folder / f"{stem}.cert.pem", folder / f"{stem}.key.pem"
    certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    key.touch(mode=0o600)
    key.write_bytes(issued.private_key_pem.bytes())
    return certificate, key


def make_authority(folder: Path) -> Authority:
    ca = trustme.CA()
    ca_file = folder / "ca.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    certificate, key = _write(ca, folder, "server", SERVER_NAMES)
    return Authority(ca=ca, ca_file=ca_file, certificate=certificate, key=key, folder=folder)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another authority, which nobody trusts."""
    return make_authority(tmp_path_factory.mktemp("stranger"))
