"""The demo's scenes and how they are played: data, without a gateway."""

import smtplib
import ssl
from datetime import UTC, datetime
from typing import Any

import pytest

from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.demo import names
from rorpost_gateway.demo.daemon import Listening
from rorpost_gateway.demo.inbound_scenes import INBOUND
from rorpost_gateway.demo.outbound_scenes import LAST, OUTBOUND
from rorpost_gateway.demo.plays import PLAYS
from rorpost_gateway.demo.scenes import Again, Form, Letter, Play, Scene
from rorpost_gateway.demo.stage import Stage, reason_in
from rorpost_gateway.message import parse_message, read_facts
from rorpost_gateway.reply import Language, reply_for

NOW = datetime(2026, 5, 6, 8, 0, tzinfo=UTC)
ALL: tuple[Scene | Letter, ...] = (*OUTBOUND, *INBOUND, LAST)

# What only opening a partner's mail can show.
INBOUND_ONLY = {
    *("client-not-allowed", "not-encrypted", "decryption-failed", "signature-missing", "signature-invalid"),
    *("signer-mismatch", "headers-not-protected", "replayed", "too-old"),
}
# What a partner's session is never asked or judged by: it has no login, its keys are judged by
# its signature, and its own gateway has looked at subject and addressees. What a gateway says when it
# is full, faulty or stopping is shown once, at the other door.
OUTBOUND_ONLY = {
    *("login-required", "login-failed", "key-missing", "key-expired", "key-revoked", "key-unusable"),
    *("outside-recipient", "identity-number-in-subject", "identity-number-in-attachment-name"),
    *("too-many-connections", "gateway-full", "gateway-fault", "shutting-down"),
}
UNREADABLE = {Reason.MESSAGE_MALFORMED, Reason.MESSAGE_TOO_COMPLEX}


@pytest.mark.parametrize("reason", sorted(set(Reason) - INBOUND_ONLY))
def test_every_reason_of_the_way_out_has_a_scene(reason: Reason) -> None:
    assert any(scene.want is reason for scene in (*OUTBOUND, LAST))


@pytest.mark.parametrize("reason", sorted(set(Reason) - OUTBOUND_ONLY))
def test_every_reason_of_the_way_in_has_a_scene(reason: Reason) -> None:
    assert any(scene.want is reason for scene in INBOUND)


def test_no_scene_wants_what_this_version_cannot_decide() -> None:
    assert not {scene.want for scene in OUTBOUND} & INBOUND_ONLY
    assert not {letter.want for letter in INBOUND} & OUTBOUND_ONLY


def test_stories_tell_scenes_apart() -> None:
    assert len({(scene.direction, scene.story) for scene in ALL}) == len(ALL)


def test_the_gateway_is_stopped_last() -> None:
    assert [scene.play for scene in ALL].index(Play.SHUT_DOWN) == len(ALL) - 1


def test_both_organisations_write_to_each_other_and_to_two_at_once() -> None:
    accepted = [scene for scene in OUTBOUND if scene.want is Reason.OK]
    for here in names.BOTH:
        assert [scene.at for scene in accepted].count(here) >= 2
        assert any(scene.at is here and len(scene.recipients) == 2 for scene in accepted)


@pytest.mark.parametrize("play", Play)
def test_every_way_of_playing_is_used_and_known(play: Play) -> None:
    assert play in PLAYS
    assert any(scene.play is play for scene in ALL)


@pytest.mark.parametrize("kind", [*Form, *Again])
def test_every_kind_of_letter_is_used(kind: Form | Again) -> None:
    assert any(kind in (letter.form, letter.again) for letter in INBOUND)


def test_letters_that_repeat_come_after_one_that_was_taken() -> None:
    assert INBOUND[0].want is Reason.OK
    assert INBOUND[0].again is None


@pytest.mark.parametrize("scene", [*OUTBOUND, LAST], ids=lambda scene: scene.story)
def test_every_message_can_be_read_but_the_one_that_must_not(scene: Scene) -> None:
    octets = scene.octets(number=1, now=NOW)
    assert octets.endswith(b"\r\n")
    if scene.want not in UNREADABLE:
        assert read_id(octets) is not None


@pytest.mark.parametrize("letter", INBOUND, ids=lambda letter: letter.story)
def test_every_letter_can_be_read(letter: Letter) -> None:
    octets = letter.payload(number=1, now=NOW)
    assert octets.endswith(b"\r\n")
    assert (b"protected-headers" in octets) is letter.protected
    if letter.want not in UNREADABLE:
        assert read_id(octets) == letter.message_id(number=1, now=NOW)


def test_only_the_repeated_message_is_like_the_first() -> None:
    ids = [scene.message_id(number=number, now=NOW) for number, scene in enumerate(ALL)]
    assert len(set(ids)) == len(ids)


def read_id(octets: bytes) -> str | None:
    return read_facts(parse_message(octets), hostname=names.MOTALA.hostname).message_id


def test_fields_replace_add_and_leave_out() -> None:
    scene = Scene(want=Reason.OK, story="x", fields={"Subject": None, "Importance": "high", "To": "a@b.se"})
    octets = scene.octets(number=1, now=NOW)
    assert b"Subject:" not in octets
    assert b"Importance: high\r\n" in octets
    assert octets.count(b"\r\nTo: a@b.se\r\n") == 1


def test_a_letter_outside_and_inside() -> None:
    letter = Letter(want=Reason.OK, story="x", fields={"From": "a@b.se"}, outside={"Received": "from c"})
    outside = letter.header_outside(number=1, now=NOW, content_type="text/plain")
    inside = letter.payload(number=1, now=NOW)
    assert b"From: a@b.se\r\n" in inside
    assert b"From: a@b.se\r\n" not in outside
    assert b"Received: from c\r\n" in outside
    assert letter.body.encode() in inside
    assert b"omlaggning" not in outside


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("language", Language)
def test_the_reason_in_a_reply_is_found(reason: Reason, language: Language) -> None:
    assert reason_in(reply_for(reason, language, queue_id="Q1").line) is reason


@pytest.mark.parametrize("line", ["", "250 ok", "550 [", "550 [nonsense] x", "no answer: OSError", "421 ]["])
def test_no_reason_in_a_reply(line: str) -> None:
    assert reason_in(line) is None


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (smtplib.SMTPServerDisconnected("gone"), "no answer: SMTPServerDisconnected"),
        (TimeoutError(), "no answer: TimeoutError"),
        (ConnectionRefusedError(), "no answer: ConnectionRefusedError"),
        (
            smtplib.SMTPConnectError(421, b"4.7.0 [too-many-connections] x"),
            "421 4.7.0 [too-many-connections] x",
        ),
        (smtplib.SMTPAuthenticationError(535, b"5.7.8 [login-failed] x"), "535 5.7.8 [login-failed] x"),
    ],
)
def test_a_scene_that_goes_wrong_is_an_answer_not_an_end(
    monkeypatch: pytest.MonkeyPatch, fault: Exception, line: str
) -> None:
    def fail(*_: object) -> Any:
        raise fault

    monkeypatch.setitem(PLAYS, Play.ORDINARY, fail)
    here = Listening(submission=("127.0.0.1", 1), inbound=("127.0.0.1", 2))
    stage = Stage(
        listening={"motala": here, "region": here},
        tls=ssl.create_default_context(),
        now=NOW,
        partner=None,  # type: ignore[arg-type]
        stop=lambda: None,
    )
    assert stage.play(OUTBOUND[0], 0) == line


def test_directions() -> None:
    assert {scene.direction for scene in (*OUTBOUND, LAST)} == {Direction.OUTBOUND}
    assert {letter.direction for letter in INBOUND} == {Direction.INBOUND}
