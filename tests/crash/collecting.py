"""A crash while mail is collected, played and looked at from outside.

A partner's mailbox at a real Dovecot holds sealed messages; a daemon that is killed at a point
collects them, and an ordinary one, started on the same folders, finishes the work. The books:
each message ends in one of the two folders, delivered once or not at all.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.crash.scene import Scene
from tests.crash.way_in import Brought, WayIn, seal
from tests.peers.dovecot import Dovecot
from tests.peers.gateway_world import BRINKEN, HOME_CARE, merged
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.imap_server import PASSWORD
from tests.peers.submitting import make_message
from tests.peers.two_gateways import DORA, agreed_policy
from tests.peers.whole_gateway import MakeGateway, WholeGateway

COLLECTED, REFUSED = "Rorpost.Collected", "Rorpost.Refused"  # as Dovecot names them over a Maildir
_FOLDERS = ("INBOX", COLLECTED, REFUSED)


def make_many(keys: PreparedKeys, count: int) -> tuple[bytes, ...]:
    """Sound messages, each another one."""
    return tuple(
        seal(
            keys,
            make_message(sender=BRINKEN, recipients=(HOME_CARE,), user=DORA, message_id=f"<{number}@ws17>"),
            100 + number,
        )
        for number in range(count)
    )


def collecting_from(gateway: WholeGateway, dovecot: Dovecot, mailbox: str) -> dict[str, Any]:
    """The gateway's configuration, with that mailbox to collect from."""
    secret = gateway.folder / "imap-password"
    secret.touch(mode=0o600)
    secret.write_text(PASSWORD)
    account = {
        "host": "localhost",
        "port": dovecot.starttls_port,
        "tls": {"mode": "starttls", "ca": str(dovecot.authority.ca_file)},
        "username": mailbox,
        "password_file": str(secret),
        "recipient": HOME_CARE,
    }
    return merged(gateway.config, {"inbound": {"imap": [account], "poll": "1s"}})


def make_collecting_scene(
    whole_gateway: MakeGateway,
    brought: Brought,
    dovecot: Dovecot,
    mailbox: str,
    config: Mapping[str, Any] | None = None,
) -> "CollectingScene":
    """`config` is laid over the usual one."""
    gateway = whole_gateway()
    gateway.set_config(merged(collecting_from(gateway, dovecot, mailbox), config or {}))
    gateway.set_policy(agreed_policy(gateway.keys))
    return CollectingScene(gateway=gateway, brought=brought, dovecot=dovecot, mailbox=mailbox)


@dataclass(kw_only=True)
class CollectingScene(WayIn):
    """The messages lie in `mailbox`; nobody waits for an answer."""

    dovecot: Dovecot
    mailbox: str
    put_there: int = 0

    def put(self, messages: Sequence[bytes]) -> None:
        for octets in messages:
            self.dovecot.deposit(self.mailbox, octets)
            self.put_there += 1

    def killed_at(self, point: str, moment: str, nth: int = 1) -> None:
        self.start_with(point, moment, nth, wait=False)
        self.see_killed(point, moment)

    def settle(self) -> None:
        """An ordinary daemon finishes."""
        super().settle()
        self.gateway.until(lambda: not self.there()["INBOX"], what="an empty INBOX")
        self.gateway.wait_until_empty()

    def there(self) -> Counter[str]:
        """How many messages lie in each folder, as another client sees them."""
        found = Counter(dict.fromkeys(_FOLDERS, 0))
        with self.dovecot.login(self.mailbox) as session:
            for folder in _FOLDERS:
                status, (answer,) = session.select(f'"{folder}"', readonly=True)
                found[folder] = int(answer) if status == "OK" and answer else 0
        return found

    def end(self, *, refused_lines: int = 0) -> None:
        Scene.end(self, refused_lines=refused_lines)
        there = self.there()
        assert there["INBOX"] == 0
        assert there.total() == self.put_there  # nothing lost, nothing copied
        assert len(self.delivered()) == there[COLLECTED]
        assert not self.unread_flags()

    def unread_flags(self) -> Mapping[str, Any]:
        """Flags that somebody set: none."""
        return {
            folder: flags
            for folder in (COLLECTED, REFUSED)
            if self.there()[folder]
            for flags in [
                {uid: each for uid, each in self.dovecot.flags(self.mailbox, folder).items() if each}
            ]
            if flags
        }

    def told(self) -> int:
        """How many notices the partner got."""
        return len(self.gateway.next_hop.arrivals)

    def see_that_lines_and_arrivals_agree(self) -> None:
        decided = self.gateway.lines_of("decision", action="accept", reason="ok")
        told = Counter(line["decision_id"] for line in self.gateway.lines_of("delivered"))
        assert set(told) == {line["decision_id"] for line in decided}
        files = [path.name for path in self.gateway.notices(HOME_CARE)]
        assert sorted(files) == sorted(f"{line['queue_id']}.{line['decision_id']}" for line in decided)
        assert not self.gateway.queue_rows()

    def see_that_the_copy_is_whole(self) -> None:
        """Looked at where it was brought by SMTP; the octets are the same."""
