"""A dialogue for each reason of the way in, against a real listener: the reply, the log, the queue.

@listener starttls elsewhere   the client's network is not allowed
@sealed WORDS                  a message of the partner's, sound where no word changes it:
    sender=, to=               of the envelope and the message; names of `MAILBOXES`
    signer=, key=              whose key signs, whose it is sealed to; names of `InboundKeys`; `none`
    protection=                a parameter of the Content-Type
    outside.Field=, Field=     header fields outside and inside; `none` leaves one out
    as=                        what is made of it: a name of `SHAPES`
    again                      the same octets as the last one
@line name=value …             the next line of the decision log; null, absent
@queued N                      so many copies lie in the queue
@later DAYS                    the clock goes on
@fault STEP FAULT              a step fails: `opener`, `full`
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.envelope import TrustedNetwork
from rorpost_gateway.errors import QueueFull
from rorpost_gateway.openpgp.base import OpeningFailed
from rorpost_gateway.smtp.settings import TlsMode
from tests.dialogs.listening import listening
from tests.dialogs.runner import Check, play, read_dialog
from tests.peers import gateway_world as world
from tests.peers import inbound_house as partners
from tests.peers.authority import Authority
from tests.peers.inbound_house import InboundHouse, Partner

DIALOGS = {path.stem: path for path in sorted((Path(__file__).parent / "inbound").glob("*.dialog"))}
MAILBOXES = {
    "brinken": world.BRINKEN,
    "hemsjukvarden": world.HOME_CARE,
    "rehab": partners.REHAB,
    "tandvarden": partners.LISTED,
    "lasarettet": world.HOSPITAL,
}
FAULTS = {"opener": OpeningFailed("the agent does not answer"), "full": QueueFull("full")}
BY_SESSION = "the session's own, the same for both listeners; played in `reasons`"
BY_POLICY = "decided of what leaves, not of what comes"
NOT_INBOUND = {
    "tls-required": BY_SESSION,
    "login-required": BY_SESSION,
    "login-failed": BY_SESSION,
    "too-many-recipients": BY_SESSION,
    "too-many-connections": BY_SESSION,
    "shutting-down": BY_SESSION,
    "key-missing": BY_POLICY,
    "key-expired": BY_POLICY,
    "key-revoked": BY_POLICY,
    "key-unusable": BY_POLICY,
    "outside-recipient": BY_POLICY,
    "identity-number-in-subject": BY_POLICY,
    "identity-number-in-attachment-name": BY_POLICY,
    "attachment-not-allowed": BY_POLICY,
}
SHAPES: dict[str, Callable[[Partner, bytes], bytes]] = {
    "plain": lambda partner, _: partner.payload(protection=""),
    "inline": lambda partner, _: partner.payload(
        protection="", body=partner.seal(b"hej\r\n").decode("ascii")
    ),
    "sealed-twice": lambda partner, octets: partner.outer(partner.seal(octets)),
    "tampered": lambda partner, _: partner.outer(
        partner.sealed_by_hand(partner.payload(), over=b"something else")
    ),
    "bare-line-feed": lambda _, octets: octets.replace(b"[...]\r\n", b"[...]\n", 1),
    "thousand-parts": lambda partner, _: partner.payload(
        Content_Type="multipart/mixed; boundary=x", body="--x\r\n\r\n\r\n" * 1001 + "--x--\r\n"
    ),
    "too-large": lambda _, octets: octets + (b"x" * 76 + b"\r\n") * 26_000,
}


@dataclass
class Played:
    """What a dialogue makes and finds."""

    house: InboundHouse
    seen: int = 0
    last: bytes = field(default=b"", repr=False)

    def make(self, words: str) -> bytes:
        if words == "again":
            return self.last
        said = dict(word.split("=", 1) for word in shlex.split(words))
        partner, shape = self.house.partner, said.pop("as", None)
        given: dict[str, Any] = {"outside": {}, "sender": MAILBOXES[said.pop("sender", "brinken")]}
        given["to"] = tuple(MAILBOXES[each] for each in said.pop("to", "hemsjukvarden").split(","))
        for name in ("signer", "key"):
            if name in said:
                wanted = said.pop(name)
                given[name] = "" if wanted == "none" else getattr(self.house.keys, wanted)
        if "protection" in said:
            given["protection"] = said.pop("protection")
        for name, text in said.items():
            value = None if text == "none" else MAILBOXES.get(text, text)
            place = given["outside"] if name.startswith("outside.") else given
            place[name.removeprefix("outside.").replace("-", "_")] = value
        self.last = partner.message(given.pop("sender"), **given)
        if shape is not None:
            self.last = SHAPES[shape](partner, self.last)
        return self.last

    def checks(self) -> dict[str, Check]:
        return {name: getattr(self, name) for name in ("line", "queued", "later", "fault")}

    async def line(self, text: str) -> None:
        lines = self.house.lines()
        assert len(lines) > self.seen, "no further line"
        line, self.seen = lines[self.seen], self.seen + 1
        wanted = {"direction": "inbound", "because_of": "absent"} | dict(
            p.split("=", 1) for p in text.split()
        )
        shown = {name: _shown(line, name) for name in wanted}
        assert shown == wanted, f"{shown} is not {wanted}"

    async def queued(self, text: str) -> None:
        assert len(await self.house.copies()) == int(text)

    async def later(self, text: str) -> None:
        self.house.clock.now += float(text) * 86_400

    async def fault(self, text: str) -> None:
        step, fault = text.split()
        self.house.faults[step] = FAULTS[fault]


def _shown(line: dict[str, Any], name: str) -> str:
    if name not in line:
        return "absent"
    return "null" if line[name] is None else str(line[name])


def test_every_reason_of_the_way_in_has_a_dialogue() -> None:
    assert set(DIALOGS) == {reason.value for reason in Reason} - NOT_INBOUND.keys()


@pytest.mark.parametrize("name", sorted(DIALOGS))
async def test_dialogue(name: str, way_in: InboundHouse, authority: Authority) -> None:
    dialog, played = read_dialog(DIALOGS[name]), Played(way_in)
    kind, _, elsewhere = dialog.listener.partition(" ")
    networks = () if elsewhere else (TrustedNetwork(network="127.0.0.0/8"),)
    settings: dict[str, Any] = {
        "tls": TlsMode(kind),
        "trusted_networks": networks,
        "auth": False,
        "message_size_octets": way_in.means.message_size,
        "clear_text_on_loopback": False,
    }
    async with listening(authority, way_in.inbound, **settings) as listener:
        host, port = listener.addresses[0]
        said = await play(
            dialog,
            host=host,
            port=port,
            context=authority.client_context(),
            checks=played.checks(),
            make=played.make,
        )
    assert any(f" [{name}] " in text for text in said if text.startswith("S: "))
    assert played.seen == len(way_in.lines()), "a line that the dialogue does not name"
