"""The two tables of engine_table.py say what they should; both take a second or two to make."""

import pytest
from rich.console import Console

from tests.contract.engine_table import (
    ENGINES,
    OPENED,
    OPENERS,
    PROGRAMS,
    STATES,
    interoperation,
    prepared,
    print_tables,
    reasons,
)

# pysequoia opens nothing that is compressed, which gpg does by itself; nobody else reads sq's padding.
# gpg takes that for more packets: what it says of them depends on chance.
NOT_OPENED = {
    ("gpg", "pysequoia"): "no: reads no compressed data",
    ("sq, padding", "pysequoia"): "no: reads no compressed data",
    ("sq, padding", "gnupg opener"): "no: something follows the compressed data",
}
OVER = {
    "valid": "ok, engine obeys",
    "expired primary": "key-expired, engine refuses",
    "expired subkey": "key-expired, engine refuses",
    "revoked primary": "key-revoked, engine refuses",
    "revoked subkey": "key-revoked, engine refuses",
}


async def test_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    with prepared() as keys:
        opened, heard = await interoperation(keys), await reasons(keys)
    assert opened.pop(("sq, padding", "gpg")).startswith("no: ")
    assert opened == {
        (program, how): NOT_OPENED.get((program, how), OPENED)
        for program in PROGRAMS
        for how in OPENERS
        if (program, how) != ("sq, padding", "gpg")
    }
    for name in ENGINES:
        for use in ("seal", "sign"):
            assert {state: heard[name, state, use] for state in STATES} == OVER
        assert {heard[name, state, "open"] for state in STATES} == {"opened"}
    print_tables(opened | {("sq, padding", "gpg"): ""}, heard, Console(width=120))
    assert "sequoia engine" in capsys.readouterr().out
