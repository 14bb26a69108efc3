"""A login at an IMAP server, wherever the configuration asks for one: collecting, delivery, supervision.

A login always crosses the connection, so that clear text stays on this machine, and a
certificate is always verified. RFC 8314; RFC 6749, section 4.4 (tokens), and appendix A (their grammar).
"""

import re
from pathlib import Path
from typing import Final, TypeVar

from rorpost_gateway.config.imap_model import MAILBOX, ImapAccountSettings, XOAuth2Settings
from rorpost_gateway.config.reading import HOST, is_loopback, optional_path, part, url, word
from rorpost_gateway.document import Findings, Section
from rorpost_gateway.http.client import Url
from rorpost_gateway.imap.base import ImapTls, Server

_PORTS: Final = {ImapTls.STARTTLS: 143, ImapTls.OFF: 143, ImapTls.IMPLICIT: 993}
_USERNAME = re.compile(r"[^\x00-\x1f\x7f]{1,255}")
_FOLDER = re.compile(r"[^\x00-\x1f\x7f/]+(?:/[^\x00-\x1f\x7f/]+)*")
_CLIENT_ID = re.compile(r"[\x20-\x7e]{1,255}")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")
T = TypeVar("T")
_METHODS: Final = ("password", "xoauth2")
_GRANT: Final = ("token_url", "client_id", "client_secret_file", "scope", "ca")


def read_imap_account(
    section: Section, findings: Findings, base: Path, *, per_mailbox: bool
) -> ImapAccountSettings:
    """The keys of an account; whoever asks reads the others of the section, and finishes it.

    `per_mailbox`: whether one login serves many mailboxes, and must say which one is meant.
    """
    auth = part(section, "auth", findings)
    method = auth.choice("method", _METHODS, _METHODS[0])
    password_file, xoauth2 = optional_path(section, "password_file", base), None
    if method == _METHODS[0]:
        if password_file is None:
            section.complain(None, "needs `password_file`, or `auth` with method xoauth2")
    else:
        if password_file is not None:
            section.complain("password_file", "is not used with auth.method xoauth2; leave one of them out")
            password_file = None
        xoauth2 = _xoauth2(auth, base)
    auth.finish()
    return ImapAccountSettings(
        server=_server(section, findings, base),
        username=_username(section, per_mailbox=per_mailbox),
        password_file=password_file,
        xoauth2=xoauth2,
    )


def read_folder(section: Section, key: str, default: T) -> str | T:
    """A folder's name as people see it, `/` between levels; INBOX in whatever case is INBOX."""
    name = section.text(key, default, pattern=_FOLDER, longest=255)
    return "INBOX" if isinstance(name, str) and name.upper() == "INBOX" else name


def _server(section: Section, findings: Findings, base: Path) -> Server:
    tls = part(section, "tls", findings)
    mode, ca = word(tls, "mode", ImapTls.STARTTLS), optional_path(tls, "ca", base)
    tls.finish()
    host = section.text("host", pattern=HOST)
    if mode is ImapTls.OFF and not is_loopback(host):
        section.complain("host", "is not loopback; a login and opened mail leave this machine over TLS only")
    if mode is ImapTls.OFF and ca is not None:
        tls.complain("ca", "is looked at in modes starttls and implicit only")
    port = section.integer("port", _PORTS[mode], least=1, most=65535)
    return Server(host=host, port=port, tls=mode, ca=ca)


def _username(section: Section, *, per_mailbox: bool) -> str:
    username = section.text("username", pattern=_USERNAME)
    rest = username.replace(MAILBOX, "")
    if "{" in rest or "}" in rest:
        section.complain("username", f"holds braces; only {MAILBOX} may stand in them")
    elif per_mailbox and MAILBOX not in username and username:
        section.complain(
            "username", f"must hold {MAILBOX}, where each mailbox's address is put; else all would be one"
        )
    elif not per_mailbox and MAILBOX in username:
        section.complain("username", f"must not hold {MAILBOX} here: give each mailbox an entry of its own")
    return username


def _xoauth2(section: Section, base: Path) -> XOAuth2Settings:
    token_file = optional_path(section, "token_file", base)
    if token_file is not None:
        for key in _GRANT:
            if section.has(key):
                section.complain(key, "is for fetching tokens; leave it out where `token_file` is given")
            section.value(key, None)
        return XOAuth2Settings(token_file=token_file)
    if not section.has("token_url"):
        section.complain(None, "needs `token_file`, or `token_url` and a client's id and secret")
        for key in _GRANT:
            section.value(key, None)
        return XOAuth2Settings()
    return XOAuth2Settings(
        token_url=_token_url(section),
        client_id=section.text("client_id", pattern=_CLIENT_ID),
        client_secret_file=(base / section.text("client_secret_file")).resolve(),
        scope=section.text("scope", pattern=_SCOPE),
        ca=optional_path(section, "ca", base),
    )


def _token_url(section: Section) -> Url:
    found = url(section, "token_url")
    if not found.tls and not is_loopback(found.host):
        section.complain("token_url", "must begin with https://: the client's secret is sent there")
    return found
