"""A gateway in process, with the daemon's real log, queue, engine and opener; and `explain` beside it."""

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rorpost_gateway.cli.explain.answer import as_data
from rorpost_gateway.cli.explain.asking import Asked, logins_for
from rorpost_gateway.cli.explain.command import explain_for
from rorpost_gateway.config import Config, load_config
from rorpost_gateway.daemon.house import make_house, make_records
from rorpost_gateway.daemon.in_force import load_in_force
from rorpost_gateway.daemon.way_in import make_inbound
from rorpost_gateway.decision import Direction, KeyChoice, Reason
from rorpost_gateway.decision_log.signing import load_or_create
from rorpost_gateway.decision_log.writer import open_log
from rorpost_gateway.envelope import Client, Recipient, ReversePath
from rorpost_gateway.inbound.receiver import Inbound
from rorpost_gateway.inbound.still_open import StillOpen
from rorpost_gateway.openpgp.base import KeyIndex
from rorpost_gateway.openpgp.gnupg import GnupgEngine
from rorpost_gateway.openpgp.opening import GnupgOpener
from rorpost_gateway.outbound.receiver import Outbound
from rorpost_gateway.policy.model import Policy
from rorpost_gateway.queue.sqlite import open_sqlite_queue
from rorpost_gateway.reception.house import InForce
from rorpost_gateway.reception.refusals import Refusals
from rorpost_gateway.reply import Reply
from tests.golden.explained.trial import Outcome, Trial
from tests.peers.gateway_world import as_yaml

HOSTNAME = "gw.motala.se"


def write_config(folder: Path, *, home: Path, domain: str, policies: str, **more: Any) -> Config:
    """The configuration of such a gateway; `policies` lies in the same folder."""
    data = {
        "node": "gw1",
        "hostname": HOSTNAME,
        "domains": [domain],
        "state_dir": "state",
        "policies": policies,
        "language": "sv",
        "submission": {
            "listen": ["127.0.0.1:0"],
            "tls": {"mode": "off"},
            "trusted_networks": [
                "192.0.2.0/28",
                {"network": "198.0.0.0/8", "originator_org": "motala.se"},
            ],
        },
        "inbound": {
            "smtp": {
                "listen": ["127.0.0.1:0"],
                "tls": {"mode": "off"},
                "allowed_networks": ["192.0.2.0/24"],
            }
        },
        "relay": {"default": {"host": "127.0.0.1", "port": 1, "tls": {"mode": "off"}, "max_size": 200_000}},
        "delivery": {"maildir": {"root": "mail"}},
        "openpgp": {"home": str(home)},
        "limits": {"message_size": 1_000_000},
        "processes": 0,
    }
    path = folder / "rorpost.yaml"
    path.write_text(as_yaml(data | more), encoding="utf-8")
    return load_config(path)


@dataclass(frozen=True, kw_only=True)
class KeysAsSaid:
    """Real keys, but for those of which a case says that something is wrong with them."""

    real: KeyIndex
    policy: Policy
    states: Mapping[str, Reason | None]

    def for_sealing(self, address: str, pinned: Collection[str], at: datetime) -> KeyChoice | Reason:
        return self.states.get(address) or self.real.for_sealing(address, pinned, at)

    def for_signing(self, address: str, pinned: Collection[str], at: datetime) -> KeyChoice | Reason:
        return self.states.get(address) or self.real.for_signing(address, pinned, at)

    def accepts(self, primary: str, subkey: str, *, signed_at: datetime, at: datetime) -> Reason | None:
        for address, state in self.states.items():
            mailbox = self.policy.mailbox(address)
            if state and mailbox and primary in {key.fingerprint for key in mailbox.keys}:
                return state
        return self.real.accepts(primary, subkey, signed_at=signed_at, at=at)

    def is_for(self, key_ids: Collection[str], address: str, pinned: Collection[str]) -> bool:
        return self.real.is_for(key_ids, address, pinned)

    def fault_of(self, sealed_to: KeyChoice, at: datetime) -> Reason | None:
        return self.real.fault_of(sealed_to, at)


class Gateway:
    """Decides trials by the daemon's receivers, and explains the same ones."""

    def __init__(self, config: Config, folder: Path) -> None:
        self.config = config
        self.folder = folder
        self.in_force = asyncio.run(load_in_force(config))

    def decide(self, trials: Sequence[Trial]) -> list[Outcome]:
        """What the daemon says of each, as it stands in the log."""
        return asyncio.run(self._decide(trials))

    def explain(self, trial: Trial) -> dict[str, Any]:
        """What `rorpost policy explain --message --json` says of it."""
        message = self.folder / "message.eml"
        message.write_bytes(trial.octets)
        asked = Asked(
            direction=trial.direction,
            sender=trial.sender,
            recipients=trial.recipients,
            at=trial.at,
            user=None,
            login=None,
            client=trial.client,
            reverse_path=trial.reverse_path,
            message=message,
        )
        in_force = replace(self._for(trial), logins=logins_for(trial.login))
        return as_data(explain_for(self.config, in_force, asked, trial.login), {})

    def _for(self, trial: Trial) -> InForce:
        if not trial.key_states:
            return self.in_force
        keys = KeysAsSaid(real=self.in_force.keys, policy=self.in_force.policy, states=trial.key_states)
        return replace(self.in_force, keys=keys)

    async def _decide(self, trials: Sequence[Trial]) -> list[Outcome]:
        async with AsyncExitStack() as stack:
            key = load_or_create(self.folder / "log.key", "motala.se/rorpost/gw1")
            began = datetime.now(tz=UTC).timestamp()
            log = await open_log(self.folder / "decisions", node="gw1", signing_key=key, now=lambda: began)
            stack.push_async_callback(log.close)
            queue = await open_sqlite_queue(self.folder / "queue.db", reserve_octets=0)
            stack.push_async_callback(queue.close)
            engine = GnupgEngine(self.config.openpgp.home, None)
            stack.push_async_callback(engine.close)
            opener = GnupgOpener(self.config.openpgp.home, None)
            stack.push_async_callback(opener.close)
            now: list[Trial] = []  # the one on trial stands last

            def in_force() -> InForce:
                found = self._for(now[-1])
                return replace(found, logins=logins_for(now[-1].login))

            records = make_records(in_force)
            house = make_house(
                self.config,
                in_force=in_force,
                records=records,
                engine=engine,
                queue=queue,
                decision_log=log,
                now=lambda: now[-1].at.timestamp(),
            )
            refusals = Refusals(log, records, house.now)
            inbound = make_inbound(self.config, house, opener, refusals, StillOpen.nothing())
            assert inbound is not None
            outcomes = []
            for trial in trials:
                now.append(trial)
                before = len(self._lines())
                receiver = Outbound(house, refusals) if trial.direction is Direction.OUTBOUND else inbound
                reply = await _play(receiver, trial)
                outcomes.append(Outcome(lines=tuple(self._lines()[before:]), reply=reply.line))
            return outcomes

    def _lines(self) -> list[Mapping[str, object]]:
        files = sorted((self.folder / "decisions").glob("*.jsonl"))
        entries = (json.loads(line) for path in files for line in path.read_bytes().splitlines())
        return [entry for entry in entries if entry["event"] == "decision"]


async def _play(receiver: Outbound | Inbound, trial: Trial) -> Reply:
    """MAIL, RCPT for each, DATA: as the session calls them."""
    client = Client(ip=trial.client, tls="TLSv1.3", login=trial.login, trusted=trial.trusted)
    transaction = await receiver.begin(client, ReversePath(address=trial.reverse_path or trial.sender))
    if isinstance(transaction, Reply):
        return transaction
    heard = [await transaction.recipient(Recipient(address=each)) for each in trial.recipients]
    if not any(reply.positive for reply in heard):
        return heard[-1]
    return await transaction.message(trial.octets)
