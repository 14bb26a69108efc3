"""What concerns the GnuPG opener alone: a gpg that misbehaves, its agent, passphrases, processes, memory."""

import asyncio
import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.openpgp.base import Opened, OpeningFailed, OpeningRefused
from rorpost_gateway.openpgp.child import Child
from rorpost_gateway.openpgp.opening import GnupgOpener
from rorpost_gateway.openpgp.process import GnupgFailed
from tests.peers.gnupg_home import SENDER, PreparedKeys, generate, gpg, running_children, stop_agent
from tests.peers.openpgp_messages import literal, packet, sealed, signature_packet, under_encryption

PAYLOAD = b"MARKER-3c0e of the plaintext\r\n"
LONGEST = 1 << 26
SECRET = "Räksmörgås 1"


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Makes a stand-in for gpg. Standard input and output and the status file are its own to misuse."""

    def make(text: str) -> str:
        path = tmp_path / "gpg"
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return make


@pytest.fixture
def message(prepared_keys: PreparedKeys) -> bytes:
    return sealed(
        prepared_keys.sender_home, prepared_keys.receiver, payload=PAYLOAD, signer=prepared_keys.sender
    )


async def open_with(
    home: Path,
    message: bytes,
    *,
    passphrase: str | None = None,
    longest_octets: int = LONGEST,
    **named: object,
) -> Opened:
    opener = GnupgOpener(home, passphrase, **named)  # type: ignore[arg-type]
    try:
        return await opener.open(message, longest_octets=longest_octets)
    finally:
        await opener.close()


class TestAGpgThatMisbehaves:
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("exit 0", id="nothing at all"),
            pytest.param("exit 2", id="a bare failure"),
            pytest.param("kill -9 $$", id="a crash"),
            pytest.param("cat", id="the message given back"),
        ],
    )
    async def test_opens_nothing_and_blames_nobody(
        self, script: Callable[[str], str], prepared_keys: PreparedKeys, message: bytes, text: str
    ) -> None:
        with pytest.raises(OpeningFailed):
            await open_with(prepared_keys.receiver_home, message, binary=script(text))

    @pytest.mark.parametrize(
        ("command", "change", "reason"),
        [
            ("--unwrap", "/GOODMDC/d", Reason.DECRYPTION_FAILED),
            ("--unwrap", "s/GOODMDC/BADMDC/", Reason.DECRYPTION_FAILED),
            ("--unwrap", "/GOODMDC/p", Reason.DECRYPTION_FAILED),
            ("--unwrap", "/DECRYPTION_OKAY/d", Reason.DECRYPTION_FAILED),
            ("--unwrap", "/END_DECRYPTION/d", Reason.DECRYPTION_FAILED),
            ("--unwrap", "/BEGIN_DECRYPTION/p", Reason.DECRYPTION_FAILED),
            ("--unwrap", "/DECRYPTION_KEY/d", Reason.DECRYPTION_FAILED),
            ("--unwrap", "/DECRYPTION_KEY/p", Reason.DECRYPTION_FAILED),
            ("--unwrap", "s/DECRYPTION_INFO 2/DECRYPTION_INFO 0/", Reason.DECRYPTION_FAILED),
            ("--unwrap", "s/.*END_DECRYPTION.*/&\\n[GNUPG:] DECRYPTION_FAILED/", Reason.DECRYPTION_FAILED),
            ("--verify", "s/NEWSIG/NODATA/", Reason.SIGNATURE_INVALID),
            ("--verify", "/NEWSIG/p", Reason.SIGNATURE_INVALID),
            ("--verify", "/GOODSIG/p", Reason.SIGNATURE_INVALID),
            ("--verify", "s/GOODSIG/EXPKEYSIG/", Reason.SIGNATURE_INVALID),
            ("--verify", "/VALIDSIG/d", Reason.SIGNATURE_INVALID),
            ("--verify", "/VALIDSIG/p", Reason.SIGNATURE_INVALID),
            ("--verify", "s/ 22 10 00 / 22 2 00 /", Reason.SIGNATURE_INVALID),
            ("--verify", "s/ 22 10 00 / 22 10 01 /", Reason.SIGNATURE_INVALID),
            ("--verify", "s/.*GOODSIG.*/&\\n[GNUPG:] ERRSIG X/", Reason.SIGNATURE_INVALID),
        ],
    )
    async def test_every_status_must_be_right(
        self,
        script: Callable[[str], str],
        prepared_keys: PreparedKeys,
        tmp_path: Path,
        command: str,
        change: str,
        reason: Reason,
    ) -> None:
        payload = sealed(
            prepared_keys.sender_home,
            prepared_keys.receiver,
            *("--digest-algo", "SHA512"),
            payload=PAYLOAD,
            signer=prepared_keys.sender,
        )
        with pytest.raises(OpeningRefused) as refused:
            await open_with(
                prepared_keys.receiver_home,
                payload,
                binary=script(_changed_status(command, change, tmp_path)),
            )
        assert refused.value.reason is reason
        unchanged = await open_with(
            prepared_keys.receiver_home, payload, binary=script(_changed_status(command, "", tmp_path))
        )
        assert unchanged.payload == PAYLOAD

    async def test_one_that_ends_before_the_signature(
        self, script: Callable[[str], str], prepared_keys: PreparedKeys, message: bytes
    ) -> None:
        binary = script('case "$*" in *--verify*) exit 2;; esac; exec gpg "$@"')
        with pytest.raises(OpeningFailed):
            await open_with(prepared_keys.receiver_home, message, binary=binary)

    async def test_no_gpg_at_all(self, prepared_keys: PreparedKeys, message: bytes) -> None:
        with pytest.raises(OpeningFailed):
            await open_with(prepared_keys.receiver_home, message, binary="/nowhere/gpg")

    async def test_one_that_takes_too_long_is_killed(
        self, script: Callable[[str], str], prepared_keys: PreparedKeys, message: bytes
    ) -> None:
        binary = script("exec sleep 600")
        async with asyncio.timeout(30):
            with pytest.raises(OpeningFailed) as failed:
                await open_with(prepared_keys.receiver_home, message, binary=binary, timeout_seconds=0.2)
        assert "0.2 s" in failed.value.private
        assert "sleep" not in running_children()

    async def test_one_that_writes_without_end_is_stopped_by_its_output_file(
        self, script: Callable[[str], str], prepared_keys: PreparedKeys, message: bytes
    ) -> None:
        async with asyncio.timeout(60):
            with pytest.raises(OpeningFailed):
                await open_with(prepared_keys.receiver_home, message, binary=script("exec cat /dev/zero"))

    def test_what_is_too_long_is_cut_by_the_file_and_fails(self, prepared_keys: PreparedKeys) -> None:
        """`--decrypt` inflates by itself, which is why it is not used."""
        message = sealed(
            prepared_keys.sender_home, prepared_keys.receiver, "-z", "6", payload=bytes(10_000_000)
        )
        child = Child(home=prepared_keys.receiver_home, binary="gpg", timeout_seconds=30)
        run = child.run(["--decrypt"], stdin=(message,), longest_output=1_000_000)
        assert run.returncode != 0
        assert len(run.output) <= 1_000_000


def _changed_status(command: str, change: str, folder: Path) -> str:
    """A gpg whose status lines are edited by sed where it was told `command`."""
    return f"""
    args=("$@"); fd=
    for n in "${{!args[@]}}"; do
      if [ "${{args[n]}}" = --status-fd ]; then fd=${{args[n+1]}}; args[n+1]=9; fi
    done
    gpg "${{args[@]}}" 9>{folder}/status; ended=$?
    case "$*" in
      *{command}*) sed '{change}' {folder}/status >&$fd;;
      *) cat {folder}/status >&$fd;;
    esac
    exit $ended
    """


class TestOurOwnTrouble:
    """Nothing of this may be told to the sender as the message's fault."""

    @pytest.fixture
    def locked(self, new_home: Callable[[], Path]) -> tuple[Path, bytes]:
        """A home whose key has a passphrase, and a message to it."""
        home = new_home()
        key = generate(home, SENDER, passphrase=SECRET)
        stop_agent(home)  # which remembers passphrases
        return home, sealed(home, key, payload=PAYLOAD)

    @pytest.mark.parametrize("passphrase", [None, "", "wrong", "wröng"])
    async def test_the_wrong_passphrase(self, locked: tuple[Path, bytes], passphrase: str | None) -> None:
        with pytest.raises(OpeningFailed) as failed:
            await open_with(*locked, passphrase=passphrase)
        assert "agent refused" in failed.value.private

    async def test_the_right_passphrase(self, locked: tuple[Path, bytes]) -> None:
        assert (await open_with(*locked, passphrase=SECRET)).payload == PAYLOAD

    async def test_no_agent(self, locked: tuple[Path, bytes]) -> None:
        home, _ = locked
        socket = home / "S.gpg-agent"
        socket.unlink(missing_ok=True)
        socket.mkdir()
        (socket / "x").touch()
        with pytest.raises(OpeningFailed) as failed:
            await open_with(*locked, passphrase=SECRET)
        assert "no agent" in failed.value.private

    async def test_a_private_key_file_that_is_damaged(self, locked: tuple[Path, bytes]) -> None:
        for file in (locked[0] / "private-keys-v1.d").iterdir():
            file.write_bytes(b"damaged")
        with pytest.raises(OpeningFailed):
            await open_with(*locked, passphrase=SECRET)


async def test_no_secret_in_arguments_or_environment(
    script: Callable[[str], str], prepared_keys: PreparedKeys, message: bytes, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    binary = script(f'echo "$*" >> {seen}; env >> {seen}; exec gpg "$@"')
    opened = await open_with(prepared_keys.receiver_home, message, passphrase="hush-7c1e", binary=binary)
    assert opened.payload == PAYLOAD
    assert seen.read_text().count("--homedir") == 2
    assert "hush" not in seen.read_text()


async def test_no_plaintext_on_disk_and_none_in_what_is_shown(
    home_copy: Callable[[Path], Path], prepared_keys: PreparedKeys, message: bytes
) -> None:
    home = home_copy(prepared_keys.receiver_home)
    opened = await open_with(home, message)
    assert "MARKER" not in repr(opened)
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    assert not any(b"MARKER" in path.read_bytes() for path in files)


async def test_gpg_conf_does_not_count(
    home_copy: Callable[[Path], Path], prepared_keys: PreparedKeys, message: bytes
) -> None:
    home = home_copy(prepared_keys.receiver_home)
    (home / "gpg.conf").write_text("ignore-mdc-error\nskip-verify\nmax-output 3\nlist-only\n")
    assert (await open_with(home, message)).payload == PAYLOAD


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_no_descriptor_is_left_open(prepared_keys: PreparedKeys, message: bytes) -> None:
    opener = GnupgOpener(prepared_keys.receiver_home, None)
    await opener.open(message, longest_octets=LONGEST)
    before = _descriptors()
    for broken in (message, message[:200], message.replace(b"A", b"B")):
        try:
            await opener.open(broken, longest_octets=LONGEST)
        except OpeningRefused:
            continue
    assert _descriptors() == before
    await opener.close()


async def test_many_at_once_stay_bounded_and_the_loop_goes_on(prepared_keys: PreparedKeys) -> None:
    payloads = [bytes([number]) * 200_000 for number in range(12)]
    messages = [
        sealed(prepared_keys.sender_home, prepared_keys.receiver, payload=each, signer=prepared_keys.sender)
        for each in payloads
    ]
    opener = GnupgOpener(prepared_keys.receiver_home, None, workers=2)
    ticks = most = 0

    async def tick() -> None:
        nonlocal ticks, most
        while True:
            ticks += 1
            most = max(most, running_children().count("gpg"))
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    async with asyncio.timeout(60):
        opened = await asyncio.gather(*(opener.open(each, longest_octets=LONGEST) for each in messages))
    ticking.cancel()
    await opener.close()
    assert [one.payload for one in opened] == payloads
    assert 1 <= most <= 2
    assert ticks > 5


async def test_keys_are_looked_for_nowhere_else(prepared_keys: PreparedKeys) -> None:
    """Not even where the signature says who signed and that a key comes with it."""
    opener = GnupgOpener(prepared_keys.sender_home, None)
    stranger = prepared_keys.receiver_home
    made = signature_packet(stranger, prepared_keys.two_user_ids, PAYLOAD, "--include-key-block")
    inner = under_encryption(stranger, prepared_keys.sender, made + literal(PAYLOAD))
    before = gpg(prepared_keys.sender_home, "--list-keys", "--with-colons")
    await opener.open(inner, longest_octets=LONGEST)  # this one knows the key by itself
    await opener.close()
    assert gpg(prepared_keys.sender_home, "--list-keys", "--with-colons") == before


_MEASURED = """
import asyncio, json, resource, sys
from pathlib import Path
from rorpost_gateway.openpgp.base import OpeningRefused
from rorpost_gateway.openpgp.opening import GnupgOpener

async def run(home, message):
    opener = GnupgOpener(Path(home), None)
    try:
        opened = await opener.open(message, longest_octets=1 << 20)
        return len(opened.payload)
    except OpeningRefused as refused:
        return refused.reason
    finally:
        await opener.close()

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
outcome = asyncio.run(run(sys.argv[1], sys.stdin.buffer.read()))
own = resource.getrusage(resource.RUSAGE_SELF)
children = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({
    "outcome": outcome,
    "grown_kib": own.ru_maxrss - before,
    "children_kib": children.ru_maxrss,
    "cpu_seconds": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
}))
"""


def _zip_bomb(octets: int) -> bytes:
    """A ZIP compressed packet over zeros. A full flush makes every MiB the same octets again."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    deflater.compress(bytes(1 << 20))
    head = deflater.flush(zlib.Z_FULL_FLUSH)
    again = deflater.compress(bytes(1 << 20)) + deflater.flush(zlib.Z_FULL_FLUSH)
    return packet(8, b"\x01" + head + again * (octets // (1 << 20)))


@pytest.mark.parametrize(
    ("inner", "outcome"),
    [
        pytest.param(_zip_bomb(1 << 30), "message-too-large", id="1 GiB of zeros in 1 MB"),
        pytest.param(packet(10, b"PGP") * 200_000, "decryption-failed", id="200,000 packets"),
        pytest.param(
            packet(8, b"\x01" + zlib.compress(packet(10, b"PGP") * 100_000, wbits=-15)),
            "decryption-failed",
            id="100,000 packets, compressed",
        ),
        pytest.param(
            b"\xcb\xe9" + b"b\0\0\0\0\0".ljust(512) + b"\xe0x" * 2_000_000 + b"\0",
            "decryption-failed",
            id="two million pieces of one octet",
        ),
        pytest.param(b"\xcb\xe9" + bytes(512) + b"\xff" * 1_000_000, "decryption-failed", id="no end"),
    ],
)
def test_bounded_in_time_and_memory(prepared_keys: PreparedKeys, inner: bytes, outcome: str) -> None:
    """In a process of its own, whose peak of memory the kernel tells."""
    message = under_encryption(prepared_keys.sender_home, prepared_keys.receiver, inner)
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(prepared_keys.receiver_home)],
        input=message,
        capture_output=True,
        timeout=60,
        check=True,
    )
    measured = json.loads(done.stdout)
    assert measured["outcome"] == outcome
    assert measured["grown_kib"] < 40 * 1024
    assert measured["children_kib"] < 60 * 1024  # includes the moment between fork and exec
    assert measured["cpu_seconds"] < 5


def test_a_passphrase_longer_than_a_pipe_is_an_error_and_no_standstill(new_home: Callable[[], Path]) -> None:
    child = Child(home=new_home(), binary="gpg", timeout_seconds=30)
    with pytest.raises(GnupgFailed):
        child.run(["--version"], stdin=(), passphrase="x" * 1_000_000)
