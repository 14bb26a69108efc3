"""What the operator's log hears of looks and deadlines: what has changed, and not the same at every look."""

from collections.abc import Sequence

import structlog

from rorpost_gateway.supervision.contents import Contents, Look, NotLookedInto
from rorpost_gateway.supervision.deadlines import Outcome
from rorpost_gateway.supervision.duty import Duty, Verdict
from rorpost_gateway.supervision.visiting import NOT_TRIED

log = structlog.get_logger()

_NOT_MET = {Outcome.MISSED: "reading-deadline-missed", Outcome.UNKNOWN: "reading-deadline-unknown"}


def say_look(duty: Duty, look: Look) -> None:
    """What has changed since the look before. Of a mailbox that was not tried, others have told why."""
    mailbox, cause, cause_before = duty.watched.address, _cause(look), _cause(duty.look)
    if cause is not None and cause not in (NOT_TRIED, cause_before):
        log.warning("mailbox-not-looked-into", mailbox=mailbox, cause=cause)
    elif cause is None and cause_before not in (NOT_TRIED, None):
        log.info("mailbox-looked-into-again", mailbox=mailbox)
    if isinstance(look, Contents):
        foreign_before = duty.contents.foreign if duty.contents else 0
        if look.foreign > foreign_before:
            log.warning("foreign-messages", mailbox=mailbox, foreign=look.foreign)


def say_deadlines(decided: Sequence[Verdict]) -> None:
    """Those that were not met."""
    for deadline, judgement in decided:
        if judgement.outcome is not Outcome.MET:
            log.warning(
                _NOT_MET[judgement.outcome],
                mailbox=deadline.mailbox,
                deadline=deadline.local,
                cause=judgement.cause,
            )


def _cause(look: Look | None) -> str | None:
    return look.cause if isinstance(look, NotLookedInto) else None
