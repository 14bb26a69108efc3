"""From the configuration's IMAP accounts to those that sessions open, and what `rorpost check` finds."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from rorpost_gateway.config.model import ImapAccountSettings, XOAuth2Settings
from rorpost_gateway.daemon.check import Found, Weight, check_files, check_next_hops
from rorpost_gateway.daemon.check_imap import check_imap, check_recipients
from rorpost_gateway.daemon.imap_accounts import account_for
from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.http.client import Url
from rorpost_gateway.imap.base import Account, ImapLoginFailed, Selected, Server, Session, Sessions
from rorpost_gateway.imap.sessions import ImapSessions
from rorpost_gateway.policy.load import load_policy
from tests.peers import gateway_world as world

SERVER = Server(host="mail.motala.se", port=143)
STRANGE = "rorpost.okand@motala.se"


def settings(username: str = "{mailbox}*vakt", **secret: Any) -> ImapAccountSettings:
    return ImapAccountSettings(
        server=SERVER,
        username=username,
        password_file=secret.get("password_file"),
        xoauth2=secret.get("xoauth2"),
    )


def fetched(client_id: str) -> XOAuth2Settings:
    url = Url(tls=True, host="login.example", port=443, target="/t")
    return XOAuth2Settings(token_url=url, client_id=client_id, client_secret_file=Path("s"), scope="a")


def test_a_login_for_many_is_none_by_itself(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid, match="is no login by itself"):
        account_for(settings(password_file=tmp_path), None)


@pytest.mark.parametrize("xoauth2", [None, XOAuth2Settings()])
def test_an_account_without_a_secret_is_none(xoauth2: XOAuth2Settings | None) -> None:
    with pytest.raises(ConfigurationInvalid):
        account_for(settings(xoauth2=xoauth2), world.HOME_CARE)


async def test_a_password_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    account = account_for(settings(password_file=file), world.HOME_CARE)
    assert (account.server, account.username) == (SERVER, f"{world.HOME_CARE}*vakt")
    with pytest.raises(ImapLoginFailed):
        await account.credentials.password()
    file.write_text("correct horse\n")
    assert await account.credentials.password() == "correct horse"
    assert "correct horse" not in repr(account)
    assert str(file) not in repr(account)


async def test_a_token_that_somebody_else_renews(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    account = account_for(settings("a", xoauth2=XOAuth2Settings(token_file=tmp_path / "token")), None)
    assert await account.credentials.token() == "first"
    (tmp_path / "token").write_text("second\n")
    assert await account.credentials.token() == "second"
    assert await account.credentials.password() is None


def test_one_client_fetches_one_token_for_all_its_mailboxes() -> None:
    ours, other = fetched("one"), fetched("two")
    first = account_for(settings("{mailbox}", xoauth2=ours), world.HOME_CARE)
    again = account_for(settings("{mailbox}", xoauth2=replace(ours)), STRANGE)
    assert (first.username, again.username) == (world.HOME_CARE, STRANGE)
    assert first.credentials is again.credentials
    assert account_for(settings("{mailbox}", xoauth2=other), STRANGE).credentials is not first.credentials


# What `rorpost check` says

WATCH = {
    "imap": {"host": "mail.motala.se", "username": "{mailbox}*vakt", "password_file": "watch"},
    "notify": {
        "smtp": {"host": "127.0.0.1", "port": 1},
        "from": "vakt@motala.se",
    },
}
SMTP = {"host": "mail.motala.se", "username": "gw1", "password_file": "post"}


def collected(**changes: Any) -> dict[str, Any]:
    usual = {
        "host": "mail.motala.se",
        "username": "sealed@motala.se",
        "password_file": "own",
        "recipient": world.HOME_CARE,
    }
    return {"imap": [{**usual, **changes}]}


@pytest.mark.parametrize("name", ["own", "watch", "post", "client"])
def test_a_secret_that_others_may_read(files: Any, name: str) -> None:
    for secret in ("own", "watch", "post", "client"):
        files.write_private(secret, "x")
    (files.folder / name).chmod(0o644)
    auth = {"method": "xoauth2", "token_url": "https://a.se/t", "client_id": "c", "scope": "s"}
    tokens = collected(password_file=None, folder="B", auth={**auth, "client_secret_file": "client"})
    inbound = {"imap": [*collected()["imap"], *tokens["imap"]]}
    watch = world.merged(WATCH, {"notify": {"smtp": {**SMTP}}})
    texts = found_in(files, inbound=inbound, supervision=watch)
    assert texts == [(str(files.folder / name), "holds a secret and has mode 0644; chmod 600")]


def found_in(files: Any, **sections: Any) -> list[tuple[str, str]]:
    own_key = [str(files.config().submission.key)]
    found = list(check_files(files.config(**sections)))
    return [(one.place, one.text) for one in found if one.place not in own_key]


def test_a_secret_that_is_missing(files: Any) -> None:
    (one,) = found_in(files, inbound=collected())
    assert one == (f"{files.folder}/own", "cannot be read: No such file or directory")


def test_an_authority_that_anybody_may_write(files: Any) -> None:
    files.write_private("own", "x")
    ca = files.write_private("ca.pem", "x")
    ca.chmod(0o602)
    (one,) = found_in(files, inbound=collected(tls={"ca": "ca.pem"}))
    assert one == (str(ca), "anybody may write here; chmod o-w")


async def test_the_server_that_takes_notices_is_knocked_at(files: Any) -> None:
    found = await check_next_hops(files.config(supervision=WATCH))
    assert [one.place for one in found] == [
        "next hop 127.0.0.1:1 (default)",
        "next hop 127.0.0.1:1 (supervision.notify.smtp)",
    ]


def mistakes(files: Any, **sections: Any) -> list[Found]:
    config = files.config(**sections)
    policy = load_policy(config.policies, own_domains=config.domains, timezone=config.timezone)
    return list(check_recipients(config, policy))


def test_mail_for_nobody(files: Any) -> None:
    (one,) = mistakes(files, inbound=collected(recipient=STRANGE))
    assert one.weight is Weight.ERROR
    assert one.text == f"inbound.imap[0]: its recipient {STRANGE} is no mailbox of the policy"


LOOPS = {
    "by LMTP, a socket": {"method": "lmtp", "lmtp": {"socket": "s"}, "maildir": None},
    "by LMTP": {
        "method": "lmtp",
        "lmtp": {"host": "MAIL.motala.se", "tls": {"mode": "verify"}},
        "maildir": None,
    },
    "by SMTP": {"method": "smtp", "smtp": SMTP, "maildir": None},
}


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("username", [world.HOME_CARE, f"{world.HOME_CARE}*vakt"])
def test_what_is_delivered_would_be_collected_again(files: Any, name: str, username: str) -> None:
    (one,) = mistakes(files, inbound=collected(username=username), delivery=LOOPS[name])
    assert one.weight is Weight.WARNING
    assert f"seems to put opened mail into the INBOX of {world.HOME_CARE}" in one.text


@pytest.mark.parametrize(
    "changes", [{}, {"folder": "Sealed", "username": world.HOME_CARE}, {"host": "other.se"}]
)
def test_what_is_delivered_elsewhere_is_fine(files: Any, changes: dict[str, Any]) -> None:
    assert mistakes(files, inbound=collected(**changes), delivery=LOOPS["by SMTP"]) == []


class Bare:
    """A server that can next to nothing, as no package has it any more."""

    capabilities = frozenset({"IMAP4REV1"})

    async def examine(self, folder: str) -> Selected:
        return Selected(name=folder, exists=0, uid_validity=1, uid_next=None, read_only=True)


class BareSessions:
    @asynccontextmanager
    async def open(self, account: Account) -> AsyncIterator[Session]:
        yield cast("Session", Bare())


async def test_a_server_that_can_next_to_nothing(files: Any) -> None:
    files.write_private("own", "x")
    config = files.config(inbound={**collected(), "poll": "90s"})
    policy = load_policy(config.policies, own_domains=config.domains, timezone=config.timezone)
    found = await check_imap(config, policy, cast("Sessions", BareSessions()))
    assert [(one.weight, one.text) for one in found] == [
        (
            Weight.ERROR,
            "the server has neither MOVE nor UIDPLUS: what was collected cannot be moved out of the way",
        ),
        (Weight.WARNING, "the server has no IDLE: new mail is noticed every 90 s only (inbound.poll)"),
    ]


async def test_authorities_of_a_token_server_that_cannot_be_read(files: Any) -> None:
    files.write_private("client", "x")
    auth = {"method": "xoauth2", "token_url": "https://localhost:1/t", "client_id": "c", "scope": "s"}
    tokens = {**auth, "client_secret_file": "client", "ca": "missing.pem"}
    config = files.config(inbound=collected(password_file=None, auth=tokens))
    policy = load_policy(config.policies, own_domains=config.domains, timezone=config.timezone)
    (found,) = await check_imap(config, policy, ImapSessions(timeout_seconds=5))
    assert (found.weight, "the file of authorities cannot be used" in found.text) == (Weight.ERROR, True)
