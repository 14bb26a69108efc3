"""The demo's scenes and letters: what its two organisations submit and bring, decided in process."""

import asyncio
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.demo import names
from rorpost_gateway.demo.inbound_scenes import INBOUND
from rorpost_gateway.demo.keys import make_keys
from rorpost_gateway.demo.names import Organisation
from rorpost_gateway.demo.outbound_scenes import OUTBOUND
from rorpost_gateway.demo.partner import Partner
from rorpost_gateway.demo.policies import make_policy
from rorpost_gateway.demo.scenes import Letter, Play, Scene
from rorpost_gateway.demo.world import write_yaml
from rorpost_gateway.envelope import Login, TrustedNetwork
from tests.golden.explained.gateway import Gateway, write_config
from tests.golden.explained.trial import Trial
from tests.peers.gnupg_home import make_home, remove_home

# What is not decided of a message: the session, the machine, and what only the live queue remembers.
_ELSEWHERE = {
    *(Reason.GATEWAY_FAULT, Reason.GATEWAY_FULL, Reason.DUPLICATE, Reason.REPLAYED),
    *(Reason.TOO_MANY_CONNECTIONS, Reason.TOO_MANY_RECIPIENTS, Reason.SHUTTING_DOWN),
    *(Reason.TLS_REQUIRED, Reason.LOGIN_FAILED),
}


class Demonstrated:
    """Both organisations, each with its gateway."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._now = datetime.now(tz=UTC).replace(microsecond=0)
        (folder / "home").mkdir()
        homes = {names.MOTALA.name: _home(stack, "ours"), names.REGION.name: _home(stack, "theirs")}
        ours, theirs = homes.values()
        fingerprints = asyncio.run(make_keys(ours, theirs, today=self._now))
        self._partner = Partner(theirs, fingerprints, self._now)
        self.gateways = {
            each.name: self._gateway(folder / each.folder, homes[each.name], each, fingerprints)
            for each in names.BOTH
        }

    def trials(self, organisation: Organisation) -> list[Trial]:
        """What this organisation's gateway has to decide."""
        scenes = [
            _of_scene(scene, number, self._now)
            for number, scene in enumerate(OUTBOUND)
            if scene.at is organisation and scene.want not in _ELSEWHERE and scene.play is Play.ORDINARY
        ]
        if organisation is not names.MOTALA:
            return scenes
        letters = [
            self._of_letter(letter, number)
            for number, letter in enumerate(INBOUND)
            if letter.want not in _ELSEWHERE and letter.play in {Play.ORDINARY, Play.FROM_ELSEWHERE}
        ]
        return scenes + letters

    def _of_letter(self, letter: Letter, number: int) -> Trial:
        allowed = letter.play is Play.ORDINARY
        return Trial(
            name=letter.story,
            direction=Direction.INBOUND,
            sender=letter.sender,
            recipients=letter.recipients,
            octets=self._partner.message(letter, number),
            at=self._now,
            client="192.0.2.25" if allowed else "203.0.113.9",
            trusted=(TrustedNetwork(network="192.0.2.0/24"),) if allowed else (),
            want=letter.want,
        )

    def _gateway(
        self, folder: Path, home: Path, organisation: Organisation, fingerprints: dict[str, str]
    ) -> Gateway:
        folder.mkdir()
        policy = make_policy(organisation, fingerprints, self._now, logins_count=False)
        write_yaml(folder / "policy.yaml", policy)
        config = write_config(folder, home=home, domain=organisation.domain, policies="policy.yaml")
        return Gateway(config, folder)


def _of_scene(scene: Scene, number: int, now: datetime) -> Trial:
    return Trial(
        name=scene.story,
        direction=Direction.OUTBOUND,
        sender=scene.sender,
        recipients=scene.recipients,
        octets=scene.octets(number=number, now=now),
        at=now,
        login=Login(name=scene.login, address=scene.at.logins[scene.login]),
        want=scene.want,
    )


def _home(stack: ExitStack, name: str) -> Path:
    """`ours/` of a folder of its own: the demo keeps what it takes away beside it."""
    home = make_home()
    stack.callback(remove_home, home)
    inner = home / name
    inner.mkdir(mode=0o700)
    stack.callback(remove_home, inner)
    return inner
