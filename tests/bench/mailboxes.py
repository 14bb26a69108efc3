"""Mailboxes over IMAP, at a real Dovecot: collecting from a full folder, and watching five hundred."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from tests.bench import collecting, watching
from tests.bench.collecting import OCTETS, Collected
from tests.bench.ground import Ground
from tests.bench.section import MB, Plan, Say, Section, size, spread
from tests.bench.watching import Found


def measure(on: Ground, plan: Plan, say: Say) -> Section:
    """Raises TimeoutError where a message is not taken, or a mailbox not looked into."""
    collected = collecting.measure(on, plan, say)
    watched = watching.measure(on, plan, say)
    folder_of = f"{plan.messages(collecting.FOLDER_OF)} messages of {size(OCTETS)}"
    names = dict.fromkeys(one.who for one in collected)
    return Section(
        name="mailboxes",
        title=f"Mailboxes over IMAP; a folder of {folder_of} to collect from",
        columns=("what", "messages", "figure", "CPU ms a message", "Dovecot's"),
        rows=[
            *(_collected(who, [one for one in collected if one.who == who]) for who in names),
            *_watched(watched),
        ],
        figures={"collecting": list(map(asdict, collected)), "watching": asdict(watched)},
        notes=(
            "Collecting: over TLS, one message at a time; the loops do nothing with it, the gateway opens,",
            "decides, logs, queues and delivers it (smtp-sink -L), and moves it to Rorpost/Collected.",
            "The folder is as full for all; where it says fewer messages, the clock stops after as many.",
            "A round: over TLS, by 20 connections at most, each with a login of its own; the first one asks",
            "about every message, the next one only about what is new or unread.",
            "The daemon: connections at a time, MB of all its processes, after a round over all of that.",
        ),
    )


def _collected(who: str, runs: Sequence[Collected]) -> tuple[str, ...]:
    return (
        f"collecting: {who}",
        str(runs[0].messages),
        f"{spread([one.rate for one in runs])} a second",
        f"{statistics.median(one.cpu_ms for one in runs):.2f}",
        f"{statistics.median(one.server_ms for one in runs):.2f}",
    )


def _watched(found: Found) -> Iterator[tuple[str, ...]]:
    for one in found.rounds:
        for name, (seconds, cpu_seconds) in {"first round": one.first, "next round": one.then}.items():
            cpu_ms = f"{1e3 * cpu_seconds / one.messages:.3f}"
            yield f"watching {one.what}: {name}", str(one.messages), f"{seconds:.2f} s", cpu_ms, ""
    daemon = found.daemon
    memory = f"peak {daemon.peak_octets / MB:.0f} MB, PSS {daemon.proportional_octets / MB:.0f} MB"
    what = f"the daemon that watches {daemon.mailboxes} mailboxes"
    yield what, str(daemon.messages), f"{daemon.connections} connections; {memory}", "", ""
