"""A small policy that the tests of this room bend into shape, and keys that all may be used."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rorpost_gateway.decision import Direction, KeyChoice, Reason
from rorpost_gateway.envelope import Login
from rorpost_gateway.facts import NOTHING_FOUND, MessageFacts
from rorpost_gateway.policy.evaluate import Question
from rorpost_gateway.policy.load import load_policy
from rorpost_gateway.policy.model import Policy

OWN = frozenset({"motala.se"})
STOCKHOLM = ZoneInfo("Europe/Stockholm")
HOME = "rorpost.hemsjukvarden@motala.se"
CARE = "rorpost.vcbrinken@regionostergotland.se"
OTHER = "rorpost.vclyckorna@regionostergotland.se"
ANNA = "anna.berg@motala.se"

SMALL = """\
mailboxes:
  rorpost.hemsjukvarden@motala.se:
    name: Hemsjukvården
    manager: eva.ek@motala.se
    phone: "0141-22 50 00"
    read_at: ["08:00", "13:00"]
    users:
      - user: anna.berg@motala.se
        name: Anna Berg
        requested_by: eva.ek@motala.se
        executed_by: it.drift@motala.se
        valid_from: 2026-01-01
        valid_until: 2026-12-31
  rorpost.vcbrinken@regionostergotland.se:
    name: Vårdcentralen Brinken
    phone: "010-103 00 00"
    key: "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0001"
  rorpost.vclyckorna@regionostergotland.se:
    name: Vårdcentralen Lyckorna
    phone: "010-103 00 10"
    key:
      - "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0002"
      - {fingerprint: "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0003", accept_until: 2026-12-31}
channels:
  - name: brinken
    between: [rorpost.hemsjukvarden@motala.se, rorpost.vcbrinken@regionostergotland.se]
    owner: eva.ek@motala.se
    decision: "19/SN 0266"
    valid_from: 2026-01-01
    valid_until: 2026-12-31
  - name: lyckorna
    from: rorpost.hemsjukvarden@motala.se
    to: [rorpost.vclyckorna@regionostergotland.se]
rules:
  outside_quotes: allow
"""


class AllKeys:
    """Every key may be used, but for those with another state; remembers what it was asked."""

    def __init__(self, states: Mapping[str, Reason] | None = None) -> None:
        self.states = dict(states or {})
        self.asked: list[tuple[str, str, tuple[str, ...]]] = []

    def for_sealing(self, address: str, pinned: Collection[str], at: datetime) -> KeyChoice | Reason:
        return self._choose("seal", address, pinned)

    def for_signing(self, address: str, pinned: Collection[str], at: datetime) -> KeyChoice | Reason:
        return self._choose("sign", address, pinned)

    def accepts(
        self, signer_primary: str, signer_subkey: str, *, signed_at: datetime, at: datetime
    ) -> Reason | None:
        return self.states.get(signer_subkey) or self.states.get(signer_primary)

    def is_for(self, key_ids: Collection[str], address: str, pinned: Collection[str]) -> bool:
        return any(self.states.get(each) is None for each in pinned or (address,)) and bool(key_ids)

    def fault_of(self, sealed_to: KeyChoice, at: datetime) -> Reason | None:
        return self.states.get(sealed_to.subkey) or self.states.get(sealed_to.primary)

    def _choose(self, use: str, address: str, pinned: Collection[str]) -> KeyChoice | Reason:
        self.asked.append((use, address, tuple(pinned)))
        first: Reason | None = None
        for fingerprint in pinned or (f"OF {address}",):
            state = self.states.get(fingerprint)
            if state is None:
                return KeyChoice(primary=fingerprint, subkey=f"SUB {fingerprint}")
            first = first or state
        return first or Reason.KEY_MISSING


def moment(text: str = "2026-05-06T08:00:00+02:00") -> datetime:
    return datetime.fromisoformat(text)


def facts(**changes: Any) -> MessageFacts:
    sound = MessageFacts(
        authors=(HOME,),
        to=(CARE,),
        fields={"x-rorpost-sending-user": (ANNA,)},
        message_id="<a@b>",
        content=NOTHING_FOUND,
    )
    return replace(sound, **changes)


def question(**changes: Any) -> Question:
    sound = Question(
        direction=Direction.OUTBOUND,
        at=moment(),
        sender=HOME,
        recipient=CARE,
        own_domains=OWN,
        login=Login(name="anna", address=ANNA),
        facts=facts(),
        envelope_recipients=(CARE,),
    )
    return replace(sound, **changes)


class World:
    """What the tests of this room share (fixtures, since test modules do not import each other)."""

    HOME, CARE, OTHER, ANNA, OWN, SMALL = HOME, CARE, OTHER, ANNA, OWN, SMALL
    Keys = AllKeys
    facts = staticmethod(facts)
    question = staticmethod(question)
    moment = staticmethod(moment)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, *texts: str, own_domains: frozenset[str] = OWN) -> Policy:
        """A policy of one file, or of several; findings name them 1.yaml, 2.yaml, ..."""
        for number, text in enumerate(texts, 1):
            (self._folder / f"{number}.yaml").write_text(text, encoding="utf-8")
        path = self._folder if len(texts) > 1 else self._folder / "1.yaml"
        shown_as = "p" if len(texts) > 1 else "1.yaml"
        return load_policy(path, own_domains=own_domains, timezone=STOCKHOLM, shown_as=shown_as)

    def small(self, *changes: tuple[str, str]) -> Policy:
        """The small policy with pieces of its text replaced."""
        return self.load(changed(*changes))


def changed(*changes: tuple[str, str]) -> str:
    text = SMALL
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new, 1)
    return text


@pytest.fixture
def world(tmp_path: Path) -> World:
    folder = tmp_path / "policy"
    folder.mkdir()
    return World(folder)


@pytest.fixture
def small_text() -> Callable[..., str]:
    return changed
