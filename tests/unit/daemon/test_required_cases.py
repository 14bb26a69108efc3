"""`policy_tests: require`: a policy whose cases fail comes into force neither at start nor on reload."""

from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from rorpost_gateway.config import Config
from rorpost_gateway.config.model import PolicyTests
from rorpost_gateway.daemon.in_force import Holder, load_in_force
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.openpgp.engines import open_engine
from tests.peers import gateway_world as world

AT = f"    at: {datetime.now(tz=UTC).date()}\n"
CASE = f"""\
cases:
  - name: the pair
    from: {world.HOME_CARE}
    to: {world.BRINKEN}
    user: {world.ANNA}
{AT}    want: accept
"""
# What must not be used, and what is said of it.
REFUSED = {
    "a case that fails": (
        CASE.replace("want: accept", "want: urgent"),
        "own.yaml:2:5: case 'the pair' wants urgent, and the policy says accept",
    ),
    "a case without a time": (CASE.replace(AT, ""), "own.yaml:2:5: case 'the pair' names no time (at)"),
    "a case that cannot be read": (CASE.replace("want", "wnat"), "own.yaml:7:5: unknown key 'wnat'"),
    "no case": ("cases: []\n", "tests:1:1: holds no case, and policy_tests requires them"),
}


class Lines:
    def __init__(self) -> None:
        self.records: list[Record] = []

    async def append(self, records: list[Record]) -> int:
        self.records += records
        return len(self.records) - 1

    async def close(self) -> None: ...


def write_cases(files: Any, text: str) -> Config:
    folder = files.folder / "policies" / "tests"
    folder.mkdir(exist_ok=True)
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    config: Config = files.config(policy_tests="require")
    return config


@pytest.mark.parametrize("what", REFUSED)
async def test_a_start(files: Any, what: str) -> None:
    text, finding = REFUSED[what]
    with pytest.raises(ConfigurationInvalid) as caught:
        await load_in_force(write_cases(files, text))
    assert finding in caught.value.public


async def test_a_start_without_a_folder_of_cases(files: Any) -> None:
    with pytest.raises(ConfigurationInvalid, match=r"policies:1:1: has no cases \(tests/\*\.yaml\)"):
        await load_in_force(files.config(policy_tests="require"))


async def test_a_start_with_cases_that_hold(files: Any) -> None:
    assert (await load_in_force(write_cases(files, CASE))).policy.channels


async def test_a_case_that_fails_says_which_line_decides(files: Any) -> None:
    text = CASE.replace(world.BRINKEN, world.CLOSED)
    with pytest.raises(ConfigurationInvalid) as caught:
        await load_in_force(write_cases(files, text))
    (finding,) = caught.value.findings  # type: ignore[attr-defined]
    assert finding.text.endswith("wants accept, and the policy says channel-not-valid")
    assert "it is decided by channels.valid_until, " in finding.advice
    assert "policy.yaml:" in finding.advice


async def test_a_reload(files: Any) -> None:
    config, lines = write_cases(files, CASE), Lines()
    engine = await open_engine(config.openpgp.engine, config.openpgp.home, None, now=lambda: 0.0)
    holder = Holder(config, await load_in_force(config), engine)
    await holder.begin(lines)  # type: ignore[arg-type]
    before, count = holder.current, len(lines.records)
    files.write_policy(files.policy | {"channels": files.policy["channels"][1:]})
    with capture_logs() as said:
        assert not await holder.reload(lines)  # type: ignore[arg-type]
    assert holder.current is before
    assert holder.refused_at is not None
    assert len(lines.records) == count
    refused = next(entry for entry in said if entry["event"] == "reload-refused")
    assert "wants accept, and the policy says pair-not-allowed" in refused["error"].public
    files.write_policy(files.policy)
    assert await holder.reload(lines)  # type: ignore[arg-type]
    assert holder.refused_at is None


async def test_by_default_nobody_asks(files: Any) -> None:
    write_cases(files, CASE.replace("accept", "urgent"))
    config = files.config()
    assert config.policy_tests is PolicyTests.OFF
    assert (await load_in_force(config)).policy.channels


def test_the_key_knows_two_words(files: Any) -> None:
    with pytest.raises(ConfigurationInvalid, match="policy_tests must be one of: off, require"):
        files.config(policy_tests="on")
