"""Bad messages against the real daemon: a clean answer, one line in the log, nothing relayed."""

import pytest

from tests.peers import gateway_world as world
from tests.peers.bare_client import Since
from tests.peers.gnupg_home import open_with_gpg
from tests.peers.submitting import Heard, make_message
from tests.peers.whole_gateway import WholeGateway

MANY = 10_000


def header(**changes: str | None) -> bytes:
    return make_message(**changes).partition(b"\r\n\r\n")[0] + b"\r\n"  # type: ignore[arg-type]


def refused(enduring: WholeGateway, octets: bytes) -> Heard:
    """One submission that is refused with one line, and leaves nothing."""
    since = Since(enduring)
    heard = enduring.submit(octets)
    assert heard.refused, heard
    assert since.reasons == [heard.reason]
    assert not enduring.queue_rows()
    assert not since.arrivals
    return heard


MALFORMED = {
    "NUL in the body": header() + b"\r\nHej\0\r\n",
    "NUL in the header": header() + b"X-A: \0\r\n\r\nHej\r\n",
    "bare CR": header() + b"\r\nHej\rhopp\r\n",
    "bare LF": header() + b"\r\nHej\nhopp\r\n",
    "bare LF for all": header().replace(b"\r\n", b"\n") + b"\nHej\r\n",
    "CR CR LF": header() + b"\r\nHej\r\r\n",
    "8-bit subject": header(subject="") + b"X-S: \xc3\xa5\r\n\r\nHej\r\n",
    "8-bit field name": header() + b"\xc5mne: Hej\r\n\r\nHej\r\n",
    "8-bit From": header().replace(b"From: ", b"From: \xff ") + b"\r\nHej\r\n",
    "a field without a name": header() + b": Hej\r\n\r\nHej\r\n",
    "white space before the colon": header() + b"Subject : Hej\r\n\r\nHej\r\n",
    "a continuation first": b" Hej\r\n" + header() + b"\r\nHej\r\n",
    "two From": header() + f"From: {world.ANNA}\r\n\r\nHej\r\n".encode(),
    "two To": header() + b"To: a@example.org\r\n\r\nHej\r\n",
    "two Subject": header() + b"Subject: Hej\r\n\r\nHej\r\n",
    "two Content-Type": header() + b"Content-Type: text/html\r\n\r\nHej\r\n",
    "1 MB in a header line": header() + b"X-A: " + b"x" * 1_000_000 + b"\r\n\r\nHej\r\n",
    "1 MB in folded header lines": header()
    + b"X-A: x\r\n"
    + b" xxxxxxxxxxxxxx\r\n" * 65_536
    + b"\r\nHej\r\n",
    "10,000 fields": header() + b"X-A: x\r\n" * MANY + b"\r\nHej\r\n",
    "1 MB in a body line": header() + b"\r\n" + b"x" * 1_000_000 + b"\r\n",
    "an unclosed comment in To": header(To=f"{world.BRINKEN} (") + b"\r\nHej\r\n",
    "an unclosed quote in To": header(To=f'"{world.BRINKEN}') + b"\r\nHej\r\n",
    "a route in To": header(To=f"<@a.example:{world.BRINKEN}>") + b"\r\nHej\r\n",
    "no date": header(Date="i torsdags") + b"\r\nHej\r\n",
    "deep comments in To": header(To="(" * 5000 + ")" * 5000 + world.BRINKEN) + b"\r\nHej\r\n",
    "a Content-Type that cannot be read": header(Content_Type="multipart/mixed; boundary") + b"\r\nHej\r\n",
}
ANOTHER_REASON = {"two From": "author-mismatch"}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed(enduring: WholeGateway, what: str) -> None:
    heard = refused(enduring, MALFORMED[what])
    assert heard.reason == ANOTHER_REASON.get(what, "message-malformed")
    assert world.PHONE_THEIRS in heard.text


MULTIPART = 'multipart/mixed; boundary="x"'
NESTED = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth) for depth in range(MANY)
)
TOO_COMPLEX = {
    "10,000 parts": header(Content_Type=MULTIPART) + b"\r\n" + b"--x\r\n\r\nHej\r\n" * MANY + b"--x--\r\n",
    "10,000 deep": header(Content_Type=None) + NESTED + b"\r\nHej\r\n",
    "10,000 messages in messages": header(Content_Type="message/rfc822")
    + b"\r\n"
    + b"Content-Type: message/rfc822\r\n\r\n" * MANY
    + b"Hej\r\n",
    "look-alikes": header(Content_Type=MULTIPART) + b"\r\n" + b"--xx\r\n" * 200_000 + b"--x--\r\n",
}


@pytest.mark.parametrize("what", TOO_COMPLEX)
def test_too_complex(enduring: WholeGateway, what: str) -> None:
    assert refused(enduring, TOO_COMPLEX[what]).reason == "message-too-complex"


STRANGE = {
    "an end that is missing": header(Content_Type=MULTIPART) + b"\r\n--x\r\n\r\nHej\r\n",
    "a beginning that is missing": header(Content_Type=MULTIPART) + b"\r\n--x--\r\n",
    "no body": header(),
    "every octet but NUL, CR and LF": header()
    + b"\r\n"
    + bytes(octet for octet in range(1, 256) if octet not in b"\r\n") * 50
    + b"\r\n",
    "base64 that is none": header(Content_Transfer_Encoding="base64") + b"\r\n%%%\xff\r\n",
    "an encoding nobody knows": header(Content_Transfer_Encoding="x-uuencode") + b"\r\nHej\r\n",
    "a charset nobody knows": header(Content_Type="text/plain; charset=x-\x7f".replace("\x7f", "y"))
    + b"\r\n\xff\r\n",
    "an encoded word that is none": header(subject="=?utf-8?Q?=C3=28=?= =?x?B?%%%?=") + b"\r\nHej\r\n",
    "dots": header() + b"\r\n.\r\n..\r\n...\r\n.x\r\n",
}


@pytest.mark.parametrize("what", STRANGE)
def test_strange_but_readable_goes_as_it_is(enduring: WholeGateway, what: str) -> None:
    since = Since(enduring)
    octets = STRANGE[what]
    heard = enduring.submit(octets)
    assert heard.accepted, heard
    enduring.wait_until_empty()
    assert since.reasons == ["ok"]
    [arrival] = since.arrivals
    opened = open_with_gpg(enduring.keys.receiver_home, arrival.sealed)
    assert opened.endswith(octets.partition(b"\r\n\r\n")[2])


USERS = {
    "a line end, folded": f"{world.ANNA}\r\n Bcc: {world.BO}",
    "two": f"{world.ANNA}, {world.BO}",
    "a group": f"g: {world.ANNA};",
    "encoded": "=?utf-8?Q?anna.berg=40motala.se=0D=0ABcc:_x=40example.org?=",
    "a comment": f"{world.ANNA} (Anna)",
    "a route": f"<@example.org:{world.ANNA}>",
    "an address literal": "anna.berg@[127.0.0.1]",
    "two in one": f'"{world.BO}" <{world.ANNA}>, x',
    "empty": "",
    "a megabyte less": f"<{'a' * 60_000}@motala.se>",
}


@pytest.mark.parametrize("what", USERS)
def test_injection_in_the_declared_user(enduring: WholeGateway, what: str) -> None:
    octets = header(user=USERS[what]) + b"\r\nHej\r\n"
    heard = refused(enduring, octets)
    assert heard.reason == "user-not-declared"
    [line] = enduring.lines_of("decision")[-1:]
    assert line["declared_user"] is None


def test_a_second_field_after_a_line_end_is_a_field_of_its_own(enduring: WholeGateway) -> None:
    octets = header(user=f"{world.ANNA}\r\nBcc: {world.LYCKORNA}") + b"\r\nHej\r\n"
    assert refused(enduring, octets).reason == "hidden-recipient"
