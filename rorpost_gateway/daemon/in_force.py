"""Policy, keys and logins: read from disk as one, replaced as one, noted in the log."""

import json
from collections.abc import Mapping
from typing import Any

import structlog

from rorpost_gateway.config.model import Config
from rorpost_gateway.daemon.kept_policies import KeptPolicies, changes
from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.base import DecisionLog
from rorpost_gateway.errors import GatewayError
from rorpost_gateway.logins import Logins, load_users
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.outbound.house import InForce
from rorpost_gateway.policy.load import load_policy
from rorpost_gateway.policy.model import Policy

log = structlog.get_logger()


async def load_in_force(config: Config) -> InForce:
    """Read policy, keys and logins. Raises ConfigurationInvalid and other GatewayErrors."""
    policy = load_policy(config.policies, own_domains=config.domains, timezone=config.timezone)
    keys = await load_index(config.openpgp.home)
    users = load_users(config.submission.users) if config.submission.users else None
    return InForce(policy=policy, keys=keys, logins=Logins(users))


class Holder:
    """What is in force now, for everybody who asks."""

    def __init__(self, config: Config, first: InForce) -> None:
        self._config = config
        self._kept = KeptPolicies(config.kept_policies)
        self.current = first

    async def begin(self, decision_log: DecisionLog) -> None:
        """Keep the first revision and log what changed since the daemon last ran."""
        last = self._kept.last()
        await self._note(decision_log, self.current.policy, last)

    async def reload(self, decision_log: DecisionLog) -> bool:
        """Read everything again; whether it is in force. An error leaves what is in force in force."""
        try:
            fresh = await load_in_force(self._config)
        except (GatewayError, OSError) as error:
            log.error("reload-refused", error=error, in_force=self.current.policy.revision)
            return False
        before = self.current
        await self._note(
            decision_log, fresh.policy, (before.policy.revision, json.loads(before.policy.canonical))
        )
        self.current = fresh
        log.info("reloaded", policy=fresh.policy.revision, **fresh.policy.counts())
        return True

    async def _note(
        self, decision_log: DecisionLog, policy: Policy, before: tuple[str, Mapping[str, Any]] | None
    ) -> None:
        self._kept.keep(policy.revision, policy.canonical)
        await decision_log.append(
            [
                record.policy(
                    revision=policy.revision,
                    previous=before[0] if before else None,
                    counts=changes(before[1] if before else None, json.loads(policy.canonical)),
                )
            ]
        )
