"""The demo from beginning to end: run both organisations, play the scenes, check everything afterwards."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.demo import dovecot, names
from rorpost_gateway.demo.arrivals import Delivered, Expected, match, read_mailboxes
from rorpost_gateway.demo.check import Evidence, clear_text_in, findings_of
from rorpost_gateway.demo.inbound_scenes import INBOUND
from rorpost_gateway.demo.logs import Log, join, read_log
from rorpost_gateway.demo.outbound_scenes import LAST, OUTBOUND
from rorpost_gateway.demo.reading_day import ReadingDay, live_reading_day
from rorpost_gateway.demo.running import Running, running
from rorpost_gateway.demo.scenes import Letter, Scene
from rorpost_gateway.demo.stage import reason_in
from rorpost_gateway.demo.wire import Frozen, OnTheWire, look
from rorpost_gateway.demo.world import World

ARRIVAL_SECONDS = 60
_LOOK_AGAIN_SECONDS = 0.02
# Whose first message is looked at on the wire: one there, one back.
WATCHED = (0, 1)
Expectations = Mapping[tuple[Direction, Reason], Reason]


@dataclass(frozen=True, kw_only=True)
class Played:
    """A scene, the reply line that decided it, and whether it was the wanted one."""

    scene: Scene | Letter
    wanted: Reason
    reply: str

    @property
    def heard(self) -> Reason | None:
        return reason_in(self.reply)

    @property
    def as_wanted(self) -> bool:
        return self.heard is self.wanted


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What happened. `findings` is whatever is not as it must be.

    `reading_day` is None where no Dovecot is installed to have it in.
    """

    played: Sequence[Played]
    wire: Sequence[OnTheWire]
    delivered: Sequence[Delivered]
    logs: Sequence[Log]
    joined: int
    reading_day: ReadingDay | None
    findings: Sequence[str]

    @property
    def as_expected(self) -> bool:
        return not self.findings


class Demo:
    """One demo in one folder. `progress` is told what is being done."""

    def __init__(self, folder: Path, progress: Callable[[str], None]) -> None:
        self._folder = folder
        self._progress = progress
        self._played: list[Played] = []
        self._wire: list[OnTheWire] = []

    async def run(self, expectations: Expectations) -> Outcome:
        """Play every scene and check what came of it.

        `expectations` says otherwise than the scenes what is wanted; wrongly, to see the demo fail.
        """
        scenes: tuple[Scene | Letter, ...] = (*OUTBOUND, *INBOUND, LAST)
        async with running(self._folder, self._progress) as both:
            world = both.world
            expected = [copy for number, scene in enumerate(scenes) for copy in _copies(both, scene, number)]
            for number, scene in enumerate(scenes[:-1]):
                await self._play(both, scene, number, expectations)
            self._progress("waiting until everything is delivered")
            await _all_arrived(world, len(expected))
            clear_text = clear_text_in(world)
            await self._play(both, LAST, len(scenes) - 1, expectations)
            both.region.daemon.stop()
            ended = [await gateway.daemon.ended() for gateway in both.gateways]
            day = await live_reading_day(both, self._progress) if dovecot.is_installed() else None
        self._progress("verifying the decision logs, comparing what arrived")
        return self._outcome(world, expected, ended, [*clear_text, *clear_text_in(world)], day)

    async def _play(
        self, both: Running, scene: Scene | Letter, number: int, expectations: Expectations
    ) -> None:
        count = len(OUTBOUND) + len(INBOUND) + 1
        self._progress(f"{number + 1}/{count}  {scene.direction}: {scene.story}")
        wanted = expectations.get((scene.direction, scene.want), scene.want)
        if number in WATCHED and isinstance(scene, Scene):
            reply = await self._play_watched(both, scene, number)
        else:
            reply = await asyncio.to_thread(both.stage.play, scene, number)
        self._played.append(Played(scene=scene, wanted=wanted, reply=reply))

    async def _play_watched(self, both: Running, scene: Scene, number: int) -> str:
        """Look at the sealed copy in the sender's queue, while the receiver is frozen."""
        ours, theirs = both.gateways
        sender, receiver = (ours, theirs) if scene.at is ours.house.organisation else (theirs, ours)
        with Frozen(receiver.daemon):
            reply = await asyncio.to_thread(both.stage.play, scene, number)
            seen = await look(sender.house) if reason_in(reply) is Reason.OK else None
        self._wire += [seen] if seen else []
        return reply

    def _outcome(
        self,
        world: World,
        expected: Sequence[Expected],
        ended: Sequence[int],
        clear_text: Sequence[str],
        day: ReadingDay | None,
    ) -> Outcome:
        delivered, strangers = match(expected, read_mailboxes(world))
        logs = [read_log(house) for house in world.houses]
        joined = join(world, logs, expected)
        found = [
            f"{each.scene.direction}, {each.scene.story}: "
            f"wanted {each.wanted}, heard {each.heard or each.reply}"
            for each in self._played
            if not each.as_wanted
        ]
        evidence = Evidence(
            heard=[(each.scene, each.heard) for each in self._played],
            wire=self._wire,
            watched=len(WATCHED),
            delivered=delivered,
            strangers=strangers,
            logs=logs,
            ended=ended,
        )
        return Outcome(
            played=self._played,
            wire=self._wire,
            delivered=delivered,
            logs=logs,
            joined=joined.copies,
            reading_day=day,
            findings=[
                *found,
                *findings_of(evidence),
                *joined.findings,
                *dict.fromkeys(clear_text),
                *(day.findings() if day else ()),
            ],
        )


def _copies(both: Running, scene: Scene | Letter, number: int) -> list[Expected]:
    """The copies that have to arrive of one scene."""
    if scene.want is not Reason.OK:
        return []
    now = both.stage.now
    if isinstance(scene, Letter):
        user = scene.fields.get("X-Rorpost-Sending-User") or names.MARIA
        message = scene.payload(number=number, now=now)
    else:
        user = scene.at.logins[scene.login]
        message = scene.octets(number=number, now=now)
    return [
        Expected(
            story=scene.story,
            sender=scene.sender,
            recipient=recipient,
            message=message,
            sending_user=user,
            by_hand=isinstance(scene, Letter),
        )
        for recipient in scene.recipients
    ]


async def _all_arrived(world: World, count: int) -> None:
    """Wait for so many messages in the mailboxes; what has not come in time is a finding later."""
    with suppress(TimeoutError):
        async with asyncio.timeout(ARRIVAL_SECONDS):
            while True:
                if len(await asyncio.to_thread(read_mailboxes, world)) >= count:
                    return
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)
