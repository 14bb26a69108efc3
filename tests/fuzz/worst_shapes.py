"""The worst texts anybody could think of, each loaded as a policy in a child with bounded memory and time.

`python -m tests.fuzz.worst_shapes` loads each as large as a file may be (64 MiB, some minutes in all) and
prints what it took; with a number of octets it is the child that loads them all at that size.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

from rorpost_gateway.cli.findings import render
from rorpost_gateway.document import DocumentInvalid
from rorpost_gateway.policy.load import load_policy

MIB = 1024 * 1024
LARGEST = 64 * MIB - 100  # as large as a file may be
MEMORY_OCTETS = 2048 * MIB
CPU_SECONDS = 120


def _repeated(text: str, octets: int) -> str:
    return text * (octets // len(text.encode()))


def _numbered(text: str, octets: int) -> str:
    """As many lines as fit, N replaced by the number of each."""
    return "".join(text.replace("N", str(number)) for number in range(octets // (len(text) + 6)))


_STRANGERS = "- {name: cN, from: rorpost.mN@motala.se, to: [rorpost.mmN@motala.se]}\n"
SHAPES: dict[str, Callable[[int], str]] = {
    "brackets, never closed": lambda n: "[" * n,
    "braces, each with a key": lambda n: _repeated("{a: ", n),
    "dashes": lambda n: _repeated("- ", n),
    "question marks": lambda n: _repeated("? ", n),
    "one line of one word": lambda n: "a: " + "x" * n,
    "one line of many words": lambda n: "a: " + _repeated("x ", n),
    "one line of colons": lambda n: _repeated("a:", n),
    "a key of 64 MiB": lambda n: "x" * (n - 2) + ": 1",
    "an explicit key of 64 MiB": lambda n: "? " + "x" * (n - 8) + "\n: 1",
    "a quotation mark that is never closed": lambda n: 'a: "' + "x" * n,
    "escapes": lambda n: 'a: "' + _repeated("\\n", n) + '"',
    "empty lines": lambda n: "\n" * n + "a: [",
    "carriage returns": lambda n: "\r" * n + "a: [",
    "a comment": lambda n: "#" * n,
    "blanks": lambda n: " " * n + "\ta: 1",
    "small lists": lambda n: "a: [" + _repeated("[],", n) + "]",
    "small numbers": lambda n: "a: [" + _repeated("1,", n) + "]",
    "bad numbers": lambda n: "a: [" + _repeated("99999999999999999999,", n) + "]",
    "bad days": lambda n: "a: [" + _repeated("2026-02-30,", n) + "]",
    "aliases": lambda n: "a: &a [x]\nb: [" + _repeated("*a,", n) + "]",
    "anchors": lambda n: "b: [" + _repeated("&a x,", n) + "]",
    "a bomb of aliases": lambda n: "a0: &a0 [x]\n" + _numbered("aN: &aN [*a0, *a0, *a0, *a0]\n", n),
    "one key over and over": lambda n: _repeated("a: 1\n", n),
    "unknown keys": lambda n: _numbered("xN: 1\n", n),
    "mailboxes that are none": lambda n: "mailboxes:\n" + _numbered("  mN: {}\n", n),
    "channels to nobody": lambda n: (
        "mailboxes:\n" + _numbered("  rorpost.mN@motala.se: {}\n", min(n // 4, MIB))
        + "channels:\n" + _numbered(_STRANGERS, n // 2)
    ),
    "one pair over and over": lambda n: (
        "mailboxes:\n  rorpost.a@motala.se: {}\n  rorpost.b@motala.se: {}\nchannels:\n"
        + _numbered("- {name: cN, from: rorpost.a@motala.se, to: [rorpost.b@motala.se]}\n", n - 100)
    ),
    "one person over and over": lambda n: (
        "mailboxes:\n  rorpost.a@motala.se:\n    users:\n"
        + _numbered("    - {user: a@b.se, valid_from: 2026-01-01, valid_until: 2026-01-02}\n", n - 100)
    ),
    "many documents": lambda n: _repeated("---\n", n),
    "directives": lambda n: _repeated("%YAML 1.1\n", n) + "---\n",
    "a character of four octets": lambda n: "a: '" + _repeated("\U0001f600", n) + "'",
    "something unseen at the end": lambda n: "\n" * n + "\u200b",
}  # fmt: skip


def load_in_child(
    octets: int, *, memory_octets: int, cpu_seconds: int, shapes: str = ""
) -> list[dict[str, Any]]:
    """What each shape took. Raises CalledProcessError where the child did not survive it."""
    numbers = [str(octets), str(memory_octets), str(cpu_seconds), shapes]
    command = [sys.executable, "-m", "tests.fuzz.worst_shapes", *numbers]
    done = subprocess.run(command, check=True, capture_output=True, timeout=10 * cpu_seconds)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _be_child(octets: int, memory_octets: int, cpu_seconds: int, shapes: str) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    with TemporaryDirectory() as folder:
        for shape, make in SHAPES.items():
            if shapes in ("", shape):
                file = Path(folder) / "policy.yaml"
                file.write_text(make(octets), encoding="utf-8", newline="")
                resource.setrlimit(resource.RLIMIT_AS, (memory_octets, resource.RLIM_INFINITY))
                sys.stdout.write(json.dumps({"shape": shape, **_load(file)}) + "\n")
                resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _load(file: Path) -> dict[str, float]:
    began, count, shown = time.process_time(), 0, 0
    try:
        load_policy(file, own_domains=frozenset({"motala.se"}), timezone=ZoneInfo("UTC"))
    except DocumentInvalid as error:
        count, shown = error.count, len(render(error, width=100))
    seconds, octets = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"findings": count, "shown": shown, "seconds": seconds, "octets": octets}


def _print_all() -> None:
    for shape in SHAPES:
        try:
            (took,) = load_in_child(
                LARGEST, memory_octets=MEMORY_OCTETS, cpu_seconds=CPU_SECONDS, shapes=shape
            )
        except subprocess.CalledProcessError as error:
            sys.stdout.write(f"{shape:40} did not survive it: {error.returncode} {error.stderr[-300:]!r}\n")
        else:
            sys.stdout.write(
                f"{shape:40} {took['findings']:>9} findings {took['seconds']:6.1f} s"
                f" {took['octets'] / MIB:6.0f} MiB\n"
            )
        sys.stdout.flush()


if __name__ == "__main__":
    if len(sys.argv) == 1:
        _print_all()
    else:
        _be_child(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
