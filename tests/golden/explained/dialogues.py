"""The messages of the dialogues in `tests/dialogs/reasons`, with the envelope that stands before each."""

import re
from datetime import UTC, datetime
from pathlib import Path

from rorpost_gateway.decision import Direction
from rorpost_gateway.envelope import Login
from tests.dialogs.runner import Step, read_dialog
from tests.golden.explained.gateway import Gateway, write_config
from tests.golden.explained.trial import Trial
from tests.peers import gateway_world as world
from tests.peers.gnupg_home import PreparedKeys

FOLDER = Path(__file__).parents[2] / "dialogs" / "reasons"
_PATH = re.compile(r"(MAIL FROM|RCPT TO):<([^>]+)>")
# The same message once more, or a gateway that cannot do its work: nothing that a message is decided by.
_NOT_DECIDED = frozenset({"duplicate", "gateway-fault", "gateway-full", "shutting-down"})


def gateway(folder: Path, keys: PreparedKeys) -> Gateway:
    """With the world that the dialogues are played in."""
    (folder / "policy.yaml").write_text(world.as_yaml(world.make_policy(keys)), encoding="utf-8")
    config = write_config(
        folder,
        home=keys.sender_home,
        domain=world.OURS,
        policies="policy.yaml",
        limits={"message_size": 2_000_000},
    )
    return Gateway(config, folder)


def trials() -> list[Trial]:
    """Every `@data` with its envelope."""
    found = []
    for path in sorted(FOLDER.glob("*.dialog")):
        if path.stem not in _NOT_DECIDED:
            found += _trials_of(path)
    return found


def _trials_of(path: Path) -> list[Trial]:
    made: list[Trial] = []
    sender, recipients, login = "", [], None
    for step in read_dialog(path).steps:
        envelope = _PATH.match(step.text) if step.kind == "C" else None
        if step.kind == "@login":
            login = Login(name=step.text, address=world.LOGINS[step.text])
        elif envelope is not None and envelope[1] == "MAIL FROM":
            sender, recipients = envelope[2].lower(), []
        elif envelope is not None:
            recipients.append(envelope[2].lower())
        elif step.kind == "@data" and not step.text and sender and recipients:
            made.append(_trial(path, step, len(made), sender, recipients, login))
    return made


def _trial(
    path: Path, data: Step, number: int, sender: str, recipients: list[str], login: Login | None
) -> Trial:
    lines = [line.text.encode("utf-8") for line in data.block]
    octets = b"".join(line + b"\r\n" for line in lines).replace(
        b"Message-ID: <", b"Message-ID: <t%d." % number
    )
    return Trial(
        name=f"{path.stem}.dialog:{data.number}",
        direction=Direction.OUTBOUND,
        sender=sender,
        recipients=tuple(recipients),
        octets=octets,
        at=datetime.now(tz=UTC),
        login=login,
    )
