"""Delivery into Maildirs: ROOT/<address>/{tmp,new,cur}.

Invariants: a file in `new` is whole and durable; nothing is ever overwritten; the
same `unique` never makes a second file; an address outside the naming standard
touches nothing, so that no path leads out of the root. Folders have mode 0700 and
files 0600, whatever the umask.

Lines end with LF, as every Maildir on a Unix machine has it: Dovecot counts on it
for its sizes and turns LF into CRLF for IMAP, and mutt would show each CR. It can
be undone octet by octet, since a message with a bare CR or LF never gets this far;
one that does all the same is refused here.

In front of the message stands Return-Path, as final delivery asks (RFC 5321, section 4.4).
"""

import asyncio
import contextlib
import os
import re
import secrets
from pathlib import Path

from rorpost_gateway.delivery.base import DeferredDelivery, Delivered, DeliveryOutcome, FailedDelivery
from rorpost_gateway.delivery.grammar import fault_of
from rorpost_gateway.durable import sync_folder

_NEXT_HOP = "maildir"
_FOLDERS = ("tmp", "new", "cur")
_FOLDER_MODE = 0o700
_FILE_MODE = 0o600
_BLOCK_OCTETS = 1024 * 1024
_UNIQUE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")


class _BareLineEnd(Exception):
    """The message cannot be written with line feeds and got back as it was."""


class MaildirDelivery:
    """See `base.Delivery`. Makes the root and mailboxes that are not there yet; not what the root lies in."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def deliver(
        self, recipient: str, octets: bytes, *, reverse_path: str, unique: str
    ) -> DeliveryOutcome:
        if not _UNIQUE.fullmatch(unique):
            raise ValueError(f"not a file name: {unique!r:.80}")
        if fault := fault_of(recipient, next_hop=_NEXT_HOP, reverse_path=reverse_path):
            return fault
        mailbox = self._root / recipient.lower()
        try:
            await asyncio.to_thread(_deliver, mailbox, unique, reverse_path, octets)
        except _BareLineEnd:
            return FailedDelivery(
                reply="5.6.0 a message with bare CR or LF is not delivered",
                next_hop=_NEXT_HOP,
                private="bare CR or LF",
            )
        except OSError as error:
            private = f"{mailbox}: {error.strerror or type(error).__name__}"
            return DeferredDelivery(
                reply="4.3.0 the mailbox cannot be written", next_hop=_NEXT_HOP, private=private
            )
        return Delivered(reply="2.0.0 stored in the mailbox", next_hop=_NEXT_HOP)


def _deliver(mailbox: Path, unique: str, reverse_path: str, octets: bytes) -> None:
    if not octets.count(b"\r\n") == octets.count(b"\n") == octets.count(b"\r"):
        raise _BareLineEnd
    return_path = b"Return-Path: <%s>\n" % reverse_path.encode("ascii")
    _make_folders(mailbox)
    new = mailbox / "new"
    if not _delivered_before(mailbox, unique):
        # The name in `tmp` is one attempt's own, so that two attempts cannot mix their octets.
        draft = mailbox / "tmp" / f"{unique}.{secrets.token_hex(8)}"
        try:
            _write(draft, return_path, octets)
            with contextlib.suppress(FileExistsError):
                os.link(draft, new / unique)  # fails rather than overwrites
        finally:
            draft.unlink(missing_ok=True)
    sync_folder(new)


def _delivered_before(mailbox: Path, unique: str) -> bool:
    """Whether the message is there; a reader moves it to `cur` and appends flags after a colon."""
    if (mailbox / "new" / unique).exists():
        return True
    with os.scandir(mailbox / "cur") as entries:
        return any(entry.name.partition(":")[0] == unique for entry in entries)


def _write(draft: Path, return_path: bytes, octets: bytes) -> None:
    """With LF for line ends; every CR in `octets` is part of one. Block by block: no second copy is made."""
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, _FILE_MODE)
        file.write(return_path)
        for start in range(0, len(octets), _BLOCK_OCTETS):
            file.write(octets[start : start + _BLOCK_OCTETS].replace(b"\r", b""))
        file.flush()
        os.fsync(descriptor)


def _make_folders(mailbox: Path) -> None:
    root = mailbox.parent
    for folder in (root, mailbox, *(mailbox / name for name in _FOLDERS)):
        if _make(folder):
            sync_folder(folder.parent)


def _make(folder: Path) -> bool:
    try:
        folder.mkdir(mode=_FOLDER_MODE, parents=False)
    except FileExistsError:
        return False
    folder.chmod(_FOLDER_MODE)
    return True
