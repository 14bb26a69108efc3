"""IMAP accounts: what is refused, wherever one stands, and what a sound one comes to."""

from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.config.model import ImapAccountSettings, XOAuth2Settings
from rorpost_gateway.http.client import Url
from rorpost_gateway.imap.base import ImapTls, Server

PASSWORD = "username: '{mailbox}', password_file: p"
GRANT = (
    "token_url: 'https://login.example/t', client_id: c, client_secret_file: s, scope: 'https://i.example/a'"
)
OAUTH = "host: a.se, username: '{mailbox}'"


def granted(old: str, new: str) -> str:
    return f"{{{OAUTH}, auth: {{method: xoauth2, {GRANT.replace(old, new)}}}}}"


# What stands in the braces of delivery.imap, where a mailbox's own address must be part of the login.
REFUSED = {
    "no host": (f"¶{{{PASSWORD}}}", "key 'host' is missing in delivery.imap"),
    "no username": ("¶{host: a.se, password_file: p}", "key 'username' is missing"),
    "no secret": ("¶{host: a.se, username: '{mailbox}'}", "needs `password_file`, or `auth`"),
    "a secret in the file": (f"{{host: a.se, {PASSWORD}, ¶password: x}}", "unknown key 'password'"),
    "a token in the file": (
        f"{{{OAUTH}, auth: {{method: xoauth2, token_file: t, ¶token: x}}}}",
        "unknown key 'token'",
    ),
    "a host that is none": (f"{{host: ¶'a b', {PASSWORD}}}", "host does not look right"),
    "a port of nothing": (f"{{host: a.se, port: ¶0, {PASSWORD}}}", "from 1 to 65535"),
    "a TLS mode of the other kind": (
        f"{{host: a.se, tls: {{mode: ¶verify}}, {PASSWORD}}}",
        "must be one of: starttls, implicit, off",
    ),
    "clear text over a network": (f"{{host: ¶a.se, tls: {{mode: off}}, {PASSWORD}}}", "over TLS only"),
    "clear text to a private address": (f"{{host: ¶10.0.0.1, tls: {{mode: off}}, {PASSWORD}}}", "TLS only"),
    "an authority without TLS": (
        f"{{host: '::1', tls: {{mode: off, ca: ¶c}}, {PASSWORD}}}",
        "is looked at in modes starttls and implicit only",
    ),
    "one login for all mailboxes": (
        "{host: a.se, username: ¶vakt, password_file: p}",
        "must hold {mailbox}, where each mailbox's address is put",
    ),
    "another name in braces": (
        "{host: a.se, username: ¶'{mailbox}*{user}', password_file: p}",
        "holds braces; only {mailbox} may stand in them",
    ),
    "a brace left open": ("{host: a.se, username: ¶'{mailbox}{', password_file: p}", "holds braces"),
    "a line break in a username": (
        '{host: a.se, username: ¶"{mailbox}\\r\\na1 DELETE x", password_file: p}',
        "username does not look right",
    ),
    "a folder with a line break": (f'{{host: a.se, {PASSWORD}, folder: ¶"a\\nb"}}', "folder does not look"),
    "a folder with an empty level": (f"{{host: a.se, {PASSWORD}, folder: ¶a//b}}", "folder does not look"),
    "a folder from the root": (f"{{host: a.se, {PASSWORD}, folder: ¶/a}}", "folder does not look right"),
    "a way to log in": (f"{{{OAUTH}, auth: {{method: ¶ntlm}}}}", "must be one of: password, xoauth2"),
    "a token and a password": (
        f"{{{OAUTH}, password_file: ¶p, auth: {{method: xoauth2, token_file: t}}}}",
        "is not used with auth.method xoauth2",
    ),
    "a token for a password": (
        f"{{{OAUTH}, password_file: p, auth: {{¶token_file: t}}}}",
        "unknown key 'token_file' in delivery.imap.auth",
    ),
    "no token": (f"{{{OAUTH}, auth: ¶{{method: xoauth2}}}}", "needs `token_file`, or `token_url`"),
    "a token twice": (
        f"{{{OAUTH}, auth: {{method: xoauth2, token_file: t, token_url: ¶'https://a.se/t'}}}}",
        "leave it out where `token_file` is given",
    ),
    "a secret for a token that is there": (
        f"{{{OAUTH}, auth: {{method: xoauth2, token_file: t, client_secret_file: ¶s}}}}",
        "leave it out where `token_file` is given",
    ),
    "a client without its secret": (
        f"{{{OAUTH}, auth: ¶{{method: xoauth2, {GRANT.replace('client_secret_file: s, ', '')}}}}}",
        "key 'client_secret_file' is missing",
    ),
    "a secret without a place to go": (
        f"{{{OAUTH}, auth: ¶{{method: xoauth2, client_id: c, client_secret_file: s, scope: x}}}}",
        "needs `token_file`, or `token_url`",
    ),
    "a client's secret in clear text": (
        granted("'https://login.example/t'", "¶'http://login.example/t'"),
        "must begin with https://",
    ),
    "a token server that is none": (
        granted("'https://login.example/t'", "¶'ftp://login.example/t'"),
        "is not usable",
    ),
    "a scope with a quote": (
        granted("'https://i.example/a'", "¶'a\"b'"),
        "scope does not look right",
    ),
    "a client secret in the file": (
        f"{{{OAUTH}, auth: {{method: xoauth2, {GRANT}, ¶client_secret: x}}}}",
        "unknown key 'client_secret'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(files: Any, name: str) -> None:
    text, expected = REFUSED[name]
    found = files.findings(("relay:", f"delivery: {{method: imap, imap: {text}}}\nrelay:"))
    assert any(expected in finding for finding in found), found


def test_no_finding_repeats_a_secret_that_was_misplaced(files: Any) -> None:
    url = GRANT.replace("login.example/t", "login.example:x/t?client_secret=hemligt-ord")
    for text in (
        f"host: a.se, {PASSWORD}, password: hemligt-ord",
        f"{OAUTH}, auth: {{method: xoauth2, {GRANT}, client_secret: hemligt-ord}}",
        f"{OAUTH}, auth: {{method: xoauth2, {url}}}",
    ):
        found = files.findings(("relay:", f"delivery: {{method: imap, imap: {{{text}}}}}\nrelay:"))
        assert "hemligt-ord" not in "\n".join(found)


def account(files: Any, text: str) -> ImapAccountSettings:
    where = files.load(more=f"delivery: {{method: imap, imap: {{{text}}}}}\n").delivery.imap
    assert where is not None
    found = where.account
    assert isinstance(found, ImapAccountSettings)
    return found


@pytest.mark.parametrize(
    ("tls", "mode", "port"),
    [
        ("", ImapTls.STARTTLS, 143),
        (", tls: {mode: starttls}", ImapTls.STARTTLS, 143),
        (", tls: {mode: implicit}", ImapTls.IMPLICIT, 993),
        (", port: 10143, tls: {mode: implicit}", ImapTls.IMPLICIT, 10143),
    ],
)
def test_it_is_protected_unless_said_otherwise(files: Any, tls: str, mode: ImapTls, port: int) -> None:
    found = account(files, f"host: store.motala.se, {PASSWORD}{tls}")
    assert found.server == Server(host="store.motala.se", port=port, tls=mode, ca=None)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "'::1'"])
def test_loopback_needs_no_tls_but_must_say_so(files: Any, host: str) -> None:
    assert account(files, f"host: {host}, {PASSWORD}").server.tls is ImapTls.STARTTLS
    assert account(files, f"host: {host}, {PASSWORD}, tls: {{mode: off}}").server.tls is ImapTls.OFF


def test_a_password(files: Any) -> None:
    found = account(
        files, "host: a.se, username: '{mailbox}*vakt', password_file: p, tls: {ca: c.pem}, auth: {}"
    )
    root = files.folder.resolve()
    assert (found.username, found.xoauth2) == ("{mailbox}*vakt", None)
    assert found.username_for("rorpost.x@motala.se") == "rorpost.x@motala.se*vakt"
    assert (found.secret_files, found.authorities) == ((root / "p",), (root / "c.pem",))


def test_a_token_that_somebody_else_renews(files: Any) -> None:
    found = account(files, f"{OAUTH}, auth: {{method: xoauth2, token_file: run/token}}")
    token = files.folder.resolve() / "run" / "token"
    assert found.xoauth2 == XOAuth2Settings(token_file=token)
    assert (found.password_file, found.secret_files) == (None, (token,))


def test_a_token_that_is_fetched(files: Any) -> None:
    found = account(files, f"{OAUTH}, auth: {{method: xoauth2, {GRANT}, ca: ca.pem}}")
    root: Path = files.folder.resolve()
    assert found.xoauth2 == XOAuth2Settings(
        token_url=Url(tls=True, host="login.example", port=443, target="/t"),
        client_id="c",
        client_secret_file=root / "s",
        scope="https://i.example/a",
        ca=root / "ca.pem",
    )
    assert (found.secret_files, found.authorities) == ((root / "s",), (root / "ca.pem",))


def test_on_loopback_tokens_may_be_fetched_in_clear(files: Any) -> None:
    url = GRANT.replace("https://login.example/t", "http://127.0.0.1:8080/t")
    found = account(files, f"{OAUTH}, auth: {{method: xoauth2, {url}}}").xoauth2
    assert found is not None
    assert found.token_url == Url(tls=False, host="127.0.0.1", port=8080, target="/t")
