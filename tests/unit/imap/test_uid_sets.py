"""Sets of UIDs, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.imap.tokens import Unreadable
from rorpost_gateway.imap.uid_sets import BATCH, HIGHEST_UID, batches, read_uid_set, uid_set


def test_the_shortest_way() -> None:
    assert uid_set([7, 3, 1, 2, 3, 9, 10]) == "1:3,7,9:10"
    assert uid_set([]) == ""


@given(st.sets(st.integers(1, HIGHEST_UID), min_size=1, max_size=50))
def test_every_set_comes_back(uids: set[int]) -> None:
    assert read_uid_set(uid_set(uids)) == sorted(uids)


@pytest.mark.parametrize(
    "text",
    ["", "0", "1:*", "*", "a", "1,,2", "1:2:3", "4294967296", "1:4294967295", "1:1500000,2000000:3500000"],
)
def test_what_is_no_set_or_too_large_a_one(text: str) -> None:
    with pytest.raises(Unreadable):
        read_uid_set(text)


def test_a_range_may_be_written_backwards() -> None:
    assert read_uid_set("5:3") == [3, 4, 5]


def test_batches_are_of_at_most_200() -> None:
    assert BATCH == 200
    assert [len(batch) for batch in batches(range(1, 502))] == [200, 200, 101]
    assert not list(batches([]))
