"""Tallies and snapshot as Prometheus' text. A registry of its own: nothing global, nothing by accident.

Text format 0.0.4, https://prometheus.io/docs/instrumenting/exposition_formats/.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from rorpost_gateway.metrics.catalogue import BY_NAME, Kind
from rorpost_gateway.metrics.snapshot import Snapshot
from rorpost_gateway.metrics.tallies import BUCKETS, Tallied

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
STATES = ("pending", "active", "deferred", "hold")
OUTCOMES = ("met", "missed", "unknown")  # of reading deadlines
Value = float | int


def exposition(tallied: Tallied, snapshot: Snapshot, *, now: float) -> bytes:
    """The whole page. `now` is seconds since the epoch. Takes as long as there are keys: not for the loop."""
    registry = CollectorRegistry(auto_describe=False, support_collectors_without_names=True)
    registry.register(_Gateway(tallied, snapshot, now))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


@dataclass(frozen=True, eq=False)  # a registry tells collectors apart by identity
class _Gateway(Collector):
    tallied: Tallied
    snapshot: Snapshot
    now: float

    def collect(self) -> Iterator[Family]:
        yield from self._from_the_log()
        yield self._stages()
        yield from self._elsewhere()
        yield from self._collecting()
        yield from self._mailboxes()
        yield from self._queue()
        yield from self._policy()
        yield from self._keys()
        yield from self._bounds()

    def _from_the_log(self) -> Iterator[Family]:
        tallied = self.tallied
        yield _family("rorpost_decisions_total", tallied.decisions.items())
        yield _family("rorpost_login_failures_total", [((), tallied.login_failures)])
        yield _family("rorpost_copies_total", tallied.copies.items())
        yield _family("rorpost_sent_copies_total", tallied.sent_copies.items())
        yield _family("rorpost_content_suspected_total", tallied.suspected.items())
        yield _family("rorpost_log_lines_total", _by_one(tallied.lines))
        if tallied.position is not None and tallied.last_line_at is not None:
            yield _family("rorpost_log_entries", [((), tallied.position + 1)])
            yield _family("rorpost_log_last_line_timestamp_seconds", [((), tallied.last_line_at)])

    def _elsewhere(self) -> Iterator[Family]:
        witnesses, timestamps = self.snapshot.witnesses, self.snapshot.timestamps
        yield _family("rorpost_witness_size", [((each.name,), each.size) for each in witnesses])
        yield _family("rorpost_witness_failures_total", [((each.name,), each.failures) for each in witnesses])
        yield _family("rorpost_witness_conflict", [((each.name,), int(each.conflict)) for each in witnesses])
        if timestamps is not None:
            yield _family("rorpost_timestamp_size", [((), timestamps.size)])
            yield _family("rorpost_timestamp_last_timestamp_seconds", [((), timestamps.at)])
            yield _family("rorpost_timestamp_failures_total", [((), timestamps.failures)])

    def _collecting(self) -> Iterator[Family]:
        sources = self.snapshot.collecting
        outcomes = [
            ((each.account, outcome), count) for each in sources for outcome, count in each.outcomes.items()
        ]
        succeeded = [
            ((each.account,), each.last_success_at) for each in sources if each.last_success_at is not None
        ]
        yield _family("rorpost_collected_total", outcomes)
        yield _family("rorpost_collecting_up", [((each.account,), int(each.up)) for each in sources])
        yield _family("rorpost_collecting_last_success_timestamp_seconds", succeeded)

    def _mailboxes(self) -> Iterator[Family]:
        each_one = self.snapshot.mailboxes
        folders = [(each.mailbox, name, folder) for each in each_one for name, folder in each.folders.items()]
        counted = {(each.mailbox, outcome): 0 for each in each_one for outcome in OUTCOMES}
        yield _family(
            "rorpost_mailbox_messages", [((box, name), folder.messages) for box, name, folder in folders]
        )
        yield _family("rorpost_mailbox_unread", _where_known((e.mailbox, e.unread) for e in each_one))
        yield _family(
            "rorpost_mailbox_oldest_timestamp_seconds",
            [((box, name), at) for box, name, folder in folders if (at := folder.oldest_at) is not None],
        )
        yield _family("rorpost_mailbox_foreign", _where_known((e.mailbox, e.foreign) for e in each_one))
        yield _family("rorpost_mailbox_deadlines_total", (counted | dict(self.tallied.deadlines)).items())
        yield _family(
            "rorpost_mailbox_last_look_timestamp_seconds",
            _where_known((e.mailbox, e.looked_at) for e in each_one),
        )
        yield _family("rorpost_mailbox_up", _where_known((e.mailbox, e.up) for e in each_one))
        notices = self.snapshot.notices
        if notices is not None:
            yield _family("rorpost_mailbox_notices_total", _by_one(notices))
        if self.snapshot.reminders is not None:
            yield _family("rorpost_access_reminders_total", _by_one(self.snapshot.reminders))

    def _stages(self) -> Family:
        family = _empty("rorpost_stage_seconds")
        for stage, (counts, seconds) in self.tallied.times.items():
            bounds = [*map(str, BUCKETS), "+Inf"]
            total = 0
            for bound, total in zip(bounds, accumulate(counts), strict=True):
                family.add_sample("rorpost_stage_seconds_bucket", {"stage": stage.value, "le": bound}, total)
            family.add_sample("rorpost_stage_seconds_count", {"stage": stage.value}, total)
            family.add_sample("rorpost_stage_seconds_sum", {"stage": stage.value}, seconds)
        return family

    def _queue(self) -> Iterator[Family]:
        queue = self.snapshot.queue
        if queue is None:
            return  # a queue that does not answer is not an empty one
        waiting = [(state, queue.get(state)) for state in STATES]
        yield _family(
            "rorpost_queue_copies", [((state,), each.copies if each else 0) for state, each in waiting]
        )
        yield _family(
            "rorpost_queue_bytes", [((state,), each.octets if each else 0) for state, each in waiting]
        )
        yield _family(
            "rorpost_queue_oldest_seconds",
            [
                ((state,), max(0.0, self.now - each.oldest_received_at) if each else 0.0)
                for state, each in waiting
            ],
        )

    def _policy(self) -> Iterator[Family]:
        policy = self.snapshot.policy
        yield _family("rorpost_policy_info", [((policy.revision,), 1)])
        yield _family("rorpost_policy_objects", _by_one(policy.counts))
        yield _family("rorpost_policy_last_reload_successful", [((), int(not policy.reload_refused))])
        yield _family("rorpost_policy_last_reload_success_timestamp_seconds", [((), policy.loaded_at)])

    def _keys(self) -> Iterator[Family]:
        keys = self.snapshot.keys
        expiries = {
            (key.mailbox, key.use, key.fingerprint): key.expires_at
            for key in keys
            if key.expires_at is not None
        }
        yield _family("rorpost_key_expiry_timestamp_seconds", expiries.items())
        yield _family("rorpost_keys", Counter((key.use, key.forecast) for key in keys).items())
        channels = self.snapshot.channels
        if channels is not None:
            # The soonest come first, and are the ones that count.
            stops = {(one.channel, one.mailbox, one.fingerprint): one.at for one in reversed(channels.stops)}
            yield _family("rorpost_channels", _by_one(channels.counts))
            yield _family("rorpost_channel_stops_timestamp_seconds", stops.items())
        certificates = {
            name: each.certificate_expires_at
            for name, each in self.snapshot.listeners.items()
            if each.certificate_expires_at is not None
        }
        yield _family("rorpost_certificate_expiry_timestamp_seconds", _by_one(certificates))

    def _bounds(self) -> Iterator[Family]:
        snapshot = self.snapshot
        listeners = snapshot.listeners.items()
        yield _family("rorpost_connections", [((name,), each.connections) for name, each in listeners])
        yield _family(
            "rorpost_connections_limit", [((name,), each.most_connections) for name, each in listeners]
        )
        yield _family("rorpost_in_flight_bytes", [((), snapshot.in_flight_octets)])
        yield _family("rorpost_limit", _by_one(snapshot.limits))
        yield _family("rorpost_disk_free_bytes", _by_one(snapshot.disk_free_octets))
        yield _family("rorpost_check_ok", _by_one({name: int(ok) for name, ok in snapshot.checks.items()}))
        yield _family("rorpost_build_info", [((snapshot.version, snapshot.python, snapshot.engine), 1)])


def _by_one(values: Mapping[str, Value]) -> Iterator[tuple[tuple[str], Value]]:
    return (((name,), value) for name, value in sorted(values.items()))


def _where_known(values: Iterable[tuple[str, Value | None]]) -> Iterator[tuple[tuple[str], Value]]:
    return (((name,), value) for name, value in values if value is not None)


def _empty(name: str) -> Family:
    metric = BY_NAME[name]
    plain = name.removesuffix("_total") if metric.kind is Kind.COUNTER else name
    return Family(plain, metric.help, metric.kind.value)


def _family(name: str, samples: Iterable[tuple[Sequence[str], Value]]) -> Family:
    """One metric of the catalogue; each sample has the values of its labels, in order."""
    family, labels = _empty(name), BY_NAME[name].labels
    for words, value in samples:
        family.add_sample(name, dict(zip(labels, words, strict=True)), value)
    return family
