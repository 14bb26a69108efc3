"""Every policy revision ever loaded, kept as STATE_DIR/policies/REVISION.json.

The decision log names revisions; these files say, years later, what they allowed.
`in-force` beside them names the last one, so that a start can tell what changed
while the daemon was down.
"""

import hashlib
import re
from pathlib import Path

from rorpost_gateway.durable import PRIVATE_MODE, put
from rorpost_gateway.errors import GatewayError

_REVISION = re.compile(r"[0-9a-f]{64}")
_IN_FORCE = "in-force"


class NotKept(GatewayError):
    """The folder of revisions cannot be written."""


class KeptPolicies:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, revision: str, canonical: bytes) -> None:
        """Write a revision durably, unless it is there; then note that it is in force.

        Raises NotKept.
        """
        file = self._folder / f"{revision}.json"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not file.exists():
                put(file, canonical, mode=PRIVATE_MODE)
            put(self._folder / _IN_FORCE, f"{revision}\n".encode(), mode=PRIVATE_MODE)
        except OSError as error:
            cause = f"{file}: {error.strerror}"
            raise NotKept("the policy's revision cannot be kept", private=cause) from error

    def last(self) -> tuple[str, bytes] | None:
        """The revision that was in force last, and its canonical form; None where nothing is kept."""
        try:
            revision = (self._folder / _IN_FORCE).read_text(encoding="ascii").strip()
            if not _REVISION.fullmatch(revision):
                return None
            octets = (self._folder / f"{revision}.json").read_bytes()
        except (OSError, ValueError):
            return None  # a lost note costs a count in a log line, nothing more
        # A revision is the digest of its own file: what was changed is not believed.
        return (revision, octets) if hashlib.sha256(octets).hexdigest() == revision else None
