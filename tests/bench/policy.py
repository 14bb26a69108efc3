"""The policy, from an ordinary municipality's to a whole country's: load, decide, compare, reload."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.bench import towns
from tests.bench.ground import Ground
from tests.bench.section import MB, Bar, Plan, Say, Section, rate, size
from tests.bench.towns import COUNTRY, LARGE, ORDINARY, Town
from tests.peers import gateway_world as world

_HAMLET = Town(name="a hamlet", mailboxes=8, channels=16, authorisations=8)
_TOWNS = (ORDINARY, LARGE, COUNTRY)
_TIMEOUT_SECONDS = 600
_PLOTTED = {
    "load, seconds": ("load_seconds", 1.0),
    "memory at its most, MB": ("peak_octets", 1 / MB),
    "a decision after DATA, µs": ("after_data", 1.0),
    "diff, seconds": ("diff_seconds", 1.0),
    "matrix, seconds": ("matrix_seconds", 1.0),
    "reload: the longest stall, ms": ("stall_seconds", 1e3),
}


def measure(on: Ground, plan: Plan, say: Say) -> Section:
    """Raises CalledProcessError where a policy of these is not taken."""
    chosen = (_HAMLET,) if not plan.share else _TOWNS if plan.share >= 1 else _TOWNS[:2]
    found: list[tuple[Town, list[dict[str, Any]]]] = []
    for town in chosen:
        runs = []
        for number in range(plan.runs):
            say(f"policy: {_name(town)}, run {number + 1}")
            runs.append(_measured(on, town, on.folder / f"{town.channels}-{number}"))
        found.append((town, runs))
    return Section(
        name="policy",
        title="The policy, by its size",
        columns=(
            "mailboxes, channels, authorisations",
            "YAML",
            "load s",
            "CPU s",
            "peak",
            "RCPT µs",
            "DATA µs",
            "diff s",
            "matrix s",
            "reload s",
            "stall ms",
            "peak in reload",
        ),
        rows=[_row(town, runs) for town, runs in found],
        figures=[{"town": asdict(town), "runs": runs} for town, runs in found],
        notes=(
            "Each in a process of its own, the quickest of the runs. Peak: of the whole process, resident.",
            "Decisions: the policy's part alone, of one recipient, spread over all channels; keys are always",
            "there, the message was read before, and no rule looks into its content. In CPU time.",
            "Diff and matrix: against the policy after a review that closed every 50th channel; no output.",
            "Reload: the daemon's own, of that policy. Stall: how late the event loop came, at most, to what",
            "was due each millisecond, until the policy before was gone. Peak in reload: both are in memory.",
        ),
        bars=tuple(_bars(found)),
        unit="by channels",
    )


def _measured(on: Ground, town: Town, folder: Path) -> dict[str, Any]:
    octets = towns.write_town(town, folder / "policies")
    towns.write_town(town, folder / "revised", revised=True)
    config = world.make_config(on.authority, home=on.keys.sender_home, next_hop_port=1)
    path = folder / "rorpost.yaml"
    path.write_text(world.as_yaml(config), encoding="utf-8")
    users = folder / "users.yaml"
    users.touch(mode=0o600)
    users.write_text(world.users_file(), encoding="utf-8")
    arguments = (str(path), json.dumps(asdict(town)), str(folder / "revised"))
    done = subprocess.run(
        (sys.executable, "-m", "tests.bench.policy_child", *arguments),
        cwd=Path(__file__).parents[2],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=_TIMEOUT_SECONDS,
        check=True,
    )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures | {"yaml_octets": octets}


def _name(town: Town) -> str:
    return f"{town.mailboxes:,}, {town.channels:,}, {town.authorisations:,}"


def _row(town: Town, runs: list[dict[str, Any]]) -> tuple[str, ...]:
    least = {name: min(run[name] for run in runs) for name in runs[0] if name != "counts"}
    return (
        _name(town),
        f"{least['yaml_octets'] / MB:.1f} MB",
        rate(least["load_seconds"]),
        rate(least["load_cpu_seconds"]),
        size(least["peak_octets"]),
        rate(least["at_rcpt"]),
        rate(least["after_data"]),
        f"{least['diff_seconds']:.3f}",
        f"{least['matrix_seconds']:.3f}",
        rate(least["reload_seconds"]),
        rate(1e3 * least["stall_seconds"]),
        size(least["reload_peak_octets"]),
    )


def _bars(found: list[tuple[Town, list[dict[str, Any]]]]) -> Iterator[Bar]:
    for group, (key, factor) in _PLOTTED.items():
        for town, runs in found:
            values = [factor * run[key] for run in runs]
            yield Bar(
                group=group,
                label=f"{town.channels:,}",
                value=min(values),
                low=min(values),
                high=max(values),
            )
