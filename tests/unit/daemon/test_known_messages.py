"""Whose messages the log knows: by decision, by Message-ID, by a notice's name; and nothing by less."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rorpost_gateway.daemon import known_messages
from rorpost_gateway.daemon.known_messages import KnownMessages
from rorpost_gateway.decision import Action, Direction, Reason
from rorpost_gateway.decision_log.decision_id import new_decision_id
from rorpost_gateway.dsn import Happened, Recipient, Reported, build_dsn
from rorpost_gateway.errors import LogUnavailable
from rorpost_gateway.reply import Language
from rorpost_gateway.supervision.base import Place, Trace
from tests.peers.log_workshop import DAY_SECONDS, NOON, Workshop

HOME_CARE, BRINKEN = "rorpost.hemsjukvarden@motala.se", "rorpost.vcbrinken@regionostergotland.se"
OTHER = "rorpost.distrikt@motala.se"
HOSTNAME, QUEUE_ID = "gw.motala.se", "06GC8M3C00000006"
RECEIVED, REFUSED, SENT = (new_decision_id(int(NOON * 1000) + number) for number in range(3))
AT = datetime.fromtimestamp(NOON, UTC)


@pytest.fixture
async def known(tmp_path: Path) -> KnownMessages:
    workshop = Workshop(tmp_path / "log")
    log = await workshop.open()
    inbound = {"direction": Direction.INBOUND, "reverse_path": BRINKEN, "recipient": HOME_CARE}
    await log.append(
        [
            workshop.decision(decision_id=RECEIVED, message_id="<in@x.se>", queue_id="Q1", **inbound),
            workshop.decision(
                decision_id=REFUSED,
                message_id="<no@x.se>",
                action=Action.REJECT,
                reason=Reason.URGENT,
                **inbound,
            ),
            workshop.decision(
                decision_id=SENT,
                message_id="<out@x.se>",
                reverse_path=HOME_CARE,
                recipient=BRINKEN,
                queue_id=QUEUE_ID,
            ),
            workshop.decision(message_id="<811218-9876@x.se>", reverse_path=HOME_CARE),
            workshop.decision(message_id="<refused@x.se>", action=Action.REJECT, reason=Reason.URGENT),
            workshop.records.bounced(
                decision_id=SENT, queue_id=QUEUE_ID, reverse_path=HOME_CARE, recipient=BRINKEN
            ),
        ]
    )
    await log.close()
    return KnownMessages(tmp_path / "log", hostname=HOSTNAME, is_known=lambda text: text == HOME_CARE)


def inbox(
    decision: str | None, message_id: str | None, *, mailbox: str = HOME_CARE, at: datetime = AT
) -> Trace:
    return Trace(
        mailbox=mailbox, place=Place.INBOX, arrived_at=at, decision_id=decision, message_id=message_id
    )


def sent(message_id: str | None, *, mailbox: str = HOME_CARE, days: float = 0) -> Trace:
    at = AT + timedelta(days=days)
    return Trace(mailbox=mailbox, place=Place.SENT, arrived_at=at, decision_id=None, message_id=message_id)


@pytest.mark.parametrize(
    ("trace", "is_known"),
    [
        pytest.param(inbox(RECEIVED, "<in@x.se>"), True, id="received"),
        pytest.param(inbox(RECEIVED, "<in@x.se>", at=AT + timedelta(days=400)), True, id="received long ago"),
        pytest.param(inbox(None, "<in@x.se>"), False, id="without X-Rorpost-Verified"),
        pytest.param(inbox(RECEIVED, "<other@x.se>"), False, id="another's decision id"),
        pytest.param(inbox(RECEIVED, None), False, id="a decision on a message that had an id"),
        pytest.param(inbox(RECEIVED, "<in@x.se>", mailbox=OTHER), False, id="another's mailbox"),
        pytest.param(inbox(REFUSED, "<no@x.se>"), False, id="refused"),
        pytest.param(inbox("0" * 8 + "-0000-7000-8000-" + "0" * 12, "<in@x.se>"), False, id="year 1970"),
        pytest.param(inbox("f" * 8 + "-ffff-7fff-bfff-" + "f" * 12, "<in@x.se>"), False, id="year 10889"),
        pytest.param(inbox(None, None), False, id="nothing"),
        pytest.param(inbox(None, "<out@x.se>"), False, id="what was sent, in the inbox"),
        pytest.param(sent("<out@x.se>"), True, id="sent"),
        pytest.param(sent("<out@x.se>", days=2.9), True, id="filed days later"),
        pytest.param(sent("<out@x.se>", days=9), False, id="filed much later"),
        pytest.param(sent("<out@x.se>", mailbox=OTHER), False, id="sent by another"),
        pytest.param(sent("<in@x.se>"), False, id="what was received, in sent"),
        pytest.param(sent("<refused@x.se>"), False, id="not accepted"),
        pytest.param(sent(None), False, id="sent without an id"),
    ],
)
async def test_a_message(known: KnownMessages, trace: Trace, is_known: bool) -> None:
    assert await known.find([trace]) == [is_known]


async def test_a_message_id_that_stands_redacted_in_the_log_is_found_all_the_same(
    known: KnownMessages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_messages, "contains_identity_number", lambda text: "811218-9876" in text)
    assert await known.find([sent("<811218-9876@x.se>"), sent("<redacted@x.se>")]) == [True, False]


def notice(happened: Happened, *, queue_id: str = QUEUE_ID, recipient: str = BRINKEN) -> str:
    dsn = build_dsn(
        happened=happened,
        reported=Reported(
            queue_id=queue_id,
            sender=HOME_CARE,
            received_at=NOON,
            message_id="<out@x.se>",
            envid=None,
            outer=b"\r\n",
        ),
        recipients=[Recipient(address=recipient, unit=None, phone=None)],
        hostname=HOSTNAME,
        now=NOON,
        zone=UTC,
        language=Language.SV,
    )
    (line,) = [line for line in dsn.split(b"\r\n") if line.startswith(b"Message-ID: ")]
    return line[12:].decode()


@pytest.mark.parametrize("happened", Happened)
async def test_a_notice_of_our_own_is_known_by_what_it_tells(
    known: KnownMessages, happened: Happened
) -> None:
    assert await known.find([inbox(None, notice(happened))]) == [True]


@pytest.mark.parametrize(
    "trace",
    [
        pytest.param(inbox(None, notice(Happened.FAILED, queue_id="06GC8M3C00000007")), id="no such message"),
        pytest.param(inbox(None, notice(Happened.FAILED, recipient=OTHER)), id="no such copy"),
        pytest.param(inbox(None, notice(Happened.FAILED), mailbox=OTHER), id="another's notice"),
        pytest.param(inbox(None, notice(Happened.FAILED).replace("gw.", "gv.")), id="another gateway's"),
        pytest.param(inbox(None, f"<dsn.{'0' * 32}@{HOSTNAME}>"), id="made up"),
    ],
)
async def test_what_only_looks_like_a_notice_is_foreign(known: KnownMessages, trace: Trace) -> None:
    assert await known.find([trace]) == [False]


async def test_answers_stand_where_their_questions_do(known: KnownMessages) -> None:
    asked = [inbox(None, None), sent("<out@x.se>"), inbox(None, "<a@x.se>"), inbox(RECEIVED, "<in@x.se>")]
    assert await known.find(asked) == [False, True, False, True]
    assert await known.find([]) == []


async def test_those_who_ask_together_share_a_pass(
    known: KnownMessages, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes = []
    whole = known_messages.find_known

    def counted(folder: Path, questions: object, names: object) -> list[bool]:
        passes.append(questions)
        return whole(folder, questions, names)  # type: ignore[arg-type]

    monkeypatch.setattr(known_messages, "find_known", counted)
    answers = await asyncio.gather(
        *(known.find([sent("<out@x.se>"), sent(f"<{number}@x.se>")]) for number in range(50))
    )
    assert answers == [[True, False]] * 50
    assert len(passes) == 1


async def test_one_who_gives_up_takes_no_answer_from_the_others(known: KnownMessages) -> None:
    first, second = (asyncio.create_task(known.find([sent("<out@x.se>")])) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == [True]


async def test_a_log_that_cannot_be_read_knows_nothing_and_says_so(tmp_path: Path) -> None:
    known = KnownMessages(tmp_path / "missing", hostname=HOSTNAME, is_known=lambda _: False)
    with pytest.raises(LogUnavailable):
        await known.find([sent("<out@x.se>")])


async def test_only_the_days_concerned_are_read(known: KnownMessages, tmp_path: Path) -> None:
    (path,) = (tmp_path / "log").glob("*.jsonl")
    for days in (-5, 2):
        day = datetime.fromtimestamp(NOON + days * DAY_SECONDS, UTC).date()
        octets = path.read_bytes().replace(b"<out@x.se>", b"<far@x.se>")
        (path.parent / f"{day}.jsonl").write_bytes(octets)
    assert await known.find([sent("<out@x.se>"), sent("<far@x.se>")]) == [True, False]
