"""Before each attempt: what is no longer allowed, or no longer safe, does not leave."""

from typing import Any

import pytest

from rorpost_gateway.decision import Reason, Verdict
from rorpost_gateway.policy.evaluate import judge_again

KEY = "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0001"
OURS = "BBBB0000BBBB0000BBBB0000BBBB0000BBBB0001"


def again(world: Any, policy: Any = None, keys: Any = None, **changes: Any) -> Verdict:
    asked = {
        "sender": world.HOME,
        "recipient": world.CARE,
        "at": world.moment(),
        "own_domains": world.OWN,
        "encrypted_to": KEY,
        "encrypted_to_subkey": f"SUB {KEY}",
        "signed_by": OURS,
    }
    return judge_again(policy or world.small(), keys or world.Keys(), **(asked | changes))


def test_still_allowed(world: Any) -> None:
    verdict = again(world)
    assert verdict.accepted
    assert (verdict.channel, verdict.phone) == ("brinken", "010-103 00 00")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("  - name: brinken\n    between: [rorpost.hemsjukvarden@motala.se, rorpost.vcbrinken@",
          "  - name: brinken\n    between: [rorpost.vclyckorna@regionostergotland.se, rorpost.vcbrinken@"),
         Reason.PAIR_NOT_ALLOWED),
        (("    valid_until: 2026-12-31\n  - name: lyck", "    valid_until: 2026-05-05\n  - name: lyck"),
         Reason.CHANNEL_NOT_VALID),
        ((KEY, "CCCC0000CCCC0000CCCC0000CCCC0000CCCC0001"), Reason.KEY_UNUSABLE),
        ((f'key: "{KEY}"', f'key: {{fingerprint: "{KEY}", accept_until: 2026-05-05}}'), Reason.KEY_EXPIRED),
        (("    users:\n", f'    key: "{KEY}"\n    users:\n'), Reason.KEY_UNUSABLE),
    ],
    ids=["pair gone", "channel over", "other pin", "pin run out", "we sign with another key"],
)  # fmt: skip
def test_the_policy_has_changed(world: Any, change: tuple[str, str], reason: Reason) -> None:
    verdict = again(world, world.small(change))
    assert verdict.reason is reason
    assert not verdict.accepted


def test_a_mailbox_is_gone(world: Any) -> None:
    assert again(world, recipient="rorpost.x@y.se").reason is Reason.RECIPIENT_NOT_A_MAILBOX
    assert again(world, sender="rorpost.x@motala.se").reason is Reason.SENDER_NOT_A_MAILBOX


@pytest.mark.parametrize("fingerprint", [KEY, OURS])
@pytest.mark.parametrize("reason", [Reason.KEY_MISSING, Reason.KEY_EXPIRED, Reason.KEY_REVOKED])
def test_a_key_has_changed(world: Any, fingerprint: str, reason: Reason) -> None:
    assert again(world, keys=world.Keys({fingerprint: reason})).reason is reason


def test_another_subkey_would_be_chosen_now_but_the_old_one_is_still_good(world: Any) -> None:
    assert again(world, encrypted_to_subkey="SUB OLD").accepted


def test_the_subkey_it_was_sealed_to_has_been_revoked(world: Any) -> None:
    revoked = world.Keys({"SUB OLD": Reason.KEY_REVOKED})
    assert again(world, keys=revoked, encrypted_to_subkey="SUB OLD").reason is Reason.KEY_REVOKED


def test_the_key_it_was_sealed_to_counts_not_the_one_that_would_be_chosen_now(world: Any) -> None:
    old = "AAAA0000AAAA0000AAAA0000AAAA0000AAAA0003"
    verdict = again(world, recipient=world.OTHER, encrypted_to=old, encrypted_to_subkey=f"SUB {old}")
    assert verdict.accepted
