"""Where collecting is killed, and what is found afterwards: python -m tests.crash.collecting_table

Each row is a daemon killed by SIGKILL at a point, and an ordinary one that goes on; `test_collecting.py`
holds each of them.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.crash.collecting import COLLECTED, REFUSED, CollectingScene, make_collecting_scene
from tests.crash.way_in import make_brought
from tests.peers.authority import make_authority
from tests.peers.dovecot import dovecot_over
from tests.peers.gnupg_home import prepared
from tests.peers.warm_start import WarmStart
from tests.peers.whole_gateway import WholeGateway

MAILBOXES = tuple(f"post{number}@partner.se" for number in range(60))


@dataclass(frozen=True, kw_only=True)
class Case:
    """`refused`: the message is one that is refused, and its sender is told at most once.

    `decided`: a decision line of the first run is durable, so that the second run finds a duplicate,
    unless the journal has it (`noted`). `moved`: it lies in its folder while the daemon is dead.
    """

    point: str
    moment: str
    refused: bool = False
    decided: bool = True
    noted: bool = True
    moved: bool = False

    def __str__(self) -> str:
        return f"{self.moment}-{self.point}"


CASES = [
    Case(point="collected-fetched", moment="before", decided=False, noted=False),
    Case(point="collected-fetched", moment="after", decided=False, noted=False),
    Case(point="opened", moment="after", decided=False, noted=False),
    Case(point="pending", moment="after", decided=False, noted=False),
    Case(point="logged", moment="after", noted=False),
    Case(point="ready", moment="after", noted=False),
    Case(point="collected-decided", moment="after", noted=False),
    Case(point="collected-noted-uncommitted", moment="after", noted=False),
    Case(point="collected-noted", moment="after"),
    Case(point="collected-folder", moment="before"),
    Case(point="collected-folder", moment="after"),
    Case(point="collected-moved", moment="before"),
    Case(point="collected-moved", moment="after", moved=True),
]


REFUSALS = [
    Case(refused=True, point="collected-decided", moment="before", decided=False, noted=False),
    Case(refused=True, point="refusal-logged", moment="after", noted=False),
    Case(refused=True, point="collected-decided", moment="after", noted=False),
    Case(refused=True, point="collected-noted", moment="after"),
    Case(refused=True, point="collected-moved", moment="after", moved=True),
]


def play(scene: CollectingScene, case: Case) -> list[str]:
    """Kill at the point, go on, and see that the books balance; what was found, for a row of the table."""
    refused = case.refused
    scene.put([scene.brought.refused if refused else scene.brought.sealed])
    scene.killed_at(case.point, case.moment)
    dead = scene.there()
    assert dead[REFUSED if refused else COLLECTED] == case.moved
    scene.settle()
    decided = [line["reason"] for line in scene.gateway.lines_of("decision")]
    again = "urgent" if refused else "duplicate"
    decided_twice = case.decided and not case.noted
    assert decided == ["urgent" if refused else "ok", *[again] * decided_twice]
    assert len(scene.delivered()) == (not refused)
    assert scene.told() <= refused
    scene.end(refused_lines=decided.count("urgent"))
    after = scene.there()
    return [
        *(
            "refused" if refused else "sound",
            case.point,
            case.moment,
            f"{dead['INBOX']}/{dead[COLLECTED]}/{dead[REFUSED]}",
        ),
        *(f"{after['INBOX']}/{after[COLLECTED]}/{after[REFUSED]}", str(len(scene.delivered()))),
        *(", ".join(decided), str(scene.told())),
    ]


def main() -> int:
    table = Table(title="Collecting, killed and gone on with; INBOX/Collected/Refused")
    for name in ("message", "killed", "moment", "dead", "after", "delivered", "decisions", "notices"):
        table.add_column(name)
    for row in _rows():
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    return 0


def _rows() -> Iterator[list[str]]:
    with (
        tempfile.TemporaryDirectory(prefix="rorpost-crash-") as name,
        prepared() as keys,
        WarmStart() as warm,
        dovecot_over(make_authority(Path(name)), mailboxes=MAILBOXES) as dovecot,
    ):
        brought = make_brought(keys)
        for case, mailbox in zip((*CASES, *REFUSALS), MAILBOXES, strict=False):
            with WholeGateway(keys, dovecot.authority, launch=warm.launch) as gateway:
                yield play(make_collecting_scene(lambda: gateway, brought, dovecot, mailbox), case)


if __name__ == "__main__":
    sys.exit(main())
