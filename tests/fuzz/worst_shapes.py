"""Loads the worst texts anybody could think of, each in a child with little memory and little time.

Run as a program it is that child: it makes the shape it is told to, loads it, and prints the findings'
count, the seconds it took and the most memory it had.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

MIB = 1024 * 1024
OCTETS = 64 * MIB - 100  # as large as a file may be
MEMORY_OCTETS = 2048 * MIB
CPU_SECONDS = 60


def _repeated(text: str) -> str:
    return text * (OCTETS // len(text.encode()))


SHAPES: dict[str, Callable[[], str]] = {
    "brackets, never closed": lambda: "[" * OCTETS,
    "braces, each with a key": lambda: _repeated("{a: "),
    "dashes": lambda: _repeated("- "),
    "question marks": lambda: _repeated("? "),
    "one line of one word": lambda: "a: " + "x" * OCTETS,
    "one line of many words": lambda: "a: " + _repeated("x "),
    "one line of colons": lambda: _repeated("a:"),
    "a key of 64 MiB": lambda: "x" * (OCTETS - 2) + ": 1",
    "an explicit key of 64 MiB": lambda: "? " + "x" * (OCTETS - 8) + "\n: 1",
    "a quotation mark that is never closed": lambda: 'a: "' + "x" * OCTETS,
    "escapes": lambda: 'a: "' + _repeated("\\n") + '"',
    "empty lines": lambda: "\n" * OCTETS + "a: [",
    "carriage returns": lambda: "\r" * OCTETS + "a: [",
    "a comment": lambda: "#" * OCTETS,
    "blanks": lambda: " " * OCTETS + "\ta: 1",
    "small lists": lambda: "a: [" + _repeated("[],") + "]",
    "small numbers": lambda: "a: [" + _repeated("1,") + "]",
    "bad numbers": lambda: "a: [" + _repeated("99999999999999999999,") + "]",
    "bad days": lambda: "a: [" + _repeated("2026-02-30,") + "]",
    "aliases": lambda: "a: &a [x]\nb: [" + _repeated("*a,") + "]",
    "anchors": lambda: "b: [" + _repeated("&a x,") + "]",
    "a bomb of aliases": lambda: "a0: &a0 [x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 40)
    ),
    "one key over and over": lambda: _repeated("a: 1\n"),
    "unknown keys": lambda: "".join(f"{n}x: 1\n" for n in range(4_000_000)),
    "mailboxes that are none": lambda: "mailboxes:\n" + "".join(f"  m{n}: {{}}\n" for n in range(300_000)),
    "channels to nobody": lambda: "channels:\n" + _repeated("- {name: a, from: rorpost.a@b.se, to: [rorpost.c@d.se]}\n"),
    "channels to nobody, with everybody beside": lambda: (
        "mailboxes:\n" + "".join(f"  rorpost.m{n}@motala.se: {{}}\n" for n in range(20_000))
        + "channels:\n" + "".join(
            f"- {{name: c{n}, from: rorpost.m{n}@motala.se, to: [rorpost.mm{n}@motala.se]}}\n" for n in range(20_000)
        )
    ),
    "many documents": lambda: _repeated("---\n"),
    "directives": lambda: _repeated("%YAML 1.1\n") + "---\n",
    "a character of four octets": lambda: "a: '" + _repeated("\U0001f600") + "'",
    "something unseen at the end": lambda: "\n" * OCTETS + "\u200b",
}  # fmt: skip


def load_in_child(shape: str, folder: Path) -> dict[str, float]:
    """`findings`, `seconds` and `octets`; raises CalledProcessError where the child did not survive it."""
    command = [sys.executable, "-m", "tests.fuzz.worst_shapes", shape, str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, timeout=4 * CPU_SECONDS)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _main(shape: str, folder: Path) -> None:
    from rorpost_gateway.cli.findings import render
    from rorpost_gateway.document import DocumentInvalid
    from rorpost_gateway.policy.load import load_policy

    file = folder / "policy.yaml"
    file.write_text(SHAPES[shape](), encoding="utf-8", newline="")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_OCTETS, MEMORY_OCTETS))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    began, count = time.process_time(), 0
    try:
        load_policy(file, own_domains=frozenset({"motala.se"}), timezone=ZoneInfo("UTC"))
    except DocumentInvalid as error:
        count = error.count
        text = render(error, width=100).plain
        assert len(text) < MIB, len(text)
    octets = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seconds = time.process_time() - began
    sys.stdout.write(json.dumps({"findings": count, "seconds": seconds, "octets": octets}))


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]))
