"""The shipped policy's cases as real messages: its example fingerprints stand for real keys, made here."""

import re
import shutil
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rorpost_gateway.decision import Direction, Reason
from rorpost_gateway.envelope import Login, TrustedNetwork
from rorpost_gateway.policy.case_message import message_of
from rorpost_gateway.policy.cases import ACCEPT, Case, load_cases
from rorpost_gateway.policy.model import Mailbox
from tests.golden.explained.gateway import Gateway, write_config
from tests.golden.explained.trial import Trial
from tests.peers.gnupg_home import gpg, make_home, remove_home
from tests.peers.inbound_house import Partner

SHIPPED = Path(__file__).parents[3] / "policies"
OURS = "motala.se"
_EXAMPLE = re.compile(r"\bAAAA0000[0-9A-F]{32}\b")
_MADE_AT = "20251201T000000!"
_OPTIONS = ("--pinentry-mode", "loopback", "--passphrase", "", "--status-fd", "1")


def gateway(folder: Path, stack: ExitStack) -> Gateway:
    """Whose home has a key for every mailbox of the shipped policy."""
    home = make_home()
    stack.callback(remove_home, home)
    texts = {path.name: path.read_text("utf-8") for path in SHIPPED.glob("*.yaml")}
    own = set(re.findall(rf"^  (rorpost\.[a-z.-]+@{OURS}):", "".join(texts.values()), re.MULTILINE))
    examples = set(_EXAMPLE.findall("".join(texts.values())))
    made = {name: _make_key(home, name) for name in sorted(own | examples)}
    (folder / "policies").mkdir()
    for name, text in texts.items():
        (folder / "policies" / name).write_text(_with_keys(text, made), encoding="utf-8")
    shutil.copytree(SHIPPED / "tests", folder / "cases")
    for path in (folder / "cases").glob("*.yaml"):
        path.write_text(_with_keys(path.read_text("utf-8"), made), encoding="utf-8")
    return Gateway(write_config(folder, home=home, domain=OURS, policies="policies", limits={}), folder)


def trials(it: Gateway) -> list[Trial]:
    """A trial for each case that is about a message, or that the envelope alone refuses."""
    cases = load_cases([it.folder / "cases"], it.in_force.policy)
    found = [_trial(it, case, number) for number, case in enumerate(cases)]
    return [trial for trial in found if trial is not None]


def _trial(it: Gateway, case: Case, number: int) -> Trial | None:
    at = case.at or datetime.now(tz=UTC)
    case = replace(case, at=at)
    outbound = case.direction is Direction.OUTBOUND
    if not outbound and case.signature is None and case.want == ACCEPT:
        return None  # about the envelope alone: there is nothing to open
    octets = message_of(case, it.in_force.policy, at=at).replace(b"<case@", b"<case%d@" % number)
    login = None
    if outbound and case.login is not None:
        login = Login(name=case.login, address=case.login, aliases=case.aliases)
    elif not outbound and case.signature is not None:
        octets = _sealed(it, case, at, octets)
    return Trial(
        name=case.name,
        direction=case.direction,
        sender=case.sender,
        recipients=(case.recipient,),
        octets=octets,
        at=at,
        login=login,
        trusted=(TrustedNetwork(network="192.0.2.0/28"),) if not outbound or login is None else (),
        want=Reason.OK if case.want == ACCEPT else Reason(case.want),
        key_states=case.keys,
    )


def _sealed(it: Gateway, case: Case, at: datetime, payload: bytes) -> bytes:
    """What the partner makes of it."""
    policy, signature = it.in_force.policy, case.signature
    assert signature is not None
    home = it.config.openpgp.home
    recipient = it.in_force.keys.for_signing(case.recipient, (), at)
    keys: Any = SimpleNamespace(receiver_home=home, sender=getattr(recipient, "primary", ""), receiver="")
    partner = Partner(keys, at.timestamp())
    mailbox = policy.mailbox(case.sender)
    signer = signature.by or _usual_signer(mailbox, case)
    signed_at = (signature.at or at).timestamp()
    if signature.protected:
        payload = _protected(payload)
    block = partner.sealed_by_hand(payload, signer=signer, signed_at=signed_at)
    return partner.outer(block, case.sender, to=(case.recipient,))


def _usual_signer(mailbox: Mailbox | None, case: Case) -> str:
    assert mailbox is not None
    assert case.at is not None
    return mailbox.keys_on(case.at.date())[0]


def _protected(payload: bytes) -> bytes:
    """Header fields under the signature (RFC 9788)."""
    header, _, body = payload.partition(b"\r\n\r\n")
    if b"\r\nContent-Type:" not in header:
        header += b"\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii"
    header = re.sub(rb"(\r\nContent-Type: [^\r\n]*)", rb'\1; hp="cipher"', header, count=1)
    return header + b"\r\n\r\n" + body


def _make_key(home: Path, name: str) -> str:
    user_id = name if "@" in name else f"{name.lower()}@example.org"
    said = gpg(
        home, *_OPTIONS, "--quick-generate-key", user_id, "future-default", "default", "10y", clock=_MADE_AT
    )
    return re.findall(r"KEY_CREATED \w ([0-9A-F]{40})", said.decode())[0]


def _with_keys(text: str, made: dict[str, str]) -> str:
    return _EXAMPLE.sub(lambda found: made.get(found[0], found[0]), text)
