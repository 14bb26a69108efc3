"""What lay in a mailbox, as a session would have brought it."""

import pytest

from rorpost_gateway.collecting.arrived import as_brought, author_of

SENDER = "rorpost.vcbrinken@regionostergotland.se"


@pytest.mark.parametrize(
    ("lay", "brought"),
    [
        (b"A: b\r\n\r\nc\r\n", b"A: b\r\n\r\nc\r\n"),
        (b"A: b\n\nc\n", b"A: b\r\n\r\nc\r\n"),
        (b"A: b\r\n\r\nno end", b"A: b\r\n\r\nno end\r\n"),
        (b"A: b\n\nno end", b"A: b\r\n\r\nno end\r\n"),
        (b"", b"\r\n"),
    ],
)
def test_line_ends(lay: bytes, brought: bytes) -> None:
    assert as_brought(lay) == brought


@pytest.mark.parametrize("octets", [b"A: b\r\n\r\nc\nd\r\n", b"A: b\r\n\r\nc\rd\r\n", b"A: b\n\nc\r\n"])
def test_what_is_malformed_stays_so(octets: bytes) -> None:
    assert as_brought(octets) == octets


@pytest.mark.parametrize(
    "header",
    [
        b"From: " + SENDER.encode(),
        b"FROM: Brinken <" + SENDER.upper().encode() + b">",
        b"Received: x\r\nFrom:\r\n Brinken\r\n <" + SENDER.encode() + b">\r\nTo: a@b.se",
        b"Subject: r\xe4v\r\nFrom: " + SENDER.encode(),  # the way in refuses it, by its own reading
    ],
)
def test_one_author(header: bytes) -> None:
    for end in (b"\r\n\r\nFrom: other@b.se\r\n", b"", b"\r\n"):
        assert author_of(header + end) == SENDER
    assert author_of((header + b"\r\n\r\nbody").replace(b"\r\n", b"\n")) == SENDER


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\r\n",
        b"To: a@b.se\r\n\r\nFrom: " + SENDER.encode(),
        b"From: a@b.se\r\nFrom: a@b.se\r\n\r\n",
        b"From: a@b.se, c@b.se\r\n\r\n",
        b"From: undisclosed-recipients:;\r\n\r\n",
        b"From: a@b.se)c@d.se\r\n\r\n",
        b"From: \xe5@b.se\r\n\r\n",
        b"From:\r\n\r\n",
        b"X: y\rFrom: a@b.se\r\n\r\n",
        b"X" * 300_000 + b"\r\nFrom: a@b.se\r\n",
    ],
)
def test_nobody_to_be_sure_of(octets: bytes) -> None:
    assert author_of(octets) == ""
