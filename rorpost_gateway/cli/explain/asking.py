"""The question as it was put on the command line, made into what the daemon would meet."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import click

from rorpost_gateway.config import Config
from rorpost_gateway.daemon.rehearsal import AssumedLogins, Submitted
from rorpost_gateway.decision import Direction
from rorpost_gateway.envelope import Client, Login, TrustedNetwork
from rorpost_gateway.facts import NOTHING_FOUND, MessageFacts
from rorpost_gateway.logins import Users, load_users
from rorpost_gateway.outbound.submitted import LEGAL_BASIS_FIELD
from rorpost_gateway.policy.evaluate import Question
from rorpost_gateway.policy.model import Policy
from rorpost_gateway.smtp.peer import describe_peer

_SOMEWHERE = "192.0.2.1"  # RFC 5737: where a client is that nobody said anything about
_ANYBODY = TrustedNetwork(network="0.0.0.0/0")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was given on the command line. `at` is aware."""

    direction: Direction
    sender: str
    recipients: tuple[str, ...]
    at: datetime
    user: str | None
    login: str | None
    client: str | None
    reverse_path: str | None
    message: Path | None


def login_of(config: Config, asked: Asked) -> Login | None:
    """Who is logged in: by the name of the login, or by an address that it stands for.

    Raises click.UsageError for a login that is not there, and DocumentInvalid.
    """
    if asked.login is None and asked.user is None:
        return None
    users = load_users(config.submission.users) if config.submission.users else Users()
    if asked.login is not None:
        found = users.find(asked.login)
        if found is None:
            raise click.UsageError(
                f"no login {asked.login!r} in {config.submission.users or 'the configuration'}"
            )
        return found.login
    known = (each.login for each in users.by_name.values() if asked.user in each.login.addresses)
    return next(known, Login(name=str(asked.user), address=str(asked.user)))


def submitted_of(config: Config, asked: Asked, login: Login | None) -> tuple[Submitted, tuple[str, ...]]:
    """The transaction, and what had to be assumed of it (names of sentences)."""
    if asked.message is None:
        raise ValueError("there is no message")
    client, assumed = _client(config, asked, login)
    return Submitted(
        direction=asked.direction,
        client=client,
        reverse_path=asked.reverse_path or asked.sender,
        recipients=tuple(dict.fromkeys(asked.recipients)),
        octets=as_data_brings(asked.message.read_bytes()),
    ), (*assumed, "not-asked")


def as_data_brings(octets: bytes) -> bytes:
    """A file as it would come over SMTP: its lines end with CRLF, and so does the last."""
    if b"\r\n" not in octets:
        octets = octets.replace(b"\n", b"\r\n")
    return octets if octets.endswith(b"\r\n") else octets + b"\r\n"


def _client(config: Config, asked: Asked, login: Login | None) -> tuple[Client, tuple[str, ...]]:
    inbound = asked.direction is Direction.INBOUND
    networks = config.submission.trusted_networks
    if inbound:
        networks = config.inbound.smtp.allowed_networks if config.inbound and config.inbound.smtp else ()
    client = describe_peer(asked.client or _SOMEWHERE, networks)
    client = replace(client, tls="TLSv1.3", login=None if inbound else login)
    if asked.client is not None or client.login is not None:
        return client, ()
    return replace(client, trusted=(_ANYBODY,)), ("partner-allowed" if inbound else "network-trusted",)


def logins_for(login: Login | None) -> AssumedLogins:
    return AssumedLogins(login=login)


def questions_of(config: Config, policy: Policy, asked: Asked, login: Login | None) -> list[Question]:
    """Without a message: about the envelope; outbound with a user about a message that breaks no rule."""
    envelope = Question(
        direction=asked.direction,
        at=asked.at,
        sender=asked.sender,
        recipient="",
        own_domains=config.domains,
        login=login,
        envelope_recipients=asked.recipients,
    )
    user = asked.user or (login.address if login is not None else None)
    about_user = user if asked.direction is Direction.OUTBOUND else None
    return [
        replace(
            envelope,
            recipient=recipient,
            facts=_sound_facts(policy, asked, recipient, about_user) if about_user is not None else None,
        )
        for recipient in asked.recipients
    ]


def _sound_facts(policy: Policy, asked: Asked, recipient: str, user: str) -> MessageFacts:
    """It states its user, and a legal basis where one is asked for."""
    channels = policy.pairs.get((asked.sender, recipient), ())
    fields: dict[str, tuple[str, ...]] = {each.rules.header.lower(): (user,) for each in channels}
    bases = [basis for each in channels for basis in each.rules.legal_basis or ()]
    if bases:
        fields[LEGAL_BASIS_FIELD] = (bases[0],)
    return MessageFacts(
        authors=(asked.sender,), sender=(user,), to=asked.recipients, fields=fields, content=NOTHING_FOUND
    )
