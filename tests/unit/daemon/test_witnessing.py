"""The daemon and those who hold its checkpoints: cosignatures and time-stamps come; failures stop nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.audit.checkpoints import parse_checkpoint
from rorpost_gateway.audit.notes import verify_note
from rorpost_gateway.audit.signatures import VerifierKey, parse_vkey
from rorpost_gateway.audit.verify import verify_log
from rorpost_gateway.daemon.gateway import Gateway
from rorpost_gateway.daemon.witnessing import check_witnessing
from rorpost_gateway.decision_log import record
from rorpost_gateway.decision_log.signing import create
from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.witness.key import CosigningKey, create_key
from rorpost_gateway.witness.service import make_server
from rorpost_gateway.witness.state import WitnessState
from rorpost_gateway.witness.witness import Judge
from tests.peers.timestamp_authority import TimestampAuthority

BOUND_SECONDS = 20
NOBODY = "http://127.0.0.1:1"


class World:
    """A gateway's files, its log's key, and a witness that knows it."""

    def __init__(self, files: Any, folder: Path) -> None:
        self.files = files
        log_key = files.folder / "decision-log.key"
        create(log_key, files.config().decision_log.origin)
        self.log = parse_vkey((files.folder / "decision-log.vkey").read_text().strip())
        state = WitnessState(folder)
        state.make()
        self.key: CosigningKey = create_key(folder / "witness.key", "witness.example/w1")
        self.judge = Judge(key=self.key, logs=[self.log], state=state)

    @asynccontextmanager
    async def witness(self) -> AsyncIterator[str]:
        server = make_server(self.judge, listen="127.0.0.1:0", tls=None, now=lambda: 1_790_000_000.0)
        await server.start()
        try:
            assert server.address is not None
            yield f"http://127.0.0.1:{server.address[1]}"
        finally:
            await server.close()

    async def gateway(self, **settings: Any) -> Gateway:
        return await Gateway.open(self.files.config(decision_log=settings), give_up=lambda: None)

    def entry(self, url: str) -> dict[str, str]:
        return {"url": url, "vkey": self.key.vkey}

    @property
    def folder(self) -> Path:
        decisions: Path = self.files.folder / "state" / "decisions"
        return decisions

    def signers(self) -> list[VerifierKey]:
        """Who has signed the newest checkpoint."""
        note = parse_checkpoint((self.folder / "checkpoint").read_bytes()).note
        return verify_note(note, [self.log, parse_vkey(self.key.vkey)])


@pytest.fixture
def world(files: Any, tmp_path: Path) -> World:
    return World(files, tmp_path / "witness")


async def test_the_last_checkpoint_is_cosigned(world: World) -> None:
    async with asyncio.timeout(BOUND_SECONDS), world.witness() as url:
        gateway = await world.gateway(witnesses=[world.entry(url)])
        assert await gateway.stop()
    checkpoint = parse_checkpoint((world.folder / "checkpoint").read_bytes())
    assert checkpoint.size == 4
    assert world.judge.sizes() == {world.log.name: 4}
    assert [key.name for key in world.signers()] == [world.log.name, "witness.example/w1"]
    assert verify_log(world.folder, vkey=world.log.vkey).entries == 4


async def test_what_is_published_is_cosigned_soon(
    world: World, timestamp_authority: TimestampAuthority
) -> None:
    async with (
        asyncio.timeout(BOUND_SECONDS),
        world.witness() as url,
        timestamp_authority.serving() as authority,
    ):
        stamps = {"url": f"http://{authority.authority}{authority.target}", "ca": str(timestamp_authority.ca)}
        gateway = await world.gateway(witnesses=[world.entry(url)], timestamps=stamps)
        await gateway._log.publish_now()
        await gateway.start()
        while len(world.signers()) < 2 or not list(world.folder.glob("timestamps/*.tsr")):
            await asyncio.sleep(0)
        assert await gateway.stop()
    (answer,) = world.folder.glob("timestamps/*.tsr")
    assert "Verification: OK" in timestamp_authority.verify(answer.with_suffix(".checkpoint"), answer)
    assert verify_log(world.folder, vkey=world.log.vkey)


async def test_nobody_there_stops_nothing(world: World, timestamp_authority: TimestampAuthority) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        gateway = await world.gateway(
            witnesses=[world.entry(NOBODY)], timestamps={"url": NOBODY, "ca": str(timestamp_authority.ca)}
        )
        await gateway.start()
        await gateway._log.append([record.heartbeat()])
        await gateway._log.publish_now()
        witnesses, stamper = gateway._witnessing.witnesses, gateway._witnessing.stamper
        assert stamper is not None
        while not witnesses.figures[0].failures or not stamper.failures:
            await asyncio.sleep(0)
        assert gateway.well
        assert await gateway.stop()
    assert verify_log(world.folder, vkey=world.log.vkey).entries == 5


@pytest.mark.parametrize(
    "settings",
    [
        {"timestamps": {"url": NOBODY, "ca": "nowhere.pem"}},
        {"timestamps": {"url": NOBODY, "ca": "rorpost.yaml"}},
    ],
)
async def test_authorities_that_cannot_be_read(world: World, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationInvalid, match=r"(nowhere\.pem|rorpost\.yaml): "):
        await world.gateway(**settings)


@pytest.mark.parametrize("ca", ["nowhere.pem", "rorpost.yaml"])
async def test_a_witness_s_authorities_that_cannot_be_read(world: World, ca: str) -> None:
    settings = {"witnesses": [{**world.entry(NOBODY), "ca": ca}]}
    with pytest.raises(ConfigurationInvalid, match=f"{ca}: no certificates"):
        await world.gateway(**settings)
    (found,) = check_witnessing(world.files.config(decision_log=settings))
    assert f"{ca}: no certificates" in found.text
