"""Policy, keys and logins: read as one, replaced as one, and kept where what is new is wrong."""

import shutil
from collections.abc import Awaitable
from typing import Any

import pytest
from structlog.testing import capture_logs

from rorpost_gateway.config import Config
from rorpost_gateway.daemon.in_force import Holder, load_in_force
from rorpost_gateway.decision_log.base import Record
from rorpost_gateway.errors import ConfigurationInvalid, GatewayError, LogUnavailable
from rorpost_gateway.openpgp.base import Engine
from rorpost_gateway.openpgp.engines import open_engine
from tests.peers import gateway_world as world


def engine_of(config: Config) -> Awaitable[Engine]:
    return open_engine(config.openpgp.engine, config.openpgp.home, None, now=lambda: 0.0)


class Lines:
    """A log that takes lines, or none."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.available = True

    async def append(self, records: list[Record]) -> int:
        if not self.available:
            raise LogUnavailable("the decision log takes no lines")
        self.records += records
        return len(self.records) - 1

    async def close(self) -> None: ...


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
async def holder(files: Any, lines: Lines) -> Holder:
    config = files.config()
    it = Holder(config, await load_in_force(config), await engine_of(config))
    await it.begin(lines)
    return it


def changed_policy(files: Any) -> dict[str, Any]:
    return files.policy | {"channels": files.policy["channels"][:1]}


async def test_the_first_policy_is_kept_and_noted(files: Any, holder: Holder, lines: Lines) -> None:
    (record,) = lines.records
    revision = holder.current.policy.revision
    assert (record.event, record.fields["revision"], record.fields["previous"]) == ("policy", revision, None)
    counts = record.fields["counts"]
    assert counts["mailboxes_gained"] == len(files.policy["mailboxes"])
    kept = files.folder / "state" / "policies" / f"{revision}.json"
    assert kept.read_bytes() == holder.current.policy.canonical


async def test_a_start_tells_what_changed_while_it_was_down(files: Any, holder: Holder, lines: Lines) -> None:
    before = holder.current.policy.revision
    files.write_policy(changed_policy(files))
    config = files.config()
    again = Holder(config, await load_in_force(config), await engine_of(config))
    await again.begin(lines)
    assert lines.records[-1].fields["previous"] == before
    assert lines.records[-1].fields["counts"]["channels_lost"] == len(files.policy["channels"]) - 1
    assert lines.records[-1].fields["counts"]["channels_gained"] == 0


async def test_reload(files: Any, holder: Holder, lines: Lines) -> None:
    before = holder.current
    files.write_policy(changed_policy(files))
    files.write_private("users.yaml", world.users_file().replace('"anna"', '"annika"', 1))
    with capture_logs() as said:
        assert await holder.reload(lines)
    now = holder.current
    assert now.policy.revision != before.policy.revision
    assert (before.logins.knows("anna"), now.logins.knows("anna"), now.logins.knows("annika")) == (
        True,
        False,
        True,
    )
    assert lines.records[-1].fields["previous"] == before.policy.revision
    assert said[-1]["event"] == "reloaded"
    assert said[-1]["policy"] == now.policy.revision


async def test_reload_of_the_same_still_reads_logins_and_keys(
    files: Any, holder: Holder, lines: Lines
) -> None:
    before = holder.current
    files.write_private("users.yaml", "")
    assert await holder.reload(lines)
    assert holder.current.policy.revision == before.policy.revision
    assert not holder.current.logins.knows("anna")
    assert set(lines.records[-1].fields["counts"].values()) == {0}


BROKEN = {
    "a policy that is no YAML": lambda files: files.write_policy("mailboxes: ["),
    "a policy with a finding": lambda files: files.write_policy(files.policy | {"chanels": []}),
    "a policy with a word that means nothing": lambda files: files.write_policy(
        files.policy | {"rules": {"outside_quotes": "perhaps"}}
    ),
    "no policy": lambda files: (files.folder / "policies" / "policy.yaml").unlink(),
    "no folder": lambda files: shutil.rmtree(files.folder / "policies"),
    "logins that are wrong": lambda files: files.write_private(
        "users.yaml", "anna: {password: klartext, address: a@b.se}"
    ),
    "no logins": lambda files: (files.folder / "users.yaml").unlink(),
    "octets that are no text": lambda files: (files.folder / "policies" / "policy.yaml").write_bytes(
        b"\xff\xfe"
    ),
    "revisions that cannot be kept": lambda files: spoil_kept(files),
}


def spoil_kept(files: Any) -> None:
    files.write_policy(changed_policy(files))
    shutil.rmtree(files.folder / "state" / "policies")
    (files.folder / "state" / "policies").write_text("a file where a folder should be")


@pytest.mark.parametrize("what", BROKEN)
async def test_reload_refused(files: Any, holder: Holder, lines: Lines, what: str) -> None:
    before, count = holder.current, len(lines.records)
    BROKEN[what](files)
    with capture_logs() as said:
        assert not await holder.reload(lines)
    assert holder.current is before
    assert len(lines.records) == count
    (entry,) = said
    assert entry["event"] == "reload-refused"
    assert entry["in_force"] == before.policy.revision
    assert isinstance(entry["error"], GatewayError)
    assert "klartext" not in str(entry["error"].private)


async def test_reload_refused_for_keys_that_cannot_be_listed(
    files: Any, holder: Holder, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = holder.current
    monkeypatch.setenv("PATH", "/nonexistent")
    assert not await holder.reload(lines)
    assert holder.current is before


async def test_a_policy_that_cannot_be_logged_does_not_come_into_force(
    files: Any, holder: Holder, lines: Lines
) -> None:
    before = holder.current
    files.write_policy(changed_policy(files))
    lines.available = False
    assert not await holder.reload(lines)
    assert holder.current is before


async def test_a_finding_names_its_place_to_the_operator(files: Any, holder: Holder, lines: Lines) -> None:
    files.write_policy("nonsense: 1\n")
    with capture_logs() as said:
        await holder.reload(lines)
    assert f"{files.folder}/policies/policy.yaml:1:1: unknown key 'nonsense'" in said[0]["error"].private


async def test_user_headers_of_policy_and_channels(files: Any) -> None:
    policy = changed_policy(files)
    rules = {"declared_user": {"header": "X-Rorpost-Who"}}
    policy["channels"] = [policy["channels"][0] | {"rules": rules}]
    files.write_policy(policy)
    assert (await load_in_force(files.config())).user_headers == {"X-Rorpost-Sending-User", "X-Rorpost-Who"}


async def test_without_a_users_file_nobody_has_a_login(files: Any) -> None:
    config = files.config(submission={"auth": None, "trusted_networks": ["127.0.0.0/8"]})
    assert not (await load_in_force(config)).logins.knows("anna")


@pytest.mark.parametrize("what", [name for name in BROKEN if name != "revisions that cannot be kept"])
async def test_a_first_load_raises(files: Any, what: str) -> None:
    config = files.config()
    BROKEN[what](files)
    with pytest.raises(ConfigurationInvalid):
        await load_in_force(config)
