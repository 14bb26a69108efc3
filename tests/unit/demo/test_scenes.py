"""The demo's scenes and how they are played: data, without a gateway."""

import smtplib
import ssl
from datetime import UTC, datetime
from typing import Any

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.demo import names
from rorpost_gateway.demo.scenes import SCENES, Play, Scene
from rorpost_gateway.demo.stage import _PLAYS, Stage, reason_in
from rorpost_gateway.message import parse_message, read_facts
from rorpost_gateway.reply import Language, reply_for

NOW = datetime(2026, 5, 6, 8, 0, tzinfo=UTC)

# What the way out cannot decide: they belong to opening a partner's mail.
INBOUND = {
    *("client-not-allowed", "not-encrypted", "decryption-failed", "signature-missing", "signature-invalid"),
    *("signer-mismatch", "headers-not-protected", "replayed", "too-old"),
}
# A policy that asks for one of these is refused when it is loaded.
NOT_ENFORCED = {"outside-quotes", "attachment-not-allowed"}
UNREADABLE = {Reason.MESSAGE_MALFORMED, Reason.MESSAGE_TOO_COMPLEX}


@pytest.mark.parametrize("reason", sorted(set(Reason) - INBOUND - NOT_ENFORCED))
def test_every_reason_of_the_way_out_has_a_scene(reason: Reason) -> None:
    assert any(scene.want is reason for scene in SCENES)


def test_no_scene_wants_what_this_version_cannot_decide() -> None:
    assert not {scene.want for scene in SCENES} & (INBOUND | NOT_ENFORCED)


def test_stories_tell_scenes_apart() -> None:
    assert len({scene.story for scene in SCENES}) == len(SCENES)


def test_the_gateway_is_stopped_last() -> None:
    assert [scene.play for scene in SCENES].index(Play.SHUT_DOWN) == len(SCENES) - 1


@pytest.mark.parametrize("play", Play)
def test_every_way_of_playing_is_used_and_known(play: Play) -> None:
    assert play in _PLAYS
    assert any(scene.play is play for scene in SCENES)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.story)
def test_every_message_can_be_read_but_the_one_that_must_not(scene: Scene) -> None:
    octets = scene.octets(number=1, now=NOW)
    assert octets.endswith(b"\r\n")
    if scene.want not in UNREADABLE:
        facts = read_facts(parse_message(octets), hostname=names.GATEWAY)
        assert facts.message_id is not None


def test_only_the_repeated_message_is_like_the_first() -> None:
    readable = [(number, scene) for number, scene in enumerate(SCENES) if scene.want not in UNREADABLE]
    ids = [read_id(scene, number) for number, scene in readable]
    assert len(set(ids)) == len(ids)


def read_id(scene: Scene, number: int) -> str | None:
    return read_facts(parse_message(scene.octets(number=number, now=NOW)), hostname="x").message_id


def test_fields_replace_add_and_leave_out() -> None:
    scene = Scene(want=Reason.OK, story="x", fields={"Subject": None, "Importance": "high", "To": "a@b.se"})
    octets = scene.octets(number=1, now=NOW)
    assert b"Subject:" not in octets
    assert b"Importance: high\r\n" in octets
    assert octets.count(b"\r\nTo: a@b.se\r\n") == 1


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

    monkeypatch.setitem(_PLAYS, Play.SUBMIT, fail)
    stage = Stage(host="127.0.0.1", port=1, tls=ssl.create_default_context(), now=NOW, stop=lambda: None)
    assert stage.play(SCENES[0], 0) == line
