"""`rorpost audit witness` as a process: what it refuses, what it prints, and that it remembers."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from rorpost_gateway.cli.main import rorpost
from rorpost_gateway.http.client import parse_url
from rorpost_gateway.witness.asking import Witness, WitnessConflict
from rorpost_gateway.witness.cosignature import parse_witness_key
from tests.peers.witnessed_log import SignedLog

BOUND_SECONDS = 30
OF_A_LOG = ("--log-vkey", SignedLog().key.vkey)
COSIGNER = "w+aab0b2a8+BAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Missing option '--log-vkey'"),
        (("--log-vkey", "abc"), "neither a verifier key nor a file with one"),
        (("--log-vkey", f"x{COSIGNER}"), "does not match its own key id"),
        ((*OF_A_LOG, "--listen", "here"), "is not IP:PORT"),
        ((*OF_A_LOG, "--listen", "0.0.0.0:8420"), "only loopback may be listened on"),
        ((*OF_A_LOG, "--certificate", "cert.pem"), "go together"),
        (OF_A_LOG, "a new witness needs a --name"),
        ((*OF_A_LOG, "--name", "a b"), "1 to 200 visible ASCII"),
    ],
)
def test_refused(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    result = CliRunner().invoke(rorpost, ["audit", "witness", str(tmp_path), *arguments])
    assert result.exit_code != 0
    assert says in f"{result.output}{getattr(result.exception, 'public', '')}"
    assert not (tmp_path / "witness.key").exists()


@dataclass(frozen=True)
class Running:
    vkey: str
    url: str


@asynccontextmanager
async def running(folder: Path, log: SignedLog, *more: str) -> AsyncIterator[Running]:
    """The witness as a process of its own; at the end it must have gone by itself, without a fault."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rorpost_gateway", "audit", "witness", str(folder)),
        *("--log-vkey", log.key.vkey, "--listen", "127.0.0.1:0", *more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            vkey = (await process.stdout.readline()).decode().strip()
            ready = (await process.stderr.readline()).decode()
            assert ready.startswith("ready, listening on "), ready
            yield Running(vkey, f"http://{ready.removeprefix('ready, listening on ').strip()}")
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_it_remembers_over_a_restart(tmp_path: Path) -> None:
    log = SignedLog()

    async def proof(old: int, new: int) -> list[bytes]:
        return log.proof(old, new)

    def asking(witness: Running) -> Witness:
        return Witness(key=parse_witness_key(witness.vkey), url=parse_url(witness.url), tls=None, proof=proof)

    folder = tmp_path / "witness"
    async with running(folder, log, "--name", "witness.example/w1") as first:
        assert await asking(first).cosign(log.checkpoint(7), now=2**40)
    async with running(folder, log) as second:
        assert second.vkey == first.vkey
        with pytest.raises(WitnessConflict, match="it cosigned 7 entries"):
            await asking(second).cosign(log.checkpoint(5), now=2**40)
        assert await asking(second).cosign(log.checkpoint(9), now=2**40)
    assert (folder / "witness.vkey").read_text().strip() == first.vkey
