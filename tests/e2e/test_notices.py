"""The next hop is down, or refuses: the sending mailbox hears of it, whom to phone, and no content."""

import re
import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from rorpost_gateway.reply import Language
from tests.e2e.scenario import MakeScenario, Scenario
from tests.peers import gateway_world as world
from tests.peers.sink import Script

MESSAGE_ID = "<trad.1@klient.motala.se>"
SUBJECT, BODY = "AMNESORD om Greta", "KROPPSORD och mer"
WORDS: dict[Language, dict[str, tuple[str, ...]]] = {
    Language.SV: {
        "delayed": ("Försenad", "ring mottagaren", "går inte att nå"),
        "failed": ("Kom inte fram", "Ring"),
    },
    Language.EN: {"delayed": ("Delayed", "phone"), "failed": ("Not delivered", "Phone")},
}
SOON = {"first": "1s", "longest": "1s", "warn_after": "1s", "give_up_after": "3s"}


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken, so that nobody else answers there, and does not listen."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def read(octets: bytes) -> EmailMessage:
    message = message_from_bytes(octets, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def status_of(notice: EmailMessage) -> tuple[Any, Any]:
    """The two blocks of fields of message/delivery-status: per message, per recipient."""
    [part] = [part for part in notice.walk() if part.get_content_type() == "message/delivery-status"]
    blocks: Any = part.get_payload()
    per_message, per_recipient = blocks
    return per_message, per_recipient


def text_of(notice: EmailMessage) -> str:
    text, *_ = notice.iter_parts()
    return str(text.get_content())


def threads_with(notice: EmailMessage) -> set[str]:
    return {str(notice["References"]), str(notice["In-Reply-To"])}


def check_notice(octets: bytes, language: Language, action: str) -> EmailMessage:
    notice = read(octets)
    said = f"{notice['Subject']}\n{text_of(notice)}"
    for words in (*WORDS[language][action], world.PHONE_THEIRS, "Vcbrinken"):
        assert words in said
    assert threads_with(notice) == {MESSAGE_ID}
    assert notice["To"] == world.HOME_CARE
    assert notice["Auto-Submitted"] == "auto-replied"
    assert notice["Return-Path"] == "<>"
    per_message, per_recipient = status_of(notice)
    assert per_message["Reporting-MTA"] == "dns; gw.motala.se"
    assert per_recipient["Final-Recipient"] == f"rfc822; {world.BRINKEN}"
    assert per_recipient["Action"] == action
    for secret in (b"AMNESORD", b"KROPPSORD", b"Greta", b"PGP MESSAGE", world.ANNA.encode()):
        assert secret not in octets
    return notice


def test_the_next_hop_is_down(scenario: MakeScenario, closed_port: int) -> None:
    gateways = {}
    for language in Language:
        relay = {"default": {"port": closed_port}, "retry": SOON}
        gateway = scenario(config={"language": language.value, "relay": relay})
        assert gateway.submit(message_id=MESSAGE_ID, subject=SUBJECT, body=BODY).accepted
        silent = gateway.submit(message_id="<2@klient>", options=("NOTIFY=NEVER",))
        assert silent.accepted
        gateways[language] = gateway, silent.queue_id
    for language, (gateway, silent_id) in gateways.items():
        gateway.until(lambda gateway=gateway: len(gateway.lines_of("bounced")) == 2, what="both given up")  # type: ignore[misc]
        gateway.wait_until_empty()
        check_story(gateway, language, str(silent_id))


def check_story(gateway: Scenario, language: Language, silent_id: str) -> None:
    """Deferred, warned of once, given up; of the copy with NOTIFY=NEVER nothing is told."""
    notices = [path.read_bytes() for path in gateway.notices()]
    by_action = {status_of(read(octets))[1]["Action"]: octets for octets in notices}
    assert len(notices) == 2
    delayed = check_notice(by_action["delayed"], language, "delayed")
    assert status_of(delayed)[1]["Will-Retry-Until"]
    failed = check_notice(by_action["failed"], language, "failed")
    assert status_of(failed)[1]["Status"] == "4.4.7"
    assert silent_id.encode() not in b"".join(notices)
    lines = [line for line in gateway.log_lines() if line.get("queue_id") == silent_id]
    assert [line["event"] for line in lines][:2] == ["decision", "deferred"]
    assert lines[-1]["event"] == "bounced"
    assert not gateway.next_hop.connections


@pytest.mark.parametrize("language", Language)
def test_the_next_hop_refuses(scenario: MakeScenario, language: Language) -> None:
    script = Script(answers={"RCPT": b"550 5.1.1 no such mailbox\r\n"})
    gateway = scenario(config={"language": language.value}, script=script)
    assert gateway.submit(message_id=MESSAGE_ID, subject=SUBJECT, body=BODY).accepted
    gateway.until(gateway.notices, what="the bounce")
    gateway.wait_until_empty()
    [path] = gateway.notices()
    notice = check_notice(path.read_bytes(), language, "failed")
    _, per_recipient = status_of(notice)
    assert per_recipient["Status"] == "5.1.1"
    assert per_recipient["Diagnostic-Code"] == "smtp; 550 5.1.1 no such mailbox"
    [line] = gateway.lines_of("bounced")
    assert line["reply"] == "550 5.1.1 no such mailbox"
    assert len(gateway.lines_of("deferred")) == 0


def test_notify_success(scenario: MakeScenario) -> None:
    """A next hop that takes no NOTIFY hands the duty back; one that does has it."""
    gateway = scenario(script=Script(extensions=("PIPELINING", "8BITMIME")))
    assert gateway.submit(options=("NOTIFY=SUCCESS",), message_id=MESSAGE_ID).accepted
    gateway.wait_until_relayed(1)
    [path] = gateway.until(gateway.notices, what="the notice that it was handed on")
    assert status_of(read(path.read_bytes()))[1]["Action"] == "relayed"
    with_notify = scenario()
    assert with_notify.submit(options=("NOTIFY=SUCCESS,FAILURE",), message_id=MESSAGE_ID).accepted
    with_notify.wait_until_relayed(1)
    with_notify.wait_until_empty()
    assert not with_notify.notices()
    assert re.search(rb"NOTIFY=(SUCCESS,FAILURE|FAILURE,SUCCESS)\n", with_notify.next_hop.octets)
    assert b"RET=HDRS" in with_notify.next_hop.octets
