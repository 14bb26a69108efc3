"""Whom a message quotes: what mail clients write, and what nobody could read twice."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from rorpost_gateway.content import BOUNDS, look_into, read_content
from rorpost_gateway.content.read import LARGE_OCTETS
from rorpost_gateway.content.running_text import QuoteReader
from rorpost_gateway.facts import Look, Quotes
from rorpost_gateway.message import Message, parse_message
from tests.peers.attached_files import compound, part
from tests.peers.attached_files import message as with_files

CASES = yaml.safe_load((Path(__file__).parent / "quotes.yaml").read_text(encoding="utf-8"))
OUTLOOK = "From: karin@example.org\nSent: today\n"


def message(text: str | bytes) -> Message:
    octets = text.encode() if isinstance(text, str) else text
    return parse_message(octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def quotes_of(octets: str | bytes, **bounds: int) -> Quotes:
    quotes = read_content(message(octets), Look.QUOTES, bounds=replace(BOUNDS, **bounds)).quotes
    assert quotes is not None
    return quotes


def written(case: dict[str, Any]) -> str:
    if "message" in case:
        return str(case["message"])
    kind, text = ("html", case["html"]) if "html" in case else ("plain", case["text"])
    return f"Content-Type: text/{kind}; charset=utf-8\n\n{text}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_is_quoted(case: dict[str, Any]) -> None:
    found = quotes_of(written(case))
    assert sorted(map(sorted, found.quoted)) == sorted(map(sorted, case["quoted"]))
    assert (found.suspected > 0) is case.get("suspected", False)


def test_addresses_are_those_of_all_quotes() -> None:
    found = quotes_of("\n" + OUTLOOK + "\n\nOn 5 May 2026, <a@b.se> wrote:\n")
    assert found.addresses == {"karin@example.org", "a@b.se"}


def test_what_is_found_is_not_shown_by_accident() -> None:
    assert "karin" not in repr(read_content(message("\n" + OUTLOOK), Look.QUOTES))


def test_beyond_the_bounds_is_only_suspected() -> None:
    before = "x" * 60 + "\n"
    far = "\n" + before * 20 + OUTLOOK
    assert quotes_of(far).addresses == {"karin@example.org"}
    assert quotes_of(far, part_text_octets=1000) == Quotes(suspected=1)
    assert quotes_of(far, text_octets=1000) == Quotes(suspected=1)
    assert quotes_of("\n" + OUTLOOK + before * 20, part_text_octets=1000) == Quotes(
        quoted=(frozenset({"karin@example.org"}),), suspected=1
    )


@pytest.mark.parametrize("before", [0, 65_500, 65_520, 65_534, 65_535, 65_536, 65_537, 131_050, 131_072])
def test_a_quote_stands_anywhere_in_a_long_text(before: int) -> None:
    """A long text is looked through some lines at a time; none of them is cut in two."""
    filler = ("x" * 49 + "\n") * (before // 50) + "x" * (before % 50)
    text = f"{filler}\nFrån: Karin <karin@privat.se>\nSkickat: i dag\nTill: a@b.se\n" + "y\n" * 50_000
    reader = QuoteReader()
    reader.read(text)
    assert reader.quoted == {frozenset({"karin@privat.se", "a@b.se"}): None}


def test_all_texts_of_a_message_share_one_bound() -> None:
    parts = "".join(f"--x\n\n{OUTLOOK.replace('karin', str(number))}\n" for number in range(9))
    text = f"Content-Type: multipart/mixed; boundary=x\n\n{parts}--x--\n"
    assert len(quotes_of(text).quoted) == 9
    found = quotes_of(text, text_octets=100)
    assert (len(found.quoted), found.suspected) == (3, 7)


def in_a_file(text: str) -> str:
    return (
        "Content-Type: multipart/mixed; boundary=x\n\n"
        f"--x\nContent-Disposition: attachment; filename=a.eml\n\n{text}\n--x--\n"
    )


def test_messages_in_messages_up_to_a_depth() -> None:
    def nested(levels: int) -> str:
        text = f"From: level{levels}@example.org\n\n{OUTLOOK}"
        for level in range(levels - 1, 0, -1):
            inside = in_a_file(text).replace("boundary=x", f"boundary=x{level}").replace("--x", f"--x{level}")
            text = f"From: level{level}@example.org\n{inside}"
        return in_a_file(text)

    assert "karin@example.org" in quotes_of(nested(3)).addresses
    found = quotes_of(nested(4))
    assert "level3@example.org" in found.addresses
    assert "level4@example.org" not in found.addresses
    assert found.suspected


@pytest.mark.parametrize(
    "inside",
    [
        "From: a@example.org\nSubject: \xe5\n\nraw octets in the header",
        "From: a@example.org\n\n" + "x" * 70_000,
        "From: a@example.org\nSubject: x\nSubject: y\n\n",
    ],
)
def test_a_file_that_is_no_sound_message_still_has_its_author(inside: str) -> None:
    found = quotes_of(in_a_file(inside)[:60_000].encode("latin-1"))
    assert found.addresses == {"a@example.org"}


def test_parts_in_a_transfer_encoding_are_suspected() -> None:
    text = "Content-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: base64\n\nLS14Cg==\n"
    assert quotes_of(text) == Quotes(suspected=1)


@pytest.mark.parametrize("size", [10, LARGE_OCTETS + 1])
async def test_on_the_loop_or_beside_it_the_same(size: int) -> None:
    content = await look_into(message("\n" + OUTLOOK + "x\n" * (size // 2)), Look.QUOTES)
    assert content is not None
    assert content.quotes is not None
    assert content.quotes.addresses == {"karin@example.org"}
    assert content.identity_number_in_name is None, "nobody asked"
    assert content.attachments is None


async def test_others_work_and_this_do_not_wait_for_each_other() -> None:
    """However long it takes; the threads of the event loop are few."""
    going_on = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        threads.submit(going_on.wait)
        try:
            asyncio.get_running_loop().set_default_executor(threads)
            async with asyncio.timeout(10):
                assert await look_into(message("\n" + OUTLOOK + "x\n" * LARGE_OCTETS), Look.QUOTES)
        finally:
            going_on.set()


async def test_many_parts_are_read_beside_the_loop() -> None:
    text = "Content-Type: multipart/mixed; boundary=x\n\n" + "--x\n\nHej\n" * 900
    began = time.thread_time()
    await look_into(message(text), Look.QUOTES)
    assert time.thread_time() - began < 0.02


async def test_nothing_asked_nothing_read() -> None:
    assert await look_into(message("\nHej\n"), Look(0)) is None


def saved(**more: bytes) -> bytes:
    """A message as Outlook saves it."""
    wide = {name: text.encode("utf-16-le") for name, text in (
        ("__substg1.0_5D01001F", "it@example.org"),
        ("__substg1.0_5D02001F", "karin@example.org"),
        ("__recip_version1.0_#00000000/__substg1.0_39FE001F", "olle@example.org"),
        ("__attach_version1.0_#00000000/__substg1.0_3701000D/__substg1.0_0C1F001F", "lisa@example.org"),
    )}  # fmt: skip
    return compound({"__properties_version1.0": b"", **wide, **more})


def test_messages_that_outlook_saved() -> None:
    body = "Från: bo@example.org\r\nSkickat: i dag\r\n".encode("utf-16-le")
    html = b"<b>From:</b> eva@example.org<br>Sent: today"
    octets = saved(**{"__substg1.0_1000001F": body, "__substg1.0_10130102": html})
    found = quotes_of(with_files(part(octets, "Mamma.msg", "application/vnd.ms-outlook")))
    assert sorted(map(sorted, found.quoted)) == [
        ["bo@example.org"],
        ["eva@example.org"],
        ["karin@example.org", "olle@example.org"],
        ["lisa@example.org"],
    ]


def test_messages_that_outlook_saved_and_nobody_can_read() -> None:
    assert quotes_of(with_files(part(saved(), "a.msg"))).suspected, "its text is in another form"
    assert quotes_of(with_files(part(saved()[:2000] + b"x" * 9000, "a.msg"))).suspected
    assert quotes_of(with_files(part(compound({"WordDocument": b"x"}), "a.doc"))) == Quotes()
