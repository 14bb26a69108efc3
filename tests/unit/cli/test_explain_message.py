"""`rorpost policy explain --message`: what is given on the command line, and what comes of it.

That it is what the daemon says stands in `tests/golden/explained`.
"""

import json
import time
from typing import Any

import pytest

from rorpost_gateway.cli.explain.sentences import NAMED, words_in
from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.policy.rule_table import rules_for
from rorpost_gateway.reply import Language
from tests.peers import gateway_world as world
from tests.peers.inbound_house import Partner
from tests.peers.submitting import make_message

PAIR = ("--from", world.HOME_CARE, "--to", world.BRINKEN)


@pytest.fixture
def explain(rorpost: Any, here: Any) -> Any:
    """`explain` as data, with its exit code."""

    def run(*arguments: object, pair: tuple[str, ...] = PAIR) -> tuple[int, dict[str, Any]]:
        ended = rorpost("policy", "explain", *pair, *arguments, "--json", config=here.path)
        assert ended.err == ""
        return ended.code, json.loads(ended.out)

    return run


def test_a_message_larger_than_is_taken(explain: Any, here: Any) -> None:
    here.configure(limits={"message_size": 70_000})
    path = here.folder / "message.eml"
    path.write_bytes(make_message(body=("x" * 70 + "\r\n") * 1_000))
    code, said = explain("--user", world.ANNA, "--message", path)
    assert (code, said["reason"], said["rule"]) == (1, "message-too-large", "message")


def test_a_message_larger_when_sealed_than_the_next_hop_takes(explain: Any, here: Any) -> None:
    here.configure(relay={"default": {"max_size": 70_000}})
    path = here.folder / "message.eml"
    path.write_bytes(make_message(body=("x" * 70 + "\r\n") * 1_000))
    code, said = explain("--user", world.ANNA, "--message", path)
    assert (code, said["reason"], said["rule"]) == (1, "message-too-large", "relay.max_size")


def test_a_message_to_several_goes_to_all_or_to_none(explain: Any, here: Any) -> None:
    path = here.folder / "message.eml"
    path.write_bytes(make_message(recipients=(world.BRINKEN, world.HOSPITAL)))
    pair = ("--from", world.HOME_CARE, "--to", world.BRINKEN, "--to", world.HOSPITAL)
    code, said = explain("--user", world.ANNA, "--message", path, pair=pair)
    assert (code, said["reason"]) == (1, "legal-basis-missing")
    brinken, hospital = said["recipients"]
    assert brinken["because_of"] == world.HOSPITAL
    assert (hospital["because_of"], hospital["reason"]) == (None, "legal-basis-missing")
    assert "seal_to" in brinken
    assert brinken["seal_to"] is None


def test_a_login_with_its_aliases(explain: Any, here: Any) -> None:
    """The login is looked up in the users file, as it would log in."""
    users = world.users_file().replace(
        f"address: {world.ANNA}", "address: a@motala.se\n  aliases: [anna.berg@motala.se]"
    )
    here.write("users.yaml", users)
    path = here.folder / "message.eml"
    path.write_bytes(make_message(user=world.ANNA))
    for options in (("--login", "Anna"), ("--user", world.ANNA), ("--user", "a@motala.se")):
        code, said = explain(*options, "--message", path)
        assert (code, said["reason"], said["line"]["login"]) == (0, "ok", "anna"), options


def test_on_behalf_as_exchange_submits(explain: Any, here: Any) -> None:
    here.configure(submission={"trusted_networks": ["192.0.2.0/28"]})
    path = here.folder / "message.eml"
    path.write_bytes(make_message(X_Rorpost_Sending_User=None, Sender=world.ANNA))
    given = ("--message", path, "--reverse-path", world.ANNA)
    code, said = explain(*given, "--client", "192.0.2.7")
    assert (code, said["reason"], said["declared_by"]) == (0, "ok", "sender")
    assert said["line"]["reverse_path"] == world.HOME_CARE
    assert explain(*given, "--client", "203.0.113.9")[1]["reason"] == "login-required"


def test_who_is_no_mailbox_is_the_reverse_path(explain: Any, here: Any) -> None:
    """Whoever is logged in submits as the mailbox: the sentence names whom MAIL FROM named."""
    path = here.folder / "message.eml"
    path.write_bytes(make_message(X_Rorpost_Sending_User=None, Sender=world.ANNA))
    code, said = explain("--message", path, "--reverse-path", world.ANNA, "--user", world.ANNA)
    assert (code, said["reason"]) == (1, "sender-not-a-mailbox")
    assert world.ANNA in said["sentences"][-1]
    assert world.HOME_CARE not in said["sentences"][-1]


@pytest.mark.parametrize(
    "options",
    [("--client", "192.0.2.7"), ("--reverse-path", world.ANNA), ("--login", "nobody"), ("--client", "here")],
)
def test_options_that_mean_nothing_here_are_2(rorpost: Any, here: Any, options: tuple[str, ...]) -> None:
    assert rorpost("policy", "explain", *PAIR, *options, config=here.path).code == 2


def test_inbound_without_a_way_in(rorpost: Any, here: Any) -> None:
    path = here.folder / "message.eml"
    path.write_bytes(make_message())
    asked = ("--from", world.HOSPITAL, "--to", world.HOME_CARE, "--direction", "inbound", "--message", path)
    ended = rorpost("policy", "explain", *asked, config=here.path)
    assert (ended.code, ended.out) == (1, "")
    assert "no way in" in ended.err


def test_a_partners_message_is_opened(explain: Any, here: Any) -> None:
    here.configure(
        inbound={
            "smtp": {"listen": ["127.0.0.1:0"], "tls": {"mode": "off"}, "allowed_networks": ["192.0.2.0/24"]}
        }
    )
    keys: Any = here.keys
    partner = Partner(keys, time.time())
    path = here.folder / "message.eml"
    pair = ("--from", world.HOSPITAL, "--to", world.HOME_CARE, "--direction", "inbound")
    path.write_bytes(
        partner.message(world.HOSPITAL, X_Rorpost_Legal_Basis="samtycke", outside={"Received": None})
    )
    code, said = explain("--message", path, pair=pair)
    assert (code, said["reason"], said["legal_basis"]) == (0, "ok", "samtycke")
    assert said["line"]["signed_by"] == keys.receiver
    assert said["line"]["encrypted_to"] == keys.sender
    refused = explain("--message", path, "--client", "203.0.113.9", pair=pair)[1]
    assert refused["reason"] == "client-not-allowed"
    path.write_bytes(partner.payload(world.HOSPITAL, protection=""))
    assert explain("--message", path, pair=pair)[1]["reason"] == "not-encrypted"


def test_the_words_of_both_languages_are_complete() -> None:
    swedish, english = words_in(Language.SV), words_in(Language.EN)
    assert {table: set(words) for table, words in swedish.items()} == {
        table: set(words) for table, words in english.items()
    }
    assert set(english["failed"]) == {reason.value for reason in Reason} - {"ok", "duplicate"}
    first = {
        NAMED.get((rule.name, rule.reasons[0]), rule.reasons[0].value)
        for direction in Direction
        for rule in rules_for(direction, with_message=True)
    }
    assert first <= set(english["passed"])


def test_a_rule_that_the_channel_leaves_out_is_told_as_such(rorpost: Any, here: Any) -> None:
    here.configure(language="en")
    here.write("policies/policy.yaml", world.as_yaml({**here.policy, "rules": {"urgent": "allow"}}))
    path = here.folder / "message.eml"
    path.write_bytes(make_message(Importance="high"))
    ended = rorpost("policy", "explain", *PAIR, "--user", world.ANNA, "--message", path, config=here.path)
    assert ended.code == 0
    assert "not marked urgent" not in ended.out
    assert "rules.urgent: not asked for on this channel." in ended.out


def test_nothing_of_a_message_is_shown(rorpost: Any, here: Any) -> None:
    path = here.folder / "message.eml"
    path.write_bytes(make_message(subject="Patient 19121212-1212", body="markord"))
    given = (*PAIR, "--user", world.ANNA, "--message", path)
    for options in ((), ("--json",)):
        ended = rorpost("policy", "explain", *given, *options, config=here.path)
        assert ended.code == 1
        assert "1212-1212" not in ended.out + ended.err
        assert "markord" not in ended.out + ended.err
