"""Whom a message quotes: what mail clients write, and what nobody could read twice."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from rorpost_gateway.content import BOUNDS, read_content
from rorpost_gateway.facts import Look, Quotes
from rorpost_gateway.message import parse_message

CASES = yaml.safe_load((Path(__file__).parent / "quotes.yaml").read_text(encoding="utf-8"))


def quotes_of(octets: bytes, **bounds: int) -> Quotes:
    message = parse_message(octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    from dataclasses import replace

    quotes = read_content(message, Look.QUOTES, bounds=replace(BOUNDS, **bounds)).quotes
    assert quotes is not None
    return quotes


def message_of(case: dict[str, Any]) -> bytes:
    if "message" in case:
        return case["message"].encode("utf-8")
    kind = "html" if "html" in case else "plain"
    return f"Content-Type: text/{kind}; charset=utf-8\n\n{case['html' if kind == 'html' else 'text']}".encode()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_what_is_quoted(case: dict[str, Any]) -> None:
    found = quotes_of(message_of(case))
    assert sorted(map(sorted, found.quoted)) == sorted(map(sorted, case["quoted"]))
    assert (found.suspected > 0) is case.get("suspected", False)
