"""The texts that come with the gateway: every reason in every language, readable where the marks are lost."""

import re
import tomllib
from pathlib import Path

import pytest

import rorpost_gateway.reply
from rorpost_gateway.decision import Reason
from rorpost_gateway.policy.read_mailboxes import NAME_CHARACTERS, PHONE_CHARACTERS
from rorpost_gateway.reply import LINE_OCTETS, Language, fault_of, reply_for, texts_in
from rorpost_gateway.reply.texts import PHONE_OCTETS, UNIT_OCTETS, room_for

FOLDER = Path(rorpost_gateway.reply.__file__).parent
BOTH = pytest.mark.parametrize("language", Language)
REFUSALS = [reason for reason in Reason if reason not in {Reason.OK, Reason.DUPLICATE}]
# Swedish words that are other words without their marks, and change what a sentence says.
OTHER_WORDS_IN_ASCII = {"här", "där", "än", "vän", "hör", "låsa", "låst"}


def test_the_longest_names_are_those_that_a_policy_may_give() -> None:
    assert (UNIT_OCTETS, PHONE_OCTETS) == (NAME_CHARACTERS, PHONE_CHARACTERS)


@BOTH
def test_every_reason_has_its_text_and_in_their_order(language: Language) -> None:
    data = tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8"))
    assert list(data["texts"]) == [reason.value for reason in Reason]
    assert set(data) == {"texts", "telephone", "telephone_alone", "use_pgp_mime"}


@BOTH
@pytest.mark.parametrize("reason", Reason)
def test_a_text_keeps_to_what_is_asked_of_a_sites_own(reason: Reason, language: Language) -> None:
    assert fault_of(reason, language, texts_in(language).reasons[reason]) is None


@BOTH
@pytest.mark.parametrize("reason", REFUSALS)
def test_with_the_longest_names_nothing_is_lost(reason: Reason, language: Language) -> None:
    unit, phone = "Å" * NAME_CHARACTERS, "0" * PHONE_CHARACTERS
    use_pgp_mime = reason is Reason.NOT_ENCRYPTED
    line = reply_for(reason, language, unit=unit, phone=phone, use_pgp_mime=use_pgp_mime).line
    assert len(line) <= LINE_OCTETS
    assert line.endswith(f" {'A' * NAME_CHARACTERS}: {phone}")


@BOTH
@pytest.mark.parametrize("reason", REFUSALS)
def test_why_comes_first_and_then_what_to_do(reason: Reason, language: Language) -> None:
    """At least two sentences, none of them long, and no word that only mail administrators know."""
    text = texts_in(language).reasons[reason]
    sentences = re.split(r"(?<=[.:]) (?=[A-ZÅÄÖ])|: ", text)
    assert len(sentences) >= 2, text
    assert all(len(sentence) <= 125 for sentence in sentences), text
    assert text.endswith(".")
    assert not re.search(r"(?i)\b(policy|envelope|header|fingerprint|MIME|SMTP|OpenPGP)\b", text), text


@pytest.mark.parametrize("reason", REFUSALS)
def test_swedish_can_be_read_without_its_marks(reason: Reason) -> None:
    words = set(re.findall(r"\w+", texts_in(Language.SV).reasons[reason].lower()))
    assert not words & OTHER_WORDS_IN_ASCII


@pytest.mark.parametrize(
    ("reason", "text", "why"),
    [
        (Reason.URGENT, "", "empty"),
        (Reason.URGENT, " Ring.", "blank"),
        (Reason.URGENT, "Ring.\nNu.", "one line"),
        (Reason.URGENT, "Ring\tnu.", "one line"),
        (Reason.URGENT, "Ring {unit}.", "no braces"),
        (Reason.URGENT, "Ring {queue_id}.", "no braces"),
        (Reason.URGENT, "Ring 📞.", "no form in ASCII"),
        (Reason.URGENT, "Ring “nu”.", "no form in ASCII"),
        (Reason.OK, "taken", "must end with"),
        (Reason.OK, "{0} queued as {queue_id}", "no braces but"),
        (Reason.DUPLICATE, "queued as {queue_id} again", "must end with"),
    ],
)
def test_a_text_that_may_not_be_used(reason: Reason, text: str, why: str) -> None:
    assert why in (fault_of(reason, Language.SV, text) or "")


@BOTH
@pytest.mark.parametrize("reason", Reason)
def test_what_just_fits_is_taken_and_one_more_is_not(reason: Reason, language: Language) -> None:
    end = "queued as {queue_id}" if reason in {Reason.OK, Reason.DUPLICATE} else "."
    fits = "å" * (room_for(reason, language) - len(end)) + end
    assert fault_of(reason, language, fits) is None
    assert "there is room for" in (fault_of(reason, language, "x" + fits) or "")


@BOTH
def test_a_sites_own_words_stand_in_the_place_of_ours(language: Language) -> None:
    own = {Reason.URGENT: "Ring växeln, {queue_id}."}
    line = reply_for(Reason.URGENT, language, own_texts=own, unit="Brinken", phone="010-1").line
    assert line.startswith("550 5.7.1 [urgent] Ring vaxeln, .")
    assert line.endswith("Brinken: 010-1")
    ours = reply_for(Reason.TOO_OLD, language, own_texts=own)
    assert ours == reply_for(Reason.TOO_OLD, language)
