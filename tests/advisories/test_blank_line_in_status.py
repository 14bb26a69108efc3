"""The flaw: many spaces in a next hop's reply or a client's ORCPT made a folded line of white space only.

Some readers take such a line for the end of the block (RFC 5322, section 3.2.2 forbids to make one), so
that whoever chose the text chose which fields of the delivery status are read.
"""

import pytest

from rorpost_gateway.dsn.fields import folded


@pytest.mark.parametrize(
    "value", ["550 " + "a " * 253, "rfc822; " + " " * 200 + "x", "x" * 75 + " " * 9, " "]
)
def test_no_line_is_white_space_only(value: str) -> None:
    lines = folded([("Diagnostic-Code", value), ("Action", "failed")]).split(b"\r\n")
    assert all(line.strip() for line in lines[:-1])
    assert lines[-2:] == [b"Action: failed", b""]
