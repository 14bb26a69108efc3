"""What operators do to the queue leaves a line in the decision log, with the operator's name."""

from collections.abc import Callable

from rorpost_gateway.control.queue_verbs import QueueEvent
from rorpost_gateway.decision import SENT_COPY_RULE
from rorpost_gateway.decision_log.base import DecisionLog
from rorpost_gateway.decision_log.record import CopyFields, Records
from rorpost_gateway.queue.base import Copy, Purpose


class OperatorLines:
    def __init__(self, decision_log: DecisionLog, records: Records, revision: Callable[[], str]) -> None:
        self._log = decision_log
        self._records = records
        self._revision = revision

    async def write(self, event: QueueEvent, operator: str, copy: Copy) -> None:
        """One line, durable when it returns. Raises LogUnavailable."""
        records = self._records
        build = {"held": records.held, "released": records.released, "removed": records.removed}[event]
        fields: CopyFields = {
            "decision_id": copy.decision_id,
            "direction": copy.message.direction,
            "channel": copy.channel,
            "policy": self._revision(),
            "reverse_path": copy.message.reverse_path,
            "recipient": copy.recipient,
            "queue_id": copy.message.queue_id,
            "message_id": copy.message.message_id,
            "operator": operator,
        }
        if copy.purpose is Purpose.SENT_COPY:
            fields["rule"] = SENT_COPY_RULE
        await self._log.append([build(**fields)])
