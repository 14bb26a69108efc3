"""gpg's colon listing, read from text."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.openpgp.listing import ListingMalformed, address_of, parse_listing, with_secrets

PRIMARY = "A5DC15DF43185F1E342B4EEB9109FFE6DD78B3A5"
SUBKEY = "0D3F3394E03C897BF4514DD7A39D28E08EA0A80C"
PUBLIC = f"""tru:ot:1:1795314587:1:3:1:5
pub:-:255:22:9109FFE6DD78B3A5:1795314587:1858386587::-:::scESC:::::ed25519:::0:
fpr:::::::::{PRIMARY}:
uid:-::::1795314587::E75A::Hemsjukvården\\x3a Motala <rorpost.hemsjukvarden@Motala.se>::::::::::0:
uid:r::::1795314587::E75B::rorpost.old@motala.se::::::::::0:
uat:-::::1795314587::E75C::1 5678::::::::::0:
sub:r:255:18:A39D28E08EA0A80C:1795314587::::::e:::::cv25519::
fpr:::::::::{SUBKEY.lower()}:
"""
SECRET = f"""sec:-:255:22:9109FFE6DD78B3A5:1795314587:1858386587::u:::scESC:::#::ed25519:::0:
fpr:::::::::{PRIMARY}:
grp:::::::::BEE0ECD9866DC62A2EABA5D53BE32CAAD20993CD:
uid:-::::1795314587::E75A::x::::::::::0:
ssb:-:255:18:A39D28E08EA0A80C:1795314587:1858386587:::::e:::+::cv25519::
fpr:::::::::{SUBKEY}:
grp:::::::::7AA210395EA06BA68FE51F6DB345EDE9D2CB5FCB:
"""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"fpr:::::::::{PRIMARY}:\nsub:-:255:18:A3:1:::::::e:\n", id="a subkey of nothing"),
        pytest.param("uid:-::::1::X::a@b::\n", id="a user id of nothing"),
        pytest.param(PUBLIC.replace(f"fpr:::::::::{PRIMARY}:\n", ""), id="no fingerprint"),
        pytest.param(PUBLIC[: PUBLIC.rindex("fpr")], id="cut short"),
        pytest.param(PUBLIC.replace("1795314587:1858386587", "20260101T000000:"), id="another form of time"),
        pytest.param(PUBLIC.replace("1795314587:1858386587", ":"), id="no time of creation"),
        pytest.param(PUBLIC.replace("1858386587", "9" * 20), id="a time beyond all"),
        pytest.param("pub\n", id="a bare word"),
    ],
)
def test_refuses(text: str) -> None:
    with pytest.raises(ListingMalformed):
        parse_listing(text)


def test_reads_a_key() -> None:
    (key,) = parse_listing(PUBLIC)
    (subkey,) = key.subkeys
    assert key.primary.fingerprint == PRIMARY
    assert key.primary.created == datetime.fromtimestamp(1795314587, UTC)
    assert key.primary.expires == datetime.fromtimestamp(1858386587, UTC)
    assert (key.primary.signs, key.primary.encrypts) == (True, False)  # the E sums up the whole key
    assert (subkey.signs, subkey.encrypts, subkey.revoked, subkey.expires) == (False, True, True, None)
    assert subkey.fingerprint == SUBKEY
    assert not key.disabled
    assert not key.secret


def test_reads_user_ids() -> None:
    (key,) = parse_listing(PUBLIC)
    first, second = key.user_ids
    assert (first.address, first.valid) == ("rorpost.hemsjukvarden@motala.se", True)
    assert (second.address, second.valid) == ("rorpost.old@motala.se", False)


def test_disabled_and_invalid() -> None:
    (key,) = parse_listing(PUBLIC.replace("scESC", "scESCD").replace("sub:r", "sub:i"))
    assert key.disabled
    assert key.subkeys[0].invalid


def test_secret_parts_and_stubs() -> None:
    (key,) = with_secrets(parse_listing(PUBLIC), parse_listing(SECRET))
    assert key.secret
    assert not key.primary.has_secret
    assert key.subkeys[0].has_secret


def test_a_key_on_a_card_is_none_to_count_on() -> None:
    on_card = parse_listing(SECRET.replace(":::+::", ":::D2760001240102000000000000010000::"))
    (key,) = with_secrets(parse_listing(PUBLIC), on_card)
    assert not key.subkeys[0].has_secret


def test_a_secret_key_without_its_public_one_is_left_out() -> None:
    assert with_secrets((), parse_listing(SECRET)) == ()


def test_nothing_is_no_key() -> None:
    assert parse_listing("") == ()


@pytest.mark.parametrize(
    ("user_id", "address"),
    [
        ("rorpost.a@motala.se", "rorpost.a@motala.se"),
        ("Hemsjukvården <RORPOST.a@Motala.SE>", "rorpost.a@motala.se"),
        ('"Ek, Eva" (work) <eva.ek@motala.se>', "eva.ek@motala.se"),
        ("<rorpost.a@motala.se>", "rorpost.a@motala.se"),
        ("rorpost.a@motala.se <rorpost.b@motala.se>", "rorpost.b@motala.se"),
        ("<rorpost.a@motala.se> <rorpost.b@motala.se>", None),
        ("<rorpost.a@motala.se> x", None),
        ("x rorpost.a@motala.se", None),
        ("rorpost.a@motala.se\nrorpost.b@motala.se", None),
        (" rorpost.a@motala.se", None),
        ("<rorpost.a@motala.se", None),
        ("rorpost.å@motala.se", None),
        ("", None),
    ],
)
def test_the_address_of_a_user_id(user_id: str, address: str | None) -> None:
    assert address_of(user_id) == address


@given(st.lists(st.sampled_from(PUBLIC.splitlines() + SECRET.splitlines()), max_size=12))
def test_lines_in_any_order_are_read_or_refused(lines: list[str]) -> None:
    try:
        keys = parse_listing("\n".join(lines))
    except ListingMalformed:
        return
    assert all(key.primary.fingerprint in {PRIMARY, SUBKEY} for key in keys)


@given(st.text(alphabet="pubsecidfr:-+#0123456789ABCDEF\n\\x", max_size=200))
def test_garbage_is_read_or_refused(text: str) -> None:
    try:
        parse_listing(text)
    except ListingMalformed:
        return
