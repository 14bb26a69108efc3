"""The flaw: the null sender was lost: a bounce went on with an address taken from its From field.

Seen in Zeyple. Here nothing makes an envelope sender of a From field: the null path stays
empty, and nothing is ever sealed in its name.
"""

import pytest

from rorpost_gateway.address import domain_of, parse_path
from rorpost_gateway.errors import SealingFailed
from tests.peers.messages import outer


def test_the_null_path_stays_empty() -> None:
    assert parse_path("<> SIZE=100") == ("", "SIZE=100")
    assert domain_of("") == ""


def test_nothing_is_sealed_in_the_name_of_the_null_path() -> None:
    with pytest.raises(SealingFailed):
        outer(author="")
