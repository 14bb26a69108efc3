"""Beginning a log anew where the old one does not hold: the old folder is kept, nothing is deleted.

`DIR.restart`, a file beside the folder, says that a restart is under way and what
the new log's entry 0 will say. While it is there no daemon starts, so that no log
can begin without that trace; run again, the restart goes on where a crash left it.

1. `DIR.restart` is durable.
2. The folder is renamed to `DIR.STAMP`, and the witness file likewise.
3. A key for the new log's own name takes the place of the old one, which is destroyed:
   one name and one key, one log, so that no checkpoint of the old one contradicts the new.
4. Entry 0 is durable and published (`writer.open_log`), and then `DIR.restart` goes.
"""

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from rorpost_gateway.decision_log.base import Event
from rorpost_gateway.decision_log.folder import FILE_MODE, day_files, lock
from rorpost_gateway.decision_log.key_rotation import complete, prepare
from rorpost_gateway.decision_log.line import LINE_OCTETS, leaf
from rorpost_gateway.decision_log.read_back import open_file, parse_object, pieces
from rorpost_gateway.decision_log.record import RestartFields
from rorpost_gateway.decision_log.signing import check_origin, create, read, restarted_origin
from rorpost_gateway.durable import put, sync_folder
from rorpost_gateway.errors import ConfigurationInvalid, LogDamaged


@dataclass(frozen=True, kw_only=True)
class Restart:
    """A restart under way: when it began, the new log's origin, and what its entry 0 says of the old log.

    `previous_entries` and `previous_head` count and hash what was found: up to the last
    line of the old log that can be read, whatever is wrong before it.
    """

    stamp: str
    origin: str
    decision: str
    operator: str
    previous_origin: str | None
    previous_entries: int | None
    previous_head: str | None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises ConfigurationInvalid where the file says something else, OSError."""
        try:
            return cls(**json.loads(path.read_bytes()))
        except (ValueError, TypeError) as error:
            raise ConfigurationInvalid(f"{path}: not what `rorpost audit restart` writes") from error

    def genesis_fields(self) -> RestartFields:
        return {
            "previous_origin": self.previous_origin,
            "previous_entries": self.previous_entries,
            "previous_head": self.previous_head,
            "decision": self.decision,
            "operator": self.operator,
        }


def journal(folder: Path) -> Path:
    """The file that says that a restart of the log in `folder` is under way."""
    return folder.with_name(f"{folder.name}.restart")


def refuse_half_restarted(folder: Path) -> None:
    """Raises LogDamaged while a restart is under way, or was broken off."""
    if journal(folder).exists():
        raise LogDamaged(
            "a restart of the decision log was broken off",
            private=f"{journal(folder)}: a restart was broken off; run `rorpost audit restart` again",
        )


def begin(folder: Path, *, origin: str, decision: str, operator: str, now: float) -> tuple[Restart, Path]:
    """Note what is to be, or take up a restart that was broken off; the restart, and where the old log lies.

    The old log is out of the way when it returns.
    Raises LogUnavailable (a daemon writes it), ConfigurationInvalid (there is no log), OSError.
    """
    noted = journal(folder)
    if noted.exists():
        restart = Restart.read(noted)
    else:
        if not folder.is_dir() or not day_files(folder):
            raise ConfigurationInvalid(f"{folder}: there is no log to begin anew")
        held = lock(folder)
        try:
            restart = _found(folder, origin=origin, decision=decision, operator=operator, now=now)
            check_origin(restart.origin)
            if _kept(folder, restart).exists():
                raise ConfigurationInvalid(f"{_kept(folder, restart)} is there already; wait a second")
            _note(noted, restart)
        finally:
            os.close(held)
    kept = _kept(folder, restart)
    try:
        set_aside(folder, restart.stamp)
    except OSError:
        if not kept.exists():
            noted.unlink()  # nothing has happened yet
        raise
    return restart, kept


def set_aside(path: Path, stamp: str) -> None:
    """Rename a file or folder to `NAME.STAMP`, unless that was done before. Raises OSError."""
    kept = path.with_name(f"{path.name}.{stamp}")
    if path.exists() and not kept.exists():
        path.rename(kept)
        sync_folder(path.parent)


def renew_key(key_file: Path, origin: str) -> None:
    """Put a key for the new log in place of the old one, unless that was done before.

    Raises ConfigurationInvalid, OSError.
    """
    if not key_file.exists():
        create(key_file, origin)
    elif read(key_file).origin != origin:
        complete(key_file, prepare(key_file, origin))


def finish(folder: Path) -> None:
    """The new log has its entry 0: the daemon may start. Raises OSError."""
    journal(folder).unlink()
    sync_folder(folder.parent)


def _kept(folder: Path, restart: Restart) -> Path:
    return folder.with_name(f"{folder.name}.{restart.stamp}")


def _found(folder: Path, *, origin: str, decision: str, operator: str, now: float) -> Restart:
    stamp = f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}"
    entries, head = _last_line(folder)
    return Restart(
        stamp=stamp,
        origin=restarted_origin(origin, stamp),
        decision=decision,
        operator=operator,
        previous_origin=_origin(folder),
        previous_entries=entries,
        previous_head=head,
    )


def _last_line(folder: Path) -> tuple[int | None, str | None]:
    """How many entries there are by the number of the last line that can be read, and its hash."""
    for path in reversed(day_files(folder)):
        last: tuple[int, str] | None = None
        with open_file(path) as file:
            for piece in pieces(file):
                entry = parse_object(piece.octets) if piece.whole and piece.closed else None
                if entry is not None and type(entry.get("n")) is int and entry["n"] >= 0:
                    last = entry["n"] + 1, leaf(piece.octets)
        if last is not None:
            return last
    return None, None


def _origin(folder: Path) -> str | None:
    """The old log's name, by its entry 0 or, where that is gone, by its newest checkpoint."""
    with open_file(day_files(folder)[0]) as file:
        entry = parse_object(file.readline(LINE_OCTETS).removesuffix(b"\n"))
    if entry is not None and entry.get("event") == Event.GENESIS:
        return str(entry.get("origin"))
    try:
        with open_file(folder / "checkpoint") as file:
            return file.readline(LINE_OCTETS).decode("ascii").removesuffix("\n") or None
    except (OSError, ValueError):
        return None


def _note(path: Path, restart: Restart) -> None:
    put(path, json.dumps(asdict(restart)).encode("ascii") + b"\n", mode=FILE_MODE)
