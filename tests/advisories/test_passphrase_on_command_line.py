"""gpgmail: the passphrase stood on gpg's command line, for everybody on the machine to read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.openpgp.gnupg import GnupgEngine

SECRET = "hush-7c1e"


async def test_neither_arguments_nor_environment_nor_errors_hold_it(
    new_home: Callable[[], Path], tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    binary = tmp_path / "gpg"
    binary.write_text(
        f'#!/bin/sh\necho "$*" >> {seen}; env >> {seen}\n'
        'case "$*" in *--list-config*) echo cfg:version:2.2.40; exit 0;; esac\n'
        f"cat > {tmp_path}/stdin; exit 2\n"
    )
    binary.chmod(0o755)
    own = KeyChoice(primary="A" * 40, subkey="B" * 40)
    engine = GnupgEngine(new_home(), SECRET, binary=str(binary))
    with pytest.raises(SealingFailed) as failure:
        await engine.seal(b"plaintext", seal_to=own, sign_with=own)
    await engine.close()
    assert SECRET not in seen.read_text() + failure.value.public + failure.value.private
    assert (tmp_path / "stdin").read_text() == f"{SECRET}\nplaintext"  # it went through the pipe
