"""What every OpenPGP engine must do, over real keys; what it made is opened by the plain gpg command.

Another engine joins by one more entry in `ENGINES`. The sequoia engine stands there twice: as it
is, sealing what is small in process, and with everything sealed in children.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.errors import ConfigurationInvalid, SealingFailed
from rorpost_gateway.openpgp.armour import remove_armour
from rorpost_gateway.openpgp.base import Engine
from rorpost_gateway.openpgp.engines import open_engine
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.openpgp.packets import check_sealed
from rorpost_gateway.openpgp.sequoia_engine import SequoiaEngine
from tests.peers.gnupg_home import (
    SENDER,
    PreparedKeys,
    add_subkey,
    export_public,
    generate,
    gpg,
    import_key,
    open_with_gpg,
    running_children,
    stop_agent,
    subkeys,
)

OpenEngine = Callable[[Path, str | None], Awaitable[Engine]]
ENGINES: dict[str, OpenEngine] = {
    "gnupg": partial(open_engine, "gnupg", now=time.time),
    "sequoia": partial(SequoiaEngine.open, now=time.time, workers=2),
    "sequoia in children": partial(SequoiaEngine.open, now=time.time, in_process_octets=0, workers=2),
}
SEALING = {"gpg", "python", "python3", "python3.11"}
MARKER = b"MARKER-7f3a-of-the-plaintext"


@pytest.fixture(params=ENGINES)
def make_engine(request: pytest.FixtureRequest) -> OpenEngine:
    return ENGINES[request.param]


@pytest.fixture
async def engine(prepared_keys: PreparedKeys, make_engine: OpenEngine) -> AsyncIterator[Engine]:
    made = await make_engine(prepared_keys.sender_home, None)
    yield made
    await made.close()


@pytest.fixture
def seal_to(prepared_keys: PreparedKeys) -> KeyChoice:
    return first_subkey(prepared_keys.sender_home, prepared_keys.receiver)


@pytest.fixture
def sign_with(prepared_keys: PreparedKeys) -> KeyChoice:
    return KeyChoice(primary=prepared_keys.sender, subkey=prepared_keys.sender)


def at_work() -> int:
    """How many children of this process may be sealing."""
    return sum(name in SEALING for name in running_children())


def first_subkey(home: Path, primary: str) -> KeyChoice:
    return KeyChoice(primary=primary, subkey=subkeys(home, primary)[0])


@asynccontextmanager
async def closing(engine: Engine) -> AsyncIterator[Engine]:
    try:
        yield engine
    finally:
        await engine.close()


class TestRefusals:
    """What must never come out sealed, even if somebody asked for it."""

    @pytest.mark.parametrize(
        "key", ["expired_primary", "expired_subkey", "revoked_primary", "revoked_subkey"]
    )
    async def test_a_key_that_is_over(
        self, engine: Engine, prepared_keys: PreparedKeys, sign_with: KeyChoice, key: str
    ) -> None:
        seal_to = first_subkey(prepared_keys.sender_home, getattr(prepared_keys, key))
        with pytest.raises(SealingFailed):
            await engine.seal(MARKER, seal_to=seal_to, sign_with=sign_with)

    async def test_a_key_that_cannot_encrypt(
        self, engine: Engine, prepared_keys: PreparedKeys, sign_with: KeyChoice
    ) -> None:
        signer = KeyChoice(primary=prepared_keys.sign_only, subkey=prepared_keys.sign_only)
        with pytest.raises(SealingFailed):
            await engine.seal(MARKER, seal_to=signer, sign_with=sign_with)

    async def test_a_key_that_is_not_there(self, engine: Engine, sign_with: KeyChoice) -> None:
        absent = KeyChoice(primary="0" * 40, subkey="0" * 40)
        with pytest.raises(SealingFailed):
            await engine.seal(MARKER, seal_to=absent, sign_with=sign_with)

    async def test_signing_with_a_key_that_is_not_ours(
        self, engine: Engine, prepared_keys: PreparedKeys, seal_to: KeyChoice
    ) -> None:
        """Another secret key is in the home; it must not be taken instead."""
        other = KeyChoice(primary=prepared_keys.receiver, subkey=prepared_keys.receiver)
        with pytest.raises(SealingFailed):
            await engine.seal(MARKER, seal_to=seal_to, sign_with=other)

    @pytest.mark.parametrize("passphrase", [None, "", "wrong", "wröng"])
    async def test_the_wrong_passphrase(
        self,
        new_home: Callable[[], Path],
        make_engine: OpenEngine,
        passphrase: str | None,
    ) -> None:
        home = new_home()
        key = generate(home, SENDER, passphrase="Räksmörgås 1")
        stop_agent(home)  # which remembers passphrases
        with pytest.raises((SealingFailed, ConfigurationInvalid)):  # the latter before any message came
            async with closing(await make_engine(home, passphrase)) as engine:
                await engine.seal(
                    b"R\xc3\xa4ksm\xc3\xb6rg\xc3\xa5s 1\nnot the passphrase, though it stands first",
                    seal_to=first_subkey(home, key),
                    sign_with=KeyChoice(primary=key, subkey=key),
                )


class TestSealed:
    @pytest.mark.parametrize(
        "payload",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"x", id="one octet"),
            pytest.param(b"\n", id="one line end"),
            pytest.param(b"no final line end\r\nb\xe5da", id="latin-1"),
            pytest.param(b"mixed\nline\r\nends\r and \x00\x1a", id="line ends and controls"),
            pytest.param(b"- \n-----BEGIN PGP MESSAGE-----\n\nFrom x\n.\n", id="armour and dots"),
            pytest.param(bytes(range(256)) * 4096, id="1 MB of everything"),
            pytest.param(hashlib.shake_256(b"rorpost").digest(5_000_000), id="5 MB of noise"),
        ],
    )
    async def test_opens_again_octet_for_octet(
        self,
        engine: Engine,
        prepared_keys: PreparedKeys,
        seal_to: KeyChoice,
        sign_with: KeyChoice,
        payload: bytes,
    ) -> None:
        sealed = await engine.seal(payload, seal_to=seal_to, sign_with=sign_with)
        assert open_with_gpg(prepared_keys.receiver_home, sealed.armoured) == payload

    async def test_is_ascii_with_crlf_and_names_no_software(
        self, engine: Engine, seal_to: KeyChoice, sign_with: KeyChoice
    ) -> None:
        armoured = (await engine.seal(MARKER * 200, seal_to=seal_to, sign_with=sign_with)).armoured
        assert armoured.isascii()
        assert armoured.endswith(b"-----END PGP MESSAGE-----\r\n")
        assert armoured.count(b"\n") == armoured.count(b"\r\n") == armoured.count(b"\r")
        assert armoured.startswith(b"-----BEGIN PGP MESSAGE-----\r\n\r\n")
        assert MARKER not in armoured

    async def test_the_digest_is_of_the_packets(
        self, engine: Engine, seal_to: KeyChoice, sign_with: KeyChoice
    ) -> None:
        sealed = await engine.seal(MARKER, seal_to=seal_to, sign_with=sign_with)
        assert sealed.packets_sha256 == hashlib.sha256(remove_armour(sealed.armoured)).hexdigest()

    async def test_is_signed_by_the_key_asked_for_over_binary_without_compression(
        self, engine: Engine, prepared_keys: PreparedKeys, seal_to: KeyChoice, sign_with: KeyChoice
    ) -> None:
        sealed = await engine.seal(MARKER, seal_to=seal_to, sign_with=sign_with)
        packets = gpg(prepared_keys.receiver_home, "--list-packets", stdin=sealed.armoured).decode()
        assert ":compressed packet:" not in packets
        assert "mode b " in packets
        assert 'name=""' in packets
        assert packets.count(":signature packet:") == 1
        assert f"keyid {sign_with.subkey[-16:]}" in packets
        assert "sigclass 0x00" in packets

    async def test_two_seals_of_the_same_differ(
        self, engine: Engine, seal_to: KeyChoice, sign_with: KeyChoice
    ) -> None:
        seals = [await engine.seal(MARKER, seal_to=seal_to, sign_with=sign_with) for _ in range(2)]
        assert seals[0].packets_sha256 != seals[1].packets_sha256

    async def test_the_subkey_asked_for_is_the_one_sealed_to(
        self,
        new_home: Callable[[], Path],
        make_engine: OpenEngine,
    ) -> None:
        """Not the newest one, which the engine would take by itself; and of every usual algorithm."""
        home = new_home()
        key = generate(home, SENDER)
        signing = add_subkey(home, key, "nistp384/ecdsa", "sign")
        encrypting = [*subkeys(home, key)[:1], add_subkey(home, key, "rsa2048", "encr")]
        encrypting += [add_subkey(home, key, "nistp256", "encr")]
        engine = await make_engine(home, None)
        for subkey in encrypting:
            sealed = await engine.seal(
                MARKER,
                seal_to=KeyChoice(primary=key, subkey=subkey),
                sign_with=KeyChoice(primary=key, subkey=signing),
            )
            assert check_sealed(sealed.armoured, subkey_fingerprint=subkey) == sealed.packets_sha256
            assert open_with_gpg(home, sealed.armoured) == MARKER
        await engine.close()

    async def test_a_passphrase_opens_the_signing_key(
        self, new_home: Callable[[], Path], make_engine: OpenEngine
    ) -> None:
        home = new_home()
        key = generate(home, SENDER, passphrase="Räksmörgås 1")
        stop_agent(home)
        engine = await make_engine(home, "Räksmörgås 1")
        own = first_subkey(home, key)
        sealed = await engine.seal(MARKER, seal_to=own, sign_with=KeyChoice(primary=key, subkey=key))
        assert open_with_gpg(home, sealed.armoured, passphrase="Räksmörgås 1") == MARKER
        await engine.close()

    async def test_what_stands_in_gpg_conf_does_not_count(
        self,
        prepared_keys: PreparedKeys,
        home_copy: Callable[[Path], Path],
        seal_to: KeyChoice,
        sign_with: KeyChoice,
        make_engine: OpenEngine,
    ) -> None:
        """Such as a second recipient for everything."""
        home = home_copy(prepared_keys.sender_home)
        (home / "gpg.conf").write_text(
            f"encrypt-to {prepared_keys.two_user_ids}\nthrow-keyids\ncomment hello\ntextmode\n"
        )
        engine = await make_engine(home, None)
        sealed = await engine.seal(MARKER, seal_to=seal_to, sign_with=sign_with)
        assert b"hello" not in sealed.armoured
        await engine.close()


class TestTheCheckOfRealMessages:
    """`check_sealed` over what gpg itself makes when it is asked for something else."""

    @pytest.mark.parametrize(
        "options",
        [
            pytest.param(["--encrypt", "-r", "{receiver}", "-r", "{sender}"], id="two recipients"),
            pytest.param(["--encrypt", "-r", "{sender}"], id="another recipient"),
            pytest.param(["--encrypt", "-R", "{receiver}"], id="hidden recipient"),
            pytest.param(["--throw-keyids", "--encrypt", "-r", "{receiver}"], id="key id thrown away"),
            pytest.param(["--rfc2440", "--encrypt", "-r", "{receiver}"], id="no integrity protection"),
            pytest.param(["--sign"], id="signed only"),
            pytest.param(["--detach-sign"], id="a signature only"),
            pytest.param(["--clear-sign"], id="clear-signed"),
            pytest.param(["--store"], id="literal data"),
            pytest.param(["--passphrase", "x", "--pinentry-mode", "loopback", "-c"], id="a passphrase"),
            pytest.param(
                ["--passphrase", "x", "--pinentry-mode", "loopback", "-c", "-e", "-r", "{receiver}"],
                id="a passphrase besides the key",
            ),
        ],
    )
    def test_refuses(self, prepared_keys: PreparedKeys, seal_to: KeyChoice, options: list[str]) -> None:
        names = {"receiver": prepared_keys.receiver, "sender": prepared_keys.sender}
        arguments = [option.format(**names) for option in options]
        made = gpg(prepared_keys.sender_home, "--armor", *arguments, stdin=MARKER)
        with pytest.raises(SealingFailed):
            check_sealed(made, subkey_fingerprint=seal_to.subkey)

    def test_accepts_what_the_plain_command_makes(
        self, prepared_keys: PreparedKeys, seal_to: KeyChoice
    ) -> None:
        arguments = ("--armor", "--comment", "hello", "--sign", "--encrypt", "-r", prepared_keys.receiver)
        made = gpg(prepared_keys.sender_home, *arguments, stdin=MARKER * 100_000)
        assert check_sealed(made, subkey_fingerprint=seal_to.subkey)


class TestAtWork:
    async def test_many_at_once_stay_bounded_and_the_loop_goes_on(
        self, engine: Engine, prepared_keys: PreparedKeys, seal_to: KeyChoice, sign_with: KeyChoice
    ) -> None:
        payloads = [MARKER + bytes([number]) * 200_000 for number in range(20)]
        ticks = most = 0
        others = at_work()  # what earlier tests keep for later ones

        async def tick() -> None:
            nonlocal ticks, most
            while True:
                ticks += 1
                most = max(most, at_work() - others)
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        async with asyncio.timeout(60):
            sealed = await asyncio.gather(
                *(engine.seal(octets, seal_to=seal_to, sign_with=sign_with) for octets in payloads)
            )
        ticking.cancel()
        assert len({one.packets_sha256 for one in sealed}) == len(payloads)
        assert 1 <= most <= 2
        assert ticks > 5
        assert open_with_gpg(prepared_keys.receiver_home, sealed[7].armoured) == payloads[7]

    async def test_no_logger_repeats_what_is_sealed(
        self,
        engine: Engine,
        seal_to: KeyChoice,
        sign_with: KeyChoice,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
        before = [(logger, logger.level, logger.disabled, logger.propagate) for logger in loggers]
        try:
            for logger in loggers:
                logger.setLevel(logging.DEBUG)
                logger.disabled, logger.propagate = False, True
            await engine.seal(MARKER, seal_to=seal_to, sign_with=sign_with)
            with pytest.raises(SealingFailed) as failure:
                await engine.seal(MARKER, seal_to=sign_with, sign_with=seal_to)
        finally:
            for logger, level, disabled, propagate in before:
                logger.setLevel(level)
                logger.disabled, logger.propagate = disabled, propagate
        said = caplog.text + "".join(capfd.readouterr()) + failure.value.public + failure.value.private
        assert MARKER.decode() not in said
        assert "gnupg" not in {record.name for record in caplog.records}

    async def test_no_plaintext_in_the_home(
        self, engine: Engine, prepared_keys: PreparedKeys, seal_to: KeyChoice, sign_with: KeyChoice
    ) -> None:
        await engine.seal(MARKER, seal_to=seal_to, sign_with=sign_with)
        files = [path for path in prepared_keys.sender_home.rglob("*") if path.is_file()]
        assert files
        assert not [path for path in files if MARKER in path.read_bytes()]

    async def test_a_caller_who_gives_up_leaves_the_engine_usable(
        self, engine: Engine, seal_to: KeyChoice, sign_with: KeyChoice
    ) -> None:
        waiting = asyncio.create_task(engine.seal(MARKER * 100_000, seal_to=seal_to, sign_with=sign_with))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await engine.seal(MARKER, seal_to=seal_to, sign_with=sign_with)

    async def test_the_index_and_the_engine_agree(
        self, engine: Engine, prepared_keys: PreparedKeys, seal_to: KeyChoice, sign_with: KeyChoice
    ) -> None:
        index = await load_index(prepared_keys.sender_home)
        now = datetime.now(UTC) + timedelta(seconds=1)
        assert index.for_sealing("x@y", (prepared_keys.receiver,), now) == seal_to
        assert index.for_signing(SENDER, (), now) == sign_with

    async def test_a_key_imported_later_is_sealed_to(
        self,
        prepared_keys: PreparedKeys,
        home_copy: Callable[[Path], Path],
        new_home: Callable[[], Path],
        make_engine: OpenEngine,
        sign_with: KeyChoice,
    ) -> None:
        home, partner = home_copy(prepared_keys.sender_home), new_home()
        engine = await make_engine(home, None)
        own = first_subkey(home, prepared_keys.sender)
        await engine.seal(MARKER, seal_to=own, sign_with=sign_with)
        key = generate(partner, "rorpost.new@regionostergotland.se")
        import_key(home, export_public(partner, key))
        import_key(partner, export_public(home, prepared_keys.sender))
        (await engine.read_keys())()
        sealed = await engine.seal(MARKER, seal_to=first_subkey(home, key), sign_with=sign_with)
        assert open_with_gpg(partner, sealed.armoured) == MARKER
        await engine.close()
