"""What an authority says is a time-stamp only if it is one, of what was asked, by whom we trust."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.witness.timestamp import (
    TimestampInvalid,
    check_answer,
    make_question,
    read_roots,
    time_of,
)
from tests.peers.timestamp_authority import TimestampAuthority, make_timestamp_authority

DATA = b"motala.se/rorpost/gw1\n7\n...\n"


def test_openssl_s_answer(timestamp_authority: TimestampAuthority) -> None:
    question = make_question(DATA)
    answer = timestamp_authority.answer(question.octets)
    at = check_answer(question, answer, read_roots(timestamp_authority.ca.read_bytes()))
    assert abs((datetime.now(UTC) - at).total_seconds()) < 60
    assert time_of(answer) == at


def test_refused(timestamp_authority: TimestampAuthority, tmp_path: Path) -> None:
    roots = read_roots(timestamp_authority.ca.read_bytes())
    stranger = make_timestamp_authority(tmp_path)
    question, other = make_question(DATA), make_question(DATA + b".")
    answer = timestamp_authority.answer(question.octets)
    refused = {
        "nothing": b"",
        "no DER": b"<html>no such page</html>",
        "cut": answer[:-20],
        "a rejection": bytes.fromhex("30053003020102"),
        "of something else": timestamp_authority.answer(other.octets),
        "of an earlier question about the same": timestamp_authority.answer(make_question(DATA).octets),
        "of somebody else": stranger.answer(question.octets),
    }
    for case, octets in refused.items():
        with pytest.raises(TimestampInvalid):
            pytest.fail(f"{case}: {check_answer(question, octets, roots)}")


def test_a_certificate_for_something_else(timestamp_authority: TimestampAuthority) -> None:
    """A web server's certificate of the same authority signs the very same words."""
    roots = read_roots(timestamp_authority.ca.read_bytes())
    question = make_question(DATA)
    answer = timestamp_authority.answer(question.octets)
    check_answer(question, timestamp_authority.signed_again(answer, by="stamping"), roots)
    with pytest.raises(TimestampInvalid, match=r"EKU|purpose"):
        check_answer(question, timestamp_authority.signed_again(answer, by="serving"), roots)


def test_every_octet_counts(timestamp_authority: TimestampAuthority) -> None:
    """Where a changed octet is not noticed, it is none of the hash, the nonce, the time or the signature."""
    roots = read_roots(timestamp_authority.ca.read_bytes())
    question = make_question(DATA)
    answer = timestamp_authority.answer(question.octets)
    at = check_answer(question, answer, roots)
    for place in range(0, len(answer), 7):
        changed = bytearray(answer)
        changed[place] ^= 0x10
        try:
            assert check_answer(question, bytes(changed), roots) == at
        except TimestampInvalid:
            continue


@pytest.mark.parametrize("text", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END"])
def test_no_roots(text: bytes) -> None:
    with pytest.raises(ConfigurationInvalid):
        read_roots(text)
