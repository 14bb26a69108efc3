"""kill -9 on the ways that do not end with the next hop: deferred, bounced, expired, held."""

from typing import Any

import pytest

from tests.crash.scene import BOTH, Scene, without_channel
from tests.peers.gateway_world import make_policy
from tests.peers.sink import Script
from tests.peers.whole_gateway import MakeGateway

NOT_NOW = {"RCPT": b"450 4.2.0 not now\r\n"}
NEVER = {"RCPT": b"550 5.1.1 nobody here\r\n"}
FAILED_BOTH = dict.fromkeys([(recipient, "failed") for recipient in BOTH], 1)


def make_scene(whole_gateway: MakeGateway, answers: dict[str, bytes], **relay: Any) -> Scene:
    config = {"relay": {"retry": relay}} if relay else None
    return Scene(gateway=whole_gateway(config=config, script=Script(answers=dict(answers))))


@pytest.mark.parametrize(
    ("point", "moment"),
    [
        ("deferred-logged", "before"),
        ("deferred-logged", "after"),
        ("put-back", "before"),
        ("put-back", "after"),
    ],
)
def test_a_deferred_copy_is_tried_again(whole_gateway: MakeGateway, point: str, moment: str) -> None:
    scene = make_scene(whole_gateway, NOT_NOW)
    assert scene.play(point, moment).accepted
    assert not scene.arrivals()
    scene.gateway.next_hop.script.answers.clear()
    scene.settle()
    assert scene.arrivals() == dict.fromkeys(BOTH, 1)
    assert scene.repeat().reason == "duplicate"
    assert scene.arrivals() == dict.fromkeys(BOTH, 1)
    assert not scene.notices()
    scene.end()


BOUNCING = [
    ("bounced-logged", "before", 1),
    ("bounced-logged", "after", 1),
    ("mark-bounced", "after", 1),
    ("tell", "before", 2),
    ("deliver-written", "after", 1),
    ("deliver-synced", "after", 1),
    ("marked", "before", 2),
    ("marked", "after", 1),
]


@pytest.mark.parametrize(("point", "moment", "nth"), BOUNCING)
def test_a_bounce_is_told_once(whole_gateway: MakeGateway, point: str, moment: str, nth: int) -> None:
    scene = make_scene(whole_gateway, NEVER)
    assert scene.play(point, moment, nth).accepted
    assert set(scene.notices().values()) <= {1}
    scene.settle()
    assert scene.notices() == FAILED_BOTH
    assert not scene.arrivals()
    scene.end()


@pytest.mark.parametrize(("point", "moment"), [("bounced-logged", "after"), ("mark-bounced", "after")])
def test_a_copy_that_is_bounced_is_not_sent_after_all(
    whole_gateway: MakeGateway, point: str, moment: str
) -> None:
    """The next hop takes it now: either it goes out, or its failure is told, and never both."""
    scene = make_scene(whole_gateway, NEVER)
    assert scene.play(point, moment).accepted
    marked = {row["recipient"] for row in scene.gateway.queue_rows() if row["bounced_at"] is not None}
    assert bool(marked) == (point == "mark-bounced")
    scene.gateway.next_hop.script.answers.clear()
    scene.settle()
    told = {recipient for recipient, _ in scene.notices()}
    assert told == marked
    assert scene.arrivals() == dict.fromkeys(set(BOTH) - marked, 1)
    scene.end()


def test_a_notice_that_was_read_meanwhile_is_not_delivered_again(whole_gateway: MakeGateway) -> None:
    scene = make_scene(whole_gateway, NEVER)
    assert scene.play("deliver", "after", 2).accepted
    for notice in scene.gateway.notices():
        notice.rename(notice.parents[1] / "cur" / f"{notice.name}:2,S")
    scene.settle()
    assert scene.notices() == FAILED_BOTH
    scene.end()


@pytest.mark.parametrize(
    ("point", "moment"),
    [
        ("expired-logged", "before"),
        ("expired-logged", "after"),
        ("mark-bounced", "after"),
        ("deliver", "after"),
    ],
)
def test_a_copy_whose_time_is_over_is_told_of_once(
    whole_gateway: MakeGateway, point: str, moment: str
) -> None:
    scene = make_scene(whole_gateway, NOT_NOW, give_up_after="1s", warn_after="1h")
    assert scene.play(point, moment).accepted
    scene.settle()
    assert scene.notices() == FAILED_BOTH
    assert not scene.arrivals()
    scene.end()


@pytest.mark.parametrize(("point", "moment"), [("tell", "after"), ("relayed-logged", "after")])
def test_a_success_that_the_sender_wants_to_hear_of_is_told_once(
    whole_gateway: MakeGateway, point: str, moment: str
) -> None:
    scene = Scene(gateway=whole_gateway(script=Script(extensions=("SIZE 52428800",))))
    assert scene.play(point, moment, options=("NOTIFY=SUCCESS,FAILURE",)).accepted
    scene.settle()
    assert scene.notices() == dict.fromkeys([(recipient, "relayed") for recipient in BOTH], 1)
    assert set(scene.arrivals()) == set(BOTH)
    scene.end()


@pytest.mark.parametrize(
    ("point", "moment"), [("held-logged", "after"), ("tell", "after"), ("hold", "after")]
)
def test_what_is_no_longer_allowed_stays(whole_gateway: MakeGateway, point: str, moment: str) -> None:
    scene = make_scene(whole_gateway, NOT_NOW)
    gateway = scene.gateway
    gateway.start()
    assert scene.submit().accepted
    gateway.until(lambda: len(gateway.lines_of("deferred")) >= len(BOTH), what="both deferred")
    gateway.kill()
    gateway.set_policy(without_channel(make_policy(gateway.keys)))
    gateway.next_hop.script.answers.clear()
    scene.start_with(point, moment)
    scene.see_killed(point, moment)
    gateway.start()
    gateway.until(
        lambda: [row["state"] for row in gateway.queue_rows()] == ["held"] * len(BOTH), what="both on hold"
    )
    assert not scene.arrivals()
    assert scene.notices() == dict.fromkeys([(recipient, "delayed") for recipient in BOTH], 1)
    scene.end(refused_lines=0)
