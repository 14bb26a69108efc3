"""How long a mailbox has a key: what the index will say at each moment at which it can change."""

from datetime import UTC, datetime, timedelta

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.openpgp.base import KeyEnd, Need
from rorpost_gateway.openpgp.index import ListedKeys
from rorpost_gateway.openpgp.lasting import TimedPin, key_end
from rorpost_gateway.openpgp.listing import KeyPart, ListedKey, UserId

NOW = datetime(2026, 5, 6, 8, tzinfo=UTC)
OURS, THEIRS = "rorpost.a@motala.se", "rorpost.b@regionostergotland.se"


def day(days: int) -> datetime:
    return NOW + timedelta(days=days)


def part(letter: str, *, days: int | None, encrypts: bool, secret: bool = True) -> KeyPart:
    return KeyPart(
        fingerprint=letter * 40,
        created=day(-100),
        expires=None if days is None else day(days),
        revoked=False,
        invalid=False,
        encrypts=encrypts,
        signs=not encrypts,
        has_secret=secret,
    )


def key(
    letters: str, address: str = THEIRS, *, primary: int | None = None, subkey: int | None = None
) -> ListedKey:
    return ListedKey(
        primary=part(letters[0], days=primary, encrypts=False),
        disabled=False,
        subkeys=(part(letters[1], days=subkey, encrypts=True),),
        user_ids=(UserId(text=address, address=address, revoked=False, expired=False),),
        secret=True,
    )


def pins(*each: tuple[str, int | None]) -> list[TimedPin]:
    return [TimedPin(fingerprint=f * 40, until=None if d is None else day(d)) for f, d in each]


def end(
    *listed: ListedKey, pinned: list[TimedPin], need: Need = Need.SEAL, address: str = THEIRS
) -> KeyEnd | None:
    return key_end(ListedKeys(listed), address, pinned, need, at=NOW)


def test_a_key_that_is_missing_has_ended_already() -> None:
    assert end(pinned=pins(("A", None))) == KeyEnd(
        at=None, reason=Reason.KEY_MISSING, fingerprint="A" * 40, by_policy=False
    )


def test_a_key_without_an_end() -> None:
    assert end(key("AB"), pinned=pins(("A", None))) is None


def test_the_first_part_to_end_counts_for_what_it_is_needed_for() -> None:
    sound = key("AB", primary=90, subkey=30)
    for need, days in ((Need.SEAL, 30), (Need.VERIFY, 90), (Need.SIGN, 90)):
        found = end(sound, pinned=pins(("A", None)), need=need)
        assert found == KeyEnd(at=day(days), reason=Reason.KEY_EXPIRED, fingerprint="A" * 40)


def test_two_side_by_side_last_as_long_as_the_longer_one() -> None:
    found = end(key("AB", primary=90), key("CD", primary=30), pinned=pins(("C", None), ("A", None)))
    assert found == KeyEnd(at=day(90), reason=Reason.KEY_EXPIRED, fingerprint="A" * 40)


def test_a_pin_whose_time_is_over_counts_no_longer() -> None:
    found = end(key("AB", primary=90), key("CD", primary=30), pinned=pins(("A", 10), ("C", None)))
    assert found == KeyEnd(at=day(30), reason=Reason.KEY_EXPIRED, fingerprint="C" * 40)


def test_the_policy_alone_can_end_it() -> None:
    found = end(key("AB", primary=90), pinned=pins(("A", 10)))
    assert found == KeyEnd(at=day(10), reason=Reason.KEY_EXPIRED, fingerprint="A" * 40, by_policy=True)


def test_pins_that_are_over_are_never_replaced_by_a_key_of_that_address() -> None:
    found = end(key("AB", OURS), pinned=pins(("A", -1)), address=OURS)
    assert found == KeyEnd(at=None, reason=Reason.KEY_EXPIRED, fingerprint="A" * 40, by_policy=True)


@pytest.mark.parametrize("need", [Need.SEAL, Need.SIGN])
def test_ours_without_a_pin_is_found_by_its_address(need: Need) -> None:
    found = end(key("AB", OURS, primary=20, subkey=20), pinned=[], need=need, address=OURS)
    assert found == KeyEnd(at=day(20), reason=Reason.KEY_EXPIRED, fingerprint="A" * 40)
    assert end(pinned=[], need=need, address=OURS) == KeyEnd(
        at=None, reason=Reason.KEY_MISSING, fingerprint=None
    )


def test_a_partners_signature_needs_no_secret_part() -> None:
    public = ListedKey(
        primary=part("A", days=20, encrypts=False, secret=False),
        disabled=False,
        subkeys=(),
        user_ids=(),
        secret=False,
    )
    assert end(public, pinned=pins(("A", None)), need=Need.VERIFY) == KeyEnd(
        at=day(20), reason=Reason.KEY_EXPIRED, fingerprint="A" * 40
    )
    assert end(public, pinned=pins(("A", None)), need=Need.SIGN) == KeyEnd(
        at=None, reason=Reason.KEY_UNUSABLE, fingerprint="A" * 40
    )
