"""`rorpost policy explain` and `rorpost policy test`."""

import json
from typing import Any

import pytest

from tests.peers import gateway_world as world
from tests.peers.submitting import make_message

COMPLEX = make_message(Content_Type='multipart/mixed; boundary="x"') + b"--x\r\n\r\n\r\n" * 1001
PAIR = ("--from", world.HOME_CARE, "--to", world.BRINKEN)


@pytest.fixture
def explain(rorpost: Any, here: Any) -> Any:
    """`explain` as data, with its exit code."""

    def run(*arguments: object, pair: tuple[str, ...] = PAIR) -> tuple[int, dict[str, Any]]:
        ended = rorpost("policy", "explain", *pair, *arguments, "--json", config=here.path)
        assert ended.err == ""
        return ended.code, json.loads(ended.out)

    return run


def steps(said: dict[str, Any]) -> dict[str, str]:
    return {step["refuses_with"][0]: step["outcome"] for step in said["steps"]}


def test_the_envelope_alone(explain: Any, here: Any) -> None:
    code, said = explain()
    assert code == 0
    assert said["accepted"]
    assert said["message_judged"] is False
    assert said["channel"] == "hemsjukvarden-region"
    assert said["seal_to"]["primary"] == here.keys.receiver
    assert said["sign_with"]["primary"] == here.keys.sender
    assert said["reply"].startswith("250 2.0.0 [ok] queued as ")
    assert steps(said)["pair-not-allowed"] == "passed"
    assert steps(said)["user-not-declared"] == "not tried"
    assert len(said["policy"]) == 64


def test_with_a_user(explain: Any) -> None:
    code, said = explain("--user", world.ANNA)
    assert (code, said["reason"], said["declared_user"]) == (0, "ok", world.ANNA)
    assert said["message_judged"]
    assert set(steps(said).values()) == {"passed"}


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        (world.NO_CHANNEL, "pair-not-allowed"),
        (world.CLOSED, "channel-not-valid"),
        (world.KEY_MISSING, "key-missing"),
        (world.KEY_EXPIRED, "key-expired"),
        (world.KEY_REVOKED, "key-revoked"),
        (world.KEY_UNUSABLE, "key-unusable"),
        ("patient@example.org", "recipient-not-a-mailbox"),
    ],
)
def test_refused(explain: Any, recipient: str, reason: str) -> None:
    code, said = explain(pair=("--from", world.HOME_CARE, "--to", recipient))
    assert (code, said["accepted"], said["reason"]) == (1, False, reason)
    assert f"[{reason}]" in said["reply"]
    assert said["seal_to"] is None
    assert list(steps(said).values()).count("failed") == 1


def test_a_sender_that_is_none(explain: Any) -> None:
    code, said = explain(pair=("--from", world.ANNA, "--to", world.BRINKEN))
    assert (code, said["reason"]) == (1, "sender-not-a-mailbox")


@pytest.mark.parametrize(
    ("user", "reason"), [(world.BO, "user-not-valid"), (world.CLARA, "user-not-authorised")]
)
def test_a_user_who_may_not(explain: Any, user: str, reason: str) -> None:
    code, said = explain("--user", user)
    assert (code, said["reason"]) == (1, reason)


def test_the_line_of_policy_behind_it(explain: Any, here: Any) -> None:
    _, said = explain("--user", world.BO)
    file, line, _ = said["position"].rsplit(":", 2)
    lines = (here.folder / "policies" / file.rpartition("/")[2]).read_text().splitlines()
    assert lines[int(line) - 1].strip().startswith("- user: bo.lind@motala.se")


def test_case_does_not_matter(explain: Any) -> None:
    assert explain(pair=("--from", world.HOME_CARE.upper(), "--to", world.BRINKEN.upper()))[0] == 0


@pytest.mark.parametrize(
    ("at", "reason", "shown"),
    [
        ("2020-01-01", "user-not-valid", "2020-01-01T00:00:00+01:00"),
        ("2020-07-01T08:00", "user-not-valid", "2020-07-01T08:00:00+02:00"),
        ("2020-07-01T08:00:00+00:00", "user-not-valid", "2020-07-01T08:00:00+00:00"),
    ],
)
def test_at_another_time(explain: Any, at: str, reason: str, shown: str) -> None:
    """A time without an offset is one of the configured zone."""
    code, said = explain("--user", world.ANNA, "--at", at)
    assert (code, said["at"]) == (1, shown)
    assert said["reason"] in {reason, "key-expired", "key-missing", "key-unusable"}


def test_a_legal_basis_is_taken_as_given_where_only_the_user_is_asked_about(explain: Any) -> None:
    code, said = explain("--user", world.ANNA, pair=("--from", world.HOME_CARE, "--to", world.HOSPITAL))
    assert (code, said["reason"]) == (0, "ok")


@pytest.mark.parametrize("source", ["header", "sender", "login"])
def test_a_user_is_stated_as_the_channel_reads_it(explain: Any, here: Any, source: str) -> None:
    rules = {"outside_quotes": "allow", "declared_user": {"sources": [source]}}
    here.write("policies/policy.yaml", world.as_yaml({**here.policy, "rules": rules}))
    code, said = explain("--user", world.ANNA)
    assert (code, said["reason"], said["declared_by"]) == (0, "ok", source)


# A message


@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_a_message_is_judged_as_the_daemon_would(explain: Any, here: Any, line_end: str) -> None:
    path = here.folder / "message.eml"
    path.write_bytes(make_message(Importance="high").replace(b"\r\n", line_end.encode()))
    code, said = explain("--user", world.ANNA, "--message", path)
    assert (code, said["reason"]) == (1, "urgent")
    assert said["position"] is None or "policy.yaml" in said["position"]


def test_a_message_that_states_another_user_than_is_logged_in(explain: Any, here: Any) -> None:
    path = here.folder / "message.eml"
    path.write_bytes(make_message(user=world.ANNA))
    assert explain("--message", path)[1]["reason"] == "ok"
    assert explain("--user", world.ANNA, "--message", path)[1]["reason"] == "ok"
    assert explain("--user", world.BO, "--message", path)[1]["reason"] == "user-mismatch"


def test_a_message_that_states_nobody(explain: Any, here: Any) -> None:
    path = here.folder / "message.eml"
    path.write_bytes(make_message(X_Rorpost_Sending_User=None))
    assert explain("--user", world.ANNA, "--message", path)[1]["reason"] == "user-not-declared"


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"no header\r\n\r\n", "message-malformed"),
        (make_message() + b"\x00", "message-malformed"),
        (
            make_message(Content_Type='multipart/mixed; boundary="x"') + b"--x\r\n\r\n\r\n" * 1001,
            "message-too-complex",
        ),
    ],
)
def test_a_message_that_cannot_be_read(explain: Any, here: Any, octets: bytes, reason: str) -> None:
    path = here.folder / "message.eml"
    path.write_bytes(octets)
    code, said = explain("--message", path)
    assert (code, said["reason"], said["message_judged"]) == (1, reason, False)
    assert said["fault"]
    assert said["channel"] == "hemsjukvarden-region", "as far as the envelope tells"
    assert [step["reason"] for step in said["steps"] if step["outcome"] == "failed"] == [reason]


def test_as_a_table(rorpost: Any, here: Any) -> None:
    here.configure(language="en")
    ended = rorpost("policy", "explain", *PAIR, "--user", world.ANNA, config=here.path)
    assert ended.code == 0
    assert "accepted [ok]" in ended.out
    assert f"seal to: {here.keys.receiver} (subkey " in ended.out
    assert "hemsjukvarden-region" in ended.out
    refused = rorpost("policy", "explain", *PAIR, "--user", world.BO, config=here.path)
    assert refused.code == 1
    assert "refused [user-not-valid]" in refused.out
    assert f"The authorisation of {world.BO} for {world.HOME_CARE} is not in force on " in refused.out
    assert f" - user: {world.BO}\n" in refused.out, "the line of YAML"
    envelope = rorpost("policy", "explain", *PAIR, config=here.path)
    assert "Only the envelope was judged" in envelope.out


def test_names_that_look_like_markup(rorpost: Any, here: Any) -> None:
    """A file may be called what rich would read as a tag."""
    (here.folder / "policies" / "policy.yaml").rename(here.folder / "policies" / "[bold].yaml")
    ended = rorpost("policy", "explain", *PAIR, config=here.path)
    assert ended.code == 0
    assert "[bold].yaml" in ended.out


def test_inbound(explain: Any) -> None:
    code, said = explain("--direction", "inbound", pair=("--from", world.BRINKEN, "--to", world.HOME_CARE))
    assert (code, said["reason"]) == (1, "pair-not-allowed")  # the channel goes one way
    assert (said["direction"], said["message_judged"]) == ("inbound", False)


def test_in_swedish(rorpost: Any, here: Any) -> None:
    refused = rorpost("policy", "explain", *PAIR, "--user", world.BO, config=here.path)
    assert "avvisat [user-not-valid]" in refused.out
    assert f"Behörigheten för {world.BO} till {world.HOME_CARE} gäller inte den " in refused.out


def test_inbound_it_says_that_a_message_is_judged_when_it_is_opened(rorpost: Any, here: Any) -> None:
    here.configure(language="en")
    asked = ("--from", world.HOSPITAL, "--to", world.HOME_CARE, "--user", world.ANNA)
    ended = rorpost("policy", "explain", *asked, "--direction", "inbound", config=here.path)
    assert ended.code == 0
    assert "accepted [ok]" in ended.out
    assert "judged when it has been opened" in ended.out
    assert "give --user" not in ended.out
    assert "signer-mismatch" in ended.out, "the rules that will be tried then are named"


def test_a_policy_that_is_wrong_is_78(rorpost: Any, here: Any) -> None:
    here.write("policies/policy.yaml", "rules: {outside_quotes: allow}\nnonsense: 1\n")
    for verb in (("explain", *PAIR), ("test",)):
        ended = rorpost("policy", *verb, config=here.path)
        assert ended.code == 78
        assert ended.err.splitlines() == [
            f"{here.folder}/policies/policy.yaml:2:1: unknown key 'nonsense'",
            "    2 | nonsense: 1",
            "      | ^~~~~~~~",
            "      = what may still stand here: channels, mailboxes",
        ]


def test_without_a_home_of_keys(rorpost: Any, here: Any) -> None:
    here.configure(openpgp={"home": "missing"})
    ended = rorpost("policy", "explain", *PAIR, config=here.path)
    assert ended.code == 1
    assert ended.err.startswith(f"rorpost: the keys cannot be listed ({here.folder}/missing: ")


# Cases


def cases(*wanted: tuple[str, str], **more: object) -> str:
    questions = [
        {
            "name": f"case {number}",
            "from": world.HOME_CARE,
            "to": to,
            "user": world.ANNA,
            "want": want,
            **more,
        }
        for number, (to, want) in enumerate(wanted, 1)
    ]
    return world.as_yaml({"cases": questions})


GOOD = cases((world.BRINKEN, "accept"), (world.NO_CHANNEL, "pair-not-allowed"))
BAD = cases((world.BRINKEN, "urgent"), (world.NO_CHANNEL, "pair-not-allowed"))


def test_the_policys_own_cases(rorpost: Any, here: Any) -> None:
    here.write("policies/tests/own.yaml", GOOD)
    ended = rorpost("policy", "test", config=here.path)
    assert (ended.code, ended.out) == (0, "2 of 2 cases are as wanted.\n")


def test_a_case_that_fails(rorpost: Any, here: Any) -> None:
    here.write("policies/tests/own.yaml", BAD)
    ended = rorpost("policy", "test", config=here.path)
    assert ended.code == 1
    assert "1 of 2 cases are as wanted." in ended.out
    assert "case 1" in ended.out
    assert "case 2" not in ended.out
    assert "urgent" in ended.out
    assert "own.yaml:2:3" in ended.out


def test_cases_as_data(rorpost: Any, here: Any) -> None:
    here.write("policies/tests/own.yaml", BAD)
    ended = rorpost("policy", "test", "--json", config=here.path)
    assert ended.code == 1
    first, second = json.loads(ended.out)
    assert (first["name"], first["want"], first["got"], first["passed"]) == (
        "case 1",
        "urgent",
        "accept",
        False,
    )
    assert (second["got"], second["passed"], second["rule"]) == ("pair-not-allowed", True, "channels")
    assert first["place"].endswith("own.yaml:2:3")


def test_files_that_are_named(rorpost: Any, here: Any) -> None:
    here.write("policies/tests/own.yaml", BAD)
    good = here.write("good.yaml", GOOD)
    other = here.write("other.yaml", GOOD)
    assert rorpost("policy", "test", good, other, config=here.path).out == "4 of 4 cases are as wanted.\n"
    assert rorpost("policy", "test", here.folder / "policies" / "tests", config=here.path).code == 1


def test_a_policy_in_one_file_has_its_cases_beside_it(rorpost: Any, here: Any) -> None:
    here.configure(policies="policies/policy.yaml")
    here.write("policies/tests/own.yaml", GOOD)
    assert rorpost("policy", "test", config=here.path).code == 0


def test_a_message_that_cannot_be_read_is_told_of(rorpost: Any, here: Any) -> None:
    bad_date = {"message": {"headers": {"Date": "never"}}}
    here.write("policies/tests/own.yaml", cases((world.BRINKEN, "accept"), **bad_date))
    ended = rorpost("policy", "test", config=here.path)
    assert ended.code == 1
    assert "message-malformed" in ended.out
    assert "date" in ended.out


@pytest.mark.parametrize("text", ["cases: []\n", ""])
def test_nothing_to_ask_is_no_good_sign(rorpost: Any, here: Any, text: str) -> None:
    here.write("policies/tests/own.yaml", text)
    assert rorpost("policy", "test", config=here.path).code in {1, 78}


@pytest.mark.parametrize(
    "text", ["nonsense", "cases: [{name: a}]", "cases: [{name: a, want: perhaps}]", "cases: ["]
)
def test_cases_that_are_wrong_are_78(rorpost: Any, here: Any, text: str) -> None:
    here.write("policies/tests/own.yaml", text)
    ended = rorpost("policy", "test", config=here.path)
    assert ended.code == 78
    place = f"{here.folder}/policies/tests/own.yaml:"
    assert all(
        line.startswith((place, " ")) for line in ended.err.splitlines() if line and " errors in " not in line
    )


def test_without_a_folder_of_cases(rorpost: Any, here: Any) -> None:
    (here.folder / "policies" / "tests").rmdir()
    assert rorpost("policy", "test", config=here.path).code == 78


def test_cases_need_no_keys(rorpost: Any, here: Any) -> None:
    here.configure(openpgp={"home": "missing"})
    here.write("policies/tests/own.yaml", GOOD)
    assert rorpost("policy", "test", config=here.path).code == 0
