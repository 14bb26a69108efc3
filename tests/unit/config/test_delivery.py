"""Where opened mail goes: what is refused, what is taken, and that plain text never crosses a network."""

import re
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.config import load_config
from rorpost_gateway.config.model import MailServer, ShowPerson
from rorpost_gateway.smtp_client.base import MailProtocol, TlsMode

SHIPPED = Path(__file__).parents[3] / "config" / "rorpost.yaml"
REFUSED = {
    "clear text over a network": (
        "{method: smtp, smtp: {host: ¶mx.se, tls: {mode: off}}}",
        "verified TLS only",
    ),
    "a certificate nobody looks at": (
        "{method: smtp, smtp: {host: mx.se, tls: {mode: ¶encrypt}}}",
        "must be one of: verify, off",
    ),
    "the same on loopback": (
        "{method: lmtp, lmtp: {host: 127.0.0.1, tls: {mode: ¶encrypt}}}",
        "must be one of: verify, off",
    ),
    "an authority without TLS": (
        "{method: lmtp, lmtp: {host: '::1', tls: {ca: ¶ca.pem}}}",
        "is looked at in mode verify only",
    ),
    "a login in clear text": (
        "{method: smtp, smtp: {host: 127.0.0.1, username: ¶a, password_file: b}}",
        "must not be sent in clear text",
    ),
    "a login by half": ("{method: smtp, smtp: ¶{host: a.se, username: a}}", "together, or neither"),
    "a login for LMTP": (
        "{method: lmtp, lmtp: {host: a.se, ¶username: a, ¶password_file: b}}",
        "unknown key 'username'",
    ),
    "no server": ("¶{method: lmtp}", "key 'host' is missing"),
    "no host": ("{method: smtp, smtp: ¶{port: 25}}", "key 'host' is missing"),
    "a socket and a host": ("{method: lmtp, lmtp: {socket: s, host: ¶a.se}}", "where `socket` is given"),
    "a socket and TLS": (
        "{method: lmtp, lmtp: {socket: s, tls: ¶{mode: verify}}}",
        "where `socket` is given",
    ),
    "a socket for SMTP": ("{method: smtp, smtp: {host: a.se, ¶socket: s}}", "unknown key 'socket'"),
    "a socket that is too long": (f"{{method: lmtp, lmtp: {{socket: ¶/{'x' * 107}}}}}", "longer than 107"),
    "a host that is none": ("{method: lmtp, lmtp: {host: ¶'a b'}}", "does not look right"),
    "a port beyond": ("{method: lmtp, lmtp: {host: a.se, port: ¶65536}}", "from 1 to 65535"),
    "another method's settings": (
        "{method: lmtp, lmtp: {host: a.se}, maildir: ¶{root: m}}",
        "delivery.maildir is given, but delivery.method is lmtp",
    ),
    "a method that is none": ("{method: ¶mbox}", "must be one of: maildir, lmtp, smtp, imap"),
    "a person shown elsewhere": ("{show_person: ¶subject}", "must be one of: author, header-only"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(files: Any, name: str) -> None:
    text, expected = REFUSED[name]
    found = files.findings(("relay:", f"delivery: {text}\nrelay:"))
    assert any(expected in finding for finding in found), found


def server(files: Any, text: str) -> MailServer:
    delivery = files.load(more=f"delivery: {text}\n").delivery
    assert delivery.maildir_root is None
    assert isinstance(delivery.where, MailServer)
    return delivery.where


def test_without_a_word_it_is_a_maildir(files: Any) -> None:
    delivery = files.load().delivery
    assert delivery.where == files.folder.resolve().parent / "mail"
    assert delivery.server is None
    assert delivery.show_person is ShowPerson.AUTHOR


def test_lmtp_over_a_unix_socket(files: Any) -> None:
    found = server(files, "{method: lmtp, lmtp: {socket: run/lmtp}}")
    assert (found.socket, found.tls) == (files.folder.resolve() / "run" / "lmtp", TlsMode.OFF)
    assert found.protocol is MailProtocol.LMTP


@pytest.mark.parametrize(("method", "port"), [("lmtp", 24), ("smtp", 25)])
def test_over_a_network_tls_is_verified(files: Any, method: str, port: int) -> None:
    found = server(files, f"{{method: {method}, {method}: {{host: store.motala.se}}}}")
    assert (found.host, found.port, found.tls, found.ca) == ("store.motala.se", port, TlsMode.VERIFY, None)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "'::1'"])
@pytest.mark.parametrize(
    ("tls", "mode"), [("", TlsMode.OFF), (", tls: {mode: verify, ca: ca.pem}", TlsMode.VERIFY)]
)
def test_loopback_needs_no_tls_and_may_have_it(files: Any, host: str, tls: str, mode: TlsMode) -> None:
    found = server(files, f"{{method: lmtp, lmtp: {{host: {host}, port: 1024{tls}}}}}")
    assert (found.tls, found.port) == (mode, 1024)


def test_a_login_is_for_smtp_over_tls(files: Any) -> None:
    found = server(files, "{method: smtp, smtp: {host: a.se, port: 587, username: gw1, password_file: p}}")
    assert (found.username, found.password_file) == ("gw1", files.folder.resolve() / "p")


def test_the_person_may_be_shown_in_the_header_field_alone(files: Any) -> None:
    config = files.load(more="delivery: {show_person: header-only}\n")
    assert config.delivery.show_person is ShowPerson.HEADER_ONLY


def test_what_the_shipped_file_shows_is_taken(tmp_path: Path) -> None:
    shipped = SHIPPED.read_text(encoding="utf-8")
    shown = re.findall(r"^  # ((lmtp|smtp): .*)$", shipped, re.MULTILINE)
    assert [method for _, method in shown] == ["lmtp", "lmtp", "smtp"]
    for settings, method in shown:
        text = re.sub(
            r"^  method: maildir.*\n  maildir: .*$",
            f"  method: {method}\n  {settings}",
            shipped,
            flags=re.MULTILINE,
        )
        (tmp_path / "rorpost.yaml").write_text(text, encoding="utf-8")
        found = load_config(tmp_path / "rorpost.yaml").delivery.server
        assert found is not None
        assert found.protocol == method
