"""What both ways stand on, of a configuration and the stores: the daemon's, or those of a rehearsal."""

import secrets
from collections.abc import Callable

from rorpost_gateway.config.model import Config
from rorpost_gateway.decision_log.base import DecisionLog
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.identity_number import contains_identity_number
from rorpost_gateway.openpgp.base import Engine
from rorpost_gateway.queue.base import Queue
from rorpost_gateway.reception.house import House, InForce
from rorpost_gateway.reply import NO_OWN_TEXTS


def make_house(
    config: Config,
    *,
    in_force: Callable[[], InForce],
    records: Records,
    engine: Engine,
    queue: Queue,
    decision_log: DecisionLog,
    now: Callable[[], float],
) -> House:
    """A house without a relay: what is ready waits in the queue."""
    return House(
        hostname=config.hostname,
        own_domains=config.domains,
        language=config.language,
        own_texts=config.reply_texts.get(config.language, NO_OWN_TEXTS),
        message_size=config.limits.message_size,
        sealed_size_for=lambda domain: sealed_size(config, domain),
        in_force=in_force,
        records=records,
        engine=engine,
        queue=queue,
        log=decision_log,
        relay_has_work=lambda: None,
        now=now,
        random=secrets.token_bytes,
        sent_copies=config.delivery.sent_copy is not None,
    )


def make_records(in_force: Callable[[], InForce]) -> Records:
    """Builders of lines: names that the policy or the logins in force know are written as they are."""

    def is_known(value: str) -> bool:
        now = in_force()
        return now.policy.knows(value) or now.logins.knows(value)

    return Records(contains_identity_number=contains_identity_number, is_known=is_known)


def sealed_size(config: Config, domain: str) -> int:
    """How large (octets) a sealed message to a domain may be. What stays here goes to no next hop."""
    hop = None if domain in config.domains else config.relay.next_hop(domain)
    limit = config.limits.sealed_size
    return limit if hop is None else min(limit, hop.max_size_octets)
