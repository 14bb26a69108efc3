"""All parts of one gateway in this process: what opens closes, whatever fails on the way."""

import asyncio
import json
import shutil
import smtplib
import sqlite3
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from rorpost_gateway.audit.verify import verify_log
from rorpost_gateway.daemon.gateway import Gateway
from rorpost_gateway.daemon.house import sealed_size
from rorpost_gateway.errors import (
    ConfigurationInvalid,
    GatewayError,
    LogDamaged,
    LogUnavailable,
    QueueUnavailable,
)
from rorpost_gateway.queue.sqlite import open_sqlite_queue
from tests.peers import gateway_world as world
from tests.peers.authority import Authority
from tests.peers.gnupg_home import generate, gpg, stop_agent
from tests.peers.queues import put_pending
from tests.peers.submitting import Submission, make_message, submit


async def open_gateway(files: Any, **config: Any) -> Gateway:
    async with asyncio.timeout(30):
        return await Gateway.open(files.config(**config), give_up=lambda: None)


async def open_and_close(files: Any, **config: Any) -> None:
    gateway = await open_gateway(files, **config)
    assert await gateway.stop()


def lines(files: Any) -> list[dict[str, Any]]:
    paths = sorted((files.folder / "state" / "decisions").glob("*.jsonl"))
    return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]


def events(files: Any) -> list[str]:
    return [line["event"] for line in lines(files)]


def open_files(folder: Path) -> list[str]:
    """What this process holds open beneath a folder."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target.startswith(str(folder)):
            found.append(target)
    return found


def threads() -> set[str]:
    return {
        thread.name.rstrip("_0123456789")
        for thread in threading.enumerate()
        if thread.name.startswith(("decision-log", "queue-", "seal"))
    }


async def test_open_and_stop(files: Any) -> None:
    await open_and_close(files)
    assert events(files) == ["genesis", "start", "policy", "stop"]
    assert open_files(files.folder) == []
    assert threads() == set()
    vkey = (files.folder / "decision-log.vkey").read_text().strip()
    verify_log(files.folder / "state" / "decisions", vkey=vkey)
    await open_and_close(files)
    assert events(files)[-3:] == ["start", "policy", "stop"]


def no_password(files: Any) -> dict[str, Any]:
    hop = {
        "host": "mx.example.org",
        "port": 25,
        "username": "u",
        "password_file": "missing",
        "tls": {"mode": "verify"},
    }
    return {"relay": {"default": hop}}


def another_key_for_the_certificate(files: Any) -> dict[str, Any]:
    (files.folder / "other.key").write_text("no key")
    return {"submission": {"tls": {"key": "other.key"}}}


def file_in_place_of(name: str) -> Any:
    def spoil(files: Any) -> dict[str, Any]:
        path = files.folder / name
        if path.is_dir():
            shutil.rmtree(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("something else")
        return {}

    return spoil


def foreign_queue(files: Any) -> dict[str, Any]:
    (files.folder / "state").mkdir()
    with sqlite3.connect(files.folder / "state" / "queue.db") as connection:
        connection.execute("CREATE TABLE other (x)")
    connection.close()
    return {}


def readable_key(files: Any) -> dict[str, Any]:
    (files.folder / "decision-log.key").write_text("PRIVATE+KEY+x")
    (files.folder / "decision-log.key").chmod(0o644)
    return {}


FAILS: dict[str, tuple[Any, type[GatewayError]]] = {
    "the policy": (lambda files: files.write_policy("nonsense: 1"), ConfigurationInvalid),
    "the logins": (lambda files: files.write_private("users.yaml", "x"), ConfigurationInvalid),
    "the GnuPG home": (lambda _: {"openpgp": {"home": "/nonexistent"}}, GatewayError),
    "the passphrase": (lambda _: {"openpgp": {"passphrase_file": "missing"}}, ConfigurationInvalid),
    "the state folder": (file_in_place_of("state"), ConfigurationInvalid),
    "the log's folder": (file_in_place_of("state/decisions"), LogUnavailable),
    "the signing key": (readable_key, ConfigurationInvalid),
    "the signing key's folder": (
        lambda _: {"decision_log": {"signing_key_file": "none/log.key"}},
        ConfigurationInvalid,
    ),
    "the queue": (foreign_queue, QueueUnavailable),
    "the kept revisions": (file_in_place_of("state/policies"), GatewayError),
    "a route's password": (no_password, ConfigurationInvalid),
    "the certificate": (another_key_for_the_certificate, ConfigurationInvalid),
}


@pytest.mark.parametrize("what", FAILS)
async def test_a_part_that_cannot_be_opened_leaves_nothing_open(files: Any, what: str) -> None:
    spoil, fault = FAILS[what]
    changes = spoil(files)
    with pytest.raises(fault):
        await open_gateway(files, **(changes if isinstance(changes, dict) else {}))
    assert open_files(files.folder) == []
    assert threads() == set()


@pytest.mark.parametrize("what", ["a route's password", "the certificate", "the passphrase", "the queue"])
async def test_a_start_that_fails_can_be_repeated_and_leaves_no_lines(files: Any, what: str) -> None:
    """Whoever starts the daemon again and again must not fill the log."""
    changes = FAILS[what][0](files)
    for _ in range(2):
        with pytest.raises(GatewayError):
            await open_gateway(files, **changes)
    assert events(files) in ([], ["genesis"])
    shutil.rmtree(files.folder / "state", ignore_errors=True)
    (files.folder / "decision-log.key").unlink(missing_ok=True)
    (files.folder / "decision-log.vkey").unlink(missing_ok=True)
    (files.folder / "decision-log.last").unlink(missing_ok=True)
    await open_and_close(files)


async def test_two_at_once(files: Any) -> None:
    first = await open_gateway(files)
    try:
        with pytest.raises(LogUnavailable) as refused:
            await open_gateway(files)
        assert "in use" in refused.value.public
    finally:
        await first.stop()
    await open_and_close(files)


async def test_a_log_that_was_changed_is_not_continued(files: Any) -> None:
    await open_and_close(files)
    (path,) = (files.folder / "state" / "decisions").glob("*.jsonl")
    path.write_bytes(path.read_bytes().replace(b'"start"', b'"stort"'))
    with pytest.raises(LogDamaged):
        await open_gateway(files)
    assert open_files(files.folder) == []


async def test_an_address_that_cannot_be_bound(files: Any) -> None:
    gateway = await open_gateway(files, submission={"listen": ["127.0.0.1:0", "192.0.2.1:25"]})
    with pytest.raises(ConfigurationInvalid):
        await gateway.start()
    await gateway.stop()
    assert not (files.folder / "state" / "control.socket").exists()
    await open_and_close(files)


async def test_a_control_socket_with_too_long_a_path(files: Any) -> None:
    gateway = await open_gateway(files, state_dir="s" * 100)
    with pytest.raises(ConfigurationInvalid) as refused:
        await gateway.start()
    assert "state_dir" in refused.value.public
    await gateway.stop()


async def test_a_message_through_all_of_it(files: Any, authority: Authority) -> None:
    gateway = await open_gateway(files)
    await gateway.start()
    try:
        heard = await asyncio.to_thread(_submit, gateway.addresses[0], authority)
        assert (heard.code, heard.reason) == (250, "ok")
    finally:
        assert await gateway.stop()
    assert "decision" in events(files)
    assert events(files)[-1] == "stop"
    assert open_files(files.folder) == []


def _submit(address: tuple[str, int], authority: Authority) -> Any:
    with Submission(address, authority.client_context()) as client:
        return submit(client, make_message())


async def test_reload_reads_policy_and_certificate(files: Any, authority: Authority) -> None:
    certificate, key = authority.issue("gw.motala.se", "127.0.0.1", stem="reloaded")
    ours, our_key = files.folder / "cert.pem", files.folder / "key.pem"
    shutil.copy(certificate, ours)
    shutil.copy(key, our_key)
    tls = {"certificate": "cert.pem", "key": "key.pem"}
    gateway = await open_gateway(files, submission={"tls": tls})
    await gateway.start()
    try:
        files.write_policy(files.policy | {"channels": []})
        ours.write_text("no certificate")
        with capture_logs() as said:
            await gateway.reload()
        assert [entry["event"] for entry in said] == ["reloaded", "certificate-not-reloaded"]
        heard = await asyncio.to_thread(_submit, gateway.addresses[0], authority)
        assert heard.reason == "pair-not-allowed"
        shutil.copy(certificate, ours)
        with capture_logs() as said:
            await gateway.reload()
        assert [entry["event"] for entry in said] == ["reloaded"]
    finally:
        await gateway.stop()
    assert events(files).count("policy") == 3


async def test_one_certificate_that_is_wrong_does_not_keep_the_other_from_being_read(
    files: Any, authority: Authority
) -> None:
    for stem in ("ours", "theirs"):
        certificate, key = authority.issue("gw.motala.se", "127.0.0.1", stem=stem)
        shutil.copy(certificate, files.folder / f"{stem}.pem")
        shutil.copy(key, files.folder / f"{stem}.key")
    tls = {"mode": "starttls", "certificate": "theirs.pem", "key": "theirs.key"}
    inbound = {"smtp": {"listen": ["127.0.0.1:0"], "tls": tls, "allowed_networks": ["127.0.0.0/8"]}}
    gateway = await open_gateway(
        files, submission={"tls": {"certificate": "ours.pem", "key": "ours.key"}}, inbound=inbound
    )
    await gateway.start()
    try:
        before = await asyncio.to_thread(_certificate, gateway.inbound_addresses[0], authority)
        (files.folder / "ours.pem").write_text("no certificate")
        certificate, key = authority.issue("gw.motala.se", "127.0.0.1", stem="renewed")
        shutil.copy(certificate, files.folder / "theirs.pem")
        shutil.copy(key, files.folder / "theirs.key")
        with capture_logs() as said:
            await gateway.reload()
        assert [entry["event"] for entry in said] == ["reloaded", "certificate-not-reloaded"]
        assert await asyncio.to_thread(_certificate, gateway.inbound_addresses[0], authority) != before
    finally:
        await gateway.stop()


def _certificate(address: tuple[str, int], authority: Authority) -> bytes | None:
    with smtplib.SMTP(*address, timeout=30) as client:
        client.starttls(context=authority.client_context())
        assert isinstance(client.sock, ssl.SSLSocket)
        return client.sock.getpeercert(binary_form=True)


async def test_a_policy_that_is_wrong_at_reload_stops_nothing(files: Any, authority: Authority) -> None:
    gateway = await open_gateway(files)
    await gateway.start()
    try:
        files.write_policy("nonsense")
        with capture_logs() as said:
            await gateway.reload()
        assert said[0]["event"] == "reload-refused"
        heard = await asyncio.to_thread(_submit, gateway.addresses[0], authority)
        assert heard.reason == "ok"
    finally:
        assert await gateway.stop()


async def test_a_part_that_fails_ends_the_daemon(files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given_up = asyncio.Event()
    gateway = await Gateway.open(files.config(), give_up=given_up.set)

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("rorpost_gateway.daemon.housekeeping.Housekeeping.run", broken)
    with capture_logs() as said:
        await gateway.start()
        async with asyncio.timeout(10):
            await given_up.wait()
    assert {"event": "part-failed", "part": "housekeeping"}.items() <= said[-1].items()
    assert not await gateway.stop()


async def test_recovery_at_start_is_told(files: Any) -> None:
    await open_and_close(files)
    queue = await open_sqlite_queue(files.folder / "state" / "queue.db", reserve_octets=0)
    await put_pending(queue)
    await queue.close()
    with capture_logs() as said:
        await open_and_close(files)
    recovered = [entry for entry in said if entry["event"] == "recovered"]
    assert [(entry["made_ready"], entry["removed"]) for entry in recovered] == [(0, 1)]


async def test_size_limits_of_routes(files: Any) -> None:
    relay = {"routes": {"small.se": {"host": "127.0.0.1", "tls": {"mode": "off"}, "max_size": 70_000}}}
    config = files.config(relay=relay, limits={"sealed_size": 80_000})
    assert sealed_size(config, "small.se") == 70_000
    assert sealed_size(config, world.THEIRS) == 80_000
    without = files.config(relay={**relay, "default": None}, limits={"sealed_size": 80_000})
    assert sealed_size(without, world.THEIRS) == 80_000


# The engine


async def test_the_sequoia_engine_seals_and_reloads(
    files: Any, authority: Authority, home_copy: Callable[[Path], Path]
) -> None:
    home = home_copy(files.keys.sender_home)
    gateway = await open_gateway(files, openpgp={"engine": "sequoia", "home": str(home)})
    await gateway.start()

    def sends(number: int, body: str = "Hej") -> str:
        with Submission(gateway.addresses[0], authority.client_context()) as client:
            return submit(client, make_message(message_id=f"<{number}@klient>", body=body)).reason

    assert await asyncio.to_thread(sends, 1) == "ok"
    assert await asyncio.to_thread(sends, 4, "rad\r\n" * 10_000) == "ok"  # sealed in a child
    gpg(home, "--delete-keys", files.keys.receiver)
    assert await asyncio.to_thread(sends, 2) == "ok"
    await gateway.reload()
    assert await asyncio.to_thread(sends, 3) == "key-missing"
    assert await gateway.stop()


async def test_secret_keys_that_sequoia_cannot_have_stop_the_start(
    files: Any, new_home: Callable[[], Path]
) -> None:
    home = new_home()
    key = generate(home, world.HOME_CARE, passphrase="hemlig")
    stop_agent(home)
    with pytest.raises(ConfigurationInvalid, match=key):
        await open_gateway(files, openpgp={"engine": "sequoia", "home": str(home)})
    assert open_files(files.folder) == []
