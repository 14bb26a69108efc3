"""GnuPG's machine-readable key listing, read into what the key index decides by.

Pure: text in, keys out. The letters that describe a *state now* (expired, trust)
are not used where a date says the same, since the index answers for any moment;
revoked, invalid and disabled are taken as gpg says them.

Format: doc/DETAILS in GnuPG, section "Format of the colon listings".
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rorpost_gateway.address import parse_address
from rorpost_gateway.errors import AddressMalformed, GatewayError

_ESCAPED = re.compile(r"\\x([0-9a-fA-F]{2})")
_ANGLE_ADDRESS = re.compile(r"[^<>]*<([^<>]*)>\s*")
_VALIDITY, _CREATED, _EXPIRES, _FINGERPRINT, _CAPABILITIES, _TOKEN = 1, 5, 6, 9, 11, 14
_USER_ID = 9
_FIELDS = 16


@dataclass(frozen=True, kw_only=True)
class UserId:
    """A user id, the one address it names (lower case), and whether it still counts.

    `text` is as gpg escapes it: no control characters.
    """

    text: str
    address: str | None
    revoked: bool
    expired: bool
    invalid: bool = False

    @property
    def valid(self) -> bool:
        return not (self.revoked or self.expired or self.invalid)


@dataclass(frozen=True, kw_only=True)
class KeyPart:
    """A primary or a subkey. Fingerprints are upper-case hex; `expires` None means never."""

    fingerprint: str
    created: datetime
    expires: datetime | None
    revoked: bool
    invalid: bool
    encrypts: bool
    signs: bool
    has_secret: bool = False  # the secret part itself, not a stub
    listed_expired: bool = False  # when gpg listed it; only ever used to explain


@dataclass(frozen=True, kw_only=True)
class ListedKey:
    """A primary with its subkeys and user ids."""

    primary: KeyPart
    disabled: bool
    subkeys: tuple[KeyPart, ...]
    user_ids: tuple[UserId, ...]
    secret: bool = False  # stands among the secret keys (its parts may be stubs)


class ListingMalformed(GatewayError):
    """gpg printed something that is no key listing."""


def parse_listing(text: str) -> tuple[ListedKey, ...]:
    """Read `--with-colons --fixed-list-mode --with-subkey-fingerprint`, public or secret.

    Raises ListingMalformed.
    """
    records = [_padded(line) for line in text.split("\n") if line]
    keys: list[ListedKey] = []
    for number, record in enumerate(records):
        kind = record[0]
        if kind in {"pub", "sec"}:
            part = _part(records, number)
            keys.append(
                ListedKey(
                    primary=part,
                    disabled="D" in record[_CAPABILITIES],
                    subkeys=(),
                    user_ids=(),
                    secret=kind == "sec",
                )
            )
        elif kind in {"sub", "ssb"}:
            keys.append(_with_subkey(_last(keys), _part(records, number)))
        elif kind == "uid":
            keys.append(_with_user_id(_last(keys), _user_id(record)))
    return tuple(keys)


def with_secrets(public: Iterable[ListedKey], secret: Iterable[ListedKey]) -> tuple[ListedKey, ...]:
    """The public keys, each told which secret parts are there; only keys with a public part count."""
    available = {key.primary.fingerprint: _secret_parts(key) for key in secret}
    return tuple(_told(key, available) for key in public)


def address_of(user_id: str) -> str | None:
    """The one address a user id names, lower case: `address`, or `Name <address>` and nothing after."""
    match = _ANGLE_ADDRESS.fullmatch(user_id)
    try:
        return parse_address(match[1] if match else user_id)
    except AddressMalformed:
        return None


def _secret_parts(key: ListedKey) -> frozenset[str]:
    return frozenset(part.fingerprint for part in (key.primary, *key.subkeys) if part.has_secret)


def _told(key: ListedKey, available: Mapping[str, frozenset[str]]) -> ListedKey:
    parts = available.get(key.primary.fingerprint, frozenset())
    return replace(
        key,
        primary=replace(key.primary, has_secret=key.primary.fingerprint in parts),
        subkeys=tuple(replace(sub, has_secret=sub.fingerprint in parts) for sub in key.subkeys),
        secret=key.primary.fingerprint in available,
    )


def _padded(line: str) -> list[str]:
    fields = line.split(":")
    return fields + [""] * (_FIELDS - len(fields))


def _last(keys: list[ListedKey]) -> ListedKey:
    if not keys:
        raise ListingMalformed("the key listing begins with a part of a key")
    return keys.pop()


def _with_subkey(key: ListedKey, part: KeyPart) -> ListedKey:
    return replace(key, subkeys=(*key.subkeys, part))


def _with_user_id(key: ListedKey, user_id: UserId) -> ListedKey:
    return replace(key, user_ids=(*key.user_ids, user_id))


def _part(records: list[list[str]], number: int) -> KeyPart:
    record = records[number]
    letters = record[_CAPABILITIES]  # upper case sums up the whole key and says nothing of this part
    created = _time(record[_CREATED])
    if created is None:
        raise ListingMalformed("a key without a creation time in the listing")
    return KeyPart(
        fingerprint=_fingerprint(records, number),
        listed_expired=record[_VALIDITY] == "e",
        created=created,
        expires=_time(record[_EXPIRES]),
        revoked=record[_VALIDITY] == "r",
        invalid=record[_VALIDITY] in {"i", "n", "d"},
        encrypts="e" in letters,
        signs="s" in letters,
        # "+" is a key on disk; "#" a stub; a serial number a card, which a daemon cannot count on
        has_secret=record[0] in {"sec", "ssb"} and record[_TOKEN] == "+",
    )


def _fingerprint(records: list[list[str]], number: int) -> str:
    following = records[number + 1 : number + 2]
    if not following or following[0][0] != "fpr" or not following[0][_FINGERPRINT]:
        raise ListingMalformed("a key without its fingerprint in the listing")
    return following[0][_FINGERPRINT].upper()


def _time(field: str) -> datetime | None:
    if not field or field == "0":
        return None
    if not field.isdecimal() or len(field) > 11:
        raise ListingMalformed("a time in the listing that is not in seconds")
    return datetime.fromtimestamp(int(field), UTC)


def _user_id(record: list[str]) -> UserId:
    escaped, validity = record[_USER_ID], record[_VALIDITY]
    return UserId(
        text=escaped,
        address=address_of(_ESCAPED.sub(lambda match: chr(int(match[1], 16)), escaped)),
        revoked=validity == "r",
        expired=validity == "e",
        invalid=validity in {"i", "n"},
    )
