"""What becomes of a partner's message between 250 and mailbox: real Dovecot, quotas, faults, holds."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.peers import gateway_world as world
from tests.peers.dovecot import Dovecot, without_trace
from tests.peers.gateway_world import BRINKEN, HOME_CARE
from tests.peers.gnupg_home import PreparedKeys, export_public, gpg, import_key
from tests.peers.submitting import make_message
from tests.peers.two_gateways import (
    DORA,
    FULL,
    PATIENT,
    MakeTwoGateways,
    Side,
    TwoGateways,
    unchanged_sha256,
)

WORD = "FLADDERMUSEN"
HomeCopy = Callable[[Path], Path]


def by_lmtp(socket: Path) -> dict[str, Any]:
    return {"delivery": {"method": "lmtp", "maildir": None, "lmtp": {"socket": str(socket)}}}


def to_motala(recipient: str, name: str, *, octets: int = 0) -> bytes:
    """A message by which a test finds its own in a Dovecot that others use too."""
    body = f"{WORD}, {name}\r\nSåret läker\r\n" + ("x" * 76 + "\r\n") * (octets // 78)
    return make_message(
        recipients=(recipient,), sender=BRINKEN, user=DORA, message_id=f"<{name}@ws17>", body=body
    )


def events(side: Side, queue_id: str | None) -> list[str]:
    """What happened to a message, in order, however often an attempt was repeated."""
    found = [str(line["event"]) for line in side.log_lines() if line.get("queue_id") == queue_id]
    return [event for place, event in enumerate(found) if place == 0 or found[place - 1] != event]


def taken(side: Side, name: str) -> str:
    """The queue id under which this side took the message."""
    [line] = side.decisions(message_id=f"<{name}@ws17>", reason="ok")
    return str(line["queue_id"])


def of(name: str, messages: list[bytes]) -> list[bytes]:
    return [octets for octets in messages if f"<{name}@ws17>".encode() in octets]


def name_of(request: pytest.FixtureRequest) -> str:
    return f"{request.node.name}.{os.getpid()}".replace("_", "-").replace("[", ".").replace("]", "")


def see_that_the_partner_heard_nothing(both: TwoGateways) -> None:
    """The notice has the null path, which is no function mailbox: by contract the partner refuses it."""
    [refused] = both.region.decisions(reason="sender-not-a-mailbox")
    assert (refused["reverse_path"], "recipient" in refused) == ("", False)
    assert both.region.delivered(BRINKEN) == []


# --- what Dovecot refuses


def test_a_mailbox_over_quota_is_bounced_and_left_to_an_operator(
    two_gateways: MakeTwoGateways, dovecot: Dovecot, request: pytest.FixtureRequest
) -> None:
    """The Region's gateway takes no notice of ours, so the copy stays until somebody has told them."""
    name = name_of(request)
    both = two_gateways(motala=by_lmtp(dovecot.socket))
    assert both.region.send(FULL, octets=to_motala(FULL, name, octets=30_000)).accepted
    both.motala.until(lambda: both.motala.lines_of("bounced"), what="the bounce")
    both.motala.until(lambda: both.motala.lines_of("held"), what="the copy to be held")
    assert events(both.motala, taken(both.motala, name)) == ["decision", "bounced", "held"]
    [bounced] = both.motala.lines_of("bounced")
    assert bounced["reply"].startswith("552 5.2.2 ")
    see_that_the_partner_heard_nothing(both)
    event = both.motala.running.wait_for_event("notice refused")
    assert event["reply"].startswith("550 5.7.1 ")
    # Nothing loops: there was one attempt to tell of it.
    assert not both.region.queue_rows()
    assert both.to_region.connections == 1
    assert of(name, dovecot.files(FULL)) == []
    assert both.motala.holds(WORD.encode()) == []


def test_a_mailbox_over_quota_that_may_be_emptied_is_tried_again(
    two_gateways: MakeTwoGateways, dovecot: Dovecot, request: pytest.FixtureRequest
) -> None:
    name = name_of(request)
    both = two_gateways(motala=by_lmtp(dovecot.socket))
    first, second = f"{name}.1", f"{name}.2"
    assert both.region.send(PATIENT, octets=to_motala(PATIENT, first, octets=12_000)).accepted
    both.motala.wait_until_delivered(1)
    assert both.region.send(PATIENT, octets=to_motala(PATIENT, second, octets=12_000)).accepted
    both.motala.until(lambda: both.motala.lines_of("deferred"), what="the first attempt")
    assert both.motala.lines_of("deferred")[0]["reply"].startswith("452 4.2.2 ")
    assert of(second, dovecot.files(PATIENT)) == []
    assert both.motala.holds(WORD.encode()) == []
    with dovecot.login(PATIENT) as session:
        session.store("1:*", "+FLAGS", r"(\Deleted)")
        session.expunge()
    both.motala.wait_until_delivered(2)
    assert events(both.motala, taken(both.motala, second)) == ["decision", "deferred", "delivered"]
    assert len(of(second, dovecot.fetched(PATIENT))) == 1
    with dovecot.login(PATIENT) as session:
        session.store("1:*", "+FLAGS", r"(\Deleted)")
        session.expunge()


def test_dovecot_down_and_up_again(
    two_gateways: MakeTwoGateways, dovecot: Dovecot, request: pytest.FixtureRequest
) -> None:
    name = name_of(request)
    both = two_gateways(start=False)
    socket = both.motala.folder / "lmtp"
    both.motala.set_config(world.merged(both.motala.config, by_lmtp(socket)))
    both.start()
    octets = to_motala(HOME_CARE, name)
    assert both.region.send(HOME_CARE, octets=octets).accepted
    both.motala.until(lambda: both.motala.lines_of("deferred"), what="an attempt without Dovecot")
    assert both.motala.stop() == 0
    both.motala.start()  # and what waits outlives a restart
    socket.symlink_to(dovecot.socket)
    both.motala.wait_until_delivered(1)
    both.motala.wait_until_empty()
    assert events(both.motala, taken(both.motala, name)) == ["decision", "deferred", "delivered"]
    [fetched] = of(name, dovecot.fetched(HOME_CARE))
    assert unchanged_sha256(without_trace(fetched)) == unchanged_sha256(octets)
    assert b"\r\nX-Rorpost-Verified: yes; channel=hemsjukvarden-brinken;" in fetched
    [delivered] = both.motala.lines_of("delivered")
    assert delivered["reply"].startswith("250 2.0.0 ")
    assert both.motala.holds(WORD.encode()) == []


# --- what the relay finds on its way


def test_the_partner_down_and_up_again(two_gateways: MakeTwoGateways) -> None:
    both = two_gateways(start=False)
    both.motala.start()
    assert both.motala.send(BRINKEN, body=WORD).accepted
    both.motala.until(lambda: both.motala.lines_of("deferred"), what="an attempt with nobody there")
    both.region.start()
    both.region.wait_until_delivered(1)
    both.motala.wait_until_empty()
    assert len(both.region.delivered(BRINKEN)) == 1
    assert not both.motala.delivered(HOME_CARE)


def test_a_key_revoked_after_the_250_holds_the_message_until_an_operator_lets_it_go(
    two_gateways: MakeTwoGateways, prepared_keys: PreparedKeys, home_copy: HomeCopy
) -> None:
    home = home_copy(prepared_keys.sender_home)
    both = two_gateways(start=False, homes={world.OURS: home})
    blocked = both.motala.folder / "mail"
    blocked.write_bytes(b"")  # a file where the mailboxes should be: nothing can be delivered
    both.start()
    assert both.region.send(HOME_CARE, message_id="<hall@ws17>", body=WORD).accepted
    both.motala.until(lambda: both.motala.lines_of("deferred"), what="an attempt")
    sound = export_public(home, prepared_keys.receiver)
    revocation = prepared_keys.receiver_home / "openpgp-revocs.d" / f"{prepared_keys.receiver}.rev"
    import_key(home, revocation.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))
    assert both.motala.reload()
    blocked.unlink()
    both.motala.until(lambda: [row["state"] for row in both.motala.queue_rows()] == ["held"], what="the hold")
    queue_id = taken(both.motala, "hall")
    assert events(both.motala, queue_id) == ["decision", "deferred", "held"]
    [held] = both.motala.lines_of("held")
    assert held["reason"] == "signature-invalid"
    assert not blocked.exists()
    assert queue_id in both.motala.rorpost("queue", "list")

    # Let go while nothing has changed, it is judged again, and stays.
    both.motala.rorpost("queue", "release", queue_id)
    both.motala.until(lambda: len(both.motala.lines_of("held")) == 2, what="the second hold")
    assert not blocked.exists()

    # The revocation was somebody's mistake, say: the key is brought back as it was.
    gpg(home, "--delete-keys", prepared_keys.receiver)
    import_key(home, sound)
    assert both.motala.reload()
    both.motala.until(
        lambda: [row["state"] for row in both.motala.queue_rows()] == ["held"], what="the hold in the queue"
    )
    both.motala.rorpost("queue", "release", queue_id)
    both.motala.wait_until_delivered(1)
    both.motala.wait_until_empty()
    assert len(both.motala.delivered(HOME_CARE)) == 1
    assert both.motala.holds_outside_mail(WORD.encode()) == []


def test_a_channel_that_was_closed_after_the_250_holds_the_message(two_gateways: MakeTwoGateways) -> None:
    both = two_gateways(start=False)
    blocked = both.motala.folder / "mail"
    blocked.write_bytes(b"")
    both.start()
    assert both.region.send(HOME_CARE, message_id="<hall@ws17>", body=WORD).accepted
    both.motala.until(lambda: both.motala.lines_of("deferred"), what="an attempt")
    without = {**both.motala.policy, "channels": both.motala.policy["channels"][1:]}
    both.motala.set_policy(without)
    assert both.motala.reload()
    both.motala.until(lambda: [row["state"] for row in both.motala.queue_rows()] == ["held"], what="the hold")
    assert both.motala.lines_of("held")[0]["reason"] == "pair-not-allowed"
    blocked.unlink()
    both.motala.set_policy(both.motala.policy)
    assert both.motala.reload()
    both.motala.rorpost("queue", "release", taken(both.motala, "hall"))
    both.motala.wait_until_delivered(1)
    assert len(both.motala.delivered(HOME_CARE)) == 1
