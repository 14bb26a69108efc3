"""Command lines and parameters: what is refused first, then what is understood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.envelope import Notify
from rorpost_gateway.smtp.grammar import (
    CommandRefused,
    parse_helo,
    parse_mail,
    parse_rcpt,
    split_command,
)


def code(refusal: pytest.ExceptionInfo[CommandRefused]) -> tuple[int, str]:
    return refusal.value.reply.code, refusal.value.reply.enhanced


@pytest.mark.parametrize(
    "line",
    [b"NOOP\n", b"NOOP\r", b"NO\rOP\r\n", b"MAIL FROM:<a@x>\rRCPT TO:<b@x>\r\n"],
)
def test_a_bare_line_end_closes_the_connection(line: bytes) -> None:
    with pytest.raises(CommandRefused) as refusal:
        split_command(line)
    assert code(refusal) == (500, "5.5.2")
    assert refusal.value.reply.close


@pytest.mark.parametrize(
    "line",
    [
        b"\r\n",
        b" NOOP\r\n",
        b"NO OP\0\r\n",
        b"N\0OP\r\n",
        b"NO_OP\r\n",
        b"\xc5\r\n",
        b"RCPT \xe5\r\n",
        b"1\r\n",
    ],
)
def test_what_is_no_command_is_refused(line: bytes) -> None:
    with pytest.raises(CommandRefused) as refusal:
        split_command(line)
    assert code(refusal) == (500, "5.5.2")


@given(st.binary(max_size=600))
def test_any_octets_are_either_a_command_or_refused(octets: bytes) -> None:
    try:
        command = split_command(octets)
    except CommandRefused as refusal:
        assert refusal.reply.code == 500  # noqa: PT017 - either outcome is right
    else:
        assert command.verb.isalpha()
        assert command.argument.isascii()
        assert command.argument.isprintable()


@pytest.mark.parametrize("name", ["", "a b", "x" * 256, "a\0", "<a>", 'a"b'])
def test_helo_names_are_plain(name: str) -> None:
    with pytest.raises(CommandRefused):
        parse_helo(name)


@pytest.mark.parametrize("name", ["client.example", "[192.0.2.1]", "[IPv6:fe80::1]", "M?NS-PC", "PC_1"])
def test_helo_names_of_real_clients(name: str) -> None:
    assert parse_helo(name) == name


def test_octets_beyond_ascii_are_forgiven_in_greetings_only() -> None:
    assert split_command("EHLO mÅns\r\n".encode("latin-1")).argument == "m?ns"


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=80))
def test_parameters_never_fail_in_an_unnamed_way(text: str) -> None:
    for parse, start in ((parse_mail, "FROM:<a@x.se>"), (parse_rcpt, "TO:<a@x.se>")):
        try:
            parse(start + text, extended=True)
        except CommandRefused as refusal:
            assert refusal.reply.code in {501, 555}  # noqa: PT017


def test_values_keep_their_case() -> None:
    path = parse_mail("From:<Rorpost.A@Motala.se> envid=AbC+2B", extended=True)
    assert (path.address, path.envid, path.size_octets, path.body) == (
        "rorpost.a@motala.se",
        "AbC+2B",
        None,
        "7BIT",
    )
    assert parse_rcpt("to:<B@x.se> orcpt=rfc822;B@X.se", extended=True).original_recipient == "rfc822;B@X.se"


def test_notify_is_a_set() -> None:
    recipient = parse_rcpt("TO:<b@x.se> NOTIFY=Failure,DELAY", extended=True)
    assert recipient.notify == {Notify.FAILURE, Notify.DELAY}
    assert parse_rcpt("TO:<b@x.se>", extended=True).notify is None


def test_without_ehlo_there_are_no_parameters() -> None:
    with pytest.raises(CommandRefused) as refusal:
        parse_mail("FROM:<a@x.se> SIZE=1", extended=False)
    assert code(refusal) == (555, "5.5.4")
