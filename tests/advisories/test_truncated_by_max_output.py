"""python-gnupg: an output cut off by `--max-output` was `ok`; a bound must refuse, not shorten."""

import pytest

from rorpost_gateway.decision import Reason
from rorpost_gateway.openpgp.base import OpeningRefused
from rorpost_gateway.openpgp.opening import GnupgOpener
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.openpgp_messages import sealed


@pytest.mark.parametrize("algorithm", ["none", "zip", "zlib", "bzip2"])
@pytest.mark.parametrize("bound", [0, 1, 8192, 49_999])
async def test_nothing_is_ever_the_beginning_of_a_payload(
    prepared_keys: PreparedKeys, algorithm: str, bound: int
) -> None:
    message = sealed(
        prepared_keys.sender_home,
        prepared_keys.receiver,
        *("--compress-algo", algorithm),
        payload=b"0123456789" * 5000,
        signer=prepared_keys.sender,
    )
    opener = GnupgOpener(prepared_keys.receiver_home, None)
    with pytest.raises(OpeningRefused) as refused:
        await opener.open(message, longest_octets=bound)
    assert refused.value.reason is Reason.MESSAGE_TOO_LARGE
    assert len((await opener.open(message, longest_octets=50_000)).payload) == 50_000
    await opener.close()
