"""The flaw: the From field served as envelope sender, and a From of two addresses broke MAIL FROM.

Seen in Zeyple. Here From is only ever compared with the reverse-path; every author is
reported, so that the rule `author-mismatch` sees all of them; and what stands outside is
one checked address.
"""

import pytest

from rorpost_gateway.errors import MessageMalformed, SealingFailed
from rorpost_gateway.message import parse_message, read_facts
from tests.peers.messages import HOSTNAME, RECEIVER, SENDER, octets_of, outer


@pytest.mark.parametrize(
    "lines",
    [
        (f"From: {SENDER}, {RECEIVER}",),
        (f"From: A <{SENDER}>, B <{RECEIVER}>",),
        (f"From: {SENDER}", f"From: {RECEIVER}"),
        (f"From: Both: {SENDER}, {RECEIVER};",),
    ],
)
def test_every_author_is_seen(lines: tuple[str, ...]) -> None:
    assert read_facts(parse_message(octets_of(*lines)), hostname=HOSTNAME).authors == (SENDER, RECEIVER)


@pytest.mark.parametrize(
    "value",
    [
        f"{SENDER} {RECEIVER}",
        f"<{SENDER}, {RECEIVER}>",
        f"{SENDER} <{RECEIVER}>",
        f"<{SENDER}> <{RECEIVER}>",
        f"{SENDER}){RECEIVER}",
    ],
)
def test_two_addresses_that_look_like_one_are_refused(value: str) -> None:
    with pytest.raises(MessageMalformed):
        read_facts(parse_message(octets_of(f"From: {value}")), hostname=HOSTNAME)


def test_two_addresses_never_stand_outside() -> None:
    with pytest.raises(SealingFailed):
        outer(author=f"{SENDER}, {RECEIVER}")
