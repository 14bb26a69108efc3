"""Random rules on attachments as plain data, and what random messages hold and quote."""

from typing import Any

from hypothesis import strategies as st

from rorpost_gateway.facts import NOTHING_FOUND, Attachment, ContentFacts, Quotes

UNSTATED = "application/octet-stream"
KINDS = ["application/pdf", "image/png", "image/jpeg", "text/plain", UNSTATED]
WRITTEN_TYPES = ["application/pdf", "image/*", "IMAGE/PNG", "image/jpg", "text/plain", UNSTATED]
ENDINGS = [("pdf",), ("png",), ("pdf", "exe"), ("exe", "txt"), ()]
OCTETS = [1, 10, 11, 100, 101, 1000]

TYPES = st.lists(st.sampled_from(WRITTEN_TYPES), max_size=3, unique=True)
ATTACHMENT_CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "max_bytes": st.sampled_from([0, 10, 100]),
    "max_total_bytes": st.sampled_from([0, 10, 100]),
    "deny_types": TYPES,
    "allow_types": TYPES,
    "deny_extensions": st.lists(st.sampled_from(["exe", "PDF", "txt"]), max_size=2, unique=True),
    "uninspectable": st.sampled_from(["reject", "allow"]),
}


def mostly(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """A thing that is as it should be nine times of ten, so that the last rules are reached too."""
    return st.sampled_from([usual] * 9 * len(others) + list(others))


@st.composite
def attachment_rules(draw: st.DrawFn) -> Any:
    """Now and then the word that allows anything; else one key, or a few, or none."""
    if draw(st.integers(0, 5)) == 0:
        return "allow"
    names = draw(st.lists(st.sampled_from(list(ATTACHMENT_CHOICES)), max_size=3, unique=True))
    return {name: draw(ATTACHMENT_CHOICES[name]) for name in names}


@st.composite
def attachments(draw: st.DrawFn) -> Attachment:
    kind = draw(st.sampled_from(KINDS))
    return Attachment(
        kind=kind,
        declared=draw(st.sampled_from([kind, UNSTATED, *KINDS])),
        extensions=draw(st.sampled_from(ENDINGS)),
        octets=draw(st.sampled_from(OCTETS)),
        inspected=draw(mostly(True, False)),
        depth=draw(mostly(0, 1, 2)),
        identity_number_in_name=draw(mostly(False, True)),
        disguised=draw(mostly(False, True)),
    )


@st.composite
def contents(draw: st.DrawFn, people: list[str]) -> ContentFacts | None:
    """What somebody may have found, where somebody has looked; quoted are some of `people`."""
    quoted = st.frozensets(st.sampled_from(people), min_size=1, max_size=4)
    quotes = Quotes(quoted=tuple(draw(st.lists(quoted, max_size=2))), suspected=draw(mostly(0, 2)))
    found = ContentFacts(
        attachments=draw(mostly(tuple(draw(st.lists(attachments(), max_size=2))), None)),
        quotes=draw(st.sampled_from([Quotes(), Quotes(), Quotes(), quotes, quotes, None])),
        identity_number_in_name=draw(mostly(False, True, None)),
    )
    return draw(mostly(found, NOTHING_FOUND, None))
