"""`rorpost policy explain`: why a message may or may not be sent, decided by the daemon's own code."""

import asyncio
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rorpost_gateway.address import parse_address
from rorpost_gateway.cli.options import config_option, json_option
from rorpost_gateway.config import Config, load_config
from rorpost_gateway.content import read_content
from rorpost_gateway.decision import Direction, KeyChoice, Reason, Verdict
from rorpost_gateway.envelope import Login
from rorpost_gateway.errors import AddressMalformed, MessageMalformed, MessageTooComplex
from rorpost_gateway.facts import NOTHING_FOUND, Look, MessageFacts
from rorpost_gateway.openpgp.gnupg import load_index
from rorpost_gateway.outbound.submitted import LEGAL_BASIS_FIELD, read_submitted
from rorpost_gateway.policy.evaluate import Outcome, Question, Step, evaluate, trace
from rorpost_gateway.policy.load import load_policy
from rorpost_gateway.policy.model import Policy
from rorpost_gateway.reply import reply_for

_ENVELOPE_ONLY = {
    Direction.OUTBOUND: "Only the envelope was judged; give --user or --message to judge the rest.",
    Direction.INBOUND: "Only the envelope was judged: a partner's message is judged when it has been opened.",
}
_MARKS = {
    Outcome.PASSED: "[green]passed[/]",
    Outcome.FAILED: "[red]failed[/]",
    Outcome.NOT_TRIED: "[dim]not tried[/]",
}


class _Address(click.ParamType[str]):
    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401
        try:
            return parse_address(str(value))
        except AddressMalformed:
            self.fail(f"{value!r} is not an e-mail address", param, ctx)


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
@click.option("--to", "recipient", type=_Address(), required=True, help="The receiving function mailbox.")
@click.option(
    "--user",
    type=_Address(),
    help="The person who is logged in; without --message, also stated as the sending user.",
)
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
    "message_path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A message file; it is judged as the daemon would judge it.",
)
def explain(
    *,
    config_path: Path,
    as_json: bool,
    sender: str,
    recipient: str,
    user: str | None,
    direction: str,
    at: datetime | None,
    message_path: Path | None,
) -> None:
    """Say whether A may write to B, by which channel and rule, and with which keys.

    Without --user and --message only what the envelope tells is judged; and from the partner
    never more than that, since what counts then is what a signature covers.
    """
    config = load_config(config_path)
    in_force = load_policy(config.policies, own_domains=config.domains, timezone=config.timezone)
    keys = asyncio.run(load_index(config.openpgp.home))
    facts = None
    if direction == Direction.OUTBOUND and message_path is not None:
        facts = _facts_of_file(config, in_force, message_path)
    elif direction == Direction.OUTBOUND and user is not None:
        facts = _sound_facts(in_force, sender, recipient, user)
    question = Question(
        direction=Direction(direction),
        at=_aware(at, config),
        sender=sender,
        recipient=recipient,
        own_domains=config.domains,
        login=Login(name=user, address=user) if user is not None else None,
        facts=facts,
        envelope_recipients=(recipient,),
    )
    verdict, steps = evaluate(in_force, keys, question), trace(in_force, keys, question)
    said = _as_data(config, in_force, question, verdict, steps)
    if as_json:
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        _print(said)
    sys.exit(0 if verdict.accepted else 1)


def _aware(at: datetime | None, config: Config) -> datetime:
    if at is None:
        return datetime.now(tz=UTC)
    return at if at.tzinfo is not None else datetime.combine(at.date(), at.time() or time(), config.timezone)


def _facts_of_file(config: Config, in_force: Policy, path: Path) -> MessageFacts:
    octets = path.read_bytes()
    if b"\r\n" not in octets:  # a file saved on this machine; over SMTP its lines end with CRLF
        octets = octets.replace(b"\n", b"\r\n")
    headers = {in_force.rules.header, *(channel.rules.header for channel in in_force.channels)}
    try:
        submitted = read_submitted(octets, hostname=config.hostname, keep=headers)
        return replace(submitted.facts, content=read_content(submitted.message, ~Look(0)))
    except (MessageMalformed, MessageTooComplex) as error:
        reason = (
            Reason.MESSAGE_MALFORMED if isinstance(error, MessageMalformed) else Reason.MESSAGE_TOO_COMPLEX
        )
        raise click.ClickException(f"{path}: {reason}: {error.private}") from error


def _sound_facts(in_force: Policy, sender: str, recipient: str, user: str) -> MessageFacts:
    """A message that breaks no rule: it states its user, and a legal basis where one is asked for."""
    channels = in_force.pairs.get((sender, recipient), ())
    fields: dict[str, tuple[str, ...]] = {each.rules.header.lower(): (user,) for each in channels}
    bases = [basis for each in channels for basis in each.rules.legal_basis or ()]
    if bases:
        fields[LEGAL_BASIS_FIELD] = (bases[0],)
    return MessageFacts(
        authors=(sender,), sender=(user,), to=(recipient,), fields=fields, content=NOTHING_FOUND
    )


def _as_data(
    config: Config, in_force: Policy, question: Question, verdict: Verdict, steps: list[Step]
) -> dict[str, Any]:
    mailbox = in_force.mailbox(question.recipient)
    reply = reply_for(
        verdict.reason,
        config.language,
        queue_id="QUEUE_ID",
        unit=mailbox.name if mailbox else "",
        phone=verdict.phone,
    )
    declared = verdict.declared_user
    return {
        "accepted": verdict.accepted,
        "direction": question.direction,
        "reason": verdict.reason,
        "rule": verdict.rule,
        "position": str(verdict.position) if verdict.position else None,
        "channel": verdict.channel,
        "policy": in_force.revision,
        "at": question.at.isoformat(),
        "declared_user": declared.address if declared else None,
        "declared_by": declared.declared_by if declared else None,
        "seal_to": _key(verdict.seal_to),
        "sign_with": _key(verdict.sign_with),
        "reply": reply.line,
        "message_judged": question.facts is not None,
        "steps": [
            {
                "rule": step.rule,
                "outcome": step.outcome,
                "refuses_with": list(step.reasons),
                "reason": step.reason,
                "position": str(step.position) if step.position else None,
            }
            for step in steps
        ],
    }


def _key(choice: KeyChoice | None) -> dict[str, str] | None:
    return {"primary": choice.primary, "subkey": choice.subkey} if choice else None


def _print(said: dict[str, Any]) -> None:
    console = Console()
    table = Table(title="Rules, in the order they are tried", title_justify="left")
    for column in ("rule", "refuses with", "outcome", "policy"):
        table.add_column(column, overflow="fold")
    for step in said["steps"]:
        words = (step["rule"], ", ".join(step["refuses_with"]))
        table.add_row(*map(Text, words), _MARKS[step["outcome"]], Text(step["position"] or ""))
    console.print(table)
    outcome = Text("accepted", "bold green") if said["accepted"] else Text("refused", "bold red")
    console.print(Text.assemble(outcome, f" [{said['reason']}]"))
    for name in ("rule", "position", "channel", "declared_user", "seal_to", "sign_with", "policy", "reply"):
        value = said[name]
        if isinstance(value, dict):
            value = f"{value['primary']} (subkey {value['subkey']})"
        if value is not None:
            console.print(Text(f"  {name.replace('_', ' ')}: {value}"), soft_wrap=True)
    if not said["message_judged"]:
        console.print(Text(f"  {_ENVELOPE_ONLY[said['direction']]}"))
