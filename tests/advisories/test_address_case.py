"""Zeyple: whether a key was found depended on the case of the address."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rorpost_gateway.decision import KeyChoice
from rorpost_gateway.openpgp.gnupg import load_index
from tests.peers.gnupg_home import generate


async def test_any_case_of_user_id_and_mailbox_is_the_same(new_home: Callable[[], Path]) -> None:
    home = new_home()
    key = generate(home, "Rorpost.HEMSJUKVARDEN@Motala.se", name="Hemsjukvården")
    index = await load_index(home)
    now = datetime.now(UTC) + timedelta(minutes=1)
    for address in ("rorpost.hemsjukvarden@motala.se", "RORPOST.Hemsjukvarden@MOTALA.SE"):
        choice = index.for_signing(address, (), now)
        assert isinstance(choice, KeyChoice)
        assert choice.primary == key


async def test_a_longer_or_shorter_address_is_another(new_home: Callable[[], Path]) -> None:
    """gpg itself would find the key by a part of its user id."""
    home = new_home()
    generate(home, "rorpost.hemsjukvarden@motala.se")
    index = await load_index(home)
    now = datetime.now(UTC) + timedelta(minutes=1)
    for address in ("hemsjukvarden@motala.se", "rorpost.hemsjukvarden@motala.se.example", "motala"):
        assert not isinstance(index.for_signing(address, (), now), KeyChoice)
