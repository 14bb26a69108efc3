"""What concerns the Sequoia engine alone: keys out of the home, pysequoia's ways, and the children."""

import asyncio
import os
import re
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pysequoia
import pytest

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.errors import ConfigurationInvalid, SealingFailed
from rorpost_gateway.openpgp import sequoia
from rorpost_gateway.openpgp.frames import bound_time
from rorpost_gateway.openpgp.process import GnupgFailed
from rorpost_gateway.openpgp.sequoia_engine import SequoiaEngine
from tests.peers.gnupg_home import (
    SENDER,
    PreparedKeys,
    add_subkey,
    generate,
    gpg,
    open_with_gpg,
    revoke_primary,
    running_children,
    stop_agent,
    subkeys,
)

PASSPHRASE = "MARKER-77-passphrase"
MARKER = b"MARKER-41c0-payload"
OpenIt = Callable[..., AbstractAsyncContextManager[SequoiaEngine]]


@pytest.fixture
def opened() -> OpenIt:
    @asynccontextmanager
    async def open_it(
        home: Path, passphrase: str | None = None, **options: object
    ) -> AsyncIterator[SequoiaEngine]:
        engine = await SequoiaEngine.open(home, passphrase, **({"now": time.time} | options))  # type: ignore[arg-type]
        try:
            yield engine
        finally:
            await engine.close()

    return open_it


@pytest.fixture
def to(prepared_keys: PreparedKeys) -> dict[str, KeyChoice]:
    """What a seal of the sender's to the receiver is told."""
    (subkey,) = subkeys(prepared_keys.sender_home, prepared_keys.receiver)
    return {
        "seal_to": KeyChoice(primary=prepared_keys.receiver, subkey=subkey),
        "sign_with": KeyChoice(primary=prepared_keys.sender, subkey=prepared_keys.sender),
    }


def children() -> list[int]:
    """The process ids of this process's children that run the sealing module."""
    pids = [
        int(pid)
        for task in Path("/proc/self/task").iterdir()
        for pid in (task / "children").read_text().split()
    ]
    return [pid for pid in pids if b"sealing_child" in Path(f"/proc/{pid}/cmdline").read_bytes()]


class TestKeys:
    @pytest.mark.parametrize("passphrase", [None, "wrong"])
    async def test_a_secret_key_that_cannot_be_had_is_named(
        self, new_home: Callable[[], Path], opened: OpenIt, passphrase: str | None
    ) -> None:
        home = new_home()
        key = generate(home, SENDER, passphrase=PASSPHRASE)
        stop_agent(home)
        with pytest.raises(ConfigurationInvalid) as refused:
            async with opened(home, passphrase):
                pass
        assert f"{home}: the secret key {key} cannot be used" in refused.value.public
        assert "export" in refused.value.public
        assert "wrong" not in refused.value.public

    async def test_a_wrong_passphrase_that_the_agent_would_overlook(
        self, new_home: Callable[[], Path], opened: OpenIt
    ) -> None:
        """It remembers the right one and exports; the key that comes out is still closed."""
        home = new_home()
        generate(home, SENDER, passphrase=PASSPHRASE)
        with pytest.raises(ConfigurationInvalid):
            async with opened(home, "wrong"):
                pass

    async def test_a_key_without_a_passphrase_where_there_is_one(
        self, prepared_keys: PreparedKeys, opened: OpenIt, to: dict[str, KeyChoice]
    ) -> None:
        async with opened(prepared_keys.sender_home, PASSPHRASE) as engine:
            assert await engine.seal(MARKER, **to)

    async def test_a_home_that_cannot_be_read(
        self, new_home: Callable[[], Path], opened: OpenIt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", "/nonexistent")
        with pytest.raises(GnupgFailed):
            async with opened(new_home()):
                pass

    async def test_an_empty_home_opens_and_seals_nothing(
        self, new_home: Callable[[], Path], opened: OpenIt, to: dict[str, KeyChoice]
    ) -> None:
        async with opened(new_home()) as engine:
            with pytest.raises(SealingFailed, match="key-missing"):
                await engine.seal(MARKER, **to)

    async def test_of_a_key_without_its_primary_only_the_subkey_is_needed(
        self, new_home: Callable[[], Path], opened: OpenIt
    ) -> None:
        """The primary lies in a safe; a mark stands in its place."""
        home, work = new_home(), new_home()
        key = generate(home, SENDER)
        signing = add_subkey(home, key, "ed25519", "sign")
        gpg(work, "--import", stdin=gpg(home, "--pinentry-mode", "loopback", "--export-secret-subkeys", key))
        own = KeyChoice(primary=key, subkey=subkeys(work, key)[0])
        async with opened(work) as engine:
            with_it = KeyChoice(primary=key, subkey=signing)
            sealed = await engine.seal(MARKER, seal_to=own, sign_with=with_it)
            with pytest.raises(SealingFailed):
                await engine.seal(MARKER, seal_to=own, sign_with=KeyChoice(primary=key, subkey=key))
        assert open_with_gpg(work, sealed.armoured) == MARKER

    async def test_a_key_that_ends_while_the_engine_is_open_is_not_used_again(
        self, prepared_keys: PreparedKeys, opened: OpenIt, to: dict[str, KeyChoice]
    ) -> None:
        clock = [time.time()]
        async with opened(prepared_keys.sender_home, now=lambda: clock[0]) as engine:
            assert await engine.seal(MARKER, **to)
            clock[0] += 3 * 365 * 86400
            with pytest.raises(SealingFailed, match="key-expired"):
                await engine.seal(MARKER, **to)

    async def test_the_cipher_is_aes_256_and_the_digest_sha_512(
        self, prepared_keys: PreparedKeys, opened: OpenIt, to: dict[str, KeyChoice]
    ) -> None:
        async with opened(prepared_keys.sender_home) as engine:
            sealed = await engine.seal(MARKER, **to)
        home = prepared_keys.receiver_home
        assert b"digest algo 10," in gpg(home, "--list-packets", stdin=sealed.armoured)
        said = subprocess.run(
            ["gpg", "--homedir", str(home), "--batch", "--show-session-key", "--decrypt"],
            input=sealed.armoured,
            capture_output=True,
            check=True,
            timeout=60,
        ).stderr
        assert b"session key: '9:" in said

    @pytest.mark.parametrize("octets", range(6))
    async def test_armour_ends_so_that_every_gpg_reads_it(
        self, prepared_keys: PreparedKeys, opened: OpenIt, to: dict[str, KeyChoice], octets: int
    ) -> None:
        """gpg 2.2.40 fails on armour that has neither padding nor a checksum, as pysequoia makes it."""
        async with opened(prepared_keys.sender_home) as engine:
            armoured = (await engine.seal(b"x" * octets, **to)).armoured
        assert armoured.endswith(b"=\r\n-----END PGP MESSAGE-----\r\n")
        assert open_with_gpg(prepared_keys.receiver_home, armoured) == b"x" * octets


class TestWhatPysequoiaSays:
    """It is believed as little as any other program."""

    async def test_a_failure_keeps_no_backtrace(
        self,
        prepared_keys: PreparedKeys,
        opened: OpenIt,
        to: dict[str, KeyChoice],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        class Panic(BaseException):
            """As the native code's."""

        async with opened(prepared_keys.sender_home) as engine:
            for error in (RuntimeError("MARKER\n\nStack backtrace:\n 0: x"), Panic("MARKER")):

                def fail(error: BaseException = error, **_: object) -> bytes:
                    raise error

                monkeypatch.setattr(sequoia.pysequoia, "encrypt", fail)
                with pytest.raises(SealingFailed) as failure:
                    await engine.seal(MARKER, **to)
                said = failure.value.public + failure.value.private
                assert "MARKER" not in said
                assert "\n" not in said
                assert failure.value.__suppress_context__

    @pytest.mark.parametrize(
        "make",
        [
            pytest.param(lambda real, given: given["bytes"], id="the payload itself"),
            pytest.param(lambda real, given: b"", id="nothing"),
            pytest.param(lambda real, given: real(**given) + b"\xcb\x06b\0\0\0\0\0", id="something after it"),
            pytest.param(lambda real, given: real(**given)[:-1], id="cut short"),
            pytest.param(
                lambda real, given: real(**(given | {"recipients": given["recipients"] * 2})),
                id="twice to one",
            ),
            pytest.param(lambda real, given: real(**(given | {"bytes": b""})), id="less than all of it"),
            pytest.param(
                lambda real, given: real(**(given | {"bytes": given["bytes"] * 9})), id="more of it"
            ),
            pytest.param(
                lambda real, given: real(**(given | {"passwords": ["x"]})), id="a passphrase besides"
            ),
        ],
    )
    async def test_what_comes_out_is_looked_at(
        self,
        prepared_keys: PreparedKeys,
        opened: OpenIt,
        to: dict[str, KeyChoice],
        monkeypatch: pytest.MonkeyPatch,
        make: Callable[[Callable[..., bytes], dict[str, object]], bytes],
    ) -> None:
        real = pysequoia.encrypt
        async with opened(prepared_keys.sender_home) as engine:
            monkeypatch.setattr(sequoia.pysequoia, "encrypt", lambda **given: make(real, given))
            with pytest.raises(SealingFailed):
                await engine.seal(MARKER * 100, **to)

    async def test_a_signature_by_another_key_is_noticed_before_it_is_used(
        self, prepared_keys: PreparedKeys, opened: OpenIt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = pysequoia.Tsk.generate("other <other@example.org>").signer()
        real = pysequoia.sign
        monkeypatch.setattr(sequoia.pysequoia, "sign", lambda _, *rest, **named: real(other, *rest, **named))
        with pytest.raises(ConfigurationInvalid, match="another key signed"):
            async with opened(prepared_keys.sender_home):
                pass


class TestReload:
    async def test_what_was_removed_is_gone_once_it_is_put_in_force_and_not_before(
        self,
        prepared_keys: PreparedKeys,
        home_copy: Callable[[Path], Path],
        opened: OpenIt,
        to: dict[str, KeyChoice],
    ) -> None:
        home = home_copy(prepared_keys.sender_home)
        async with opened(home, in_process_octets=100, workers=1) as engine:
            for payload in (MARKER, MARKER * 100):
                assert await engine.seal(payload, **to)
            gpg(home, "--delete-keys", prepared_keys.receiver)
            put_in_force = await engine.read_keys()
            assert await engine.seal(MARKER * 100, **to)
            put_in_force()
            for payload in (MARKER, MARKER * 100):
                with pytest.raises(SealingFailed, match="key-missing"):
                    await engine.seal(payload, **to)

    async def test_a_revocation_counts(self, new_home: Callable[[], Path], opened: OpenIt) -> None:
        home = new_home()
        key = generate(home, SENDER)
        own = KeyChoice(primary=key, subkey=subkeys(home, key)[0])
        async with opened(home) as engine:
            assert await engine.seal(MARKER, seal_to=own, sign_with=KeyChoice(primary=key, subkey=key))
            revoke_primary(home, key)
            (await engine.read_keys())()
            with pytest.raises(SealingFailed, match="key-revoked"):
                await engine.seal(MARKER, seal_to=own, sign_with=KeyChoice(primary=key, subkey=key))

    async def test_one_that_fails_leaves_the_keys_in_force(
        self,
        prepared_keys: PreparedKeys,
        home_copy: Callable[[Path], Path],
        opened: OpenIt,
        to: dict[str, KeyChoice],
    ) -> None:
        home = home_copy(prepared_keys.sender_home)
        async with opened(home) as engine:
            generate(home, "rorpost.ny@motala.se", passphrase=PASSPHRASE)
            stop_agent(home)
            with pytest.raises(ConfigurationInvalid):
                await engine.read_keys()
            assert await engine.seal(MARKER, **to)

    async def test_a_child_gets_the_new_keys(self, new_home: Callable[[], Path], opened: OpenIt) -> None:
        home = new_home()
        key = generate(home, SENDER)
        async with opened(home, in_process_octets=0, workers=1) as engine:
            with_it = KeyChoice(primary=key, subkey=key)
            (first,) = subkeys(home, key)
            assert await engine.seal(MARKER, seal_to=KeyChoice(primary=key, subkey=first), sign_with=with_it)
            (child,) = children()
            newer = KeyChoice(primary=key, subkey=add_subkey(home, key, "rsa2048", "encr"))
            with pytest.raises(SealingFailed):
                await engine.seal(MARKER, seal_to=newer, sign_with=with_it)
            (await engine.read_keys())()
            sealed = await engine.seal(MARKER, seal_to=newer, sign_with=with_it)
            assert children() == [child]
        assert open_with_gpg(home, sealed.armoured) == MARKER


def pythons() -> int:
    """How many children of this process are Python's."""
    return sum(name.startswith("python") for name in running_children())


class TestChildren:
    @pytest.fixture
    async def engine(self, prepared_keys: PreparedKeys, opened: OpenIt) -> AsyncIterator[SequoiaEngine]:
        async with opened(
            prepared_keys.sender_home, in_process_octets=100, workers=1, timeout_seconds=30
        ) as it:
            yield it

    async def test_none_for_what_is_small(self, engine: SequoiaEngine, to: dict[str, KeyChoice]) -> None:
        await engine.seal(b"x" * 100, **to)
        assert children() == []
        await engine.seal(b"x" * 101, **to)
        assert len(children()) == 1

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP])
    async def test_one_that_fails_or_takes_too_long_fails_its_message_and_is_replaced(
        self, engine: SequoiaEngine, to: dict[str, KeyChoice], number: signal.Signals
    ) -> None:
        await engine.seal(MARKER * 100, **to)
        (first,) = children()
        bound_time(engine._pool._idle[0]._socket, 0.1)
        os.kill(first, number)
        with pytest.raises(SealingFailed, match="sealing child"):
            await engine.seal(MARKER * 100_000, **to)
        assert children() == []
        assert await engine.seal(MARKER * 100, **to)
        assert children() != [first]

    async def test_a_refusal_costs_no_child(self, engine: SequoiaEngine, to: dict[str, KeyChoice]) -> None:
        await engine.seal(MARKER * 100, **to)
        (child,) = children()
        stranger = KeyChoice(primary=to["seal_to"].primary, subkey=to["seal_to"].primary)
        engine._loaded.exported.index.fault_of = lambda *_: None  # type: ignore[method-assign]
        with pytest.raises(SealingFailed):
            await engine.seal(MARKER * 100, seal_to=stranger, sign_with=to["sign_with"])
        assert await engine.seal(MARKER * 100, **to)
        assert children() == [child]

    async def test_signals_for_the_whole_group_do_not_end_it(
        self, engine: SequoiaEngine, to: dict[str, KeyChoice]
    ) -> None:
        await engine.seal(MARKER * 100, **to)
        (child,) = children()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(child, number)
        assert await engine.seal(MARKER * 100, **to)
        assert children() == [child]

    async def test_it_ends_with_the_engine_and_with_its_parent(
        self, prepared_keys: PreparedKeys, opened: OpenIt, to: dict[str, KeyChoice]
    ) -> None:
        """Whatever ends the parent closes the socket, which is all that the child needs."""
        others = pythons()  # what earlier tests keep for later ones
        async with opened(prepared_keys.sender_home, in_process_octets=0) as engine:
            await engine.seal(MARKER, **to)
            (child,) = engine._pool._idle
            child._socket.close()
            assert await asyncio.to_thread(child._process.wait, 10) == 0
        assert children() == []
        assert pythons() == others
        with pytest.raises(SealingFailed, match="closed"):
            await engine.seal(MARKER, **to)

    async def test_no_secret_where_others_could_see_it(
        self, new_home: Callable[[], Path], opened: OpenIt
    ) -> None:
        home = new_home()
        key = generate(home, SENDER, passphrase=PASSPHRASE)
        own = KeyChoice(primary=key, subkey=subkeys(home, key)[0])
        async with opened(home, PASSPHRASE, in_process_octets=0) as engine:
            await engine.seal(MARKER, seal_to=own, sign_with=KeyChoice(primary=key, subkey=key))
            (child,) = children()
            seen = [Path(f"/proc/{child}/{name}").read_bytes() for name in ("cmdline", "environ")]
            limits = Path(f"/proc/{child}/limits").read_text()
        assert not any(PASSPHRASE.encode() in octets for octets in seen)
        assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
        files = [path for path in home.rglob("*") if path.is_file()]
        assert not any(PASSPHRASE.encode() in path.read_bytes() for path in files)

    async def test_one_that_cannot_be_started(
        self, engine: SequoiaEngine, to: dict[str, KeyChoice], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.executable", "/nonexistent")
        with pytest.raises(SealingFailed, match="can be started"):
            await engine.seal(MARKER * 100, **to)
