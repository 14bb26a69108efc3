"""The verb itself: its options, and the order of the work."""

import asyncio
import json
import sys
from datetime import UTC, datetime, time
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click

from rorpost_gateway.address import parse_address
from rorpost_gateway.cli.explain.answer import Explained, as_data, of_questions, of_rehearsal
from rorpost_gateway.cli.explain.asking import Asked, login_of, logins_for, questions_of, submitted_of
from rorpost_gateway.cli.explain.sentences import Sentences
from rorpost_gateway.cli.explain.show import show
from rorpost_gateway.cli.loading import load_policy_of
from rorpost_gateway.cli.options import config_option, json_option
from rorpost_gateway.config import Config, load_config
from rorpost_gateway.daemon.rehearsal import Rehearsed, Submitted, rehearse
from rorpost_gateway.decision import Direction
from rorpost_gateway.envelope import Login
from rorpost_gateway.errors import AddressMalformed
from rorpost_gateway.openpgp.engines import SEQUOIA
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.openpgp.opening import GnupgOpener
from rorpost_gateway.operator_log import silent
from rorpost_gateway.reception.house import InForce
from rorpost_gateway.reply import NO_OWN_TEXTS


class _Address(click.ParamType[str]):
    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401
        try:
            return parse_address(str(value))
        except AddressMalformed:
            self.fail(f"{value!r} is not an e-mail address", param, ctx)


class _Client(click.ParamType[str]):
    name = "ip"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401
        try:
            return str(ip_address(str(value)))
        except ValueError:
            self.fail(f"{value!r} is no IP address", param, ctx)


class _Moment(click.ParamType[datetime]):
    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401
        if isinstance(value, datetime):
            return value
        try:
            return datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no date such as 2026-05-06 or 2026-05-06T08:00", param, ctx)


@click.command()
@config_option
@json_option
@click.option("--from", "sender", type=_Address(), required=True, help="The sending function mailbox.")
@click.option(
    "--to",
    "recipients",
    type=_Address(),
    required=True,
    multiple=True,
    help="The receiving function mailbox; once for each.",
)
@click.option(
    "--user",
    type=_Address(),
    help="The person who is logged in; without --message, also stated as the sending user.",
)
@click.option("--login", help="The login itself, by its name in the users file.")
@click.option(
    "--direction",
    type=click.Choice([each.value for each in Direction]),  # click would take the members by their names
    default=Direction.OUTBOUND.value,
    show_default=True,
    help="Out to the partner, or in from it.",
)
@click.option("--at", "at", type=_Moment(), help="The moment to judge for; now if left out.")
@click.option(
    "--message",
    "message",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A message file: as submitted, or inbound as the partner sealed it.",
)
@click.option(
    "--client", type=_Client(), help="With --message: where it comes from; any allowed place if left out."
)
@click.option(
    "--reverse-path",
    type=_Address(),
    help="With --message: MAIL FROM, where it is not --from (a person, on behalf of the mailbox in From).",
)
def explain(*, config_path: Path, as_json: bool, direction: str, at: datetime | None, **given: Any) -> None:  # noqa: ANN401
    """Say whether A may write to B, by which channel and rule, and with which keys.

    With --message the message is decided as the daemon would decide it, and nothing comes of
    it; inbound that needs the private keys, since it is opened. Without --user and --message
    only what the envelope tells is judged.
    """
    config = load_config(config_path)
    asked = Asked(direction=Direction(direction), at=_aware(at, config), **given)
    if asked.message is None and (asked.client or asked.reverse_path):
        raise click.UsageError("--client and --reverse-path are for --message")
    policy = load_policy_of(config)
    login = login_of(config, asked)
    in_force = InForce(
        policy=policy, keys=asyncio.run(load_index(config.openpgp.home)), logins=logins_for(login)
    )
    explained = explain_for(config, in_force, asked, login)
    sentences = Sentences(explained, config.language)
    if as_json:
        click.echo(json.dumps(as_data(explained, sentences.as_data()), ensure_ascii=False, indent=2))
    else:
        show(explained, sentences)
    sys.exit(0 if explained.accepted else 1)


def explain_for(config: Config, in_force: InForce, asked: Asked, login: Login | None) -> Explained:
    common: dict[str, Any] = {
        "direction": asked.direction,
        "at": asked.at,
        "sender": asked.sender,
        "policy": in_force.policy,
    }
    if asked.message is None:
        questions = questions_of(config, in_force.policy, asked, login)
        own_texts = config.reply_texts.get(config.language, NO_OWN_TEXTS)
        decisions = of_questions(in_force, questions, language=config.language, own_texts=own_texts)
        return Explained(
            **common,
            decisions=tuple(decisions),
            message_judged=questions[0].facts is not None,
        )
    submitted, assumed = submitted_of(config, asked, login)
    with silent():
        rehearsed = asyncio.run(_rehearse(config, in_force, submitted, asked.at))
    return Explained(
        **common,
        decisions=tuple(of_rehearsal(in_force, rehearsed, submitted.recipients)),
        message_judged=any(question.facts is not None for question in rehearsed.asked.values()),
        fault=rehearsed.fault,
        assumed=assumed,
    )


async def _rehearse(config: Config, in_force: InForce, submitted: Submitted, at: datetime) -> Rehearsed:
    if submitted.direction is Direction.OUTBOUND:
        return await rehearse(config, in_force, submitted, at=at)
    settings = config.openpgp
    opener = GnupgOpener(settings.home, settings.passphrase(), sequoia=settings.engine == SEQUOIA)
    try:
        return await rehearse(config, in_force, submitted, at=at, opener=opener)
    finally:
        await opener.close()


def _aware(at: datetime | None, config: Config) -> datetime:
    if at is None:
        return datetime.now(tz=UTC)
    return at if at.tzinfo is not None else datetime.combine(at.date(), at.time() or time(), config.timezone)
