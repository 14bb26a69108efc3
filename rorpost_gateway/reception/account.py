"""The account that one transaction gives of itself in the decision log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rorpost_gateway.decision import Direction, Reason, Verdict
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.decision_log.decision_id import new_decision_id
from rorpost_gateway.decision_log.record import DecisionFields
from rorpost_gateway.envelope import Client
from rorpost_gateway.reception.house import House, InForce
from rorpost_gateway.reply import action_of


@dataclass(kw_only=True)
class Account:
    """What is known of the transaction so far, and the lines made of it.

    `message_id` and `size` become known with the message.
    """

    house: House
    in_force: InForce
    client: Client
    reverse_path: str
    direction: Direction = Direction.OUTBOUND
    message_id: str | None = None
    size: int | None = None

    def line(
        self,
        verdict: Verdict,
        recipient: str | None,
        *,
        reason: Reason | None = None,
        **more: str | None,
    ) -> Record:
        """One decision. `reason` differs from the verdict's where it is a duplicate."""
        reason = reason or verdict.reason
        fields: DecisionFields = {
            "decision_id": more.pop("decision_id", None) or self.new_id(),
            "direction": self.direction,
            "action": action_of(reason),
            "reason": reason,
            "policy": self.in_force.policy.revision,
            "reverse_path": self.reverse_path,
            "login": self.client.login.name if self.client.login else None,
            "client": self.client.ip,
            "tls": self.client.tls,
            "rule": verdict.rule,
        }
        if recipient is not None:
            declared = verdict.declared_user
            fields |= {
                "recipient": recipient,
                "channel": verdict.channel,
                "declared_user": declared.address if declared else None,
                "declared_by": declared.declared_by if declared else None,
            }
        if verdict.because_of is not None:
            fields["because_of"] = verdict.because_of
        if verdict.legal_basis is not None:
            fields["legal_basis"] = verdict.legal_basis
        if self.size is not None:
            fields |= {"message_id": self.message_id, "size": self.size}
        fields |= more  # type: ignore[typeddict-item]  # the caller's names are those of DecisionFields
        return self.house.records.decision(**fields)

    def new_id(self) -> str:
        return new_decision_id(int(self.house.now() * 1000), self.house.random)

    async def refused(self, verdict: Verdict, recipient: str | None = None) -> None:
        """A refusal at MAIL (no recipient) or at RCPT; durable when it returns."""
        await self.house.log.append([self.line(verdict, recipient)])

    async def refused_all(self, verdicts: Sequence[tuple[str, Verdict]], more: Mapping[str, str]) -> None:
        """A message refused after DATA: a line for every recipient; durable when it returns."""
        lines = [
            self.line(verdict, recipient, reason=verdict.reason, **more) for recipient, verdict in verdicts
        ]
        await self.house.log.append(lines)
