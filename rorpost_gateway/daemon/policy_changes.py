"""How much a change of policy gained and lost, counted from the canonical forms of both.

A form is read thing by thing, and of each a digest is kept: a policy of 100,000 channels is compared in
a thread without holding it in memory twice more, and without one long call that all others wait for.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

_DIGEST_OCTETS = 16
_KINDS = ("mailboxes", "users", "channels", "keys", "deadlines", "on_duty")

Held = dict[str, set[bytes]]


def changes(before: bytes | None, now: bytes) -> dict[str, int]:
    """Counts of mailboxes, users, channels, keys, what is read when and by whom, gained and lost.

    Both are canonical forms (RFC 8785). Raises ValueError for what is none.
    """
    if before == now:
        return {f"{kind}_{how}": 0 for kind in _KINDS for how in ("gained", "lost")}
    old, new = held(before) if before is not None else _nothing(), held(now)
    counts = {}
    for kind in _KINDS:
        counts[f"{kind}_gained"] = len(new[kind] - old[kind])
        counts[f"{kind}_lost"] = len(old[kind] - new[kind])
    return counts


def held(canonical: bytes) -> Held:
    """Digests of everything that a policy holds, by kind. Raises ValueError for what is no canonical form."""
    found = _nothing()
    for part, name, value, form in _Form(canonical.decode("utf-8")).things():
        if part == "channels":
            found["channels"].add(_digest(form))
        elif part == "mailboxes":
            for kind, text in _of_mailbox(name, value):
                found[kind].add(_digest(text))
    return found


def _nothing() -> Held:
    return {kind: set() for kind in _KINDS}


def _of_mailbox(name: str, box: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What one mailbox holds: the kind of each thing, and it as canonical text."""
    yield "mailboxes", name
    for user in box.get("users") or ():
        yield "users", f"{name} {_text(user)}"
    for key in _listed(box.get("key")):
        yield "keys", f"{name} {_text(key)}"
    for person in box.get("on_duty") or ():
        yield "on_duty", f"{name} {_text(person)}"
    days = box.get("read_on") or "working-days"
    written = _text(sorted(days) if isinstance(days, list) else days)
    for at in box.get("read_at") or ():  # with the days it holds on: other days are other deadlines
        yield "deadlines", f"{name} {_text(at)} {written}"


def _listed(value: object) -> list[object]:
    """One key or several, as a policy may write them."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8"), digest_size=_DIGEST_OCTETS).digest()


class _Form:
    """A canonical form that is read from its beginning to its end. There are no blanks in it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._decode = json.JSONDecoder().raw_decode

    def things(self) -> Iterator[tuple[str, str, Any, str]]:
        """Part (`channels`), name (of a mailbox), value, and the value's own form."""
        for part in self._names():
            if self._took("["):
                while not self._took("]"):
                    self._took(",")
                    yield part, "", *self._value()
            elif self._stands("{"):
                for name in self._names():
                    yield part, name, *self._value()
            else:
                self._value()

    def _names(self) -> Iterator[str]:
        """The names of an object; each time, what follows has been read when the next is asked for."""
        self._expect("{")
        while not self._took("}"):
            self._took(",")
            name, _ = self._value()
            if not isinstance(name, str):
                raise ValueError("no canonical form of a policy")  # noqa: TRY004 - as the decoder does
            self._expect(":")
            yield name

    def _value(self) -> tuple[Any, str]:
        value, end = self._decode(self._text, self._at)
        form, self._at = self._text[self._at : end], end
        return value, form

    def _expect(self, character: str) -> None:
        if not self._took(character):
            raise ValueError("no canonical form of a policy")

    def _took(self, character: str) -> bool:
        found = self._stands(character)
        self._at += found
        return found

    def _stands(self, character: str) -> bool:
        return self._text.startswith(character, self._at)
