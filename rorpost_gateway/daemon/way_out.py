"""The way out, put together: what a submission stands on."""

import secrets
from collections.abc import Callable

from rorpost_gateway.config.model import Config
from rorpost_gateway.decision_log.base import DecisionLog
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.openpgp.base import Engine
from rorpost_gateway.outbound.house import House, InForce
from rorpost_gateway.queue.base import Queue


def make_house(
    config: Config,
    *,
    in_force: Callable[[], InForce],
    records: Records,
    engine: Engine,
    queue: Queue,
    decision_log: DecisionLog,
    relay_has_work: Callable[[], None],
    now: Callable[[], float],
) -> House:
    return House(
        hostname=config.hostname,
        own_domains=config.domains,
        language=config.language,
        message_size=config.limits.message_size,
        sealed_size_for=lambda domain: sealed_size(config, domain),
        in_force=in_force,
        records=records,
        engine=engine,
        queue=queue,
        log=decision_log,
        relay_has_work=relay_has_work,
        now=now,
        random=secrets.token_bytes,
    )


def sealed_size(config: Config, domain: str) -> int:
    """Octets of a sealed message to a recipient's domain: what we allow, or less if its next hop takes less."""
    hop = config.relay.next_hop(domain)
    limit = config.limits.sealed_size
    return limit if hop is None else min(limit, hop.max_size_octets)
