"""The words of a transaction and of a decision: frozen, by keyword, fail closed by default."""

import dataclasses
import pickle
from collections.abc import Callable

import pytest

from rorpost_gateway import decision, envelope, facts
from rorpost_gateway.decision import DeclaredBy, Direction, KeyChoice, Position, Reason, Verdict
from rorpost_gateway.envelope import Client, Envelope, Login, Notify, Recipient, ReversePath, TrustedNetwork

WORDS = [
    word
    for module in (decision, envelope, facts)
    for word in vars(module).values()
    if isinstance(word, type) and word.__module__ == module.__name__ and dataclasses.is_dataclass(word)
]

MAKERS: list[Callable[[], object]] = [
    lambda: Client(ip="192.0.2.1"),
    lambda: Login(name="anna", address="anna.berg@motala.se"),
    lambda: TrustedNetwork(network="192.0.2.0/24"),
    lambda: ReversePath(address=""),
    lambda: Recipient(address="rorpost.a@motala.se"),
    lambda: KeyChoice(primary="A" * 40, subkey="B" * 40),
    lambda: Verdict(reason=Reason.OK, rule="channels"),
    lambda: Position(file="a.yaml", line=1, column=1),
]


def test_there_are_words_to_test() -> None:
    assert len(WORDS) >= 11


@pytest.mark.parametrize("word", WORDS)
def test_every_word_is_frozen_and_made_by_keyword(word: type) -> None:
    parameters = word.__dataclass_params__  # type: ignore[attr-defined]
    assert parameters.frozen
    assert all(field.kw_only for field in dataclasses.fields(word))


@pytest.mark.parametrize("make", MAKERS)
def test_a_word_cannot_be_changed_after_it_is_made(make: Callable[[], object]) -> None:
    word = make()
    name = dataclasses.fields(word)[0].name  # type: ignore[arg-type]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(word, name, "other")


@pytest.mark.parametrize("make", MAKERS)
def test_equal_words_are_equal_and_can_be_counted(make: Callable[[], object]) -> None:
    assert make() == make()
    assert len({make(), make()}) == 1
    assert pickle.loads(pickle.dumps(make())) == make()


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.OK])
def test_only_ok_is_an_acceptance(reason: Reason) -> None:
    assert not Verdict(reason=reason, rule="any").accepted


def test_ok_is_an_acceptance() -> None:
    assert Verdict(reason=Reason.OK, rule="channels").accepted


def test_a_verdict_chooses_no_key_by_itself() -> None:
    verdict = Verdict(reason=Reason.OK, rule="channels")
    assert verdict.seal_to is None
    assert verdict.sign_with is None
    assert verdict.declared_user is None


def test_a_client_is_nobody_until_something_says_otherwise() -> None:
    client = Client(ip="192.0.2.1")
    assert client.login is None
    assert client.tls is None
    assert client.trusted == ()
    assert not client.loopback


def test_a_client_that_said_nothing_of_notices_is_not_one_that_said_never() -> None:
    silent = Recipient(address="rorpost.a@motala.se")
    assert silent.notify is None
    assert silent != Recipient(address="rorpost.a@motala.se", notify=frozenset({Notify.NEVER}))


def test_a_login_stands_for_its_address_and_its_aliases_only() -> None:
    login = Login(name="anna", address="anna.berg@motala.se", aliases=frozenset({"a.berg@motala.se"}))
    assert login.addresses == {"anna.berg@motala.se", "a.berg@motala.se"}
    assert "anna" not in login.addresses
    assert Login(name="b", address="b@motala.se").addresses == {"b@motala.se"}


def test_an_envelope_keeps_the_order_of_its_recipients() -> None:
    recipients = tuple(Recipient(address=f"rorpost.{unit}@motala.se") for unit in "cab")
    whole = Envelope(
        client=Client(ip="::1", loopback=True),
        reverse_path=ReversePath(address="rorpost.a@motala.se"),
        recipients=recipients,
    )
    assert [recipient.address[8] for recipient in whole.recipients] == ["c", "a", "b"]


def test_a_position_is_written_as_editors_read_it() -> None:
    assert str(Position(file="policies/motala.yaml", line=12, column=3)) == "policies/motala.yaml:12:3"


@pytest.mark.parametrize(
    ("words", "want"),
    [
        (Direction, ["outbound", "inbound"]),
        (DeclaredBy, ["header", "sender", "login", "signature"]),
        (decision.Action, ["accept", "reject", "defer"]),
        (Notify, ["NEVER", "SUCCESS", "FAILURE", "DELAY"]),
    ],
)
def test_words_that_others_read_keep_their_spelling(words: type, want: list[str]) -> None:
    assert [str(word) for word in words] == want  # type: ignore[attr-defined]
