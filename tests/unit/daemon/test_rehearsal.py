"""A rehearsal: nothing comes of it. What it decides is in `tests/golden/explained`."""

import asyncio
import random
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rorpost_gateway.config import Config, load_config
from rorpost_gateway.daemon.in_force import load_in_force
from rorpost_gateway.daemon.rehearsal import AssumedLogins, ReckonsSizes, Submitted, rehearse
from rorpost_gateway.decision import Direction, KeyChoice, Reason
from rorpost_gateway.envelope import Client, Login
from rorpost_gateway.errors import GatewayError
from rorpost_gateway.openpgp.engines import GNUPG, SEQUOIA, open_engine
from rorpost_gateway.reception.house import InForce
from tests.peers import gateway_world as world
from tests.peers.authority import Authority
from tests.peers.gnupg_home import PreparedKeys, subkeys
from tests.peers.submitting import make_message

ANNA = Login(name="anna", address=world.ANNA)


@pytest.fixture
def given(tmp_path: Path, prepared_keys: PreparedKeys, authority: Authority) -> tuple[Config, InForce]:
    data = world.make_config(authority, home=prepared_keys.sender_home, next_hop_port=1)
    (tmp_path / "rorpost.yaml").write_text(world.as_yaml(data), encoding="utf-8")
    (tmp_path / "users.yaml").write_text(world.users_file(), encoding="utf-8")
    (tmp_path / "policies").write_text(world.as_yaml(world.make_policy(prepared_keys)), encoding="utf-8")
    config = load_config(tmp_path / "rorpost.yaml")
    return config, replace(asyncio.run(load_in_force(config)), logins=AssumedLogins(login=ANNA))


def _submitted(**given: object) -> Submitted:
    sound: dict[str, object] = {
        "direction": Direction.OUTBOUND,
        "client": Client(ip="192.0.2.7", tls="TLSv1.3", login=ANNA),
        "reverse_path": world.HOME_CARE,
        "recipients": (world.BRINKEN,),
        "octets": make_message(),
    }
    return Submitted(**{**sound, **given})  # type: ignore[arg-type]


def _rehearse(given: tuple[Config, InForce], **submitted: object) -> tuple[str, list[str]]:
    rehearsed = asyncio.run(rehearse(*given, _submitted(**submitted), at=datetime.now(tz=UTC)))
    return str(rehearsed.reply.reason), [str(line["reason"]) for line in rehearsed.lines]


def test_a_login_that_is_not_assumed_may_not_submit(given: tuple[Config, InForce]) -> None:
    other = Client(ip="192.0.2.7", login=Login(name="bo", address=world.BO))
    assert _rehearse(given, client=other) == ("login-required", ["login-required"])


def test_inbound_without_a_way_in_is_refused(given: tuple[Config, InForce]) -> None:
    with pytest.raises(GatewayError, match="no way in"):
        _rehearse(given, direction=Direction.INBOUND)


def test_nothing_comes_of_it(given: tuple[Config, InForce], tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert _rehearse(given) == ("ok", ["ok"])
    assert _rehearse(given) == ("ok", ["ok"]), "what came before is forgotten"
    assert _rehearse(given, octets=make_message(Importance="high")) == ("urgent", ["urgent"])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_what_one_recipient_is_refused_at_rcpt_for_does_not_stop_the_others(
    given: tuple[Config, InForce],
) -> None:
    to = (world.NO_CHANNEL, world.BRINKEN)
    rehearsed = asyncio.run(
        rehearse(
            *given,
            _submitted(recipients=to, octets=make_message(recipients=to)),
            at=datetime.now(tz=UTC),
        )
    )
    assert [reply.reason for reply in rehearsed.replies.values()] == [Reason.PAIR_NOT_ALLOWED, Reason.OK]
    assert set(rehearsed.asked) == set(to)


@pytest.mark.parametrize("engine", [GNUPG, SEQUOIA])
@pytest.mark.parametrize("size_octets", [1, 10_000, 300_000])
async def test_the_reckoned_size_is_within_a_kilobyte(
    prepared_keys: PreparedKeys, engine: str, size_octets: int
) -> None:
    """Of what cannot be compressed, and of what can: neither engine does."""
    home, key = prepared_keys.sender_home, prepared_keys.receiver
    keys = {
        "seal_to": KeyChoice(primary=key, subkey=subkeys(home, key)[0]),
        "sign_with": KeyChoice(primary=prepared_keys.sender, subkey=prepared_keys.sender),
    }
    real = await open_engine(engine, home, None, now=time.time)
    try:
        for payload in (random.Random(7).randbytes(size_octets), b"x" * size_octets):
            sealed = await real.seal(payload, **keys)
            reckoned = await ReckonsSizes().seal(payload, **keys)
            assert abs(len(sealed.armoured) - len(reckoned.armoured)) < 1024
    finally:
        await real.close()
