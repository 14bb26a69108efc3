"""The flaw: who signed, who is in From and who is in Sender were three, and the reader saw the wrong one.

"Johnny, you are fired", 2019. Here the reverse-path, the one author outside and the one author
under the signature are the same address, whatever names stand beside it; Sender and Reply-To
outside are used nowhere.
"""

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.errors import MessageMalformed
from rorpost_gateway.message import parse_message, read_facts
from rorpost_gateway.pgpmime import Verification, compare_outer, make_copy, read_payload
from tests.peers.messages import HOSTNAME, RECEIVER, SENDER, octets_of
from tests.peers.partners import outside_facts, shape

VERIFICATION = Verification(
    channel="c", sending_user=None, signed_by="0" * 40, decision_id="01970000-0000-7000-8000-000000000000"
)
DATE = "Date: Wed, 06 May 2026 08:00:00 +0200"


def reason(*lines: str, declared: bool = True, **outside: str) -> Reason | None:
    kind = 'Content-Type: text/plain; hp="cipher"' if declared else "Content-Type: text/plain"
    read = read_payload(octets_of(kind, *lines, f"To: {RECEIVER}", DATE), signed=True)
    return compare_outer(outside_facts(**outside), read, reverse_path=SENDER, recipient=RECEIVER)


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(
    "lines",
    [
        ("From: a@x.se",),
        ("From: a@x.se", f"Sender: {SENDER}"),
        (f"From: {SENDER}, a@x.se",),
        (f"From: a@x.se, {SENDER}",),
        (f"From: {SENDER}", "From: a@x.se"),
        (f"From: {SENDER}", f"From: {SENDER}"),
        (f'From: "{SENDER}" <a@x.se>',),
        (f"From: group: {SENDER}, a@x.se;",),
        ("From: nobody:;",),
    ],
)
def test_another_author_inside_is_refused(lines: tuple[str, ...], *, declared: bool) -> None:
    assert reason(*lines, declared=declared) is Reason.AUTHOR_MISMATCH


@pytest.mark.parametrize(
    "value", [f"From: <{SENDER}> <a@x.se>", f"From: {SENDER} <a@x.se>", f"From: {SENDER}(", "From: a@x.se)"]
)
def test_an_author_with_two_readings_is_refused(value: str) -> None:
    with pytest.raises(MessageMalformed):
        reason(value)


def test_another_author_outside_is_refused() -> None:
    inside = f"From: {SENDER}"
    assert reason(inside) is None
    assert reason(inside, From="a@x.se", Sender=SENDER) is Reason.AUTHOR_MISMATCH
    assert reason(inside, From=f'"{SENDER}" <a@x.se>') is Reason.AUTHOR_MISMATCH
    assert reason(inside, From=f"{SENDER}, a@x.se") is Reason.AUTHOR_MISMATCH


def test_a_sender_outside_is_neither_used_nor_shown() -> None:
    outer = parse_message(
        octets_of(f"From: {SENDER}", "Sender: a@x.se", "Reply-To: a@x.se", f"To: {RECEIVER}", DATE)
    )
    for name in ("mutt_unprotected", "rfc_9788_cipher"):
        read = read_payload(shape("inside", name), signed=True)
        assert read.facts.sender == ()
        facts = read_facts(outer, hostname=HOSTNAME)
        if name == "mutt_unprotected":
            assert compare_outer(facts, read, reverse_path=SENDER, recipient=RECEIVER) is None
        assert b"a@x.se" not in make_copy(read, VERIFICATION, outer=outer, show="Anna Berg")
