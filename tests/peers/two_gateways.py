"""Two organisations: two real daemons, each the other's next hop over verified TLS.

    def test_it(two_gateways):
        both = two_gateways()                        # or two_gateways(motala={"delivery": {…}})
        both.motala.send(BRINKEN, body="Hej")        # Anna, from Outlook
        [octets] = both.region.delivered(BRINKEN)    # opened, checked, delivered
        both.finish()                                # both end with 0, both logs hold

Each has its own GnuPG home, state, mailboxes and decision log. The policy is one
document that both sides agreed on; whose mailboxes are whose, `domains` says.
"""

import copy
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Self

import pytest

from tests.e2e.scenario import Scenario
from tests.peers import gateway_world as world
from tests.peers.authority import Authority
from tests.peers.gateway_world import BRINKEN, HOME_CARE, LYCKORNA, OURS, THEIRS
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.submitting import Heard, Submission, submit
from tests.peers.tube import Tube
from tests.peers.whole_gateway import _write_private

ANNA = world.ANNA
DORA = f"dora.ek@{THEIRS}"
FULL = f"rorpost.liten@{OURS}"  # with a quota at our Dovecot: over it, refused for good
PATIENT = f"rorpost.talig@{OURS}"  # over its quota: "try again later"
PHONE_OURS = "0141-22 50 00"
# What the gateways may change of a message, by name: trace fields, their own, and the author's display name.
_ADDED = ("return-path", "delivered-to", "received", "x-rorpost-verified", "hp-outer")
_CLIENTS_OWN = ("x-rorpost-sending-user", "x-rorpost-legal-basis")
_FIELD = re.compile(rb"(?s)[^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*")


class Side(Scenario):
    """One of the two. `mailbox` writes, `person` is who; `login` is that person's."""

    def __init__(
        self,
        keys: PreparedKeys,
        authority: Authority,
        *,
        domain: str,
        home: Path,
        tube: Tube,
        policy: Mapping[str, Any],
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.mailbox, self.person, self.login = {
            OURS: (HOME_CARE, ANNA, "anna"),
            THEIRS: (BRINKEN, DORA, "dora"),
        }[domain]
        usual = _config(authority, domain, tube)
        super().__init__(keys, authority, home=home, policy=policy, config=world.merged(usual, config or {}))
        _write_private(self.folder / "users.yaml", _users(domain))

    @property
    def inbound(self) -> tuple[str, int] | None:
        """Where partners connect, in the run that goes on; None where none does."""
        if self.daemon is None or self.daemon.process.poll() is not None:
            return None
        ready = [event for event in self.daemon.events if event.get("event") == "ready"]
        host, _, port = ready[0]["inbound"].rpartition(":") if ready else ("", "", "0")
        return (host, int(port)) if ready else None

    def send(self, *recipients: str, octets: bytes | None = None, **message: Any) -> Heard:
        """What this side's person submits: `octets`, or a sound message of `message`'s parts."""
        message = {"user": self.person} | message if octets is None else message
        return self.submit(octets, recipients=recipients, sender=self.mailbox, login=self.login, **message)

    def bring(self, octets: bytes, *, sender: str, recipients: tuple[str, ...], tls: bool = True) -> Heard:
        """What a partner's server brings to the inbound listener."""
        place = self.inbound
        assert place is not None
        context = self.authority.client_context() if tls else None
        with Submission(place, context, login=None) as client:
            return submit(client, octets, sender=sender, recipients=recipients)

    def delivered(self, mailbox: str) -> list[bytes]:
        """What lies in a mailbox of this side's, as it lies there; notices too. Oldest first."""
        paths = sorted(self.notices(mailbox), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_bytes() for path in paths]

    def wait_until_delivered(self, count: int) -> list[dict[str, Any]]:
        """The `delivered` lines, once there are that many."""
        self.until(lambda: len(self.lines_of("delivered")) >= count, what=f"{count} delivered lines")
        return self.lines_of("delivered")

    def holds_outside_mail(self, marker: bytes) -> list[Path]:
        """The files that contain the octets, this side's mailboxes aside."""
        return [path for path in self.holds(marker) if not path.is_relative_to(self.mail)]


class TwoGateways:
    """Motala and the Region, not started yet. `finish` is the last step of every scenario."""

    def __init__(
        self,
        keys: PreparedKeys,
        authority: Authority,
        *,
        motala: Mapping[str, Any] | None = None,
        region: Mapping[str, Any] | None = None,
        homes: Mapping[str, Path] | None = None,
        policy: Mapping[str, Any] | None = None,
    ) -> None:
        """`motala` and `region` are laid over the configurations; `homes` are by domain."""
        homes = homes or {}
        policy = policy or agreed_policy(keys)
        self.to_region, self.to_motala = Tube(lambda: self.region.inbound), Tube(lambda: self.motala.inbound)
        self.motala = Side(
            keys,
            authority,
            domain=OURS,
            home=homes.get(OURS, keys.sender_home),
            tube=self.to_region,
            policy=policy,
            config=motala,
        )
        self.region = Side(
            keys,
            authority,
            domain=THEIRS,
            home=homes.get(THEIRS, keys.receiver_home),
            tube=self.to_motala,
            policy=policy,
            config=region,
        )

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.motala, self.region

    def start(self) -> Self:
        for side in self.sides:
            side.start(wait=False)
        for side in self.sides:
            side.running.wait_for_event("ready")
        return self

    def finish(self) -> None:
        for side in self.sides:
            if side.runs:
                side.finish()

    def close(self) -> None:
        for side in self.sides:
            side.close()
        for tube in (self.to_region, self.to_motala):
            tube.close()


def agreed_policy(keys: PreparedKeys) -> dict[str, Any]:
    """Both ways between home care and Brinken; inside the Region; and to two small mailboxes of ours."""
    ours = {"key": keys.sender, "phone": PHONE_OURS}
    theirs = {"phone": world.PHONE_THEIRS}
    return {
        "mailboxes": {
            HOME_CARE: {
                "name": "Hemsjukvården, Motala kommun",
                "users": [_person(ANNA, "Anna Berg")],
                **ours,
            },
            FULL: {"name": "Liten, Motala kommun", **ours},
            PATIENT: {"name": "Tålig, Motala kommun", **ours},
            BRINKEN: {
                "name": "Vårdcentralen Brinken",
                "users": [_person(DORA, "Dora Ek")],
                "key": keys.receiver,
                **theirs,
            },
            LYCKORNA: {"name": "Vårdcentralen Lyckorna", "key": keys.two_user_ids, **theirs},
        },
        "channels": [
            {"name": "hemsjukvarden-brinken", "between": [HOME_CARE, BRINKEN]},
            {"name": "brinken-lyckorna", "between": [BRINKEN, LYCKORNA]},
            {"name": "brinken-sma", "from": BRINKEN, "to": [FULL, PATIENT]},
        ],
        "rules": {
            "declared_user": {"sources": ["header", "sender", "login"]},
        },
    }


def changed(policy: Mapping[str, Any], mailbox: str, **values: Any) -> dict[str, Any]:
    """The policy with other values for one mailbox."""
    result = copy.deepcopy(dict(policy))
    result["mailboxes"][mailbox] |= values
    return result


def unchanged_part(octets: bytes) -> bytes:
    """A message less everything that the gateways may change by name, with CRLF line ends.

    The same for what was submitted and for what was delivered, where nothing else was changed.
    """
    whole = octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    whole = whole if whole.endswith(b"\r\n") else whole + b"\r\n"
    head, blank, body = whole.partition(b"\r\n\r\n")
    fields = _FIELD.findall(head + b"\r\n")
    kept = [_without_display_name(field) for field in fields if not _is_the_gateways(field)]
    return b"".join(kept) + blank[2:] + body


def unchanged_sha256(octets: bytes) -> str:
    return hashlib.sha256(unchanged_part(octets)).hexdigest()


def _is_the_gateways(field: bytes) -> bool:
    name = field.partition(b":")[0].decode("ascii").lower()
    return name in _ADDED or (name.startswith("x-rorpost-") and name not in _CLIENTS_OWN)


def _without_display_name(field: bytes) -> bytes:
    if field[:5].lower() != b"from:":
        return field
    [address] = re.findall(rb"rorpost\.[a-z0-9.-]+@[a-z0-9.-]+", field.lower())
    return b"From: <%s>\r\n" % address


def _config(authority: Authority, domain: str, tube: Tube) -> dict[str, Any]:
    name = f"gw.{domain}"
    certificate, key = authority.issue("localhost", name, "127.0.0.1", stem=name)
    tls = {"mode": "starttls", "certificate": str(certificate), "key": str(key), "on_loopback": "required"}
    return {
        "node": name.replace(".", "-"),
        "hostname": name,
        "domains": [domain],
        "submission": {"tls": tls},
        "inbound": {"smtp": {"listen": ["127.0.0.1:0"], "tls": tls, "allowed_networks": ["127.0.0.0/8"]}},
        "relay": {
            "default": {
                "host": "localhost",
                "port": tube.port,
                "tls": {"mode": "verify", "ca": str(authority.ca_file)},
            }
        },
    }


def _users(domain: str) -> str:
    """The prepared logins; at the Region it is Dora who has Anna's password."""
    text = world.users_file()
    return text if domain == OURS else text.replace('"anna"', '"dora"').replace(ANNA, DORA)


def _person(address: str, name: str) -> dict[str, Any]:
    domain = address.partition("@")[2]
    return {
        "user": address,
        "name": name,
        "requested_by": f"eva.ek@{domain}",
        "executed_by": f"it.drift@{domain}",
        "valid_from": date.today() - timedelta(days=30),
        "valid_until": date.today() + timedelta(days=300),
    }


MakeTwoGateways = Callable[..., TwoGateways]


@pytest.fixture
def two_gateways(prepared_keys: PreparedKeys, authority: Authority) -> Iterator[MakeTwoGateways]:
    """Makes pairs and starts them, unless told `start=False`; each ends, finished, with the test."""
    made: list[TwoGateways] = []

    def make(*, start: bool = True, **options: Any) -> TwoGateways:
        made.append(TwoGateways(prepared_keys, authority, **options))
        return made[-1].start() if start else made[-1]

    try:
        yield make
        for pair in made:
            pair.finish()
    finally:
        for pair in made:
            pair.close()
