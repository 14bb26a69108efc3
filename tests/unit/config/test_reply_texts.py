"""`reply_texts`: a site's own words, read as strictly as all else."""

from pathlib import Path

import pytest

from rorpost_gateway.config.reply_texts import read_reply_texts
from rorpost_gateway.decision import Reason
from rorpost_gateway.document import DocumentInvalid, Findings
from rorpost_gateway.reply import Language


def _read(folder: Path, text: str) -> dict[Language, dict[Reason, str]]:
    file = folder / "replies.yaml"
    file.write_text(text, encoding="utf-8")
    findings = Findings()
    texts = read_reply_texts(file, findings)
    findings.raise_if_any()
    return {language: dict(of_language) for language, of_language in texts.items()}


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("sv: {urgnet: Ring.}\n", "1:6", "unknown key 'urgnet' in sv; did you mean 'urgent'?"),
        ("se: {urgent: Ring.}\n", "1:1", "unknown key 'se'"),
        ("sv: {urgent: 'Ring {unit}.'}\n", "1:14", "sv.urgent may hold no braces"),
        ("sv:\n  urgent: 112\n", "2:11", "sv.urgent must be text"),
        ("sv:\n  urgent: ''\n", "2:11", "sv.urgent is empty"),
        ("sv:\n  ok: klart\n", "2:7", "sv.ok must end with: queued as {queue_id}"),
        ("en:\n  urgent: 'Phone ☎.'\n", "2:11", "no form in ASCII"),
        (f"sv:\n  urgent: {'x' * 400}\n", "2:11", "there is room for"),
        ("sv:\n  urgent: Ring.\n  urgent: Ring nu.\n", "3:3", "stands"),
        ("- sv\n", "1:1", "must be a mapping"),
    ],
)
def test_refused_with_its_place(tmp_path: Path, text: str, place: str, why: str) -> None:
    with pytest.raises(DocumentInvalid) as error:
        _read(tmp_path, text)
    first = error.value.public.splitlines()[0]
    assert first.startswith(f"{tmp_path}/replies.yaml:{place}: ")
    assert why in first


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    findings = Findings()
    read_reply_texts(tmp_path / "replies.yaml", findings)
    with pytest.raises(DocumentInvalid, match=r"replies\.yaml"):
        findings.raise_if_any()


def test_what_is_not_named_is_left_as_it_is(tmp_path: Path) -> None:
    texts = _read(tmp_path, "sv:\n  urgent: Ring växeln.\n  too-old: null\n")
    assert texts == {Language.SV: {Reason.URGENT: "Ring växeln."}, Language.EN: {}}


def test_without_a_file_there_are_none() -> None:
    assert read_reply_texts(None, Findings()) == {}
