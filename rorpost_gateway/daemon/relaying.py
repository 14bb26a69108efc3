"""The relay, put together: routes, judging again, notices to the sending mailbox."""

import random
from collections.abc import Callable
from datetime import UTC, datetime

from rorpost_gateway.address import domain_of
from rorpost_gateway.config.model import Config
from rorpost_gateway.daemon.delivering import make_delivery, make_sent_folders
from rorpost_gateway.daemon.routes import routes_of
from rorpost_gateway.daemon.way_in import NoticeDelivery, make_mailboxes
from rorpost_gateway.decision import Direction, Verdict
from rorpost_gateway.decision_log.base import DecisionLog
from rorpost_gateway.decision_log.record import Records
from rorpost_gateway.imap.base import Sessions
from rorpost_gateway.inbound.still_open import StillOpen
from rorpost_gateway.openpgp.base import Opener
from rorpost_gateway.policy.evaluate import Question, evaluate, judge_again
from rorpost_gateway.policy.sent_copies import SentCopyQuestion, judge_sent_copy
from rorpost_gateway.queue.base import Copy, Purpose, Queue
from rorpost_gateway.reception.house import InForce
from rorpost_gateway.relay.notices import Notices, Unit
from rorpost_gateway.relay.runner import Relay
from rorpost_gateway.relay.settle import Settlement
from rorpost_gateway.smtp_client.base import Client
from rorpost_gateway.stages import UNTIMED, Stages


def make_relay(
    config: Config,
    *,
    queue: Queue,
    client: Client,
    opener: Opener,
    decision_log: DecisionLog,
    records: Records,
    in_force: Callable[[], InForce],
    now: Callable[[], float],
    still_open: StillOpen,
    sessions: Sessions,
    stages: Stages = UNTIMED,
) -> Relay:
    """A relay that asks the policy in force before each attempt. Raises ConfigurationInvalid."""

    def judge(copy: Copy) -> Verdict:
        return judge_copy(in_force(), copy, own_domains=config.domains, now=now())

    delivery, routes = make_delivery(config, client, sessions=sessions, now=now), routes_of(config)
    settlement = Settlement(
        queue=queue,
        log=decision_log,
        records=records,
        schedule=config.relay.retry,
        notices=_make_notices(config, NoticeDelivery(delivery, client, routes, config.domains), in_force),
        now=now,
        chance=random.random,
    )
    return Relay(
        queue=queue,
        client=client,
        routes=routes,
        local=make_mailboxes(
            config,
            opener=opener,
            delivery=delivery,
            in_force=in_force,
            now=now,
            still_open=still_open,
            sent_folders=make_sent_folders(config, sessions=sessions),
        ),
        settlement=settlement,
        judge=judge,
        revision=lambda: in_force().policy.revision,
        now=now,
        node=config.node,
        stages=stages,
    )


def _make_notices(config: Config, delivery: NoticeDelivery, in_force: Callable[[], InForce]) -> Notices:
    def unit_of(address: str) -> Unit:
        mailbox = in_force().policy.mailbox(address)
        return Unit(name=mailbox.name, phone=mailbox.phone) if mailbox else Unit(name=None, phone=None)

    return Notices(
        delivery=delivery,
        hostname=config.hostname,
        zone=config.timezone,
        language=config.language,
        unit_of=unit_of,
    )


def judge_copy(in_force: InForce, copy: Copy, *, own_domains: frozenset[str], now: float) -> Verdict:
    """Whether a queued copy may still go on: its pair, and the keys it was sealed with.

    What goes to a mailbox behind this gateway is judged by its envelope here; the rest is
    judged when it has been opened. A sent copy goes by no channel.
    """
    if copy.purpose is Purpose.SENT_COPY:
        at = datetime.fromtimestamp(now, tz=UTC)
        return judge_sent_copy(
            in_force.policy,
            in_force.keys,
            SentCopyQuestion(mailbox=copy.recipient, at=at, own_domains=own_domains),
            encrypted_to=copy.encrypted_to,
            encrypted_to_subkey=copy.encrypted_to_subkey,
            signed_by=copy.signed_by,
        )
    if domain_of(copy.recipient) in own_domains:
        return evaluate(
            in_force.policy,
            in_force.keys,
            Question(
                direction=Direction.INBOUND,
                at=datetime.fromtimestamp(now, tz=UTC),
                sender=copy.message.reverse_path,
                recipient=copy.recipient,
                own_domains=own_domains,
            ),
        )
    return judge_again(
        in_force.policy,
        in_force.keys,
        sender=copy.message.reverse_path,
        recipient=copy.recipient,
        at=datetime.fromtimestamp(now, tz=UTC),
        own_domains=own_domains,
        encrypted_to=copy.encrypted_to,
        encrypted_to_subkey=copy.encrypted_to_subkey,
        signed_by=copy.signed_by,
    )
