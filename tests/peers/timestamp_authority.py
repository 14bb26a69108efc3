"""A time-stamping authority of OpenSSL's, on loopback: root, certificates, and `openssl ts` behind HTTP."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from rorpost_gateway.http.answer import Answer
from rorpost_gateway.http.client import Url, parse_url
from rorpost_gateway.http.server import HttpServer

CONFIGURATION = """
[authority]
serial = ./serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.3.6.1.4.1.32473.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[stamping]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[serving]
basicConstraints = critical,CA:FALSE
extendedKeyUsage = serverAuth
"""
P256 = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


@dataclass(frozen=True, kw_only=True)
class TimestampAuthority:
    folder: Path

    @property
    def ca(self) -> Path:
        """Whom to trust, PEM."""
        return self.folder / "ca.pem"

    def answer(self, question: bytes) -> bytes:
        """What it says to a request: its whole answer, DER."""
        (self.folder / "question").write_bytes(question)
        self._openssl(
            *("ts", "-reply", "-config", "openssl.cnf", "-section", "authority", "-queryfile", "question"),
            *("-inkey", "stamping.key", "-signer", "stamping.pem", "-out", "answer"),
        )
        return (self.folder / "answer").read_bytes()

    def signed_again(self, answer: bytes, *, by: str) -> bytes:
        """The same statement, signed with a certificate that OpenSSL's `ts` itself might refuse."""
        (self.folder / "answer").write_bytes(answer)
        token, statement = ("-in", "token", "-inform", "DER"), ("-in", "statement", "-outform", "DER")
        self._openssl("ts", "-reply", "-in", "answer", "-token_out", "-out", "token")
        self._openssl("cms", "-verify", *token, "-noverify", "-binary", "-out", "statement")
        self._openssl(
            *(
                "cms",
                "-sign",
                *statement,
                "-binary",
                "-nodetach",
                "-econtent_type",
                "1.2.840.113549.1.9.16.1.4",
            ),
            *("-signer", f"{by}.pem", "-inkey", f"{by}.key", "-out", "token"),
        )
        self._openssl("ts", "-reply", "-in", "token", "-token_in", "-out", "answer")
        return (self.folder / "answer").read_bytes()

    def verify(self, data: Path, answer: Path) -> str:
        """What `openssl ts -verify` says; raises CalledProcessError where it does not hold."""
        return self._openssl("ts", "-verify", "-data", data, "-in", answer, "-CAfile", self.ca)

    @asynccontextmanager
    async def serving(self, *, status: int = 200) -> AsyncIterator[Url]:
        """The authority behind HTTP."""

        async def stamp(question: bytes) -> Answer:
            body = await asyncio.to_thread(self.answer, question)
            return Answer(body=body, content_type="application/timestamp-reply", status=status)

        server = HttpServer("127.0.0.1:0", {}, takers={"/tsa": stamp})
        await server.start()
        try:
            assert server.address is not None
            yield parse_url(f"http://127.0.0.1:{server.address[1]}/tsa")
        finally:
            await server.close()

    def _openssl(self, *arguments: str | Path) -> str:
        return subprocess.run(
            ["openssl", *map(str, arguments)],
            cwd=self.folder,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    def _issue(self, name: str) -> None:
        self._openssl("req", *P256, "-keyout", f"{name}.key", "-out", "request", "-subj", f"/CN={name}")
        self._openssl(
            *("x509", "-req", "-in", "request", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
            *("-out", f"{name}.pem", "-extfile", "openssl.cnf", "-extensions", name, "-days", "2"),
        )


def make_timestamp_authority(folder: Path) -> TimestampAuthority:
    """Keys, certificates and configuration in `folder`, which is empty."""
    made = TimestampAuthority(folder=folder)
    (folder / "openssl.cnf").write_text(CONFIGURATION)
    (folder / "serial").write_text("01\n")
    root = ("-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Root of time")
    made._openssl("req", "-x509", *P256, *root, "-days", "2")
    for name in ("stamping", "serving"):
        made._issue(name)
    return made


@pytest.fixture(scope="session")
def timestamp_authority(tmp_path_factory: pytest.TempPathFactory) -> TimestampAuthority:
    return make_timestamp_authority(tmp_path_factory.mktemp("timestamp_authority"))
