"""Delivery into Maildirs, on a real file system. Refusals first."""

import asyncio
import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from rorpost_gateway.delivery import maildir
from rorpost_gateway.delivery.base import DeferredDelivery, Delivered, FailedDelivery
from rorpost_gateway.delivery.maildir import MaildirDelivery

HOME_CARE = "rorpost.hemsjukvarden@motala.se"
BRINKEN = "rorpost.vcbrinken@regionostergotland.se"
MESSAGE = b"Subject: x\r\n\r\nline\r\n.\r\n"


def files(root: Path) -> list[str]:
    return sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    "address",
    [
        "rorpost.../../etc@motala.se",
        "../rorpost.a@motala.se",
        "rorpost.a@motala.se/../../x",
        "rorpost.a/b@motala.se",
        "rorpost.a@motala.se\n",
        "rorpost.a\0@motala.se",
        "anna.berg@motala.se",
        "",
    ],
)
async def test_an_address_outside_the_naming_standard_touches_nothing(tmp_path: Path, address: str) -> None:
    root = tmp_path / "mail"
    root.mkdir()
    outcome = await MaildirDelivery(root).deliver(address, MESSAGE, reverse_path="", unique="n1")
    assert isinstance(outcome, FailedDelivery)
    assert outcome.reply.startswith("5.1.1 ")
    assert list(tmp_path.rglob("*")) == [root]


@pytest.mark.parametrize("unique", ["", ".hidden", "a/b", "a:2,S", "../x", "x" * 201, "a\nb"])
async def test_a_unique_that_is_no_file_name_is_refused(tmp_path: Path, unique: str) -> None:
    with pytest.raises(ValueError, match="not a file name"):
        await MaildirDelivery(tmp_path).deliver(HOME_CARE, MESSAGE, reverse_path="", unique=unique)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("octets", [b"a\nb\r\n", b"a\rb\r\n", b"a\r\r\n"])
async def test_line_ends_that_could_not_be_restored_are_refused(tmp_path: Path, octets: bytes) -> None:
    outcome = await MaildirDelivery(tmp_path).deliver(HOME_CARE, octets, reverse_path="", unique="n1")
    assert isinstance(outcome, FailedDelivery)
    assert outcome.reply.startswith("5.6.0 ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "path", ["a\nX-Rorpost-Verified: yes", "a@b>\r\nBcc: <c@d", "räv@motala.se", "<>", " "]
)
async def test_a_reverse_path_that_is_none_makes_no_header_field(tmp_path: Path, path: str) -> None:
    outcome = await MaildirDelivery(tmp_path).deliver(HOME_CARE, MESSAGE, reverse_path=path, unique="n1")
    assert isinstance(outcome, FailedDelivery)
    assert outcome.reply.startswith("5.1.7 ")
    assert list(tmp_path.iterdir()) == []


async def test_a_full_disk_is_an_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(maildir.os, "fsync", full)
    outcome = await MaildirDelivery(tmp_path).deliver(HOME_CARE, MESSAGE, reverse_path="", unique="n1")
    assert isinstance(outcome, DeferredDelivery)
    assert "No space left" in outcome.private
    assert outcome.reply == "4.3.0 the mailbox cannot be written"
    assert str(tmp_path) not in repr(outcome)
    assert files(tmp_path) == []


async def test_a_root_in_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    delivery = MaildirDelivery(tmp_path / "missing" / "mail")
    outcome = await delivery.deliver(HOME_CARE, MESSAGE, reverse_path="", unique="n1")
    assert isinstance(outcome, DeferredDelivery)
    assert list(tmp_path.iterdir()) == []


async def test_the_root_is_made_where_it_is_missing(tmp_path: Path) -> None:
    root = tmp_path / "mail"
    await MaildirDelivery(root).deliver(HOME_CARE, MESSAGE, reverse_path="", unique="n1")
    assert files(root) == [f"{HOME_CARE}/new/n1"]
    assert stat.S_IMODE(root.stat().st_mode) == 0o700


async def test_a_message_arrives_in_new_with_unix_line_ends(tmp_path: Path) -> None:
    outcome = await MaildirDelivery(tmp_path).deliver(
        HOME_CARE.upper(), MESSAGE, reverse_path=BRINKEN, unique="1.ab.failed"
    )
    assert outcome == Delivered(reply="2.0.0 stored in the mailbox", next_hop="maildir")
    assert files(tmp_path) == [f"{HOME_CARE}/new/1.ab.failed"]
    octets = (tmp_path / HOME_CARE / "new" / "1.ab.failed").read_bytes()
    assert octets == f"Return-Path: <{BRINKEN}>\n".encode() + MESSAGE.replace(b"\r\n", b"\n")


@pytest.mark.parametrize("moved_to", ["new/n1", "cur/n1", "cur/n1:2,", "cur/n1:2,FS"])
async def test_the_same_notice_twice_is_one_file(tmp_path: Path, moved_to: str) -> None:
    delivery = MaildirDelivery(tmp_path)
    await delivery.deliver(HOME_CARE, MESSAGE, reverse_path="", unique="n1")
    (tmp_path / HOME_CARE / "new" / "n1").rename(tmp_path / HOME_CARE / moved_to)
    await delivery.deliver(HOME_CARE, b"other\r\n", reverse_path="", unique="n1")
    assert files(tmp_path) == [f"{HOME_CARE}/{moved_to}"]
    assert b"line" in (tmp_path / HOME_CARE / moved_to).read_bytes()


async def test_another_notice_with_a_longer_name_is_another_file(tmp_path: Path) -> None:
    delivery = MaildirDelivery(tmp_path)
    await delivery.deliver(HOME_CARE, MESSAGE, reverse_path="", unique="n10")
    await delivery.deliver(HOME_CARE, MESSAGE, reverse_path="", unique="n1")
    assert len(files(tmp_path)) == 2


async def test_many_at_once_make_one_file_each(tmp_path: Path) -> None:
    delivery = MaildirDelivery(tmp_path)
    await asyncio.gather(
        *(delivery.deliver(HOME_CARE, MESSAGE, reverse_path="", unique=f"n{i % 4}") for i in range(16))
    )
    assert files(tmp_path) == [f"{HOME_CARE}/new/n{i}" for i in range(4)]


@pytest.mark.parametrize("umask", ["000", "777"])
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, umask: str) -> None:
    code = (
        "import asyncio, os, sys, pathlib\n"
        "from rorpost_gateway.delivery.maildir import MaildirDelivery\n"
        "os.umask(int(sys.argv[2], 8))\n"
        "delivery = MaildirDelivery(pathlib.Path(sys.argv[1]))\n"
        f"asyncio.run(delivery.deliver({HOME_CARE!r}, b'x\\r\\n', reverse_path='', unique='n'))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path), umask], check=True, timeout=30)
    mailbox = tmp_path / HOME_CARE
    assert {stat.S_IMODE(p.stat().st_mode) for p in (mailbox, *mailbox.iterdir())} == {0o700}
    assert stat.S_IMODE((mailbox / "new" / "n").stat().st_mode) == 0o600
