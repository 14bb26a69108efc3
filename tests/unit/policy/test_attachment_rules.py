"""What may be attached on a channel: each key, both directions, and what a channel says for itself."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rorpost_gateway.decision import Direction
from rorpost_gateway.document import Findings, Section, parse_text
from rorpost_gateway.facts import Attachment, Look
from rorpost_gateway.policy.attachment_rules import KEYS, AttachmentRules
from rorpost_gateway.policy.model import Rules
from rorpost_gateway.policy.read_rules import read_channel_rules, read_policy_rules

PDF = Attachment(kind="application/pdf", declared="application/pdf", extensions=("pdf",), octets=1000)
PNG = Attachment(kind="image/png", declared="application/octet-stream", extensions=("png",), octets=10)
EXE = Attachment(kind="application/x-msdownload", declared="image/png", extensions=("dat",), octets=10)
WITHIN = Attachment(
    kind="text/plain", declared="application/octet-stream", extensions=("txt",), octets=5000, depth=1
)
SHUT = Attachment(kind="application/vnd.rar", declared="application/vnd.rar", octets=10, inspected=False)
DISGUISED = Attachment(kind="image/png", declared="image/png", extensions=("pdf", "exe"), disguised=True)


def read(text: str, defaults: Rules | None = None) -> Rules:
    findings = Findings()
    node = parse_text(text, shown_as="x.yaml", findings=findings)
    rules = read_policy_rules(node, findings)
    if defaults is not None:
        rules = read_channel_rules(Section(node, findings, name="rules"), defaults)
    findings.raise_if_any()
    return rules


@pytest.mark.parametrize(
    ("rules", "found", "broken"),
    [
        ({}, [PDF, PNG, EXE, WITHIN], None),
        ({}, [PDF, SHUT], "uninspectable"),
        ({"uninspectable_refused": False}, [PDF, SHUT], None),
        ({"uninspectable_refused": False}, [PDF, DISGUISED], "disguised"),
        ({"max_bytes": 1000}, [PDF, WITHIN], None),
        ({"max_bytes": 999}, [PNG, PDF], "max_bytes"),
        ({"max_total_bytes": 1010}, [PDF, PNG, WITHIN], None),
        ({"max_total_bytes": 1009}, [PDF, PNG], "max_total_bytes"),
        ({"deny_types": ("application/x-msdownload",)}, [PDF, EXE], "deny_types"),
        ({"deny_types": ("image/*",)}, [PNG], "deny_types"),
        ({"deny_types": ("image/*",)}, [EXE], "deny_types"),  # it says that it is one
        ({"deny_types": ("image/*",)}, [PDF], None),
        ({"deny_types": ("application/octet-stream",)}, [PNG], None),  # that a client says so says nothing
        ({"allow_types": ("application/pdf", "image/*")}, [PDF, PNG], None),
        ({"allow_types": ("image/png",)}, [EXE], "allow_types"),
        ({"allow_types": ("application/pdf",)}, [PDF, WITHIN], "allow_types"),
        ({"allow_types": ()}, [PDF], "allow_types"),
        ({"allow_types": ()}, [], None),
        ({"deny_extensions": ("txt",)}, [PDF, WITHIN], "deny_extensions"),
        ({"deny_extensions": ("pdf",)}, [PNG], None),
        ({"deny_extensions": ("docm",)}, [replace(PDF, endings=("docm", "pdf"))], "deny_extensions"),
    ],
)
def test_what_breaks_them(rules: dict[str, object], found: Sequence[Attachment], broken: str | None) -> None:
    assert AttachmentRules(**rules).broken_by(found) == broken  # type: ignore[arg-type]


def test_without_rules_nothing_is_looked_at() -> None:
    for direction in Direction:
        assert Look.ATTACHMENTS not in Rules().looks_at(direction)
        assert Look.ATTACHMENTS in Rules(attachments=AttachmentRules()).looks_at(direction)


def test_every_key_is_read_and_has_its_place() -> None:
    rules = read(
        "attachments:\n  max_bytes: 1\n  max_total_bytes: 2\n"
        "  deny_types: [Application/X-Dosexec, image/jpg]\n"
        "  allow_types: [image/*]\n  deny_extensions: [EXE]\n  uninspectable: allow\n"
    )
    assert rules.attachments == AttachmentRules(
        max_bytes=1,
        max_total_bytes=2,
        deny_types=("application/x-msdownload", "image/jpeg"),
        allow_types=("image/*",),
        deny_extensions=("exe",),
        uninspectable_refused=False,
    )
    assert [rules.positions[f"attachments.{key}"].line for key in KEYS] == [2, 3, 4, 5, 6, 7]


def test_a_channel_changes_what_it_names_and_nothing_else() -> None:
    whole = read("attachments: {max_bytes: 7, deny_types: [image/*]}")
    assert read("{}", whole).attachments == whole.attachments
    assert read("attachments: {max_bytes: 9}", whole).attachments == AttachmentRules(
        max_bytes=9, deny_types=("image/*",)
    )
    assert read("attachments: allow", whole).attachments is None
    assert read("attachments: {}", Rules()).attachments == AttachmentRules()


@pytest.mark.parametrize("key", KEYS)
def test_each_key_can_be_taken_back(key: str) -> None:
    rules = AttachmentRules(
        max_bytes=1, max_total_bytes=1, deny_types=("a/b",), allow_types=(), deny_extensions=("exe",)
    )
    assert rules.without(key) != rules
