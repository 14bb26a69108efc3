"""What was probably meant: close names are found, and far ones are not guessed at."""

import pytest

from rorpost_gateway.decision import Position
from rorpost_gateway.document import DocumentInvalid, Findings
from rorpost_gateway.document.findings import COMPARED
from rorpost_gateway.document.nearest import nearest

KEYS = ["name", "phone", "manager", "read_at", "valid_until"]
BRINKEN = "rorpost.vcbrinken@regionostergotland.se"
MAILBOXES = ["rorpost.hemsjukvarden@motala.se", BRINKEN, "rorpost.vclyckorna@regionostergotland.se"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("nmae", "name"),
        ("fone", "phone"),
        ("valid_untill", "valid_until"),
        ("Manager", "manager"),
        ("x", ""),
        ("", ""),
    ],
)
def test_keys(word: str, meant: str) -> None:
    assert nearest(word, KEYS) == meant


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("rorpost.vcbrinkne@regionostergotland.se", BRINKEN),
        ("rorpost.vcbrinken@regionostergotlnd.se", BRINKEN),
        ("RORPOST.VCBRINKN@regionostergotland.se", BRINKEN),
        ("rorpost.vcskanninge@regionostergotland.se", ""),  # another unit, however long the rest is
        ("rorpost.vcbrinken@motala.se", ""),  # the same unit of somebody else
        ("rorpost.x@y.se", ""),
    ],
)
def test_addresses_are_compared_half_by_half(word: str, meant: str) -> None:
    assert nearest(word, MAILBOXES) == meant


def test_a_long_word_is_not_compared() -> None:
    assert nearest("x" * 101, ["x" * 100]) == ""


def test_after_many_comparisons_nothing_is_guessed_any_more() -> None:
    findings, names = Findings(), [f"name{number}" for number in range(1000)]
    assert findings.nearest("name1x", names) == "name1"
    findings.nearest("name1x", [""] * (COMPARED - 1500))
    assert findings.nearest("name1x", names) == ""


def test_beyond_what_is_kept_findings_are_counted_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rorpost_gateway.document.findings.KEPT", 3)
    findings = Findings()
    for line in range(10):
        findings.add(Position(file="f", line=line + 1, column=1), "wrong")
    with pytest.raises(DocumentInvalid) as caught:
        findings.raise_if_any()
    assert (len(findings), caught.value.count, len(caught.value.findings)) == (10, 10, 3)
