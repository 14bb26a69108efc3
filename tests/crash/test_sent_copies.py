"""kill -9 around a sent copy: it is in the Sent folder once, whenever the daemon died, and no sooner on disk.

Around the 250 a sent copy is one of the message's copies, which `test_relayed` kills at every step.
"""

from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.crash.scene import SCRIPT
from tests.peers.dovecot import HOME_CARE, Dovecot
from tests.peers.imap_settings import delivery_account
from tests.peers.submitting import Heard, make_message
from tests.peers.whole_gateway import MakeGateway, WholeGateway


@dataclass(frozen=True, kw_only=True)
class Case:
    """`there`: how many a reader finds while the daemon is dead."""

    point: str
    moment: str
    committed: bool = True
    there: int = 0


CASES = [
    Case(point="logged", moment="before", committed=False),
    Case(point="logged", moment="after"),
    Case(point="ready", moment="after"),
    Case(point="appended", moment="before"),
    Case(point="appended", moment="after", there=1),
    Case(point="delivered-written", moment="in-first-line", there=1),
    Case(point="delivered-logged", moment="after", there=1),
]


@pytest.fixture
def gateway(whole_gateway: MakeGateway, dovecot: Dovecot, tmp_path: Path) -> WholeGateway:
    account = delivery_account(dovecot, tmp_path)
    return whole_gateway(config={"delivery": {"sent_copy": "imap", "imap": account}})


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.moment}-{case.point}")
def test_killed_at(gateway: WholeGateway, dovecot: Dovecot, case: Case) -> None:
    marker = uuid4().hex
    octets = make_message(body=marker, message_id=f"<{uuid4()}@b>")

    def there() -> int:
        folder = dovecot.mail / HOME_CARE / ".Sent"
        paths = [path for part in ("new", "cur") for path in (folder / part).glob("*")]
        return sum(marker.encode() in path.read_bytes() for path in paths)

    def submit() -> Heard:
        return gateway.submit(octets)

    gateway.start(wrapper=SCRIPT, arguments=(case.point, case.moment, "1"))
    submit()
    assert gateway.running.wait() == -9
    assert gateway.running.wait_for_event("killed")["point"] == case.point
    assert there() == case.there
    assert gateway.holds(marker.encode()) == []

    gateway.start()
    gateway.wait_until_empty()
    assert there() == case.committed
    assert (submit().reason == "duplicate") == case.committed
    gateway.wait_until_empty()
    assert there() == 1
    assert gateway.stop() == 0
    gateway.verify_log()
    assert gateway.notices() == []
