"""How long the keys last that mailboxes depend on."""

from datetime import UTC, datetime, timedelta

from rorpost_gateway.openpgp.forecast import Forecast, MailboxKeys, Use, prospects
from rorpost_gateway.openpgp.index import ListedKeys
from rorpost_gateway.openpgp.listing import KeyPart, ListedKey, UserId

NOW = datetime(2026, 5, 6, 8, tzinfo=UTC)
OURS, THEIRS = "rorpost.a@motala.se", "rorpost.b@regionostergotland.se"


def part(letter: str, *, days: int | None, encrypts: bool) -> KeyPart:
    return KeyPart(
        fingerprint=letter * 40,
        created=NOW - timedelta(days=100),
        expires=None if days is None else NOW + timedelta(days=days),
        revoked=False,
        invalid=False,
        encrypts=encrypts,
        signs=not encrypts,
        has_secret=True,
    )


def key(letters: str, address: str, *, primary: int | None = None, subkey: int | None = None) -> ListedKey:
    return ListedKey(
        primary=part(letters[0], days=primary, encrypts=False),
        disabled=False,
        subkeys=(part(letters[1], days=subkey, encrypts=True),),
        user_ids=(UserId(text=address, address=address, revoked=False, expired=False),),
        secret=True,
    )


def judged(*listed: ListedKey, mailboxes: dict[str, MailboxKeys]) -> list[tuple[str, Use, Forecast]]:
    found = prospects(ListedKeys(listed), mailboxes, at=NOW, within=timedelta(days=30))
    return [(one.mailbox, one.use, one.forecast) for one in found]


def mailbox(*pins: str, ours: bool = False) -> MailboxKeys:
    return MailboxKeys(name="x", pins=tuple(pin * 40 for pin in pins), ours=ours)


def test_a_missing_key() -> None:
    assert judged(mailboxes={THEIRS: mailbox("A")}) == [(THEIRS, Use.SEAL, Forecast.MISSING)]


def test_our_mailbox_without_a_key() -> None:
    assert judged(mailboxes={OURS: mailbox(ours=True)}) == [
        (OURS, Use.SEAL, Forecast.MISSING),
        (OURS, Use.SIGN, Forecast.MISSING),
    ]


def test_a_key_that_is_over() -> None:
    assert judged(key("AB", THEIRS, primary=-1), mailboxes={THEIRS: mailbox("A")}) == [
        (THEIRS, Use.SEAL, Forecast.EXPIRED)
    ]


def test_a_subkey_that_is_soon_over_concerns_sealing_only() -> None:
    assert judged(key("AB", OURS, subkey=30), mailboxes={OURS: mailbox(ours=True)}) == [
        (OURS, Use.SEAL, Forecast.EXPIRES_SOON),
        (OURS, Use.SIGN, Forecast.FINE),
    ]


def test_a_day_more_is_fine() -> None:
    assert judged(key("AB", THEIRS, primary=31, subkey=31), mailboxes={THEIRS: mailbox("A")}) == [
        (THEIRS, Use.SEAL, Forecast.FINE)
    ]


def test_every_pin_is_judged_for_itself() -> None:
    found = judged(key("AB", THEIRS), mailboxes={THEIRS: mailbox("A", "C")})
    assert found == [(THEIRS, Use.SEAL, Forecast.FINE), (THEIRS, Use.SEAL, Forecast.MISSING)]
