"""The small mail server that takes the watch's notices: what a real client sends is what it keeps."""

import asyncio
import smtplib

from rorpost_gateway.demo.notices import Notice, notice_server

OCTETS = (
    b"From: =?utf-8?Q?R=C3=B6rposten?= <rorpost.vakt@motala.se>\r\nTo: <doris.vik@motala.se>\r\n"
    b"Subject: =?utf-8?Q?ol=C3=A4st?=\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    b".med punkt\r\nHemsjukv=C3=A5rden\r\n"
)


def send(port: int, *recipients: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.sendmail("", recipients, OCTETS)
        client.sendmail("", recipients[:1], OCTETS)


async def test_everything_that_comes_is_kept_as_it_came() -> None:
    async with notice_server() as server:
        await asyncio.to_thread(send, server.port, "a@motala.se", "b@motala.se")
    assert server.taken == [
        Notice(recipients=("a@motala.se", "b@motala.se"), octets=OCTETS),
        Notice(recipients=("a@motala.se",), octets=OCTETS),
    ]


async def test_a_client_that_goes_away_is_no_mail() -> None:
    async with notice_server() as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.se>\r\nDATA\r\nFrom: x\r\n")
        writer.close()
        await writer.wait_closed()
    assert server.taken == []


def test_its_reader_sees_text() -> None:
    assert Notice(recipients=(), octets=OCTETS).as_read() == [
        "From: Rörposten <rorpost.vakt@motala.se>",
        "To: doris.vik@motala.se",
        "Subject: oläst",
        "",
        ".med punkt",
        "Hemsjukvården",
    ]
