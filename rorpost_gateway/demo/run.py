"""The demo from beginning to end: build the world, play the scenes, check everything afterwards."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rorpost_gateway.decision import Reason
from rorpost_gateway.decision_log.verify import Broken, Verified, verify_log
from rorpost_gateway.demo import names
from rorpost_gateway.demo.daemon import Daemon
from rorpost_gateway.demo.partner import Partner, open_with_gpg
from rorpost_gateway.demo.scenes import SCENES, Play, Scene
from rorpost_gateway.demo.stage import Stage, reason_in
from rorpost_gateway.demo.world import World, make_world, stop_agents, take_secret_key_away, write_config

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
    """`log` is None where it does not hold."""

    played: Sequence[Played]
    arrived: Sequence[Arrived]
    log: Verified | None
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

    @asynccontextmanager
    async def running(self) -> AsyncIterator[tuple[World, Daemon, Stage]]:
        """Two organisations on loopback. Whatever was started ends here, also where the start fails."""
        self._progress("making keys, certificates, logins and policy")
        now = datetime.now(tz=UTC)
        async with AsyncExitStack() as ending:
            ending.push_async_callback(stop_agents, self._folder)
            world = await make_world(self._folder, today=now)
            listener = await self._partner.listen(world.partner_certificate, world.partner_key)
            ending.push_async_callback(listener.close)
            write_config(world, partner_port=listener.addresses[0][1])
            self._progress("starting the gateway")
            daemon = await Daemon.start(world.config, self._folder / "gateway.log")
            ending.push_async_callback(daemon.end)
            host, port = await daemon.ready()
            tls = ssl.create_default_context(cafile=world.ca)
            loop = asyncio.get_running_loop()

            def stop() -> None:
                loop.call_soon_threadsafe(daemon.stop)

            yield world, daemon, Stage(host=host, port=port, tls=tls, now=now, stop=stop)

    async def run(self, expectations: Mapping[Reason, Reason]) -> Outcome:
        """Play every scene and check what came of it.

        `expectations` says otherwise than the scenes what is wanted; wrongly, to see the demo fail.
        """
        async with self.running() as (world, daemon, stage):
            take_secret_key_away(world)
            played = await self._play(stage, expectations)
            ended = await daemon.ended()
            self._progress("opening what arrived, verifying the decision log")
            arrived, findings = await self._open_all(world)
        findings = [*_findings(world, played, arrived, ended), *findings]
        log: Verified | None = None
        try:
            vkey = (self._folder / "decision-log.vkey").read_text(encoding="ascii").strip()
            log = verify_log(world.state / "decisions", vkey=vkey)
        except Broken as broken:
            findings.append(f"the decision log does not hold: {broken}")
        return Outcome(played=played, arrived=arrived, log=log, findings=findings)

    async def _play(self, stage: Stage, expectations: Mapping[Reason, Reason]) -> list[Played]:
        played = []
        for number, scene in enumerate(SCENES):
            if scene.play is Play.SHUT_DOWN:
                with suppress(TimeoutError):  # what has not arrived by now is a finding
                    await self._partner.wait_for(_copies(SCENES), timeout_seconds=ARRIVAL_SECONDS)
            self._progress(scene.story)
            reply = await asyncio.to_thread(stage.play, scene, number)
            played.append(Played(wanted=expectations.get(scene.want, scene.want), scene=scene, reply=reply))
        return played

    async def _open_all(self, world: World) -> tuple[list[Arrived], list[str]]:
        """What plain gpg makes of every copy that arrived, and what it could not open."""
        arrived, findings = [], []
        for recipient, outer in self._partner.arrived:
            try:
                opened, signed_by = await asyncio.to_thread(open_with_gpg, world.partner_home, outer)
            except ValueError as error:
                findings.append(f"the copy to {recipient}: {error}")
            else:
                arrived.append(Arrived(recipient=recipient, outer=outer, opened=opened, signed_by=signed_by))
        return arrived, findings


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
    logged = _logged_reasons(world)
    found += [
        f"{each.scene.story}: the decision log has no line with {each.heard}"
        for each in played
        if each.heard not in logged | {None, Reason.SHUTTING_DOWN}
    ]
    if ended != 0:
        found.append(f"the gateway ended with exit code {ended}")
    return found


def _logged_reasons(world: World) -> set[Reason]:
    lines = [
        line
        for path in (world.state / "decisions").glob("*.jsonl")
        for line in path.read_bytes().splitlines()
    ]
    return {Reason(entry["reason"]) for entry in map(json.loads, lines) if "reason" in entry}


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
