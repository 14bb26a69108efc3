"""What a person sees of a broken policy. `python -m tests.golden.policy_errors` prints them all."""

import pytest
from rich.cells import cell_len

from rorpost_gateway.cli.findings import WIDTH
from tests.golden.policy_errors.rendering import FOLDER, broken_policies, rendered


@pytest.mark.parametrize("name", broken_policies())
def test_as_a_person_sees_it(name: str) -> None:
    assert rendered(name) == (FOLDER / name / "expected.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", broken_policies())
def test_the_first_line_of_each_can_be_found_by_script_and_the_others_fit_the_width(name: str) -> None:
    first, other = [], []
    for line in rendered(name).splitlines():
        (first if line.startswith(f"{name}/") else other).append(line)
    assert first
    assert all(cell_len(line) <= WIDTH for line in other)
    counts = [line for line in other if line and not line.startswith(" ")]
    files = len({line.split(":")[0] for line in first})
    expected = f"{len(first)} errors in {files} file" + "s" * (files > 1)
    assert counts == ([expected] if len(first) > 1 else [])
