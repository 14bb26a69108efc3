"""Who may send without a login of their own: a trusted connector, and people under other names of theirs."""

from pathlib import Path
from typing import Any

import pytest

from tests.e2e.scenario import MakeScenario, Scenario
from tests.peers import gateway_world as world
from tests.peers.submitting import Heard

NO_USER: dict[str, Any] = {"X_Rorpost_Sending_User": None}
ALIAS = "anna@motala.se"


def trusting(**network: str) -> dict[str, Any]:
    """A gateway that has no logins at all, but trusts this machine."""
    entry: Any = {"network": "127.0.0.0/8", **network} if network else "127.0.0.0/8"
    return {"submission": {"auth": None, "trusted_networks": [entry]}}


def from_connector(gateway: Scenario, **message: Any) -> Heard:
    return gateway.submit(login=None, **message)


def test_a_trusted_network(scenario: MakeScenario) -> None:
    gateway = scenario(config=trusting())
    with gateway.connect(login=None) as client:
        assert not client.has_extn("auth")
    assert from_connector(gateway, **NO_USER).reason == "user-not-declared"
    assert from_connector(gateway, user=world.CLARA).reason == "user-not-authorised"
    assert from_connector(gateway).accepted
    gateway.wait_until_relayed(1)
    [*_, line] = gateway.decisions()
    assert (line["login"], line["declared_user"], line["declared_by"]) == (None, world.ANNA, "header")
    assert line["client"] == "127.0.0.1"


def test_a_trusted_network_of_many_organisations(scenario: MakeScenario) -> None:
    gateway = scenario(config=trusting(originator_org="motala.se"))
    for fields in ({}, {"X_OriginatorOrg": "example.org"}, {"X_OriginatorOrg": "motala.se.example.org"}):
        heard = from_connector(gateway, **fields)
        assert (heard.code, heard.reason) == (530, "login-required")
    twice = {"X_OriginatorOrg": "motala.se\r\nX-OriginatorOrg: example.org"}
    assert from_connector(gateway, **twice).reason == "login-required"
    assert not gateway.queue_rows()
    assert from_connector(gateway, X_OriginatorOrg="Motala.SE").accepted
    gateway.wait_until_relayed(1)
    assert len(gateway.next_hop.arrivals) == 1


ON_BEHALF: dict[str, Any] = {"From": world.HOME_CARE, "Sender": world.ANNA, **NO_USER}


@pytest.mark.parametrize(
    ("reverse_path", "fields", "reason"),
    [
        (world.CLARA, {"Sender": world.CLARA}, "sender-not-a-mailbox"),  # nobody's authorised user
        (world.BO, {"Sender": world.BO}, "user-not-valid"),
        (world.ANNA, {"Sender": world.BO}, "user-mismatch"),
        (world.ANNA, {"Sender": None}, "user-not-declared"),
        (world.ANNA, {"From": world.ANNA, "Sender": None}, "sender-not-a-mailbox"),
        (world.ANNA, {"From": world.BRINKEN}, "sender-not-a-mailbox"),
        (world.ANNA, {"From": f"{world.HOME_CARE}, {world.KEYLESS}"}, "author-mismatch"),
        (world.ANNA, {"X-Rorpost-Sending-User": world.BO}, "user-mismatch"),
    ],
)
def test_on_behalf_refused(
    on_behalf: Scenario, reverse_path: str, fields: dict[str, Any], reason: str
) -> None:
    before = len(on_behalf.decisions())
    heard = on_behalf.submit(login=None, sender=reverse_path, **(ON_BEHALF | fields))
    assert heard.reason == reason, heard
    [line] = on_behalf.decisions()[before:]
    assert (line["action"], line["reason"]) == ("reject", reason)
    assert not on_behalf.next_hop.arrivals


@pytest.fixture(scope="module")
def on_behalf(prepared_keys: Any, authority: Any) -> Any:
    with Scenario(prepared_keys, authority, config=trusting()) as gateway:
        gateway.start()
        yield gateway
        gateway.finish()


def test_exchange_on_behalf(scenario: MakeScenario) -> None:
    gateway = scenario(config=trusting())
    refused = gateway.submit(
        login=None, sender=world.ANNA, recipients=(world.BRINKEN, world.NO_CHANNEL), **ON_BEHALF
    )
    # The pair is known with the author only, so it is decided after DATA, for the whole message.
    assert refused.recipients[world.NO_CHANNEL][0] == 250
    assert (refused.code, refused.reason) == (550, "pair-not-allowed")
    heard = gateway.submit(login=None, sender=world.ANNA, **ON_BEHALF)
    assert heard.accepted
    gateway.wait_until_relayed(1)
    first, second, accepted = gateway.decisions()
    assert (first["recipient"], first["because_of"]) == (world.BRINKEN, world.NO_CHANNEL)
    assert (second["recipient"], second.get("because_of")) == (world.NO_CHANNEL, None)
    assert accepted["reverse_path"] == world.HOME_CARE
    assert (accepted["declared_user"], accepted["declared_by"]) == (world.ANNA, "sender")
    [arrival] = gateway.next_hop.arrivals
    assert f"From: {world.HOME_CARE}\r\n".encode() in arrival.octets
    assert world.ANNA.encode() not in gateway.next_hop.octets
    assert f"MAIL FROM:<{world.HOME_CARE}>".encode() in gateway.next_hop.octets


def give_aliases(users: Path) -> None:
    text = users.read_text(encoding="utf-8")
    assert text.count(f"address: {world.ANNA}") == 1
    users.write_text(text.replace(f"address: {world.ANNA}", f"address: {world.ANNA}\n  aliases: [{ALIAS}]"))


def test_a_login_with_an_alias(scenario: MakeScenario) -> None:
    gateway = scenario(start=False)
    give_aliases(gateway.folder / "users.yaml")
    gateway.start()
    assert gateway.submit(user="bo@motala.se").reason == "user-mismatch"
    assert gateway.submit(user=ALIAS, login="bo").reason == "user-mismatch"
    assert gateway.submit(user=ALIAS).accepted
    assert gateway.submit(user=ALIAS, Sender=world.ANNA, message_id="<2@klient>").accepted
    gateway.wait_until_relayed(2)
    lines = gateway.decisions(action="accept")
    assert [(line["login"], line["declared_user"]) for line in lines] == [("anna", ALIAS)] * 2
