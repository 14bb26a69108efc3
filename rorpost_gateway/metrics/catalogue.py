"""Every metric of this gateway: name, kind, labels and what it says. Nothing else is ever exposed.

Names follow Prometheus' rules: base units (seconds, bytes), `_total` on counters. Labels hold
words of ours, names of the policy and fingerprints; never a person, a client or a message.
The table in config/README.md is this one.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Metric:
    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str


METRICS = (
    Metric(
        "rorpost_decisions_total",
        Kind.COUNTER,
        ("direction", "action", "reason"),
        "Decisions in the log, one a recipient; refusals before a message too.",
    ),
    Metric("rorpost_login_failures_total", Kind.COUNTER, (), "Failed logins."),
    Metric(
        "rorpost_copies_total",
        Kind.COUNTER,
        ("direction", "event"),
        "What became of queued copies, by the event in the log.",
    ),
    Metric(
        "rorpost_sent_copies_total",
        Kind.COUNTER,
        ("outcome",),
        "Copies for Sent folders: made or not, and what became of them.",
    ),
    Metric(
        "rorpost_content_suspected_total",
        Kind.COUNTER,
        ("rule",),
        "Accepted messages about which a content rule could not be certain.",
    ),
    Metric(
        "rorpost_stage_seconds",
        Kind.HISTOGRAM,
        ("stage",),
        "Time that a stage took, waiting included.",
    ),
    Metric("rorpost_queue_copies", Kind.GAUGE, ("state",), "Copies in the queue."),
    Metric("rorpost_queue_bytes", Kind.GAUGE, ("state",), "Sealed octets in the queue."),
    Metric(
        "rorpost_queue_oldest_seconds",
        Kind.GAUGE,
        ("state",),
        "Age of the oldest copy's message; 0 where there is none.",
    ),
    Metric("rorpost_log_entries", Kind.GAUGE, (), "Entries in the decision log."),
    Metric("rorpost_log_lines_total", Kind.COUNTER, ("event",), "Lines written since the start."),
    Metric("rorpost_log_last_line_timestamp_seconds", Kind.GAUGE, (), "When the newest line became durable."),
    Metric(
        "rorpost_witness_size", Kind.GAUGE, ("witness",), "Entries of the log that a witness has cosigned."
    ),
    Metric("rorpost_witness_failures_total", Kind.COUNTER, ("witness",), "Checkpoints it did not cosign."),
    Metric(
        "rorpost_witness_conflict",
        Kind.GAUGE,
        ("witness",),
        "1 where a witness held what this log does not continue.",
    ),
    Metric("rorpost_timestamp_size", Kind.GAUGE, (), "Entries of the log under the newest time-stamp."),
    Metric("rorpost_timestamp_last_timestamp_seconds", Kind.GAUGE, (), "The time that it states."),
    Metric("rorpost_timestamp_failures_total", Kind.COUNTER, (), "Time-stamps that were not to be had."),
    Metric(
        "rorpost_collected_total",
        Kind.COUNTER,
        ("account", "outcome"),
        "Messages collected from a mailbox: taken, duplicate, refused, or deferred to a later try.",
    ),
    Metric(
        "rorpost_collecting_up",
        Kind.GAUGE,
        ("account",),
        "1 where the last round through the mailbox left nothing behind.",
    ),
    Metric(
        "rorpost_collecting_last_success_timestamp_seconds",
        Kind.GAUGE,
        ("account",),
        "When a round through the mailbox last did.",
    ),
    Metric("rorpost_policy_info", Kind.GAUGE, ("revision",), "The policy in force; always 1."),
    Metric("rorpost_policy_objects", Kind.GAUGE, ("kind",), "What the policy in force holds."),
    Metric("rorpost_policy_last_reload_successful", Kind.GAUGE, (), "0 where what is on disk was refused."),
    Metric(
        "rorpost_policy_last_reload_success_timestamp_seconds",
        Kind.GAUGE,
        (),
        "When the policy in force was read.",
    ),
    Metric(
        "rorpost_key_expiry_timestamp_seconds",
        Kind.GAUGE,
        ("mailbox", "use", "fingerprint"),
        "When a key that a mailbox depends on expires; +Inf for never.",
    ),
    Metric(
        "rorpost_keys",
        Kind.GAUGE,
        ("use", "forecast"),
        "Keys that mailboxes depend on, by what is to be expected within 30 days.",
    ),
    Metric(
        "rorpost_channels",
        Kind.GAUGE,
        ("forecast",),
        "Channels in force or to come: fine, stops-soon (30 days), stopped, for want of a key.",
    ),
    Metric(
        "rorpost_channel_stops_timestamp_seconds",
        Kind.GAUGE,
        ("channel", "mailbox", "fingerprint"),
        "When a channel stops because that mailbox has no key left; 0 where it has.",
    ),
    Metric(
        "rorpost_certificate_expiry_timestamp_seconds",
        Kind.GAUGE,
        ("listener",),
        "When the certificate that the configuration names expires.",
    ),
    Metric("rorpost_connections", Kind.GAUGE, ("listener",), "Open SMTP connections."),
    Metric("rorpost_connections_limit", Kind.GAUGE, ("listener",), "As many are taken."),
    Metric("rorpost_in_flight_bytes", Kind.GAUGE, (), "Of messages being taken in, each copy counted."),
    Metric("rorpost_limit", Kind.GAUGE, ("limit",), "The configured limits, octets or numbers."),
    Metric("rorpost_mailbox_messages", Kind.GAUGE, ("mailbox", "folder"), "Messages in a watched mailbox."),
    Metric("rorpost_mailbox_unread", Kind.GAUGE, ("mailbox",), "Messages in its inbox that are not read."),
    Metric(
        "rorpost_mailbox_oldest_timestamp_seconds",
        Kind.GAUGE,
        ("mailbox", "folder"),
        "When the oldest message there arrived.",
    ),
    Metric(
        "rorpost_mailbox_foreign", Kind.GAUGE, ("mailbox",), "Messages that the decision log does not know."
    ),
    Metric(
        "rorpost_mailbox_deadlines_total",
        Kind.COUNTER,
        ("mailbox", "outcome"),
        "Reading deadlines, by outcome.",
    ),
    Metric(
        "rorpost_mailbox_last_look_timestamp_seconds",
        Kind.GAUGE,
        ("mailbox",),
        "When it was last looked into.",
    ),
    Metric("rorpost_mailbox_up", Kind.GAUGE, ("mailbox",), "0 where the last look failed."),
    Metric(
        "rorpost_mailbox_notices_total",
        Kind.COUNTER,
        ("outcome",),
        "Attempts to tell of deadlines that were missed.",
    ),
    Metric(
        "rorpost_access_reminders_total",
        Kind.COUNTER,
        ("outcome",),
        "Mails to managers about authorisations that will end.",
    ),
    Metric(
        "rorpost_disk_free_bytes", Kind.GAUGE, ("store",), "Free on the file system of the queue, of the log."
    ),
    Metric("rorpost_check_ok", Kind.GAUGE, ("check",), "The checks of /readyz: 1 where all is well."),
    Metric("rorpost_build_info", Kind.GAUGE, ("version", "python", "engine"), "What runs; always 1."),
)
# From prometheus_client's own look at /proc/self; programs that this one starts are not in it.
PROCESS_METRICS = (
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
)
BY_NAME = {metric.name: metric for metric in METRICS}
