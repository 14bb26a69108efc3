"""What every row stands on: keys, a certificate authority, and a folder that is gone afterwards."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.peers.authority import Authority, make_authority
from tests.peers.gnupg_home import PreparedKeys, prepared


@dataclass(frozen=True, kw_only=True)
class Ground:
    """`folder` lies on the disk that is measured, its path is short."""

    keys: PreparedKeys
    authority: Authority
    folder: Path


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    with prepared() as keys, tempfile.TemporaryDirectory(prefix="rb", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postfix's processes have users of their own
        inside = folder / "authority"
        inside.mkdir()
        yield Ground(keys=keys, authority=make_authority(inside), folder=folder)
