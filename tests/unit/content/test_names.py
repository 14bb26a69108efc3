"""Names of attachments, in every way in which mail clients write and read them."""

import base64

import pytest

from rorpost_gateway.content import read_content
from rorpost_gateway.content.names import names_of
from rorpost_gateway.facts import Look
from rorpost_gateway.message import check_structure, parse_message

NUMBER = "19121212-1212"


def named(header: str, *, as_part: bool = False) -> tuple[str, ...]:
    text = header + "\r\n\r\nx\r\n"
    if as_part:
        text = f"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n{text}--x--\r\n"
    message = parse_message(text.encode())
    parts = check_structure(message)
    return names_of(message, parts[-1])


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Content-Disposition: attachment; filename=a.pdf", "a.pdf"),
        ('Content-Disposition: attachment; filename="a; b.pdf"', "a; b.pdf"),
        ('Content-Disposition: attachment;\r\n\tFILENAME = "a \\"b\\".pdf"; size=3', 'a "b".pdf'),
        ("Content-Type: text/plain; name=a.txt", "a.txt"),
        ('Content-Type: text/plain; name="=?utf-8?B?w6UudHh0?="', "å.txt"),
        ("Content-Disposition: attachment; filename*=iso-8859-1'sv'%E5.pdf", "å.pdf"),
        ('Content-Disposition: attachment; filename*0=a; filename*1=".p"; filename*2=df', "a.pdf"),
        ("Content-Disposition: attachment; filename*1*=%C3%A5.pdf; filename*0*=utf-8''a", "aå.pdf"),
        ("Content-Disposition: attachment; filename*=nonsense'%41", "nonsense'A"),
        ('Content-Disposition: attachment; filename="a.pdf', '"a.pdf'),
        ("Content-Description: a.pdf", "a.pdf"),
    ],
)
def test_a_name(header: str, name: str) -> None:
    assert named(header) == (name,)
    assert named(header, as_part=True) == (name,)


@pytest.mark.parametrize("header", ["Subject: name=a.pdf", "Content-Type: text/plain", "X-Name: name=a"])
def test_no_name(header: str) -> None:
    assert named(header) == ()


def test_octets_beyond_ascii_and_what_cannot_be_seen() -> None:
    assert named('Content-Disposition: attachment; filename="å\u200b.pdf"', as_part=True) == ("å.pdf",)


def found(name: str) -> bool | None:
    encoded = base64.b64encode(name.encode()).decode()
    text = f'Content-Disposition: attachment; filename="=?utf-8?B?{encoded}?="\r\n\r\nx\r\n'
    return read_content(parse_message(text.encode()), Look.NAMES).identity_number_in_name


@pytest.mark.parametrize(
    "name",
    [
        *(f"{NUMBER}.pdf", "remiss_19121212_1212.pdf", "191212121212.docx", "Anna 121212-1212 (2).pdf"),
        *("1912\u200b1212-1212.pdf", "１９１２１２１２-１２１２.pdf", "701063-2391.pdf"),
    ],
)
def test_an_identity_number_in_a_name(name: str) -> None:
    assert found(name) is True


@pytest.mark.parametrize(
    "name", ["remiss.pdf", "IMG_20260506_093012.jpg", "191212-1213.pdf", "bilaga 1212-1212"]
)
def test_none_in_a_name(name: str) -> None:
    assert found(name) is False


def test_among_many_parts_one_is_enough() -> None:
    parts = "".join(f"--x\r\nContent-Type: text/plain; name=a{n}\r\n\r\n\r\n" for n in range(20))
    last = f"--x\r\nContent-Type: a/b; name={NUMBER}\r\n\r\n"
    text = f"Content-Type: multipart/mixed; boundary=x\r\n\r\n{parts}{last}"
    assert read_content(parse_message(text.encode()), Look.NAMES).identity_number_in_name
