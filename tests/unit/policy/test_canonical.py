"""The canonical form: piece by piece, and by the fast way, it is RFC 8785 of the whole."""

import hashlib
import json

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.document import parse_text, plain
from rorpost_gateway.policy.canonical import Pieces, canonical

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Zl", "Zp", "Cn", "Co")))
SCALARS = st.one_of(
    TEXT,
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.booleans(),
    st.floats(0.001, 1e6).map(lambda number: round(number, 3)),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4))
)
ODD = {"\U0001f600": 1, "\ufb33": 2, "\u20ac": 3, "a": 'a "quoted" \\ å\t\n', "b": 1.0, "c": 0.001}


@given(st.dictionaries(TEXT, VALUES, max_size=4))
def test_one_value(value: dict[str, object]) -> None:
    node = parse_text(json.dumps(value, ensure_ascii=False), shown_as="policy.yaml")
    assert canonical(node) == rfc8785.dumps(plain(node))


def test_the_order_of_keys_and_numbers_that_only_one_way_gets_right() -> None:
    node = parse_text(json.dumps(ODD, ensure_ascii=False), shown_as="policy.yaml")
    assert canonical(node) == rfc8785.dumps(ODD)
    assert canonical(parse_text("day: 2026-12-31\n", shown_as="policy.yaml")) == b'{"day":"2026-12-31"}'


@given(
    st.none() | st.dictionaries(TEXT, VALUES, max_size=4),
    st.none() | st.lists(VALUES, max_size=4),
    st.none() | st.dictionaries(TEXT, VALUES, max_size=4),
)
def test_piece_by_piece(
    mailboxes: dict[str, object] | None, channels: list[object] | None, rules: dict[str, object] | None
) -> None:
    whole = {
        name: value
        for name, value in (("mailboxes", mailboxes), ("channels", channels), ("rules", rules))
        if value is not None
    }
    pieces = Pieces()
    for entry in parse_text(json.dumps(whole, ensure_ascii=False), shown_as="policy.yaml").entries:
        if entry.key == "rules":
            pieces.rules(entry.node)
        elif entry.key == "channels":
            pieces.begin_channels()
            for element in entry.node.elements:
                pieces.channel(element)
        else:
            pieces.begin_mailboxes()
            for mailbox in entry.node.entries:
                pieces.mailbox(mailbox.key, mailbox.node)
    assert hashlib.sha256(pieces.joined()).digest() == hashlib.sha256(rfc8785.dumps(whole)).digest()
