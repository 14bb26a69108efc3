"""IMAP accounts as sessions want them, from what the configuration says of them.

Secrets stay in their files until a login asks for them. One client's access token serves every
mailbox and every part of the gateway: it is fetched once, however many sessions it opens.
"""

import time
from weakref import WeakKeyDictionary

from rorpost_gateway.config.model import ImapAccountSettings, XOAuth2Settings
from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.imap.base import Account, Credentials
from rorpost_gateway.imap.credentials import ClientCredentials, PasswordFile, TokenFile

# As long as the configuration lives.
_fetching: WeakKeyDictionary[XOAuth2Settings, ClientCredentials] = WeakKeyDictionary()


def account_for(settings: ImapAccountSettings, mailbox: str | None) -> Account:
    """The account, for one function mailbox where its login serves many (`{mailbox}` in the username).

    Raises ConfigurationInvalid where the login serves many and no mailbox is named.
    """
    if mailbox is None and settings.per_mailbox:
        raise ConfigurationInvalid(f"{settings.username} at {settings.server.name} is no login by itself")
    return Account(
        server=settings.server, username=settings.username_for(mailbox), credentials=_credentials(settings)
    )


def _credentials(settings: ImapAccountSettings) -> Credentials:
    oauth = settings.xoauth2
    if oauth is None:
        if settings.password_file is None:
            raise ConfigurationInvalid(f"{settings.server.name}: there is neither password nor token")
        return PasswordFile(settings.password_file)
    if oauth.token_file is not None:
        return TokenFile(oauth.token_file)
    if oauth not in _fetching:
        _fetching[oauth] = _client(oauth)
    return _fetching[oauth]


def _client(oauth: XOAuth2Settings) -> ClientCredentials:
    if oauth.token_url is None or oauth.client_secret_file is None:
        raise ConfigurationInvalid("a token can neither be read nor fetched")
    return ClientCredentials(
        url=oauth.token_url,
        client_id=oauth.client_id,
        secret_file=oauth.client_secret_file,
        scope=oauth.scope,
        ca=oauth.ca,
        now=time.monotonic,
    )
