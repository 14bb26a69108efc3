"""Where a log begins and ends, whatever stands there."""

import pytest

from rorpost_gateway.audit.extent import extent
from rorpost_gateway.audit.folder import Broken


def test_of_no_log_there_is_none(tmp_path) -> None:
    assert extent(tmp_path) is None
    (tmp_path / "2026-05-06.jsonl").write_bytes(b"\n{}\n" * 400 + b"x" * 40_000)
    assert extent(tmp_path) is None
    with pytest.raises(Broken):
        extent(tmp_path / "missing")


async def test_a_log_from_its_first_to_its_last_entry(two_days) -> None:
    whole = extent(two_days.folder)
    assert whole is not None
    assert (whole.first, whole.last) == (0, 7)
    assert (whole.first_time, whole.last_time) == ("2026-05-06T12:00:00.000Z", "2026-05-07T12:00:00.000Z")


async def test_torn_ends_and_purged_days(two_days) -> None:
    two_days.files()[0].unlink()
    with two_days.files()[0].open("ab") as file:
        file.write(b'{"n":8,"prev\n{"n":8')
    whole = extent(two_days.folder)
    assert whole is not None
    assert (whole.first, whole.last) == (4, 7)
