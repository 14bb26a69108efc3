"""What concerns the GnuPG engine alone: how it depends on python-gnupg and on the gpg process."""

import asyncio
import inspect
import os
from collections.abc import Callable
from pathlib import Path

import gnupg
import pytest

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.openpgp.gnupg import GnupgEngine, load_index
from rorpost_gateway.openpgp.process import GnupgFailed, run_gpg
from tests.peers.gnupg_home import PreparedKeys, running_children, subkeys

ANY = KeyChoice(primary="0" * 40, subkey="0" * 40)
VERSION = "echo cfg:version:2.2.40; exit 0"


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], str]:
    """Makes a stand-in for gpg that misbehaves; what it does is for `--encrypt` only."""

    def make(body: str) -> str:
        path = tmp_path / "gpg"
        path.write_text(f'#!/bin/sh\ncase "$*" in *--list-config*) {VERSION};; esac\n{body}\n')
        path.chmod(0o755)
        return str(path)

    return make


async def seal_with(binary: str, home: Path, payload: bytes = b"x", *, timeout_seconds: float = 30) -> None:
    engine = GnupgEngine(home, None, binary=binary, timeout_seconds=timeout_seconds)
    try:
        await engine.seal(payload, seal_to=ANY, sign_with=ANY)
    finally:
        await engine.close()


def test_the_private_names_that_are_used_are_there() -> None:
    assert list(inspect.signature(gnupg.GPG._collect_output).parameters)[:3] == ["self", "process", "result"]
    assert gnupg.GPG.result_map["crypt"] is gnupg.Crypt
    assert isinstance(gnupg.GPG.buffer_size, int)
    assert type(gnupg.logger).__name__ == "_Silent"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("exit 0", id="nothing at all"),
        pytest.param("exit 2", id="a bare failure"),
        pytest.param("kill -9 $$", id="a crash"),
        pytest.param("cat", id="plaintext given back"),
        pytest.param("cat; echo '[GNUPG:] END_ENCRYPTION' >&2", id="plaintext, said to be encrypted"),
        pytest.param("cat > /dev/null; head -c 300000 /dev/zero >&2", id="noise on standard error"),
        pytest.param("cat > /dev/null; printf '\\377\\376[GNUPG:] \\n' >&2", id="no text on standard error"),
    ],
)
async def test_a_gpg_that_misbehaves_seals_nothing(
    script: Callable[[str], str], new_home: Callable[[], Path], body: str
) -> None:
    with pytest.raises(SealingFailed):
        await seal_with(script(body), new_home(), b"plaintext" * 50_000)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("s/SIG_CREATED S/SIG_CREATED D/", id="another type of signature"),
        pytest.param("s/SIG_CREATED \\(.*\\) 00 /SIG_CREATED \\1 01 /", id="a signature over text"),
        pytest.param("s/SIG_CREATED .*/SIG_CREATED S 22 10 00 1 F00/", id="another signer"),
        pytest.param("/SIG_CREATED/d", id="no signature"),
        pytest.param("/SIG_CREATED/p", id="two signatures"),
        pytest.param("s/BEGIN_ENCRYPTION 2 9/BEGIN_ENCRYPTION 2 2/", id="a weak cipher"),
        pytest.param("s/BEGIN_ENCRYPTION 2 9/BEGIN_ENCRYPTION 0 9/", id="no integrity protection"),
        pytest.param("/END_ENCRYPTION/d", id="no end"),
        pytest.param("s/END_ENCRYPTION/&\\n[GNUPG:] INV_RECP 10 X/", id="an invalid recipient"),
        pytest.param("s/END_ENCRYPTION/&\\n[GNUPG:] FAILURE x 1/", id="a failure"),
    ],
)
async def test_every_status_must_be_right(
    script: Callable[[str], str], prepared_keys: PreparedKeys, change: str
) -> None:
    """The real gpg, what it says changed on its way."""
    binary = script(f"exec 3>&1; gpg \"$@\" 2>&1 >&3 3>&- | sed '{change}' >&2")
    home = prepared_keys.sender_home
    (subkey,) = subkeys(home, prepared_keys.receiver)
    engine = GnupgEngine(home, None, binary=binary)
    with pytest.raises(SealingFailed):
        await engine.seal(
            b"x",
            seal_to=KeyChoice(primary=prepared_keys.receiver, subkey=subkey),
            sign_with=KeyChoice(primary=prepared_keys.sender, subkey=prepared_keys.sender),
        )
    await engine.close()


@pytest.mark.parametrize(
    "command",
    [
        pytest.param('gpg "$@" --recipient {sender}', id="somebody else can open it too"),
        pytest.param('gpg "$@" --throw-keyids', id="nobody can see who opens it"),
        pytest.param('gpg "$@"; echo plaintext', id="something after it"),
        pytest.param('echo plaintext; gpg "$@"', id="something before it"),
    ],
)
async def test_what_comes_out_is_looked_at_though_every_status_is_right(
    script: Callable[[str], str], prepared_keys: PreparedKeys, command: str
) -> None:
    home = prepared_keys.sender_home
    (subkey,) = subkeys(home, prepared_keys.receiver)
    engine = GnupgEngine(home, None, binary=script(command.format(sender=prepared_keys.sender)))
    with pytest.raises(SealingFailed) as failure:
        await engine.seal(
            b"x",
            seal_to=KeyChoice(primary=prepared_keys.receiver, subkey=subkey),
            sign_with=KeyChoice(primary=prepared_keys.sender, subkey=prepared_keys.sender),
        )
    assert "status" not in failure.value.private  # it was the check of the packets that refused
    await engine.close()


async def test_the_stand_in_is_no_reason_to_fail(
    script: Callable[[str], str], prepared_keys: PreparedKeys
) -> None:
    """The test above fails for the reason it names: unchanged, the same way round seals."""
    binary = script("exec 3>&1; gpg \"$@\" 2>&1 >&3 3>&- | sed 's/x/x/' >&2")
    home = prepared_keys.sender_home
    (subkey,) = subkeys(home, prepared_keys.receiver)
    engine = GnupgEngine(home, None, binary=binary)
    sealed = await engine.seal(
        b"x",
        seal_to=KeyChoice(primary=prepared_keys.receiver, subkey=subkey),
        sign_with=KeyChoice(primary=prepared_keys.sender, subkey=prepared_keys.sender),
    )
    assert sealed.armoured
    await engine.close()


@pytest.mark.parametrize("size", [1, 500_000])
async def test_a_gpg_that_hangs_is_killed(
    script: Callable[[str], str], new_home: Callable[[], Path], size: int
) -> None:
    binary = script("exec sleep 600")
    with pytest.raises(SealingFailed, match="killed"):
        await seal_with(binary, new_home(), b"x" * size, timeout_seconds=0.3)
    assert not {"gpg", "sleep", "sh", "bash", "dash"}.intersection(running_children())


async def test_a_gpg_that_hangs_while_it_is_asked_for_its_version_is_killed(
    new_home: Callable[[], Path], tmp_path: Path
) -> None:
    binary = tmp_path / "gpg"
    binary.write_text("#!/bin/sh\nexec sleep 600\n")
    binary.chmod(0o755)
    with pytest.raises(SealingFailed):
        await seal_with(str(binary), new_home(), timeout_seconds=0.3)


async def test_the_event_loop_goes_on_while_gpg_does_not(
    script: Callable[[str], str], new_home: Callable[[], Path], tmp_path: Path
) -> None:
    """gpg ends only once the loop, meanwhile, has opened the gate for it."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    sealing = asyncio.create_task(seal_with(script(f"cat {gate}; exit 2"), new_home()))
    async with asyncio.timeout(20):
        while True:
            try:
                opened = os.open(gate, os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError:  # nobody reads yet: gpg is not there
                await asyncio.sleep(0)
        os.close(opened)
        with pytest.raises(SealingFailed):
            await sealing


async def test_a_gpg_that_is_not_there(new_home: Callable[[], Path]) -> None:
    with pytest.raises(SealingFailed):
        await seal_with("/nonexistent/gpg", new_home())


async def test_a_home_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SealingFailed):
        await seal_with("gpg", tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(GnupgFailed):
        await load_index(tmp_path / "nowhere")


async def test_the_plain_command_is_bounded_too(
    new_home: Callable[[], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "gpg").write_text("#!/bin/sh\nexec sleep 600\n")
    (tmp_path / "gpg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(GnupgFailed):
        await run_gpg(new_home(), ["--list-keys"], timeout_seconds=0.3)
    assert not {"gpg", "sleep", "sh", "bash", "dash"}.intersection(running_children())


async def test_gpg_sees_nothing_of_our_environment(
    script: Callable[[str], str],
    new_home: Callable[[], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RORPOST_SECRET", "hush")
    monkeypatch.setenv("GNUPGHOME", str(tmp_path))
    with pytest.raises(SealingFailed):
        await seal_with(script(f"env > {tmp_path}/seen; exit 2"), new_home())
    names = {line.partition("=")[0] for line in (tmp_path / "seen").read_text().splitlines()}
    assert names <= {"PATH", "LC_ALL", "PWD", "SHLVL", "_", "OLDPWD"}
