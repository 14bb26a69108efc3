"""Any text at all: looking for quotes ends, soon, and what is quoted is found however it is dressed."""

import base64
import quopri
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorpost_gateway.content import read_content
from rorpost_gateway.facts import Look, Quotes
from rorpost_gateway.message import parse_message

FUZZ = settings(max_examples=150, deadline=None, derandomize=True, database=None)
BOUND_SECONDS = 5  # generous for a busy machine; quadratic time on these sizes is minutes
CHARACTERS = 200_000

PIECES = st.sampled_from(
    [
        "Från", "From", "Sent", "Skickat", "Till", "To", "Ämne", ":", "*", ">", "> ", "|", "\n", "\n\n", " ",
        "a@b.se", "<a@b.se>", "<", "@", "skrev", "wrote:", "Den 5 maj", "On 5/5", "för", "On Behalf Of", ",",
        "-----Original Message-----", "Vidarebefordrat brev:", "<br>", "<p>", "</blockquote>", "<!--", "-->",
        "<blockquote type=cite>", "<style>", "</style", "<pre>", "<a href='mailto:", "'>", "&lt;", "&#",
        "&", ";",
        "\u200b", "a\u030a", "\ufffd", "=?utf-8?Q?", "?=", "\u0130", "ß",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=60).map("".join)


def quotes_of(text: str, kind: str = "plain", charset: str = "utf-8", encoding: str = "base64") -> Quotes:
    octets = text.encode(charset, "replace")
    body = base64.encodebytes(octets) if encoding == "base64" else quopri.encodestring(octets)
    header = f"Content-Type: text/{kind}; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n"
    whole = header.encode() + body.replace(b"\r\n", b"\n")
    found = read_content(parse_message(whole.replace(b"\n", b"\r\n")), Look.QUOTES).quotes
    assert found is not None
    return found


@given(TEXTS | st.text(max_size=300), st.sampled_from(["plain", "html"]))
@FUZZ
def test_any_text_is_read(text: str, kind: str) -> None:
    found = quotes_of(text, kind)
    assert all(address == address.lower() and "@" in address for address in found.addresses)


@given(st.binary(max_size=300), st.sampled_from(["plain", "html", "rfc822-headers"]))
@FUZZ
def test_any_octets_are_read(octets: bytes, kind: str) -> None:
    text = octets.decode("latin-1")
    quotes_of(text, kind, "latin-1")
    quotes_of(text, kind, "utf-16")


HEADERS = st.sampled_from(
    [
        ("Från", "Skickat", "Till", "Ämne"),
        ("From", "Sent", "To", "Subject"),
        ("From", "Date", "Subject", "To"),
        ("Fra", "Sendt", "Til", "Emne"),
    ]
)
UNSEEN = st.sampled_from(["", "\u200b", "\u00ad", "\u2060", "\ufeff"])


@given(
    labels=HEADERS,
    marks=st.sampled_from(["", "> ", ">>> ", " > > ", "| ", "\t"]),
    bold=st.sampled_from(["", "*"]),
    unseen=UNSEEN,
    before=st.sampled_from(["", "Hej!\n\n", "x\n" * 40, "Från: i går\n\n\n"]),
    address=st.sampled_from(["karin@example.org", "KARIN@Example.ORG", "mailto:karin@example.org"]),
    charset=st.sampled_from(["utf-8", "utf-16", "windows-1252"]),
    encoding=st.sampled_from(["base64", "quoted-printable"]),
)
@FUZZ
def test_a_reply_header_is_found_however_it_is_dressed(
    labels: tuple[str, ...],
    marks: str,
    bold: str,
    unseen: str,
    before: str,
    address: str,
    charset: str,
    encoding: str,
) -> None:
    if charset == "windows-1252":
        unseen = ""
    if charset == "utf-16":
        encoding = "base64"
    values = {labels[0]: f"Karin <{address}>"}
    lines = [f"{marks}{bold}{unseen}{label}:{bold} {values.get(label, 'x')}" for label in labels]
    found = quotes_of(before + "\n".join(lines) + "\n\nHej\n", "plain", charset, encoding)
    assert "karin@example.org" in found.addresses


@given(
    labels=HEADERS,
    line=st.sampled_from(
        ["{}<br>", "<p>{}</p>", "<div>{}</div>\n", "<tr><td>{}</td></tr>", "<li><span>{}</span>"]
    ),
    bold=st.sampled_from(["{}", "<b>{}</b>", "<b><span lang=SV>{}</span></b>"]),
    address=st.sampled_from(
        [
            "&lt;karin@example.org&gt;",
            "<a href='mailto:karin@example.org'>Karin</a>",
            "karin&#64;example&period;org",
        ]
    ),
    around=st.sampled_from(
        ["{}", "<blockquote type=cite>{}</blockquote>", "<html><style>p{{}}</style><body>{}"]
    ),
)
@FUZZ
def test_a_reply_header_in_html_is_found_however_it_is_dressed(
    labels: tuple[str, ...], line: str, bold: str, address: str, around: str
) -> None:
    values = {labels[0]: address}
    html = "".join(line.format(f"{bold.format(label + ':')} {values.get(label, 'x')}") for label in labels)
    assert "karin@example.org" in quotes_of(around.format(html), "html").addresses


SHAPES = {
    "line ends": ("plain", "\n"),
    "marks": ("plain", ">\n"),
    "blanks": ("plain", " "),
    "dashes": ("plain", "-"),
    "verbs": ("plain", "skrev\n"),
    "verbs in one line": ("plain", "skrev "),
    "labels": ("plain", "From: "),
    "labels in lines": ("plain", "From: a@b.se\n"),
    "recipients": ("plain", "From: a\nTo: x,\n b@c.se,\n"),
    "at signs": ("plain", "From: a@"),
    "stars": ("plain", "From: * "),
    "on behalf": ("plain", "From: för "),
    "combining marks": ("plain", "\u0315\u0300"),
    "brackets": ("html", "<"),
    "open tags": ("html", "<a "),
    "open comments": ("html", "<!--"),
    "open styles": ("html", "<style>"),
    "citations": ("html", "<blockquote type=cite>"),
    "ampersands": ("html", "&"),
    "numbers": ("html", "&#9"),
    "links": ("html", "<a href='mailto:"),
    "preformatted": ("html", "<pre>\n"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_time_is_linear(shape: str) -> None:
    kind, piece = SHAPES[shape]
    began = time.perf_counter()
    quotes_of(piece * (CHARACTERS // len(piece)), kind)
    assert time.perf_counter() - began < BOUND_SECONDS
