"""Do the seals that got out open to what was submitted? By plain gpg, with the partner's keys."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tests.peers.gnupg_home import PreparedKeys, open_with_gpg
from tests.torture.ledger import Arrival, Ledger
from tests.torture.traffic import Planned

_BLOCK = re.compile(rb"-----BEGIN PGP MESSAGE-----.*?-----END PGP MESSAGE-----\r\n", re.DOTALL)
_SALT = re.compile(rb"X-Rorpost-Salt: ([0-9a-f]{32})\r\n")


def open_sample(
    ledger: Ledger,
    keys: PreparedKeys,
    lines: Iterable[Mapping[str, Any]],
    planned: Mapping[str, Planned],
    most: int,
) -> None:
    """Open up to `most` of the arrivals that were kept, the newest first; note what they are not.

    `lines` are the accepted decisions; `planned` is by message id.
    """
    by_seal = {line["sealed_sha256"]: line for line in lines}
    kept = [arrival for arrival in reversed(ledger.arrivals) if arrival.octets is not None]
    for arrival in kept[:most]:
        fault = _fault(arrival, keys, by_seal.get(arrival.sealed_sha256), planned)
        if fault is None:
            ledger.opened += 1
        else:
            ledger.unlike.append(f"{arrival.sealed_sha256} to {arrival.recipient}: {fault}")


def _fault(
    arrival: Arrival, keys: PreparedKeys, line: Mapping[str, Any] | None, planned: Mapping[str, Planned]
) -> str | None:
    """What is wrong with it; None where nothing is."""
    block = _BLOCK.search(arrival.octets or b"")
    if block is None:
        return "no OpenPGP block"
    if line is None or line["message_id"] not in planned:
        return "nobody submitted it"
    try:
        opened = open_with_gpg(keys.receiver_home, block[0])
    except RuntimeError:
        return "it does not open, or its signature is not right"
    submitted = planned[line["message_id"]].octets()
    body = submitted.partition(b"\r\n\r\n")[2]
    if opened.partition(b"\r\n\r\n")[2] != body:
        return "another body than was submitted"
    salt = _SALT.search(opened)
    salted = bytes.fromhex(salt[1].decode()) + submitted if salt else b""
    if hashlib.sha256(salted).hexdigest() != line["content_sha256"]:
        return "the line's content_sha256 is another one"
    return None
