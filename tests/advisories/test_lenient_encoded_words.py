"""The flaw: a rule read a subject strictly, and the mail client that shows it does not.

Encoded words that are slightly wrong (RFC 2047) are shown decoded by one client or another:
base64 that goes on after its padding or has a letter too many, a question mark in the text,
UTF-16 under names that Python does not know. An identity number must not hide in them.
"""

import time
from base64 import b64encode

import pytest

from rorpost_gateway.identity_number import contains_identity_number
from rorpost_gateway.message.encoded_words import decode_words

NUMBER = "19811218-9876"


def base64(text: str, charset: str = "ascii") -> str:
    return b64encode(text.encode(charset)).decode("ascii")


@pytest.mark.parametrize(
    "subject",
    [
        f"=?utf-8?B?YQ=={base64(NUMBER)}?=",
        f"=?utf-8?B?{base64(NUMBER).rstrip('=')}AAA?=",
        f"=?utf-8?B?{base64(NUMBER)[:5]}!{base64(NUMBER)[5:]}?=",
        "=?utf-8?Q?a?19811218=2D9876?=",
        "=?utf-8?Q?19811218=2D9876?!?=",
        f"=?unicode?B?{base64(NUMBER, 'utf-16-le')}?=",
        f"=?iso-10646-ucs-2?B?{base64(NUMBER, 'utf-16-be')}?=",
        "=?utf-8?Q?1981=001218=2D9876?=",
        "=?utf-8?Q?1981=071218=2D9876?=",
    ],
)
def test_an_identity_number_is_found(subject: str) -> None:
    assert contains_identity_number(decode_words(subject))


@pytest.mark.parametrize("unit", ["=?a?q?", "=?a?q??", "=?a?b?=?", "=?a?b?AAAA=", "?", "=?a?q?x?y"])
def test_it_takes_linear_time(unit: str) -> None:
    def seconds(octets: int) -> float:
        text = unit * (octets // len(unit))
        begin = time.process_time()
        decode_words(text)
        return time.process_time() - begin

    assert seconds(256 * 1024) < 64 * max(seconds(16 * 1024), 0.002)
