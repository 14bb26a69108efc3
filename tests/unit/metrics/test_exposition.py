"""The text that Prometheus reads: complete, well-formed, named as documented, and about no person."""

import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.decision_log.base import Event, Record
from rorpost_gateway.metrics.catalogue import METRICS, PROCESS_METRICS, Kind
from rorpost_gateway.metrics.exposition import exposition
from rorpost_gateway.metrics.snapshot import (
    ChannelFigures,
    ChannelStopFigure,
    CollectingFigures,
    FolderFigures,
    KeyFigure,
    ListenerFigures,
    MailboxFigures,
    PolicyFigures,
    Snapshot,
    TimestampFigures,
    WitnessFigures,
)
from rorpost_gateway.metrics.tallies import Tallies
from rorpost_gateway.queue.base import Waiting
from rorpost_gateway.stages import Stage

NOW = 1_790_000_000.0
ROOT = Path(__file__).parents[3]
HOME_CARE = "rorpost.hemsjukvarden@motala.se"
KEPT_OUT = "rorpost.trasig@motala.se"
KEYLESS = "rorpost.utannyckel@motala.se"
POST = "post@partner.se@imap.partner.se:993/INBOX"
SNAPSHOT = Snapshot(
    version="0.1.0",
    python="3.11.2",
    engine="gnupg",
    queue={
        "active": Waiting(copies=2, octets=9000, oldest_received_at=NOW - 5),
        "hold": Waiting(copies=1, octets=100, oldest_received_at=NOW + 60),
    },
    listeners={
        "submission": ListenerFigures(connections=3, most_connections=1000, certificate_expires_at=NOW + 1),
        "inbound": ListenerFigures(connections=0, most_connections=1000, certificate_expires_at=None),
    },
    in_flight_octets=4096,
    limits={"message_size": 100},
    policy=PolicyFigures(revision="ab" * 32, counts={"channels": 4}, loaded_at=NOW, reload_refused=False),
    keys=(
        KeyFigure(mailbox=HOME_CARE, use="seal", fingerprint="AA", forecast="fine", expires_at=NOW + 9),
        KeyFigure(mailbox=HOME_CARE, use="sign", fingerprint="AA", forecast="fine", expires_at=float("inf")),
        KeyFigure(mailbox=KEYLESS, use="seal", fingerprint="", forecast="key-missing", expires_at=None),
    ),
    disk_free_octets={"queue": 10, "decision-log": 20},
    checks={"queue": True, "policy": False},
    witnesses=(
        WitnessFigures(name="w.example/1", size=7, failures=0, conflict=False),
        WitnessFigures(name="w.example/2", size=9, failures=3, conflict=True),
    ),
    collecting=(
        CollectingFigures(account=POST, outcomes={"taken": 5, "refused": 0}, up=True, last_success_at=NOW),
        CollectingFigures(account="ny", outcomes={"taken": 0}, up=False, last_success_at=None),
    ),
    timestamps=TimestampFigures(failures=2, size=6, at=NOW),
    mailboxes=(
        MailboxFigures(
            mailbox=HOME_CARE,
            up=True,
            looked_at=NOW,
            unread=2,
            foreign=1,
            folders={
                "inbox": FolderFigures(messages=3, oldest_at=NOW),
                "sent": FolderFigures(messages=0, oldest_at=None),
            },
        ),
        MailboxFigures(mailbox=KEPT_OUT, up=False, looked_at=None, unread=None, foreign=None, folders={}),
    ),
    notices={"sent": 1, "deferred": 2, "failed": 0},
    reminders={"sent": 4, "deferred": 0, "failed": 0},
    channels=ChannelFigures(
        counts={"fine": 3, "stops-soon": 1, "stopped": 0},
        stops=(
            ChannelStopFigure(channel="brinken", mailbox=HOME_CARE, fingerprint="AA", at=NOW + 9),
            ChannelStopFigure(channel="brinken", mailbox=HOME_CARE, fingerprint="AA", at=NOW + 99),
        ),
    ),
)


def tallies() -> Tallies:
    made = Tallies(clock=lambda: 0.0, now=lambda: NOW)
    with made.timed(Stage.SEAL):
        pass
    missed = Record(event=Event.MAILBOX, fields={"mailbox": HOME_CARE, "outcome": "missed"})
    made.lines_written([missed], 7)
    return made


def page(snapshot: Snapshot = SNAPSHOT) -> str:
    return exposition(tallies().tallied(), snapshot, now=NOW).decode()


@pytest.mark.parametrize(
    "line",
    [
        'rorpost_decisions_total{action="accept",direction="outbound",reason="ok"} 0.0',
        'rorpost_queue_copies{state="active"} 2.0',
        'rorpost_queue_copies{state="deferred"} 0.0',
        'rorpost_queue_bytes{state="active"} 9000.0',
        'rorpost_queue_oldest_seconds{state="active"} 5.0',
        'rorpost_queue_oldest_seconds{state="hold"} 0.0',
        'rorpost_queue_oldest_seconds{state="pending"} 0.0',
        "rorpost_log_entries 8.0",
        "rorpost_log_last_line_timestamp_seconds 1.79e+09",
        f'rorpost_policy_info{{revision="{"ab" * 32}"}} 1.0',
        'rorpost_policy_objects{kind="channels"} 4.0',
        "rorpost_policy_last_reload_successful 1.0",
        f'rorpost_key_expiry_timestamp_seconds{{fingerprint="AA",mailbox="{HOME_CARE}",use="sign"}} +Inf',
        'rorpost_keys{forecast="key-missing",use="seal"} 1.0',
        'rorpost_keys{forecast="fine",use="sign"} 1.0',
        'rorpost_channels{forecast="stops-soon"} 1.0',
        'rorpost_access_reminders_total{outcome="sent"} 4.0',
        (
            "rorpost_channel_stops_timestamp_seconds"
            f'{{channel="brinken",fingerprint="AA",mailbox="{HOME_CARE}"}} 1.790000009e+09'
        ),
        'rorpost_connections{listener="submission"} 3.0',
        "rorpost_in_flight_bytes 4096.0",
        'rorpost_limit{limit="message_size"} 100.0',
        'rorpost_disk_free_bytes{store="decision-log"} 20.0',
        'rorpost_check_ok{check="policy"} 0.0',
        'rorpost_witness_size{witness="w.example/1"} 7.0',
        'rorpost_witness_failures_total{witness="w.example/2"} 3.0',
        'rorpost_witness_conflict{witness="w.example/1"} 0.0',
        'rorpost_witness_conflict{witness="w.example/2"} 1.0',
        "rorpost_timestamp_size 6.0",
        "rorpost_timestamp_last_timestamp_seconds 1.79e+09",
        "rorpost_timestamp_failures_total 2.0",
        f'rorpost_mailbox_messages{{folder="inbox",mailbox="{HOME_CARE}"}} 3.0',
        f'rorpost_mailbox_messages{{folder="sent",mailbox="{HOME_CARE}"}} 0.0',
        f'rorpost_mailbox_unread{{mailbox="{HOME_CARE}"}} 2.0',
        f'rorpost_mailbox_foreign{{mailbox="{HOME_CARE}"}} 1.0',
        f'rorpost_mailbox_oldest_timestamp_seconds{{folder="inbox",mailbox="{HOME_CARE}"}} 1.79e+09',
        f'rorpost_mailbox_last_look_timestamp_seconds{{mailbox="{HOME_CARE}"}} 1.79e+09',
        f'rorpost_mailbox_up{{mailbox="{HOME_CARE}"}} 1.0',
        f'rorpost_mailbox_up{{mailbox="{KEPT_OUT}"}} 0.0',
        f'rorpost_mailbox_deadlines_total{{mailbox="{HOME_CARE}",outcome="missed"}} 1.0',
        f'rorpost_mailbox_deadlines_total{{mailbox="{KEPT_OUT}",outcome="unknown"}} 0.0',
        'rorpost_mailbox_notices_total{outcome="deferred"} 2.0',
        f'rorpost_collected_total{{account="{POST}",outcome="taken"}} 5.0',
        f'rorpost_collected_total{{account="{POST}",outcome="refused"}} 0.0',
        f'rorpost_collecting_up{{account="{POST}"}} 1.0',
        'rorpost_collecting_up{account="ny"} 0.0',
        f'rorpost_collecting_last_success_timestamp_seconds{{account="{POST}"}} 1.79e+09',
        'rorpost_build_info{engine="gnupg",python="3.11.2",version="0.1.0"} 1.0',
        'rorpost_stage_seconds_bucket{le="0.0005",stage="seal"} 1.0',
        'rorpost_stage_seconds_bucket{le="+Inf",stage="seal"} 1.0',
        'rorpost_stage_seconds_count{stage="relay"} 0.0',
        'rorpost_stage_seconds_sum{stage="seal"} 0.0',
    ],
)
def test_a_line(line: str) -> None:
    assert line in page().splitlines()


def test_a_key_that_is_not_there_has_no_expiry() -> None:
    assert KEYLESS not in page()


def test_nothing_is_said_of_a_mailbox_that_nobody_could_look_into() -> None:
    assert not re.search(rf'rorpost_mailbox_(?!up|deadlines)[a-z_]*\{{[^}}]*"{KEPT_OUT}"', page())
    assert f'rorpost_mailbox_oldest_timestamp_seconds{{folder="sent",mailbox="{HOME_CARE}"}}' not in page()


def test_without_supervision_no_mailbox_is_told_of() -> None:
    without = Snapshot(**(vars(SNAPSHOT) | {"mailboxes": (), "notices": None}))
    made = Tallies(clock=lambda: 0.0, now=lambda: NOW)
    assert not re.search(
        r"^rorpost_mailbox_[a-z_]*[ {]", exposition(made.tallied(), without, now=NOW).decode(), re.MULTILINE
    )


def test_without_an_authority_no_time_stamp_is_told_of() -> None:
    without = Snapshot(**(vars(SNAPSHOT) | {"timestamps": None, "witnesses": ()}))
    assert not re.search(r"^rorpost_(timestamp|witness)_[a-z_]*[ {]", page(without), re.MULTILINE)


def test_a_queue_that_does_not_answer_is_not_an_empty_one() -> None:
    without = Snapshot(**(vars(SNAPSHOT) | {"queue": None}))
    assert "rorpost_queue_copies{" not in page(without)


def test_every_name_of_the_catalogue_is_there_and_no_other() -> None:
    names = set(re.findall(r"^# TYPE (\S+) ", page(), re.MULTILINE))
    assert names == {metric.name for metric in METRICS} | set(PROCESS_METRICS)


def test_each_has_its_kind_its_words_and_its_labels() -> None:
    families = {family.name: family for family in text_string_to_metric_families(page())}
    for metric in METRICS:
        plain = metric.name.removesuffix("_total") if metric.kind is Kind.COUNTER else metric.name
        family = families[plain]
        assert (family.type, family.documentation) == (metric.kind.value, metric.help)
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(metric.labels)


def test_names_follow_the_rules_of_prometheus() -> None:
    """https://prometheus.io/docs/practices/naming/: a prefix of ours, base units, _total on counters only."""
    for metric in METRICS:
        assert re.fullmatch(r"rorpost_[a-z]+(_[a-z]+)*", metric.name)
        assert (metric.kind is Kind.COUNTER) == metric.name.endswith("_total")
        assert not re.search(r"_(ms|milliseconds|kb|mb|octets|count|sum|bucket)\b", metric.name)
        assert not set(metric.labels) & {"user", "client", "login", "recipient", "sender", "address", "le"}


def test_counters_cover_every_reason_both_ways() -> None:
    found = re.findall(r'rorpost_decisions_total\{action="\w+",direction="(\w+)",reason="([\w-]+)"\}', page())
    assert len(found) == len(set(found))
    reasons = set(Reason) - {Reason.LOGIN_FAILED}
    assert set(found) == {(way.value, reason.value) for way in Direction for reason in reasons}


def test_nothing_global_is_touched() -> None:
    before = {family.name for family in REGISTRY.collect()}
    page()
    assert {family.name for family in REGISTRY.collect()} == before
    assert not [name for name in before if name.startswith("rorpost")]


def test_every_metric_stands_in_the_guide_for_operations() -> None:
    text = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(
        r"^\| `([a-z_]+)(?:\{([a-z, ]*)\})?` \| (counter|gauge|histogram) \|", text, re.MULTILINE
    )
    told = {name: (tuple(filter(None, labels.split(", "))), kind) for name, labels, kind in rows}
    assert told == {metric.name: (metric.labels, metric.kind.value) for metric in METRICS}
    assert all(f"`{name}`" in text for name in PROCESS_METRICS)
