"""The demo from beginning to end: build the world, play the scenes, check everything afterwards."""

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rorpost_gateway.decision import Reason
from rorpost_gateway.decision_log.verify import Verified, verify_log
from rorpost_gateway.demo import names
from rorpost_gateway.demo.daemon import Daemon
from rorpost_gateway.demo.partner import Partner, open_with_gpg
from rorpost_gateway.demo.scenes import SCENES, Play, Scene
from rorpost_gateway.demo.stage import Stage, reason_in
from rorpost_gateway.demo.world import World, make_world, stop_agents, take_secret_key_away, write_config
from rorpost_gateway.smtp.listener import Listener

ARRIVAL_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Played:
    """A scene, the reply line that decided it, and whether it was the wanted one."""

    scene: Scene
    wanted: Reason
    reply: str

    @property
    def heard(self) -> Reason | None:
        return reason_in(self.reply)

    @property
    def as_wanted(self) -> bool:
        return self.heard is self.wanted


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """A copy at the partner's: the outer message, and what plain gpg made of it."""

    recipient: str
    outer: bytes
    opened: bytes
    signed_by: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    played: Sequence[Played]
    arrived: Sequence[Arrived]
    log: Verified
    findings: Sequence[str]  # whatever is not as it must be

    @property
    def as_expected(self) -> bool:
        return not self.findings


class Demo:
    """One demo in one folder. `progress` is told what is being done."""

    def __init__(self, folder: Path, progress: Callable[[str], None]) -> None:
        self._folder = folder
        self._progress = progress
        self._partner = Partner()

    async def begin(self) -> tuple[World, Listener, Daemon, Stage]:
        """Two organisations on loopback, running."""
        self._progress("making keys, certificates, logins and policy")
        now = datetime.now(tz=UTC)
        world = await make_world(self._folder, today=now)
        listener = await self._partner.listen(world.partner_certificate, world.partner_key)
        write_config(world, partner_port=listener.addresses[0][1])
        self._progress("starting the gateway")
        daemon = await Daemon.start(world.config, self._folder / "gateway.log")
        host, port = await daemon.ready()
        tls = ssl.create_default_context(cafile=world.ca)
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.call_soon_threadsafe(daemon.stop)

        return world, listener, daemon, Stage(host=host, port=port, tls=tls, now=now, stop=stop)

    async def run(self, expectations: Mapping[Reason, Reason]) -> Outcome:
        """Play every scene and check what came of it.

        `expectations` says otherwise than the scenes what is wanted; wrongly, to see the demo fail.
        """
        world, listener, daemon, stage = await self.begin()
        try:
            take_secret_key_away(world)
            played = await self._play(stage, expectations)
            ended = await daemon.ended()
            self._progress("opening what arrived, verifying the decision log")
            arrived = [await asyncio.to_thread(self._open, world, *each) for each in self._partner.arrived]
        finally:
            await close(world, listener, daemon)
        vkey = (self._folder / "decision-log.vkey").read_text(encoding="ascii").strip()
        return Outcome(
            played=played,
            arrived=arrived,
            log=verify_log(world.state / "decisions", vkey=vkey),
            findings=_findings(world, played, arrived, ended),
        )

    async def _play(self, stage: Stage, expectations: Mapping[Reason, Reason]) -> list[Played]:
        played = []
        for number, scene in enumerate(SCENES):
            if scene.play is Play.SHUT_DOWN:
                await self._partner.wait_for(_copies(SCENES), timeout_seconds=ARRIVAL_SECONDS)
            self._progress(scene.story)
            reply = await asyncio.to_thread(stage.play, scene, number)
            played.append(Played(wanted=expectations.get(scene.want, scene.want), scene=scene, reply=reply))
        return played

    @staticmethod
    def _open(world: World, recipient: str, outer: bytes) -> Arrived:
        opened, signed_by = open_with_gpg(world.partner_home, outer)
        return Arrived(recipient=recipient, outer=outer, opened=opened, signed_by=signed_by)


async def close(world: World, listener: Listener, daemon: Daemon) -> None:
    """End everything that the demo started."""
    daemon.stop()
    await daemon.ended()
    await listener.close()
    await stop_agents(world)


def _copies(scenes: Sequence[Scene]) -> int:
    return sum(len(scene.recipients) for scene in scenes if scene.want is Reason.OK)


def _findings(world: World, played: Sequence[Played], arrived: Sequence[Arrived], ended: int) -> list[str]:
    """What is wrong, a sentence each."""
    found = [
        f"{each.scene.story}: wanted {each.wanted}, heard {each.heard or each.reply}"
        for each in played
        if not each.as_wanted
    ]
    copies = _copies([each.scene for each in played])
    if len(arrived) != copies:
        found.append(f"{copies} copies were accepted, {len(arrived)} arrived")
    secret = SCENES[0].body.encode()
    for each in arrived:
        if each.signed_by != world.fingerprints[names.HOME_CARE]:
            found.append(f"the copy to {each.recipient} is not signed by its sender")
        if secret not in each.opened:
            found.append(f"the copy to {each.recipient} does not hold what was sent")
        if secret in each.outer:
            found.append(f"the copy to {each.recipient} went in clear text")
    found += [f"{path.name} holds clear text" for path in _files(world.folder) if secret in path.read_bytes()]
    if ended != 0:
        found.append(f"the gateway ended with exit code {ended}")
    return found


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
