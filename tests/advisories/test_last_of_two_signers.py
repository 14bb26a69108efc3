"""python-gnupg: with two signatures the fingerprint was the last one's, and one good made all good."""

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.openpgp.base import OpeningRefused
from rorpost_gateway.openpgp.opening import GnupgOpener
from tests.peers.gnupg_home import PreparedKeys, gpg
from tests.peers.openpgp_messages import (
    armoured,
    body,
    literal,
    one_pass,
    packet,
    signature_packet,
    under_encryption,
)

PAYLOAD = b"the payload\r\n"


@pytest.mark.parametrize("form", ["gpg's own", "one-pass", "before the data", "one of them broken", "mixed"])
async def test_two_are_refused(prepared_keys: PreparedKeys, form: str) -> None:
    home, first, second = prepared_keys.receiver_home, prepared_keys.receiver, prepared_keys.two_user_ids
    one, two = (signature_packet(home, signer, PAYLOAD) for signer in (first, second))
    announced = one_pass(body(two), second, last=0) + one_pass(body(one), first)
    data = literal(PAYLOAD)
    inner = {
        "one-pass": announced + data + one + two,
        "before the data": one + two + data,
        "one of them broken": two[:-1] + b"\0" + one + data,
        "mixed": one + one_pass(body(two), second) + data + two,
    }
    if form == "gpg's own":
        message = gpg(home, "--armor", "--sign", "-u", first, "-u", second, "-e", "-r", first, stdin=PAYLOAD)
    else:
        message = under_encryption(home, first, inner[form])
    opener = GnupgOpener(home, None)
    with pytest.raises(OpeningRefused) as refused:
        await opener.open(message, longest_octets=1000)
    assert refused.value.reason is Reason.SIGNATURE_INVALID
    await opener.close()


async def test_two_detached_are_refused(prepared_keys: PreparedKeys) -> None:
    home, signers = prepared_keys.receiver_home, (prepared_keys.receiver, prepared_keys.two_user_ids)
    both = b"".join(signature_packet(home, signer, PAYLOAD) for signer in signers)
    opener = GnupgOpener(home, None)
    for octets in (both, both + packet(2, b"")):
        with pytest.raises(OpeningRefused) as refused:
            await opener.verify_detached(PAYLOAD, armoured(octets, "SIGNATURE"))
        assert refused.value.reason is Reason.SIGNATURE_INVALID
    await opener.close()
