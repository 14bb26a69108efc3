"""The policy as it stood in a git revision, without touching the working tree.

Read object by object (`git cat-file`), so that no filter, hook, pager or replacement that a repository
may bring runs or stands in between; a git that knows how (2.45) is told to fetch nothing. Whatever the
environment says about git repositories is left out: the one that the policy lies in is meant.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rorpost_gateway.errors import GatewayError

TIMEOUT_SECONDS = 60.0
LARGEST_OCTETS = 64 * 1024 * 1024  # of all files together; the reader takes no larger one either
_NAMES_SHOWN = 60
_OBJECT = re.compile(r"[0-9a-f]{40,64}")
_ENTRY = re.compile(
    r"(?P<mode>[0-7]{6}) (?P<kind>[a-z]+) (?P<id>[0-9a-f]{40,64}) +(?P<size>[0-9]+|-)\t(?P<name>.+)"
)
_ORDINARY = frozenset({"100644", "100755"})


class RevisionUnreadable(GatewayError):
    """Git knows no such revision, or has no policy in it; the text says which."""


@dataclass(frozen=True, kw_only=True)
class _Entry:
    mode: str
    kind: str
    object_id: str
    size_octets: int
    name: str


@contextmanager
def policy_at(revision: str, place: Path) -> Iterator[Path]:
    """The file or folder `place` as it was at `revision`, in a folder that lasts as long as the context.

    Of a folder, its `*.yaml`, `*.yml` and `*.json` files; not what lies in folders below it.
    Raises RevisionUnreadable.
    """
    repository = _Repository(place)
    commit = repository.commit(revision)
    with TemporaryDirectory(prefix="rorpost-policy-") as temporary:
        yield repository.write_out(commit, revision, Path(temporary))


class _Repository:
    def __init__(self, place: Path) -> None:
        place = place.resolve()
        # What is looked for may be gone from the working tree: the nearest folder there still is knows git.
        self._folder = next(folder for folder in (place, *place.parents) if folder.is_dir())
        prefix = self._run("rev-parse", "--show-prefix").decode("utf-8", "surrogateescape").strip("\n")
        below = place.relative_to(self._folder).as_posix()
        self._path = "/".join(part for part in (prefix.rstrip("/"), below) if part not in ("", "."))

    def commit(self, revision: str) -> str:
        try:
            found = self._run(
                "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
            )
        except RevisionUnreadable:
            raise RevisionUnreadable(
                f"{_shown(revision)} is neither a file or folder nor a revision that git knows"
            ) from None
        commit = found.decode("ascii", "replace").strip()
        if not _OBJECT.fullmatch(commit):
            raise RevisionUnreadable(f"git does not say which commit {_shown(revision)} is")
        return commit

    def write_out(self, commit: str, revision: str, folder: Path) -> Path:
        """The files as ordinary ones in `folder`; where the policy is one file, that file."""
        tree = f"{commit}:{self._path}"
        missing = f"there is no policy at {_shown(self._path or '.')} in {_shown(revision)}"
        try:
            kind = self._run("cat-file", "-t", tree).strip()
        except RevisionUnreadable:
            raise RevisionUnreadable(missing) from None
        if kind == b"blob":
            self._check_size(int(self._run("cat-file", "-s", tree)), revision)
            file = folder / Path(self._path).name
            file.write_bytes(self._run("cat-file", "blob", tree))
            return file
        if kind != b"tree":
            raise RevisionUnreadable(missing)
        entries = [entry for entry in self._entries(tree) if _may_be_policy(entry)]
        self._check_size(sum(entry.size_octets for entry in entries), revision)
        for entry in entries:
            if entry.mode not in _ORDINARY:
                raise RevisionUnreadable(f"{_shown(entry.name)} in {_shown(revision)} is no ordinary file")
            (folder / entry.name).write_bytes(self._run("cat-file", "blob", entry.object_id))
        return folder

    def _entries(self, tree: str) -> Iterator[_Entry]:
        listed = self._run("ls-tree", "-z", "--long", "--full-tree", tree)
        for line in listed.decode("utf-8", "surrogateescape").split("\0"):
            match = _ENTRY.fullmatch(line)
            if match is not None:
                size_octets = 0 if match["size"] == "-" else int(match["size"])
                yield _Entry(
                    mode=match["mode"],
                    kind=match["kind"],
                    object_id=match["id"],
                    size_octets=size_octets,
                    name=match["name"],
                )

    @staticmethod
    def _check_size(octets: int, revision: str) -> None:
        if octets > LARGEST_OCTETS:
            raise RevisionUnreadable(
                f"the policy in {_shown(revision)} is larger than {LARGEST_OCTETS} octets"
            )

    def _run(self, *arguments: str) -> bytes:
        command = [
            "git",
            "--no-pager",
            "--no-replace-objects",
            "--no-optional-locks",
            "-C",
            str(self._folder),
        ]
        try:
            done = subprocess.run(
                [*command, *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                env=_environment(),
                timeout=TIMEOUT_SECONDS,
            )
        except FileNotFoundError:
            raise RevisionUnreadable("git is not installed; name two files or folders instead") from None
        except subprocess.TimeoutExpired:
            raise RevisionUnreadable("git does not answer") from None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise RevisionUnreadable("git: " + (_printable(said[0]) if said else "no answer"))
        return done.stdout


def _may_be_policy(entry: _Entry) -> bool:
    """As the reader of a folder takes them; a name with a slash in it was made by nobody honest."""
    plain = entry.kind == "blob" and "/" not in entry.name and not entry.name.startswith(".")
    return plain and Path(entry.name).suffix in {".yaml", ".yml", ".json"}


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}


def _shown(text: str) -> str:
    return "'" + _printable(text if len(text) <= _NAMES_SHOWN else text[:_NAMES_SHOWN] + "...") + "'"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
