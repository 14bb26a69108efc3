"""A crash on the way in, played and looked at from outside.

A partner brings one message that is refused and one that is sound to a daemon that is
killed at a point; an ordinary daemon is then started on the same folders. Of the
gateway's own code only the pure making of a sealed message takes part, and the
verifier of the decision log.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rorpost_gateway.message import parse_message
from rorpost_gateway.pgpmime import Added, Outer, protect, wrap
from tests.crash.scene import Scene
from tests.peers.gateway_world import BRINKEN, HOME_CARE, THEIRS, merged
from tests.peers.gnupg_home import PreparedKeys, gpg
from tests.peers.submitting import Heard, Submission, make_message, submit
from tests.peers.two_gateways import DORA, agreed_policy, unchanged_sha256
from tests.peers.whole_gateway import MakeGateway

# Words of the plaintext, of body and subject: of what is delivered, and of what is refused.
WORD, SUBJECT_WORD = "FLADDERMUSEN", "Igelkotten"
REFUSED_WORD, REFUSED_SUBJECT_WORD = "VESSLORNA", "Grasandaner"


@dataclass(frozen=True, kw_only=True)
class Brought:
    """A partner's messages, sealed by plain gpg: as the partner wrote them, and as they are brought."""

    written: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    refused: bytes = field(repr=False)


def make_brought(keys: PreparedKeys) -> Brought:
    written = make_message(
        sender=BRINKEN,
        recipients=(HOME_CARE,),
        user=DORA,
        message_id="<en@ws17>",
        subject=SUBJECT_WORD,
        body=f"{WORD} i lada tva.",
    )
    refused = make_message(
        sender=BRINKEN,
        recipients=(HOME_CARE,),
        user=DORA,
        message_id="<nej@ws17>",
        subject=REFUSED_SUBJECT_WORD,
        body=f"{REFUSED_WORD} i lada ett.",
        Importance="high",
    )
    return Brought(written=written, sealed=seal(keys, written, 1), refused=seal(keys, refused, 2))


def seal(keys: PreparedKeys, octets: bytes, number: int) -> bytes:
    """As the partner's gateway seals it."""
    message, now = parse_message(octets), datetime.now(tz=UTC)
    outer = Outer(
        author=BRINKEN,
        recipient=HOME_CARE,
        date=datetime.strptime(message.named("date")[0].value, "%a, %d %b %Y %H:%M:%S %z"),
        message_id=f"<{number:032x}@{THEIRS}>",
        hostname=f"gw.{THEIRS}",
        queue_id=f"{number:016d}",
        received_at=now,
    )
    added = Added(sending_user=DORA, channel="hemsjukvarden-brinken", salt=bytes(16), outer=outer)
    options = ("--sign", "--encrypt", "--armor", "--local-user", keys.receiver, "--recipient", keys.sender)
    block = gpg(keys.receiver_home, *options, stdin=protect(message, added))
    return wrap(block.replace(b"\n", b"\r\n"), outer)


def make_way_in(
    whole_gateway: MakeGateway, brought: Brought, config: Mapping[str, Any] | None = None
) -> "WayIn":
    """A scene at Motala, to which the Region brings mail. `config` is laid over the usual one."""
    gateway = whole_gateway()
    tls = gateway.config["submission"]["tls"]
    smtp = {"listen": ["127.0.0.1:0"], "tls": tls, "allowed_networks": ["127.0.0.0/8"]}
    gateway.set_config(merged(merged(gateway.config, {"inbound": {"smtp": smtp}}), config or {}))
    gateway.set_policy(agreed_policy(gateway.keys))
    return WayIn(gateway=gateway, brought=brought)


@dataclass(kw_only=True)
class WayIn(Scene):
    """A scene in which a partner brings mail; `play` and what is seen at the end are its own."""

    brought: Brought

    def play(  # type: ignore[override]
        self, point: str, moment: str, nth: int = 1, *, refusal_first: bool = True
    ) -> Heard:
        """Bring both to a daemon that is killed there; what was heard of the sound one."""
        self.start_with(point, moment, nth)
        with self.connect() as partner:
            if refusal_first:
                assert self.bring_refused(partner).reason == "urgent"
            heard = submit(partner, self.brought.sealed, sender=BRINKEN, recipients=(HOME_CARE,))
            self.see_killed(point, moment)
            partner.close()
        return heard

    def connect(self) -> Submission:
        host, _, port = self.gateway.running.wait_for_event("ready")["inbound"].rpartition(":")
        return Submission((host, int(port)), self.gateway.authority.client_context(), login=None)

    def bring_refused(self, partner: Submission) -> Heard:
        return submit(partner, self.brought.refused, sender=BRINKEN, recipients=(HOME_CARE,))

    def submit(self) -> Heard:
        """The sound message, over a connection of its own."""
        with self.connect() as partner:
            return submit(partner, self.brought.sealed, sender=BRINKEN, recipients=(HOME_CARE,))

    def delivered(self) -> list[bytes]:
        """What a reader finds: drafts in `tmp` are none."""
        return [path.read_bytes() for path in self.gateway.notices(HOME_CARE)]

    def arrivals(self) -> Counter[str]:
        return Counter({HOME_CARE: len(self.delivered())}) if self.delivered() else Counter()

    def end(self, *, refused_lines: int = 1) -> None:
        super().end(refused_lines=refused_lines)
        self.see_that_the_copy_is_whole()

    def see_no_plaintext(self) -> None:
        """Not outside the mailbox; and of what was refused, nowhere."""
        for word in (WORD, SUBJECT_WORD):
            found = self.gateway.holds(word.encode())
            assert [path for path in found if not path.is_relative_to(self.gateway.mail / HOME_CARE)] == []
        for word in (REFUSED_WORD, REFUSED_SUBJECT_WORD):
            assert self.gateway.holds(word.encode()) == []
        words = (WORD, SUBJECT_WORD, REFUSED_WORD, REFUSED_SUBJECT_WORD)
        assert not any(word in line for line in self.gateway.operator_lines for word in words)

    def see_that_lines_and_arrivals_agree(self) -> None:
        """Each accepted decision has its one file, named by it, and a line that says so, at least one."""
        decided = self.gateway.lines_of("decision", action="accept", reason="ok")
        told = Counter(line["decision_id"] for line in self.gateway.lines_of("delivered"))
        assert set(told) == {line["decision_id"] for line in decided}
        files = [path.name for path in self.gateway.notices(HOME_CARE)]
        assert sorted(files) == sorted(f"{line['queue_id']}.{line['decision_id']}" for line in decided)
        assert not self.gateway.queue_rows()
        assert not self.gateway.next_hop.connections  # nobody was told anything

    def see_that_lines_and_notices_agree(self) -> None:
        """There are none: a notice would stand among what is delivered."""

    def see_that_the_copy_is_whole(self) -> None:
        for octets in self.delivered():
            assert unchanged_sha256(octets) == unchanged_sha256(self.brought.written)
            head = octets.partition(b"\n\n")[0]
            assert head.count(b"X-Rorpost-Verified: yes;") == 1
