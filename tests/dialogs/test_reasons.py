"""A dialogue for each reason, played against the real daemon: the reply, the log, and nothing relayed.

Those of the way in stand in `inbound/`, and `test_inbound_reasons` plays them.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.reply import LINE_OCTETS, Language, reply_for
from tests.dialogs.runner import Dialog, play, read_dialog
from tests.dialogs.watch import Watch
from tests.peers import gateway_world as world
from tests.peers.authority import Authority
from tests.peers.gnupg_home import PreparedKeys, copy_home, generate, remove_home
from tests.peers.whole_gateway import WholeGateway

DIALOGS = {path.stem: path for path in sorted((Path(__file__).parent / "reasons").glob("*.dialog"))}
ON_THE_WAY_IN = {path.stem for path in (Path(__file__).parent / "inbound").glob("*.dialog")}

# What each reason is answered with, as it was promised; written down once more, not taken from the code.
TABLE = """
ok, duplicate                                                           250 2.0.0
tls-required, login-required                                            530 5.7.0
client-not-allowed                                                      550 5.7.1
login-failed                                                            535 5.7.8
sender-not-a-mailbox, pair-not-allowed, channel-not-valid               550 5.7.1
recipient-not-a-mailbox                                                 550 5.1.1
key-missing, key-expired, key-revoked, key-unusable                     550 5.7.5
user-not-declared, user-mismatch, user-not-authorised, user-not-valid   550 5.7.1
author-mismatch, hidden-recipient, outside-recipient, urgent            550 5.7.1
identity-number-in-subject, legal-basis-missing                         550 5.7.1
identity-number-in-attachment-name, outside-quotes                      550 5.7.1
attachment-not-allowed                                                  550 5.7.1
message-too-large                                                       552 5.3.4
message-malformed, message-too-complex                                  550 5.6.0
mail-loop                                                               554 5.4.6
not-encrypted, decryption-failed, signature-missing                     550 5.7.5
signature-invalid, signer-mismatch, headers-not-protected               550 5.7.5
replayed, too-old                                                       550 5.7.1
too-many-recipients                                                     452 4.5.3
too-many-connections                                                    421 4.7.0
shutting-down                                                           421 4.3.2
gateway-fault                                                           451 4.3.0
gateway-full                                                            452 4.3.1
"""
WANTED = {
    reason: line[-9:]
    for line in TABLE.strip().splitlines()
    for reason in re.findall(r"[a-z-]+[a-z]", line[:-9])
}


CROWD = 8
CONFIG = {
    "limits": {"connections_per_client": CROWD, "in_flight_bytes": 3_000_000},
    "relay": {"default": {"max_size": 1_000_000}},
}
_REASON = re.compile(r"\[([a-z-]+)\]")


def test_every_reason_has_a_dialogue_or_a_why() -> None:
    wanted = {reason.value for reason in Reason}
    assert DIALOGS.keys() | ON_THE_WAY_IN == wanted
    assert set(WANTED) == wanted


def test_every_dialogue_says_what_the_log_must_say() -> None:
    silent = [name for name, path in DIALOGS.items() if "\n@line " not in path.read_text("utf-8")]
    assert silent == ["shutting-down"], "whoever is told to come back later leaves no line"


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("reason", sorted(WANTED))
def test_the_text_in_both_languages(reason: str, language: Language) -> None:
    unit, phone = "Vårdcentralen Brinken, Region Östergötland " * 20, "010-103 00 00"
    line = reply_for(Reason(reason), language, queue_id="06H02CKHKZQVC25D", unit=unit, phone=phone).line
    _check_reply(line, reason)
    assert line.endswith(phone) == (reason not in {"ok", "duplicate"})
    other = next(each for each in Language if each is not language)
    assert line != reply_for(Reason(reason), other, queue_id="", unit=unit, phone=phone).line


@pytest.fixture(scope="module")
def home(prepared_keys: PreparedKeys) -> Iterator[Path]:
    """A key home in which a second mailbox has a private key, that `_lose_key` takes away."""
    home = copy_home(prepared_keys.sender_home)
    try:
        kept = {path.name for path in (home / "private-keys-v1.d").iterdir()}
        generate(home, world.KEYLESS)
        (home / "kept").write_text("\n".join(kept))
        yield home
    finally:
        remove_home(home)


def _lose_key(home: Path) -> None:
    """As after a restore that forgot some files: the gateway has begun, and believes that it can sign."""
    kept = (home / "kept").read_text().split()
    for path in (home / "private-keys-v1.d").iterdir():
        if path.name not in kept:
            path.unlink()


def _start(keys: PreparedKeys, authority: Authority, home: Path, language: Language) -> WholeGateway:
    config = world.merged(CONFIG, {"language": language.value})
    return WholeGateway(keys, authority, config=config, home=home)


@pytest.fixture(scope="module", params=Language)
def gateway(
    request: pytest.FixtureRequest, prepared_keys: PreparedKeys, authority: Authority, home: Path
) -> Iterator[tuple[WholeGateway, Language]]:
    own_home = copy_home(home)
    try:
        with _start(prepared_keys, authority, own_home, request.param) as running:
            running.start()
            _lose_key(own_home)
            yield running, request.param
            assert running.stop() == 0
            running.verify_log()
    finally:
        remove_home(own_home)


async def _play(dialog: Dialog, gateway: WholeGateway, authority: Authority, language: Language) -> None:
    with ExitStack() as stack:
        watch = Watch(gateway, stack)
        host, port = gateway.submission
        said = await play(
            dialog,
            host=host,
            port=port,
            context=authority.client_context(),
            variables={f"password.{name}": world.PASSWORD for name in world.LOGINS},
            checks=watch.checks(),
        )
        watch.finish()
    replies = [text for text in said if text.startswith("S: ") and _REASON.search(text)]
    lines = [text.removeprefix("S: ") for text in replies]
    assert any(f"[{dialog.path.stem}]" in line for line in lines)
    for line in lines:
        reason = _REASON.search(line)
        assert reason is not None
        _check_reply(line, reason[1])
        if reason[1] not in {"ok", "duplicate"}:
            assert line.startswith(reply_for(Reason(reason[1]), language).line)


def _check_reply(line: str, reason: str) -> None:
    """One line, with the code that was promised, the reason, in ASCII and not too long."""
    assert line.startswith(f"{WANTED[reason]} [{reason}] ")
    assert line.isascii()
    assert line.isprintable()
    assert len(line) <= LINE_OCTETS


@pytest.mark.parametrize("name", sorted(set(DIALOGS) - {"shutting-down"}))
async def test_dialogue(name: str, gateway: tuple[WholeGateway, Language], authority: Authority) -> None:
    running, language = gateway
    await _play(read_dialog(DIALOGS[name]), running, authority, language)


@pytest.mark.parametrize("language", Language)
async def test_shutting_down(
    language: Language, prepared_keys: PreparedKeys, authority: Authority, home: Path
) -> None:
    with _start(prepared_keys, authority, home, language) as alone:
        alone.start()
        await _play(read_dialog(DIALOGS["shutting-down"]), alone, authority, language)
        await asyncio.to_thread(alone.verify_log)
