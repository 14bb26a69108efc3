"""`rorpost …` under the system call filters of config/systemd/rorpost.service, which systemd would set.

    python confined_daemon.py serve --config FILE …

As a module it reads the unit. Run as a program it puts on itself, by libseccomp, what SystemCallFilter,
MemoryDenyWriteExecute and RestrictAddressFamilies say, and its limits, before anything of the gateway is
imported. What systemd does with mounts and users is not done here.
"""

import ctypes
import errno
import mmap
import re
import resource
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

UNIT = Path(__file__).parents[2] / "config" / "systemd" / "rorpost.service"
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
_EQUAL, _MASKED_EQUAL = 4, 7


def settings(section: str = "Service") -> dict[str, list[str]]:
    """The unit's settings of a section, every value of each."""
    found: dict[str, list[str]] = {}
    here = None
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"\[(\w+)\]", line):
            here = match[1]
        elif here == section and (match := re.fullmatch(r"(\w+)=(.*)", line)):
            found.setdefault(match[1], []).append(match[2])
    return found


def allowed_calls() -> set[str]:
    """SystemCallFilter, its groups taken apart by systemd itself."""
    allowed = _calls_of("@default")
    for words in settings()["SystemCallFilter"]:
        calls = {call for word in words.removeprefix("~").split() for call in _calls_of(word)}
        allowed = allowed - calls if words.startswith("~") else allowed | calls
    return allowed


def _calls_of(word: str) -> set[str]:
    if not word.startswith("@"):
        return {word}
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", word], capture_output=True, check=True, text=True
    ).stdout
    members = [line.strip() for line in listed.splitlines() if line.startswith("    ")]
    return {call for member in members if not member.startswith("#") for call in _calls_of(member)}


class _Compare(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


class _Filter:
    def __init__(self, otherwise: int) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(otherwise)))

    def add(self, action: int, call: str, *compare: tuple[int, int, int, int]) -> None:
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return  # not of this machine, or newer than the library
        array = (_Compare * len(compare))(*(_Compare(*each) for each in compare))
        done = self._library.seccomp_rule_add_array(
            self._context, ctypes.c_uint32(action), number, len(compare), array
        )
        assert done == 0, f"{call}: {done}"

    def load(self) -> None:
        assert self._library.seccomp_load(self._context) == 0


def _confine() -> None:
    calls, unit = allowed_calls(), settings()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    refused = _Filter(_ALLOW)
    for call, *conditions in _refused(unit):
        refused.add(_REFUSE, call, *conditions)
    refused.load()
    allowed = _Filter(_REFUSE)
    for call in sorted(calls):
        allowed.add(_ALLOW, call)
    allowed.load()


def _refused(unit: dict[str, list[str]]) -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    """As systemd.exec(5) describes MemoryDenyWriteExecute and RestrictAddressFamilies."""
    assert unit["MemoryDenyWriteExecute"] == ["yes"]
    both = mmap.PROT_WRITE | mmap.PROT_EXEC
    yield "mmap", (2, _MASKED_EQUAL, both, both)
    yield "mprotect", (2, _MASKED_EQUAL, mmap.PROT_EXEC, mmap.PROT_EXEC)
    yield "pkey_mprotect", (2, _MASKED_EQUAL, mmap.PROT_EXEC, mmap.PROT_EXEC)
    families = unit["RestrictAddressFamilies"][0].split()
    for family in socket.AddressFamily:
        if family.name not in families:
            yield "socket", (0, _EQUAL, family.value, 0)


if __name__ == "__main__":
    _confine()
    from rorpost_gateway.cli import main

    main()
