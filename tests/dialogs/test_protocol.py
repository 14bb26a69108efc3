"""Every dialogue in `protocol/`, played against a real listener with a Receiver that decides by rote."""

from pathlib import Path

import pytest

from rorpost_gateway.smtp.settings import TlsMode
from tests.dialogs.listening import listening
from tests.dialogs.receiver import PASSWORDS, RoteReceiver
from tests.dialogs.runner import Check, play, read_dialog, unescape
from tests.peers.authority import Authority

DIALOGS = sorted((Path(__file__).parent / "protocol").glob("*.dialog"))
_VARIABLES = {f"password.{name}": password.decode() for name, password in PASSWORDS.items()}


def checks_on(receiver: RoteReceiver) -> dict[str, Check]:
    """Directives that look at what the Receiver was told."""

    async def taken(text: str) -> None:
        assert len(receiver.taken) == int(text), f"{len(receiver.taken)} messages were taken"

    async def ended(_: str) -> None:
        await receiver.ended.wait()
        receiver.ended.clear()

    async def aborted(text: str) -> None:
        assert receiver.aborted == int(text), f"{receiver.aborted} transactions were aborted"

    async def refused(text: str) -> None:
        assert [str(reason) for reason in receiver.refused] == text.split(), f"{receiver.refused}"

    async def content(text: str) -> None:
        assert receiver.taken[-1][1] == unescape(text), f"{receiver.taken[-1][1][:200]!r}"

    async def envelope(text: str) -> None:
        shown = str(receiver.taken[-1][0])
        assert text in shown, shown

    async def logins(text: str) -> None:
        assert len(receiver.logins) == int(text), f"{len(receiver.logins)} logins were checked"

    return {check.__name__: check for check in (taken, ended, aborted, refused, content, envelope, logins)}


@pytest.mark.parametrize("path", DIALOGS, ids=lambda path: path.stem)
async def test_dialogue(path: Path, authority: Authority) -> None:
    dialog = read_dialog(path)
    kind, _, strict = dialog.listener.partition(" ")
    receiver = RoteReceiver()
    settings = {"tls": TlsMode(kind), "recipients": 5, "clear_text_on_loopback": strict != "strictly"}
    async with listening(authority, receiver, **settings) as listener:
        host, port = listener.addresses[0]
        await play(
            dialog,
            host=host,
            port=port,
            context=authority.client_context(),
            variables=_VARIABLES,
            checks=checks_on(receiver),
        )
