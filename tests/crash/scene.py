"""One crash, played and looked at from outside.

A refused message and one to two recipients are submitted to a daemon that is killed
at a point. Afterwards an ordinary daemon is started on the same folders. Nothing of
the gateway's own code takes part in the checks, but the verifier of the decision log.
"""

import os
import signal
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import Any

from tests.crash.points import CUTS, POINTS
from tests.peers.gateway_world import BRINKEN, LYCKORNA
from tests.peers.gnupg_home import open_with_gpg
from tests.peers.next_hop import Arrival
from tests.peers.submitting import Heard, make_message, submit
from tests.peers.whole_gateway import WholeGateway

SCRIPT = Path(__file__).with_name("daemon_with_point.py")
BOTH = (BRINKEN, LYCKORNA)

# Words of the plaintext: of body and subject, of the accepted message and of the refused one.
WORD, SUBJECT_WORD = "FLADDERMUSEN", "Igelkotten"
REFUSED_WORD, REFUSED_SUBJECT_WORD = "VESSLORNA", "Grasandaner"

ACCEPTED = make_message(
    recipients=BOTH, message_id="<tva@klient.motala.se>", subject=SUBJECT_WORD, body=f"{WORD} i lada tva."
)
REFUSED = make_message(
    recipients=BOTH,
    message_id="<nej@klient.motala.se>",
    subject=REFUSED_SUBJECT_WORD,
    body=f"{REFUSED_WORD} i lada ett.",
    Importance="high",
)


@dataclass(kw_only=True)
class Scene:
    """`gateway` is not running when the scene begins."""

    gateway: WholeGateway
    opened: dict[str, bytes] = field(default_factory=dict)  # by the digest of the sealed octets

    def play(
        self,
        point: str,
        moment: str,
        nth: int = 1,
        *,
        refusal_first: bool = True,
        options: tuple[str, ...] = (),
    ) -> Heard:
        """Submit to a daemon that is killed there; what the client of the accepted message heard."""
        self.start_with(point, moment, nth)
        with self.gateway.connect() as client:
            if refusal_first:
                assert submit(client, REFUSED, recipients=BOTH).reason == "urgent"
            heard = submit(client, ACCEPTED, recipients=BOTH, options=options)
            self.see_killed(point, moment)
            client.close()
        return heard

    def start_with(self, point: str, moment: str, nth: int = 1, *, wait: bool = True) -> None:
        assert point in POINTS
        assert moment in {"before", "after", *CUTS}
        # Whatever the daemon or gpg would put into a temporary file is looked at too.
        scratch = self.gateway.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        self.gateway.start(
            wrapper=SCRIPT,
            arguments=(point, moment, str(nth)),
            environment=os.environ | {"TMPDIR": str(scratch)},
            wait=wait,
        )

    def see_killed(self, point: str, moment: str) -> None:
        """The daemon died by SIGKILL, at that point, and left no plaintext behind."""
        assert self.gateway.running.wait() == -signal.SIGKILL
        killed = self.gateway.running.wait_for_event("killed")
        assert (killed["point"], killed["moment"]) == (point, moment)
        self.see_no_plaintext()

    def settle(self) -> None:
        """An ordinary daemon is started, and works until the queue is empty."""
        self.gateway.start()
        assert not [row for row in self.gateway.queue_rows() if row["state"] == "pending"]
        self.gateway.wait_until_empty()

    def repeat(self) -> Heard:
        """The client, which heard nothing, submits the same message again."""
        heard = self.submit()
        self.gateway.wait_until_empty()
        return heard

    def submit(self) -> Heard:
        """The accepted message, over a connection of its own."""
        return self.gateway.submit(ACCEPTED, recipients=BOTH)

    def end(self, *, refused_lines: int = 2) -> None:
        """Stop the daemon, and see that everything that is always so is so."""
        assert self.gateway.stop() == 0
        self.gateway.verify_log()
        self.see_no_plaintext()
        self.see_that_lines_and_arrivals_agree()
        self.see_that_lines_and_notices_agree()
        refusals = self.gateway.lines_of("decision", action="reject")
        assert [line["reason"] for line in refusals] == ["urgent"] * refused_lines

    def arrivals(self) -> Counter[str]:
        """How often the message came to each recipient."""
        return Counter(arrival.recipient for arrival in self.gateway.next_hop.arrivals)

    def notices(self) -> Counter[tuple[str, str]]:
        """How often the sender was told what became of the copy to a recipient: (recipient, action)."""
        return Counter(_told_of(path.read_bytes()) for path in self.gateway.notices())

    def see_no_plaintext(self) -> None:
        for word in (WORD, SUBJECT_WORD, REFUSED_WORD, REFUSED_SUBJECT_WORD):
            assert self.gateway.holds(word.encode()) == []
            assert not any(word in line for line in self.gateway.operator_lines)
            assert word.encode() not in self.gateway.next_hop.octets

    def see_that_lines_and_arrivals_agree(self) -> None:
        """What came has one accepted decision and a line for each success; whatever was accepted ended."""
        decided = self.gateway.lines_of("decision", action="accept", reason="ok")
        relayed = Counter(line["decision_id"] for line in self.gateway.lines_of("relayed"))
        came = Counter(self._digest(arrival) for arrival in self.gateway.next_hop.arrivals)
        assert set(came) <= {line["sealed_sha256"] for line in decided}
        assert set(relayed) <= {line["decision_id"] for line in decided}
        assert len({line["sealed_sha256"] for line in decided}) == len(decided)
        in_queue = {row["decision_id"] for row in self.gateway.queue_rows()}
        given_up = {line["decision_id"] for line in self.gateway.lines_of("bounced")}
        for line in decided:
            name = line["decision_id"]
            assert relayed[name] <= came[line["sealed_sha256"]]
            assert bool(relayed[name]) == bool(came[line["sealed_sha256"]])
            assert relayed[name] or name in given_up | in_queue

    def see_that_lines_and_notices_agree(self) -> None:
        """A failure is told once, and only of a copy that did not come and is in the log as bounced."""
        failed = {recipient for recipient, action in self.notices() if action == "failed"}
        assert set(self.notices().values()) <= {1}
        assert not failed & set(self.arrivals())
        assert failed <= {line["recipient"] for line in self.gateway.lines_of("bounced")}

    def _digest(self, arrival: Arrival) -> str:
        """Of the packets of a copy that can be opened, and holds the accepted message."""
        digest = arrival.sealed_sha256
        if digest not in self.opened:
            self.opened[digest] = open_with_gpg(self.gateway.keys.receiver_home, arrival.sealed)
            (decision,) = self.gateway.lines_of("decision", action="accept", sealed_sha256=digest)
            assert decision["recipient"] == arrival.recipient
        assert WORD.encode() in self.opened[digest]
        assert REFUSED_WORD.encode() not in self.opened[digest]
        return digest


def without_channel(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The policy, but that the message may not go to either recipient any more."""
    first, *others = policy["channels"]
    left = [address for address in first["to"] if address not in BOTH]
    return {**policy, "channels": [{**first, "to": left}, *others]}


def _told_of(notice: bytes) -> tuple[str, str]:
    """The recipient and the action of a DSN about one recipient (RFC 3464, section 2.3)."""
    _, of_recipient = notice.split(b"message/delivery-status", 1)[1].split(b"\n\n")[1:3]
    fields = message_from_bytes(of_recipient)
    return fields["Final-Recipient"].partition(";")[2].strip(), fields["Action"]
