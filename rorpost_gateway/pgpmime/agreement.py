"""Whether what stands under the signature agrees with the envelope and with what stands outside.

Each check and its reason, in this order:

- `author-mismatch`: the reverse-path, the one author outside and the one author inside are
  the same address, each in one From field. A From inside must agree even where it is not
  protected. Sender and Reply-To outside say nothing, and are never used.
- `hidden-recipient`: the envelope's recipient stands in the protected To or Cc. Where
  recipients are not protected: in those inside, if there are any, else in those outside.
  A gateway like this one seals a copy for each recipient and names it in HP-Outer's To: such
  a copy is for nobody else, though the others stand in the protected To as well. Who may open
  it could seal it anew for them.
- `headers-not-protected`: the date inside and the date outside are one instant, whatever
  their offsets. Where there is none inside, the one outside is not used as such.
- `headers-not-protected`: what HP-Outer says of From, To, Cc (as bare addresses in order,
  none as good as no field), Date (as an instant) and Message-ID is what stands outside.
  A Message-ID of which it says nothing may have been added on the way. Subject is left out:
  mail systems prefix it (`[EXTERN]`), and the one outside is shown to nobody.

RFC 9788, section 2.2; RFC 5322, section 3.6.
"""

from collections.abc import Callable

from rorpost_gateway.decision import Reason
from rorpost_gateway.facts import MessageFacts
from rorpost_gateway.message.address_list import read_addresses
from rorpost_gateway.message.date_time import read_date
from rorpost_gateway.message.grammar import Unreadable
from rorpost_gateway.pgpmime.protected import Protected


def compare_outer(
    outer: MessageFacts, protected: Protected, *, reverse_path: str, recipient: str
) -> Reason | None:
    """The first check that fails, or None. `outer` are the facts of the message as received.

    This does not say whether unprotected header fields are allowed: `protected.protected` does,
    and policy.
    """
    author = (reverse_path.lower(),)
    if _authors_differ(outer, author) or (
        _says_author(protected) and _authors_differ(protected.facts, author)
    ):
        return Reason.AUTHOR_MISMATCH
    if recipient.lower() not in _recipients(outer, protected) or _is_anothers_copy(protected, recipient):
        return Reason.HIDDEN_RECIPIENT
    date = protected.facts.date
    if (date is not None and date != outer.date) or not _outside_agrees(outer, protected):
        return Reason.HEADERS_NOT_PROTECTED
    return None


def _authors_differ(facts: MessageFacts, author: tuple[str]) -> bool:
    # A second field without an address (`From: nobody:;`) is no second author, but a second name to show.
    return facts.authors != author or len(facts.fields.get("from", ())) > 1


def _says_author(protected: Protected) -> bool:
    return protected.protected or "from" in protected.facts.fields


def _is_anothers_copy(protected: Protected, recipient: str) -> bool:
    if protected.restored is None:
        return False
    try:
        return read_addresses("".join(protected.outside.get("to", ()))) != (recipient.lower(),)
    except Unreadable:
        return True


def _recipients(outer: MessageFacts, protected: Protected) -> tuple[str, ...]:
    facts = protected.facts
    if protected.protected or "to" in facts.fields or "cc" in facts.fields:
        return facts.to + facts.cc
    return outer.to + outer.cc


def _outside_agrees(outer: MessageFacts, protected: Protected) -> bool:
    said = protected.outside
    if not said:
        return True
    checks: dict[str, Callable[[str], bool]] = {
        "from": lambda value: read_addresses(value) == outer.authors,
        "to": lambda value: read_addresses(value) == outer.to,
        "cc": lambda value: read_addresses(value) == outer.cc,
        "date": lambda value: bool(value) and read_date(value) == outer.date,
    }
    if "message-id" in said:
        checks["message-id"] = lambda value: value == outer.message_id
    try:
        return all(
            len(said.get(name, ())) <= 1 and agrees("".join(said.get(name, ())))
            for name, agrees in checks.items()
        )
    except Unreadable:
        return False
