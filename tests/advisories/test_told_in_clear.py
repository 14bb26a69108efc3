"""The flaw: a notice to a partner, which is not sealed, said what had stood under the seal.

The inner Message-ID names machines of the partner's inside network, and tells whoever listens which of
two people's messages this was; next hop and reply name our own.
"""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from rorpost_gateway.decision import Direction
from rorpost_gateway.delivery.maildir import MaildirDelivery
from rorpost_gateway.dsn import Happened
from rorpost_gateway.queue.base import Queue
from rorpost_gateway.relay.notices import Attempted, Notices, Unit
from rorpost_gateway.reply import Language
from tests.peers.queues import BRINKEN, NOW, SENDER, copy, message

INNER = "<anna-0141@ws17.inside.regionostergotland.se>"
OUTER = f"<{'4f' * 16}@regionostergotland.se>"
ATTEMPTED = Attempted(
    reply='550 5.7.1 "KLARTEXT" is not wanted', next_hop="store.inside.motala.se:24", at=NOW
)


async def notice(queue: Queue, folder: Path, happened: Happened, direction: Direction) -> str:
    it = message(direction=direction, reverse_path=BRINKEN, message_id=INNER)
    await queue.insert_pending(it, [copy(SENDER, outer_message_id=OUTER)])
    (queued,) = await queue.pending()
    notices = Notices(
        delivery=MaildirDelivery(folder),
        hostname="gw.motala.se",
        zone=ZoneInfo("Europe/Stockholm"),
        language=Language.SV,
        unit_of=lambda _: Unit(name=None, phone=None),
    )
    assert await notices.tell(happened, queued, b"From: a@x.se\r\n\r\n", ATTEMPTED, now=NOW)
    (file,) = (folder / BRINKEN / "new").iterdir()
    return file.read_text()


@pytest.mark.parametrize("happened", [Happened.FAILED, Happened.EXPIRED, Happened.DELAYED, Happened.HELD])
async def test_a_partner_hears_nothing_of_it(queue: Queue, tmp_path: Path, happened: Happened) -> None:
    told = await notice(queue, tmp_path / "mail", happened, Direction.INBOUND)
    assert f"In-Reply-To: {OUTER}" in told
    assert "inside" not in told
    assert "KLARTEXT" not in told


async def test_our_own_people_do(queue: Queue, tmp_path: Path) -> None:
    told = await notice(queue, tmp_path / "mail", Happened.FAILED, Direction.OUTBOUND)
    assert f"In-Reply-To: {INNER}" in told
    assert "Remote-MTA: dns; store.inside.motala.se" in told
