"""What a client hears for each reason: code, one ASCII line, what to do, whom to phone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.decision import Action, Reason
from rorpost_gateway.reply import LINE_OCTETS, Language, Reply, action_of, ascii_line, reply_for

# The table of what a client hears, in the order in which rules are tried.
CODES = {
    "ok": (250, "2.0.0"),
    "duplicate": (250, "2.0.0"),
    "tls-required": (530, "5.7.0"),
    "login-required": (530, "5.7.0"),
    "login-failed": (535, "5.7.8"),
    "client-not-allowed": (550, "5.7.1"),
    "sender-not-a-mailbox": (550, "5.7.1"),
    "recipient-not-a-mailbox": (550, "5.1.1"),
    "pair-not-allowed": (550, "5.7.1"),
    "channel-not-valid": (550, "5.7.1"),
    "key-missing": (550, "5.7.5"),
    "key-expired": (550, "5.7.5"),
    "key-revoked": (550, "5.7.5"),
    "key-unusable": (550, "5.7.5"),
    "user-not-declared": (550, "5.7.1"),
    "user-mismatch": (550, "5.7.1"),
    "user-not-authorised": (550, "5.7.1"),
    "user-not-valid": (550, "5.7.1"),
    "author-mismatch": (550, "5.7.1"),
    "hidden-recipient": (550, "5.7.1"),
    "outside-recipient": (550, "5.7.1"),
    "urgent": (550, "5.7.1"),
    "identity-number-in-subject": (550, "5.7.1"),
    "identity-number-in-attachment-name": (550, "5.7.1"),
    "outside-quotes": (550, "5.7.1"),
    "attachment-not-allowed": (550, "5.7.1"),
    "legal-basis-missing": (550, "5.7.1"),
    "message-too-large": (552, "5.3.4"),
    "message-malformed": (550, "5.6.0"),
    "mail-loop": (554, "5.4.6"),
    "not-encrypted": (550, "5.7.5"),
    "decryption-failed": (550, "5.7.5"),
    "signature-missing": (550, "5.7.5"),
    "signature-invalid": (550, "5.7.5"),
    "signer-mismatch": (550, "5.7.5"),
    "headers-not-protected": (550, "5.7.5"),
    "replayed": (550, "5.7.1"),
    "too-old": (550, "5.7.1"),
    "too-many-recipients": (452, "4.5.3"),
    "too-many-connections": (421, "4.7.0"),
    "shutting-down": (421, "4.3.2"),
    "message-too-complex": (550, "5.6.0"),
    "gateway-fault": (451, "4.3.0"),
    "gateway-full": (452, "4.3.1"),
}
PHONE = "0141-22 50 00"
REFUSALS = [reason for reason in Reason if reason not in {Reason.OK, Reason.DUPLICATE}]
BOTH = pytest.mark.parametrize("language", Language)


def test_the_reasons_stand_in_the_order_in_which_rules_are_tried() -> None:
    assert [reason.value for reason in Reason] == list(CODES)


@BOTH
@pytest.mark.parametrize("reason", Reason)
def test_each_reason_has_its_code_and_its_status(reason: Reason, language: Language) -> None:
    reply = reply_for(reason, language)
    assert (reply.code, reply.enhanced) == CODES[reason]
    assert reply.reason is reason
    assert reply.enhanced[0] == str(reply.code)[0]


@pytest.mark.parametrize("reason", REFUSALS)
def test_no_refusal_is_positive(reason: Reason) -> None:
    assert not reply_for(reason, Language.SV).positive
    assert action_of(reason) in {Action.REJECT, Action.DEFER}


@pytest.mark.parametrize(
    "reason",
    [
        Reason.TOO_MANY_RECIPIENTS,
        Reason.TOO_MANY_CONNECTIONS,
        Reason.SHUTTING_DOWN,
        Reason.GATEWAY_FAULT,
        Reason.GATEWAY_FULL,
    ],
)
def test_what_may_pass_is_deferred_and_never_rejected(reason: Reason) -> None:
    assert action_of(reason) is Action.DEFER


def test_everything_else_is_rejected_for_good() -> None:
    deferred = {reason for reason in REFUSALS if action_of(reason) is Action.DEFER}
    assert len(deferred) == 5
    assert {action_of(Reason.OK), action_of(Reason.DUPLICATE)} == {Action.ACCEPT}


@BOTH
@pytest.mark.parametrize("reason", REFUSALS)
def test_a_refusal_begins_with_its_reason_and_says_what_to_do(reason: Reason, language: Language) -> None:
    line = reply_for(reason, language, unit="Vårdcentralen Brinken", phone=PHONE).line
    code, enhanced = CODES[reason]
    assert line.startswith(f"{code} {enhanced} [{reason}] ")
    text = line.split("] ", 1)[1]
    assert len(text) > 20
    assert text[0].isupper()
    assert "{" not in line
    assert "?" not in line  # every letter of the text has an ASCII form


@BOTH
@pytest.mark.parametrize("reason", REFUSALS)
def test_a_refusal_ends_with_the_number_of_the_unit(reason: Reason, language: Language) -> None:
    line = reply_for(reason, language, unit="Vårdcentralen Brinken", phone=PHONE).line
    word = {Language.SV: "Tel", Language.EN: "Phone"}[language]
    assert line.endswith(f" {word} Vardcentralen Brinken: {PHONE}")


@BOTH
@pytest.mark.parametrize("reason", REFUSALS)
@pytest.mark.parametrize("unit", ["x" * 1000, "å" * 1000, "ﷺ" * 1000, "\r\n" * 500])
def test_a_name_however_long_never_pushes_the_number_out(
    reason: Reason, language: Language, unit: str
) -> None:
    line = reply_for(reason, language, unit=unit, phone=PHONE).line
    assert len(line) <= LINE_OCTETS
    assert line.endswith(f": {PHONE}")


@BOTH
def test_a_number_without_a_name_stands_alone(language: Language) -> None:
    line = reply_for(Reason.URGENT, language, phone=PHONE).line
    assert line.endswith((f" Tel: {PHONE}", f" Phone: {PHONE}"))


@BOTH
@pytest.mark.parametrize("phone", [None, ""])
def test_without_a_number_no_number_is_named(language: Language, phone: str | None) -> None:
    line = reply_for(Reason.PAIR_NOT_ALLOWED, language, unit="Vårdcentralen", phone=phone).line
    assert "Vardcentralen" not in line
    assert "Tel" not in line


@BOTH
@pytest.mark.parametrize("reason", [Reason.OK, Reason.DUPLICATE])
def test_an_acceptance_names_the_queue_id_and_no_number(reason: Reason, language: Language) -> None:
    line = reply_for(reason, language, queue_id="4bQ9xk2Z", unit="Vårdcentralen", phone=PHONE).line
    assert line.startswith("250 2.0.0 ")
    assert line.endswith("queued as 4bQ9xk2Z")
    assert PHONE not in line


@BOTH
@pytest.mark.parametrize("reason", REFUSALS)
def test_no_refusal_repeats_a_queue_id(reason: Reason, language: Language) -> None:
    assert "4bQ9xk2Z" not in reply_for(reason, language, queue_id="4bQ9xk2Z").line


@BOTH
@pytest.mark.parametrize("value", ["{queue_id}", "{0}", "{name.__class__}", "%s", "{"])
def test_values_are_never_read_as_templates(value: str, language: Language) -> None:
    refusal = reply_for(Reason.URGENT, language, unit=value, phone=value)
    assert refusal.line.endswith(f" {value}: {value}")
    assert reply_for(Reason.OK, language, queue_id=value).line.endswith(value)


@BOTH
@pytest.mark.parametrize(
    "value", ["x\r\n250 2.0.0 ok", "x\n250 ok", "x\r", "x\u2028y", "x\x85y", "x\0y", "x\x7fy"]
)
def test_a_value_cannot_start_a_second_line(value: str, language: Language) -> None:
    for reply in (
        reply_for(Reason.URGENT, language, unit=value, phone=value),
        reply_for(Reason.OK, language, queue_id=value),
        Reply(code=550, enhanced="5.7.1", text=value),
    ):
        assert len(reply.line.splitlines()) == 1
        assert reply.line.isprintable()


@pytest.mark.parametrize("reason", REFUSALS)
def test_the_connection_is_closed_only_where_the_code_says_so(reason: Reason) -> None:
    assert reply_for(reason, Language.SV).close is (CODES[reason][0] == 421)
    assert reply_for(reason, Language.SV, close=True).close


@pytest.mark.parametrize(
    ("code", "positive"), [(199, False), (200, True), (354, True), (400, False), (550, False)]
)
def test_a_reply_is_positive_from_200_to_399(code: int, positive: bool) -> None:
    assert Reply(code=code, enhanced="2.0.0", text="x").positive is positive


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("Ämnesraden är åtta öar långa", "Amnesraden ar atta oar langa"),
        ("A\u030angstro\u0308m", "Angstrom"),  # already decomposed
        ("Café Señor Ü", "Cafe Senor U"),
        ("\u201ccitat\u201d", "?citat?"),
        ("\U0001f4de 0141", "? 0141"),
        ("a\tb", "a?b"),
        ("", ""),
    ],
)
def test_a_line_keeps_its_letters_without_their_marks(text: str, want: str) -> None:
    assert ascii_line(text) == want


@given(st.text(max_size=700))
def test_any_text_becomes_one_printable_ascii_line(text: str) -> None:
    line = ascii_line(text)
    assert len(line) <= LINE_OCTETS
    assert re.fullmatch(r"[ -~]*", line)
    assert ascii_line(line) == line


@BOTH
def test_both_languages_say_something_of_their_own(language: Language) -> None:
    other = Language.EN if language is Language.SV else Language.SV
    same = [reason for reason in Reason if reply_for(reason, language).text == reply_for(reason, other).text]
    assert same == [Reason.OK]


@given(unit=st.text(max_size=600), phone=st.text(max_size=40), reason=st.sampled_from(REFUSALS))
def test_every_refusal_is_one_line_whatever_the_unit_is_called(unit: str, phone: str, reason: Reason) -> None:
    reply = reply_for(reason, Language.SV, unit=unit, phone=phone)
    assert len(reply.line) <= LINE_OCTETS
    assert re.fullmatch(r"[2-5][0-9]{2} [245]\.[0-9]\.[0-9] \[[a-z-]+\] [ -~]+", reply.line)
