"""Policy, keys and logins: read from disk as one, replaced as one, noted in the log."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from rorpost_gateway.config.model import Config, PolicyTests
from rorpost_gateway.daemon.kept_policies import KeptPolicies
from rorpost_gateway.daemon.policy_changes import changes
from rorpost_gateway.daemon.way_in import max_age
from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.base import DecisionLog
from rorpost_gateway.freed_memory import uncollected
from rorpost_gateway.logins import Logins, Users, load_users
from rorpost_gateway.openpgp.base import Engine
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.policy.load import load_policy
from rorpost_gateway.policy.loading import Progress
from rorpost_gateway.policy.model import Policy
from rorpost_gateway.policy.required_cases import require_cases
from rorpost_gateway.reception.house import InForce

log = structlog.get_logger()

_TELL_EVERY_SECONDS: Final = 2.0


async def load_in_force(config: Config) -> InForce:
    """Read policy, keys and logins. Raises ConfigurationInvalid and other GatewayErrors."""
    # In a thread: a large policy takes seconds, and a reload must not keep sessions waiting.
    policy = await asyncio.to_thread(_load_policy, config)
    keys = await load_index(config.openpgp.home)
    users = await asyncio.to_thread(_load_users, config)
    in_force = InForce(policy=policy, keys=keys, logins=Logins(users))
    await asyncio.to_thread(lambda: in_force.user_headers)  # found out once, for all messages to come
    return in_force


def _load_users(config: Config) -> Users | None:
    return load_users(config.submission.users) if config.submission.users else None


def _load_policy(config: Config) -> Policy:
    with uncollected():
        policy = load_policy(
            config.policies,
            own_domains=config.domains,
            timezone=config.timezone,
            progress=_told_now_and_then(time.monotonic),
        )
        hold_to_cases(config, policy)
        return policy


def _told_now_and_then(clock: Callable[[], float]) -> Progress:
    """A line in the operator's log for each while that a large policy takes."""
    told = clock()

    def tell(what: str, share: float) -> None:
        nonlocal told
        if clock() - told >= _TELL_EVERY_SECONDS:
            told = clock()
            log.info("policy-loading", doing=what, percent=round(100 * share))

    return tell


def hold_to_cases(config: Config, policy: Policy) -> None:
    """Where the configuration asks for it: raises DocumentInvalid unless all cases of the policy hold."""
    if config.policy_tests is PolicyTests.REQUIRE:
        require_cases(policy, config.policies, own_domains=config.domains, max_age=max_age(config))


class Holder:
    """What is in force now, for everybody who asks."""

    def __init__(
        self, config: Config, first: InForce, engine: Engine, *, now: Callable[[], float] = time.time
    ) -> None:
        self._config = config
        self._engine = engine
        self._kept = KeptPolicies(config.kept_policies)
        self._now = now
        self.current = first
        self.loaded_at = now()  # seconds since the epoch
        self.refused_at: float | None = None  # when what is on disk was found not fit, where it is not

    def in_force(self) -> InForce:
        """What decides now; something else after a reload."""
        return self.current

    async def begin(self, decision_log: DecisionLog) -> None:
        """Keep the first revision and log what changed since the daemon last ran."""
        before = await asyncio.to_thread(self._kept.last)
        await self._note(decision_log, self.current.policy, before)

    async def reload(self, decision_log: DecisionLog) -> bool:
        """Read everything again; whether it is in force. An error leaves what is in force in force."""
        before = self.current.policy
        try:
            fresh = await load_in_force(self._config)
            use_fresh_keys = await self._engine.read_keys()
            await self._note(decision_log, fresh.policy, (before.revision, before.canonical))
        except Exception as error:  # noqa: BLE001 - whatever it is, what is in force is sound
            self.refused_at = self._now()
            log.error("reload-refused", error=error, in_force=before.revision)
            return False
        use_fresh_keys()
        self.current = fresh
        self.loaded_at, self.refused_at = self._now(), None
        log.info("reloaded", policy=fresh.policy.revision, **fresh.policy.counts())
        return True

    async def _note(
        self, decision_log: DecisionLog, policy: Policy, before: tuple[str, bytes] | None
    ) -> None:
        counts = await asyncio.to_thread(self._keep, policy, before[1] if before else None)
        await decision_log.append(
            [
                record.policy(
                    revision=policy.revision,
                    previous=before[0] if before else None,
                    counts=counts,
                )
            ]
        )

    def _keep(self, policy: Policy, before: bytes | None) -> Mapping[str, int]:
        """Keep the revision; how it differs from the one before, given in its canonical form."""
        self._kept.keep(policy.revision, policy.canonical)
        try:
            return changes(before, policy.canonical)
        except ValueError:  # what an older version kept; it costs a count in a log line, nothing more
            return changes(None, policy.canonical)
