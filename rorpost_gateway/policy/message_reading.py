"""What the rules derive from a message, whoever it goes to: each thing once, when a rule asks. Pure."""

from rorpost_gateway.facts import MessageFacts
from rorpost_gateway.identity_number import contains_identity_number
from rorpost_gateway.policy.model import Policy
from rorpost_gateway.policy.once import once


class Reading:
    """Shared by the questions of all recipients of a message."""

    def __init__(self, facts: MessageFacts, policy: Policy) -> None:
        self.facts = facts
        self._mailboxes = policy.mailboxes

    @once
    def visible(self) -> frozenset[str]:
        """The recipients that everybody sees."""
        return frozenset((*self.facts.to, *self.facts.cc))

    def shows(self, recipients: tuple[str, ...]) -> bool:
        """Whether everybody sees all of these recipients."""
        if len(recipients) == 1:  # as a rule
            return recipients[0] in self.facts.to or recipients[0] in self.facts.cc
        return self.visible.issuperset(recipients)

    @once
    def names_outsider(self) -> bool:
        facts = self.facts
        for named in (facts.to, facts.cc, facts.reply_to, facts.receipts_to):
            for address in named:
                if address not in self._mailboxes:
                    return True
        return False

    @once
    def identity_number_in_subject(self) -> bool:
        return contains_identity_number(self.facts.subject)

    @once
    def identity_number_in_a_name(self) -> bool:
        """Whether one stands in the name of an attachment, or might: where nobody has looked."""
        content = self.facts.content
        if content is None or content.identity_number_in_name is None:
            return True
        return content.identity_number_in_name or any(
            each.identity_number_in_name for each in content.attachments or ()
        )
