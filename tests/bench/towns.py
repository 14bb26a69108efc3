"""Policies of towns of different sizes, as text: what a municipality and its region would have written."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import cycle, islice
from pathlib import Path

OWN, PARTNER = "motala.se", "regionostergotland.se"
OWN_DOMAINS = frozenset({OWN})
DAY = date(2026, 5, 6)  # everything is in force

_MAILBOXES_A_FILE = 1000
_REVIEWED = 50  # one in so many
_RULES = [
    "rules:",
    "  urgent: reject",
    "  outside_quotes: allow",
    "  identity_number_in_attachment_names: allow",
]


@dataclass(frozen=True, kw_only=True)
class Town:
    """How large a policy is; half of the mailboxes lie on either side."""

    name: str
    mailboxes: int
    channels: int
    authorisations: int


ORDINARY = Town(name="an ordinary municipality", mailboxes=100, channels=500, authorisations=2000)
LARGE = Town(name="a large one", mailboxes=1000, channels=10_000, authorisations=20_000)
COUNTRY = Town(name="a whole country", mailboxes=10_000, channels=100_000, authorisations=20_000)


def own(number: int) -> str:
    return f"rorpost.enhet{number}@{OWN}"


def partners(number: int) -> str:
    return f"rorpost.vc{number}@{PARTNER}"


def pairs(town: Town) -> Iterator[tuple[int, int]]:
    """The two ends of each channel by number: each of ours with the next ones there, round and round."""
    half = town.mailboxes // 2
    each = -(-town.channels // half)
    return islice(((one, (one + step) % half) for one in range(half) for step in range(each)), town.channels)


def write_town(town: Town, folder: Path, *, revised: bool = False) -> int:
    """Write the policy as files of the size that people keep; how many octets they have.

    `revised`: after a review, in which some channels were closed and some people's time was changed.
    """
    folder.mkdir(parents=True)
    half = town.mailboxes // 2
    for first in range(0, half, _MAILBOXES_A_FILE):
        numbers = range(first, min(half, first + _MAILBOXES_A_FILE))
        lines = [
            "mailboxes:",
            *(line for number in numbers for line in _mailboxes(town, number, revised=revised)),
        ]
        _write(folder / f"10-mailboxes-{first:06}.yaml", lines)
    _write(folder / "20-channels.yaml", ["channels:", *_channels(town, revised=revised)])
    _write(folder / "30-rules.yaml", _RULES)
    return sum(file.stat().st_size for file in folder.iterdir())


def _write(file: Path, lines: list[str]) -> None:
    file.write_text("\n".join((*lines, "")), encoding="utf-8")


def _mailboxes(town: Town, number: int, *, revised: bool) -> Iterator[str]:
    half = town.mailboxes // 2
    yield f"  {own(number)}:"
    yield f"    name: Enhet {number}, Motala kommun"
    yield "    manager: eva.ek@motala.se"
    yield f'    phone: "0141-22 {number:04}"'
    yield '    read_at: ["08:00", "13:00"]'
    count = town.authorisations // half + (number < town.authorisations % half)
    if count:
        yield "    users:"
    for user in islice(cycle(range(5 * half)), 3 * number, 3 * number + count):
        yield f"      - user: person{user}@motala.se"
        yield f"        name: Person {user}"
        yield "        requested_by: eva.ek@motala.se"
        yield "        executed_by: it.drift@motala.se"
        yield "        valid_from: 2026-01-01"
        yield f"        valid_until: 2026-{'11-30' if revised and user % _REVIEWED == 1 else '12-31'}"
    yield f"  {partners(number)}:"
    yield f"    name: Vårdcentral {number}"
    yield f'    phone: "010-103 {number:04}"'
    yield f'    key: "{number:040X}"'


def _channels(town: Town, *, revised: bool) -> Iterator[str]:
    for number, (one, other) in enumerate(pairs(town)):
        if revised and number % _REVIEWED == 1:
            continue
        yield f"  - name: enhet{one}-vc{other}"
        if number % 4:
            yield f"    between: [{own(one)}, {partners(other)}]"
        else:
            yield f"    from: {own(one)}"
            yield f"    to: [{partners(other)}]"
        yield "    owner: eva.ek@motala.se"
        yield f'    decision: "26/SN {number:06}"'
        yield "    valid_from: 2026-01-01"
        yield "    valid_until: 2027-12-31"
        if number % 10 == 0:
            yield "    rules: {urgent: allow}"
