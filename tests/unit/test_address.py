"""The grammar of addresses: what is refused first, then what is taken."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.address import (
    ADDRESS_OCTETS,
    LOCAL_PART_OCTETS,
    domain_of,
    is_function_mailbox,
    parse_address,
    parse_path,
)
from rorpost_gateway.errors import AddressMalformed

KELVIN = "\u212a"  # its lower case is the ASCII letter k
LONG_S = "\u017f"  # its upper case is the ASCII letter S
DOTLESS_I = "\u0131"

MALFORMED_ADDRESSES = {
    "empty": "",
    "no at sign": "rorpost.bistand",
    "no local part": "@motala.se",
    "no domain": "a@",
    "two at signs": "a@b@motala.se",
    "a comment": "a(c)@motala.se",
    "a comment in the domain": "a@motala.se(c)",
    "a space before the at sign": "a @motala.se",
    "a space after it": "a@ motala.se",
    "a leading space": " a@motala.se",
    "a trailing space": "a@motala.se ",
    "a tab": "a\t@motala.se",
    "a final newline": "a@motala.se\n",
    "CRLF and a second field": "a@motala.se\r\nBcc: b@elsewhere.example",
    "a bare CR": "a\r@motala.se",
    "a bare LF in the domain": "a@motala.se\n.example",
    "NUL": "a\0@motala.se",
    "DEL": "a\x7f@motala.se",
    "CRLF in a quoted local part": '"a\r\nb"@motala.se',
    "an escaped newline in a quoted local part": '"a\\\nb"@motala.se',
    "NUL in a quoted local part": '"a\0b"@motala.se',
    "an open quote": '"a@motala.se',
    "a quote that ends on a backslash": '"a\\"@motala.se',
    "a quote in the middle": 'a"b"c@motala.se',
    "a quoted word as part of a dot-atom": '"a".b@motala.se',
    "a leading dot": ".a@motala.se",
    "a trailing dot in the local part": "a.@motala.se",
    "two dots": "a..b@motala.se",
    "a trailing dot in the domain": "a@motala.se.",
    "an empty label": "a@motala..se",
    "a leading dot in the domain": "a@.motala.se",
    "a label that begins with a hyphen": "a@-motala.se",
    "a label that ends with a hyphen": "a@motala-.se",
    "an underscore in the domain": "a@mo_tala.se",
    "an address literal": "a@[127.0.0.1]",
    "an IPv6 literal": "a@[IPv6:::1]",
    "a source route": "@relay.example:a@motala.se",
    "a percent-encoded at sign in the domain": "a@motala.se%40elsewhere.example",
    "angle brackets": "<a@motala.se>",
    "a display name": "A <a@motala.se>",
    "a list": "a@motala.se,b@motala.se",
    "a semicolon list": "a@motala.se;b@motala.se",
    "Swedish letters in the local part": "rörpost.bistånd@motala.se",
    "Swedish letters in the domain": "a@malmö.se",
    "the Kelvin sign": f"rorpost.{KELVIN}@motala.se",
    "the long s": f"rorpo{LONG_S}t.a@motala.se",
    "a full-width at sign": "a\uff20motala.se",
    "Arabic digits": "a@\u0661\u0662.se",
    "a lone surrogate": "a\udce5@motala.se",
    "a zero-width space": "a\u200b@motala.se",
}


@pytest.mark.parametrize("text", MALFORMED_ADDRESSES.values(), ids=MALFORMED_ADDRESSES.keys())
def test_a_malformed_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(AddressMalformed) as caught:
        parse_address(text)
    assert caught.value.public.isprintable()
    assert len(text) < 3 or text not in f"{caught.value.public} {caught.value.private}"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" * 65 + "@motala.se", id="local part of 65 octets"),
        pytest.param('"' + "a" * 63 + '"@motala.se', id="quoted local part of 65 octets"),
        pytest.param("a@" + "b" * 64 + ".se", id="label of 64 octets"),
        pytest.param("a@" + ".".join(["b" * 63] * 4), id="address of 257 octets"),
        pytest.param("a@" + ".".join(["b" * 61, "c" * 63, "d" * 63, "e" * 63]), id="address of 255 octets"),
        pytest.param("a" * 1_000_000 + "@motala.se", id="local part of a megabyte"),
        pytest.param("a@" + "b." * 500_000 + "se", id="domain of a megabyte"),
        pytest.param("a@" + "-" * 1_000_000, id="hyphens without an end"),
        pytest.param("a@b" + "-" * 1_000_000, id="a label of hyphens"),
        pytest.param("a." * 500_000, id="dots without an end"),
        pytest.param('"' + "\\" * 1_000_001, id="backslashes without an end"),
    ],
)
def test_an_address_that_is_too_long_is_refused(text: str) -> None:
    with pytest.raises(AddressMalformed):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("rorpost.hemsjukvarden@motala.se", "rorpost.hemsjukvarden@motala.se"),
        ("Rorpost.HemSjukvarden@Motala.SE", "rorpost.hemsjukvarden@motala.se"),
        ("a@b", "a@b"),
        ("o'neill+tag=x@motala.se", "o'neill+tag=x@motala.se"),
        ('"a b"@motala.se', '"a b"@motala.se'),
        ('"a>b@c"@motala.se', '"a>b@c"@motala.se'),
        (r'"a\"b"@motala.se', r'"a\"b"@motala.se'),
        ('""@motala.se', '""@motala.se'),
        ("a@1.2.3.4", "a@1.2.3.4"),  # labels of digits follow the grammar; nothing is looked up here
        ("a@xn--malm-8qa.se", "a@xn--malm-8qa.se"),
        ("a" * LOCAL_PART_OCTETS + "@motala.se", "a" * LOCAL_PART_OCTETS + "@motala.se"),
    ],
)
def test_a_sound_address_is_taken_in_lower_case(text: str, want: str) -> None:
    assert parse_address(text) == want


def test_the_longest_address_that_a_path_may_hold_is_taken() -> None:
    longest = "a@" + ".".join(["b" * 60, "c" * 63, "d" * 63, "e" * 63])
    assert len(longest) == ADDRESS_OCTETS
    assert parse_address(longest) == longest


MALFORMED_PATHS = {
    "empty": "",
    "no angle brackets": "a@motala.se",
    "a space before the bracket": " <a@motala.se>",
    "a comment": "<a(c)@motala.se>",
    "a space before the at sign": "<a @motala.se>",
    "a space inside": "< a@motala.se >",
    "no closing bracket": "<a@motala.se",
    "no opening bracket": "a@motala.se>",
    "a source route": "<@relay.example:a@motala.se>",
    "two pairs of brackets": "<<a@motala.se>>",
    "two addresses": "<a@motala.se,b@motala.se>",
    "a second path": "<a@motala.se><b@motala.se>",
    "a trailing dot": "<a@motala.se.>",
    "a trailing hyphen": "<a@motala.se->",
    "a quoted bracket that is not closed": '<"a>b@motala.se>',
    "a parameter without a space": "<a@motala.se>SIZE=1",
    "a parameter after a tab": "<a@motala.se>\tSIZE=1",
    "the null path and a parameter without a space": "<>SIZE=1",
    "the null path twice": "<><>",
    "a space in the null path": "< >",
    "CRLF inside": "<a@motala.se\r\n>",
    "a newline after the bracket": "<a@motala.se>\n",
    "a display name": "A <a@motala.se>",
    "only an opening bracket": "<",
    "only a closing bracket": ">",
    "a bare word": "<postmaster>",
    "8-bit": "<å@motala.se>",
    "too long a local part": f"<{'a' * 65}@motala.se>",
}


@pytest.mark.parametrize("text", MALFORMED_PATHS.values(), ids=MALFORMED_PATHS.keys())
def test_a_malformed_path_is_refused(text: str) -> None:
    with pytest.raises(AddressMalformed):
        parse_path(text)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("<>", ("", "")),
        ("<> BODY=8BITMIME", ("", "BODY=8BITMIME")),
        ("<A@Motala.se>", ("a@motala.se", "")),
        ("<a@motala.se> ", ("a@motala.se", "")),
        ("<a@motala.se> SIZE=1 BODY=8BITMIME", ("a@motala.se", "SIZE=1 BODY=8BITMIME")),
        ("<a@motala.se>   RET=HDRS  ", ("a@motala.se", "RET=HDRS")),
        ("<a@motala.se> ENVID=QQ+2B<x>", ("a@motala.se", "ENVID=QQ+2B<x>")),  # parameters keep their case
        ('<"a>b"@motala.se> SIZE=1', ('"a>b"@motala.se', "SIZE=1")),
        ('<"a> SIZE=1"@motala.se>', ('"a> size=1"@motala.se', "")),
    ],
)
def test_a_path_is_split_from_its_parameters(text: str, want: tuple[str, str]) -> None:
    assert parse_path(text) == want


NO_FUNCTION_MAILBOXES = {
    "the null path": "",
    "a person": "anna.berg@motala.se",
    "no unit": "rorpost@motala.se",
    "an empty unit": "rorpost.@motala.se",
    "another prefix": "xrorpost.a@motala.se",
    "the Swedish spelling": "rörpost.a@motala.se",
    "two dots": "rorpost..a@motala.se",
    "a leading hyphen": "rorpost.-a@motala.se",
    "a trailing hyphen": "rorpost.a-@motala.se",
    "a trailing dot": "rorpost.a.@motala.se",
    "dot and hyphen together": "rorpost.a.-b@motala.se",
    "an underscore": "rorpost.a_b@motala.se",
    "a plus tag": "rorpost.a+b@motala.se",
    "a pattern": "rorpost.*@motala.se",
    "quotes": '"rorpost.a"@motala.se',
    "a comment": "rorpost.a(x)@motala.se",
    "a second at sign": "rorpost.a@evil.example@motala.se",
    "no domain": "rorpost.a@",
    "a trailing dot in the domain": "rorpost.a@motala.se.",
    "an address literal": "rorpost.a@[127.0.0.1]",
    "a final newline": "rorpost.a@motala.se\n",
    "a leading space": " rorpost.a@motala.se",
    "angle brackets": "<rorpost.a@motala.se>",
    "the Kelvin sign in the unit": f"rorpost.{KELVIN}@motala.se",
    "the Kelvin sign in the domain": f"rorpost.a@{KELVIN}.se",
    "the long s": f"rorpo{LONG_S}t.a@motala.se",
    "a dotless i": f"rorpost.{DOTLESS_I}@motala.se",
    "Swedish letters in the unit": "rorpost.bistånd@motala.se",
    "Arabic digits": "rorpost.\u0661@motala.se",
    "a local part of 65 octets": "rorpost." + "a" * 57 + "@motala.se",
    "a label of 64 octets": "rorpost.a@" + "b" * 64 + ".se",
    "an address of 257 octets": "rorpost.a@" + ".".join(["b" * 61] * 4),
}


@pytest.mark.parametrize("text", NO_FUNCTION_MAILBOXES.values(), ids=NO_FUNCTION_MAILBOXES.keys())
def test_what_breaks_the_naming_standard_is_no_function_mailbox(text: str) -> None:
    assert not is_function_mailbox(text)


@pytest.mark.parametrize(
    "text",
    [
        "rorpost.hemsjukvarden@motala.se",
        "rorpost.vcbrinken@regionostergotland.se",
        "RORPOST.VCBRINKEN@REGIONOSTERGOTLAND.SE",
        "rorpost.vc.brinken-2@motala.se",
        "rorpost.1@motala.se",
        "rorpost." + "a" * 56 + "@motala.se",
    ],
)
def test_the_naming_standard_takes_any_case(text: str) -> None:
    assert is_function_mailbox(text)


@pytest.mark.parametrize(
    ("address", "want"),
    [
        ("", ""),
        ("motala.se", ""),  # what has no at sign has no domain, and must never pass for a local one
        ("a@motala.se", "motala.se"),
        ('"a@elsewhere.example"@motala.se', "motala.se"),
    ],
)
def test_the_domain_is_what_follows_the_last_at_sign(address: str, want: str) -> None:
    assert domain_of(address) == want


@given(st.text(max_size=80) | st.text(alphabet='ab.@<>"\\ -K\u212a\r\n', max_size=40))
def test_parsing_refuses_or_yields_one_plain_line(text: str) -> None:
    try:
        address = parse_address(text)
    except AddressMalformed:
        assert not is_function_mailbox(text)
        return
    assert address.isascii()
    assert address.isprintable()
    assert address == address.lower()
    assert parse_address(address) == address
    assert parse_path(f"<{text}>") == (address, "")
    assert parse_path(f"<{text}> SIZE=1") == (address, "SIZE=1")


@given(st.text(max_size=80) | st.text(alphabet='ab.@<>"\\ K\u212a\r\n', max_size=40))
def test_a_path_that_is_taken_holds_a_sound_address(text: str) -> None:
    try:
        address, rest = parse_path(f"<{text}")
    except AddressMalformed:
        return
    assert address == "" or parse_address(address) == address
    assert rest == rest.strip(" ")


@given(
    unit=st.from_regex(r"[a-z0-9]{1,8}([.-][a-z0-9]{1,8}){0,3}", fullmatch=True),
    domain=st.from_regex(r"[a-z0-9]{1,8}(-[a-z0-9]{1,8})?(\.[a-z0-9]{1,8}){0,3}", fullmatch=True),
)
def test_every_name_of_the_standard_is_also_an_address(unit: str, domain: str) -> None:
    mailbox = f"rorpost.{unit}@{domain}"
    assert is_function_mailbox(mailbox)
    assert is_function_mailbox(mailbox.upper())
    assert parse_address(mailbox.upper()) == mailbox
    assert domain_of(mailbox) == domain
