"""`python -m tests.bench`: every section is measured and printed; figures and plots stay in build/bench."""

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.bench import attachments, costs, engines, idle, log, mail, mailboxes, plot, policy, reading, readme
from tests.bench.ground import Ground, ground
from tests.bench.section import FULL, QUICK, Measure, Plan, Section
from tests.bench.showing import show

BUILD = Path(__file__).parents[2] / "build" / "bench"
SECTIONS: dict[str, Measure] = {
    "mail": mail.measure,
    "costs": costs.measure,
    "engines": engines.measure,
    "reading": reading.measure,
    "idle": idle.measure,
    "log": log.measure,
    "mailboxes": mailboxes.measure,
    "policy": policy.measure,
    "attachments": attachments.measure,
}


def bench(on: Ground, plan: Plan, console: Console, build: Path) -> list[Section]:
    """Every section of the plan, shown as it comes; `result.json` and plots in `build`."""
    build.mkdir(parents=True, exist_ok=True)
    before = machine()
    console.print(
        f"{before['cores']} cores, {before['machine']}; Python {before['python']}, "
        f"Postfix {before['postfix']}; load average before: {before['load_before']:.2f}",
        highlight=False,
    )
    sections: list[Section] = []
    progress = Console(stderr=True)
    for name, measure in SECTIONS.items():
        if plan.parts and name not in plan.parts:
            continue
        section = measure(on, plan, lambda text: progress.print(f"  {text}", style="dim", soft_wrap=True))
        show(section, console)
        if section.bars:
            plot.draw(section, build)
        sections.append(section)
    result = {"machine": before, "sections": {one.name: one.figures for one in sections}}
    if any(one.name == "mail" for one in sections):
        (build / "measured.md").write_text(
            readme.measured(before, result["sections"]["mail"]), encoding="utf-8"
        )
    (build / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return sections


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    version = subprocess.run(["postconf", "-dh", "mail_version"], capture_output=True, text=True, check=True)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "postfix": version.stdout.strip(),
        "load_before": os.getloadavg()[0],
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer messages, one run, no 5 MB")
    parser.add_argument("--only", action="append", choices=sorted(SECTIONS), default=[], metavar="SECTION")
    parser.add_argument("--readme", action="store_true", help="put the table into the project's README")
    given = parser.parse_args()
    plan = replace(QUICK if given.quick else FULL, parts=frozenset(given.only))
    with ground() as on:
        bench(on, plan, Console(width=None if sys.stdout.isatty() else 150), BUILD)
    if given.readme:
        readme.put(readme.README, (BUILD / "measured.md").read_text(encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
