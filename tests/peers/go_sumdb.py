"""Go's golang.org/x/mod/sumdb, the code behind Go's checksum database, as a verifier that nobody here wrote.

`go/sumdb.go` is built once a session from Debian's packages golang-go and golang-golang-x-mod-dev: no
module is fetched, and what is built goes into the session's temporary folder.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("go") / "sumdb.go"
PACKAGES = Path("/usr/share/gocode")
SUMDB = PACKAGES / "src/golang.org/x/mod/sumdb"
_BUILD_SECONDS = 120  # where nothing of it was ever read from the disk
_RUN_SECONDS = 30


class Refused(Exception):
    """What the program said of that which does not hold."""


@dataclass(frozen=True, kw_only=True)
class Sumdb:
    """Each method gives back what the program told as JSON, and raises Refused where it ended otherwise."""

    program: Path

    def export(self, folder: Path, checkpoints: Path, vkeys: Sequence[str]) -> Any:
        """A tlog-tiles folder and a file of older checkpoints: signatures, entries, tiles, every proof."""
        return self._run("export", folder, checkpoints, *vkeys)

    def proof(self, proof: Path, line: Path, vkeys: Sequence[str]) -> Any:
        """A `.tlog-proof`, and a file with the line that it is for."""
        return self._run("proof", proof, line, *vkeys)

    def consistency(self, sent: Path, old: Path, vkeys: Sequence[str]) -> Any:
        """Files with what a tlog-witness is sent (`old`, hashes, checkpoint), and with what it has."""
        return self._run("consistency", sent, old, *vkeys)

    def _run(self, *arguments: object) -> Any:
        command = [str(self.program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_RUN_SECONDS, check=False)
        if done.returncode:
            raise Refused(done.stderr.strip())
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def sumdb(tmp_path_factory: pytest.TempPathFactory) -> Sumdb:
    """Skips by hand, fails in CI, where Go is not installed: `.ci/packages test` installs it."""
    if shutil.which("go") is None or not SUMDB.is_dir():
        report = pytest.fail if os.environ.get("CI") else pytest.skip
        report("golang-go and golang-golang-x-mod-dev are not installed")
    folder = tmp_path_factory.mktemp("sumdb")
    program = folder / "sumdb"
    environment = os.environ | {
        "GO111MODULE": "off",
        "GOENV": "off",
        "GOFLAGS": "",
        "GOPATH": str(PACKAGES),
        "GOCACHE": str(folder / "cache"),
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
    }
    subprocess.run(
        ["go", "build", "-o", str(program), str(PROGRAM)],
        env=environment,
        check=True,
        timeout=_BUILD_SECONDS,
        cwd=folder,
    )
    return Sumdb(program=program)
