"""The partner's end of the demo: takes whatever comes, keeps it in memory, opens it with plain gpg."""

import asyncio
import subprocess
from pathlib import Path

from rorpost_gateway.decision import Reason
from rorpost_gateway.envelope import Client, Login, Recipient, ReversePath
from rorpost_gateway.openpgp.process import environment
from rorpost_gateway.reply import Language, Reply, reply_for
from rorpost_gateway.smtp.listener import Listener, ListenerSettings, TlsMode


class Partner:
    """A `smtp.base.Receiver` that says yes. `arrived` maps recipients to outer messages."""

    def __init__(self) -> None:
        self.arrived: list[tuple[str, bytes]] = []
        self._changed = asyncio.Event()

    async def listen(self, certificate: Path, key: Path, port: int = 0) -> Listener:
        listener = Listener(
            ListenerSettings(
                listen=(f"127.0.0.1:{port}",),
                hostname="mx.regionostergotland.se",
                tls=TlsMode.STARTTLS,
                certificate=certificate,
                key=key,
                auth=False,
            ),
            self,
        )
        await listener.start()
        return listener

    async def wait_for(self, count: int, *, timeout_seconds: float) -> None:
        """Until `count` messages have arrived. Raises TimeoutError."""
        async with asyncio.timeout(timeout_seconds):
            while len(self.arrived) < count:
                self._changed.clear()
                await self._changed.wait()

    async def connected(self, client: Client) -> None:
        """Everybody is welcome."""

    async def authenticate(self, client: Client, name: str, password: bytes) -> Login | Reply:  # noqa: ARG002
        return self.refusal(client, Reason.LOGIN_FAILED)

    async def begin(self, client: Client, path: ReversePath) -> "_Transaction | Reply":  # noqa: ARG002
        return _Transaction(self)

    async def turn_away(self, client: Client, reason: Reason) -> Reply:
        return self.refusal(client, reason)

    def refusal(self, client: Client, reason: Reason) -> Reply:  # noqa: ARG002
        return reply_for(reason, Language.EN)

    def take(self, recipient: str, octets: bytes) -> None:
        self.arrived.append((recipient, octets))
        self._changed.set()


class _Transaction:
    def __init__(self, partner: Partner) -> None:
        self._partner = partner
        self._recipients: list[str] = []

    async def recipient(self, recipient: Recipient) -> Reply:
        self._recipients.append(recipient.address)
        return Reply(code=250, enhanced="2.1.5", text="ok")

    async def message(self, octets: bytes) -> Reply:
        for recipient in self._recipients:
            self._partner.take(recipient, octets)
        return Reply(code=250, enhanced="2.0.0", text="taken")

    async def refuse(self, reason: Reason) -> Reply:
        return reply_for(reason, Language.EN)

    async def abort(self) -> None:
        self._recipients.clear()


def open_with_gpg(home: Path, outer: bytes) -> tuple[bytes, str]:
    """What plain `gpg --decrypt` makes of a message, and the fingerprint that signed it.

    Raises ValueError where it does not open, or is not soundly signed.
    """
    block = outer[outer.index(b"-----BEGIN PGP MESSAGE-----") :]
    done = subprocess.run(
        ["gpg", "--batch", "--no-options", "--homedir", str(home), "--status-fd", "2", "--decrypt"],
        input=block,
        capture_output=True,
        env=environment(),
        check=False,
        timeout=60,
    )
    status = [line.split() for line in done.stderr.decode("utf-8", "replace").splitlines()]
    valid = [words[2] for words in status if words[:2] == ["[GNUPG:]", "VALIDSIG"]]
    if done.returncode or len(valid) != 1:
        raise ValueError("the partner cannot open the message, or its signature is not sound")
    return done.stdout, valid[0]
