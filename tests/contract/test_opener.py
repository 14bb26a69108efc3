"""What every opener must do, over messages made by the plain gpg command or packet by packet.

Another opener joins by one more entry in `OPENERS`.
"""

import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from rorpost_gateway.decision import KeyChoice, Reason
from rorpost_gateway.openpgp.base import Opened, Opener, OpeningRefused, Signature
from rorpost_gateway.openpgp.gnupg import GnupgEngine
from rorpost_gateway.openpgp.opening import GnupgOpener
from tests.peers.gnupg_home import (
    SENDER,
    PreparedKeys,
    add_subkey,
    export_public,
    export_secret,
    generate,
    gpg,
    import_key,
    revoke_primary,
    revoke_subkey,
    subkeys,
)
from tests.peers.openpgp_messages import (
    armoured,
    body,
    literal,
    one_pass,
    packet,
    sealed,
    session_key,
    signature_body,
    signature_packet,
    split,
    subpacket,
    under_encryption,
    with_ocb,
    without_armour,
)


class Twice:
    """Opens everything twice, at first with nothing learnt, and gives back the second answer.

    The first signature by a key is verified by gpg, the second one in process: each case
    here has to come to the same by both.
    """

    def __init__(self, home: Path, passphrase: str | None) -> None:
        self._opener = GnupgOpener(home, passphrase, sequoia=True)

    async def open(self, armoured: bytes, *, longest_octets: int) -> Opened:
        first = await _outcome(self._opener.open(armoured, longest_octets=longest_octets))
        second = await _outcome(self._opener.open(armoured, longest_octets=longest_octets))
        return _the_same(first, second)

    async def verify_detached(self, signed: bytes, signature_armoured: bytes) -> Signature:
        first = await _outcome(self._opener.verify_detached(signed, signature_armoured))
        second = await _outcome(self._opener.verify_detached(signed, signature_armoured))
        return _the_same(first, second)

    async def close(self) -> None:
        await self._opener.close()


T = TypeVar("T")


async def _outcome(work: Awaitable[T]) -> T | OpeningRefused:
    try:
        return await work
    except OpeningRefused as refused:
        return refused


def _the_same(first: T | OpeningRefused, second: T | OpeningRefused) -> T:
    if isinstance(first, OpeningRefused):
        assert isinstance(second, OpeningRefused)
        assert (first.reason, first.private) == (second.reason, second.private)
        raise second
    assert first == second
    assert not isinstance(second, OpeningRefused)
    return second


OPENERS: dict[str, Callable[[Path, str | None], Opener]] = {
    "gnupg": GnupgOpener,
    "sequoia": Twice,
}
PAYLOAD = b"Subject: MARKER-51d0\r\n\r\nthe payload\r\n"
LONGEST = 1 << 24
GOLDEN = Path(__file__).parents[1] / "golden" / "openpgp"


@pytest.fixture(scope="session")
def sound(prepared_keys: PreparedKeys) -> bytes:
    return sealed(
        prepared_keys.sender_home, prepared_keys.receiver, payload=b"ok\r\n", signer=prepared_keys.sender
    )


@pytest.fixture(params=OPENERS)
async def opener(
    request: pytest.FixtureRequest, prepared_keys: PreparedKeys, sound: bytes
) -> AsyncIterator[Opener]:
    made = OPENERS[request.param](prepared_keys.receiver_home, None)
    if isinstance(made, Twice):
        await made.open(sound, longest_octets=LONGEST)  # the signer is known before the case begins
    yield made
    await made.close()


@pytest.fixture(params=OPENERS)
async def opener_of(request: pytest.FixtureRequest) -> AsyncIterator[Callable[[Path], Opener]]:
    """Makes openers of other homes."""
    openers: list[Opener] = []

    def make(home: Path) -> Opener:
        openers.append(OPENERS[request.param](home, None))
        return openers[-1]

    yield make
    for made in openers:
        await made.close()


async def refusal(opener: Opener, message: bytes, longest_octets: int = LONGEST) -> Reason:
    with pytest.raises(OpeningRefused) as refused:
        await opener.open(message, longest_octets=longest_octets)
    assert "MARKER" not in refused.value.public + refused.value.private
    return refused.value.reason


class TestNotEncrypted:
    @pytest.mark.parametrize(
        "options",
        [
            pytest.param(["--sign"], id="signed only"),
            pytest.param(["--clear-sign"], id="clear-signed"),
            pytest.param(["--detach-sign"], id="a signature"),
            pytest.param(["--store"], id="literal data"),
            pytest.param(["--export"], id="a key"),
        ],
    )
    async def test_what_gpg_makes(
        self, opener: Opener, prepared_keys: PreparedKeys, options: list[str]
    ) -> None:
        made = gpg(prepared_keys.sender_home, "--armor", *options, stdin=PAYLOAD)
        assert await refusal(opener, made) is Reason.NOT_ENCRYPTED

    async def test_signed_around_the_encryption(self, opener: Opener, prepared_keys: PreparedKeys) -> None:
        inside = sealed(prepared_keys.sender_home, prepared_keys.receiver, payload=PAYLOAD)
        around = gpg(prepared_keys.sender_home, "--armor", "--sign", stdin=inside)
        assert await refusal(opener, around) is Reason.NOT_ENCRYPTED

    async def test_a_one_pass_signature_around_it(self, opener: Opener, prepared_keys: PreparedKeys) -> None:
        home = prepared_keys.sender_home
        inside = without_armour(sealed(home, prepared_keys.receiver, payload=PAYLOAD))
        made = signature_packet(home, prepared_keys.sender, inside)
        around = one_pass(body(made), prepared_keys.sender) + inside + made
        assert await refusal(opener, armoured(around)) is Reason.NOT_ENCRYPTED

    @pytest.mark.parametrize(
        "octets",
        [
            b"",
            b"hello",
            b"\x85\x01",
            b"see below\n-----BEGIN PGP MESSAGE-----\n\nAAAA\n-----END PGP MESSAGE-----",
        ],
    )
    async def test_no_block_at_all(self, opener: Opener, octets: bytes) -> None:
        assert await refusal(opener, octets) is Reason.NOT_ENCRYPTED


class TestDecryptionFailed:
    @pytest.mark.parametrize(
        "options",
        [
            pytest.param(["--rfc2440", "-e", "-r", "{receiver}"], id="no integrity protection"),
            pytest.param(["-e", "-r", "{sender}"], id="for another recipient"),
            pytest.param(["--throw-keyids", "-e", "-r", "{sender}"], id="for another hidden recipient"),
            pytest.param(["--passphrase", "x", "--pinentry-mode", "loopback", "-c"], id="a passphrase"),
            pytest.param(
                ["--passphrase", "x", "--pinentry-mode", "loopback", "-c", "-e", "-r", "{receiver}"],
                id="a passphrase besides the key",
            ),
        ],
    )
    async def test_what_gpg_makes(
        self, opener: Opener, prepared_keys: PreparedKeys, options: list[str]
    ) -> None:
        names = {"receiver": prepared_keys.receiver, "sender": prepared_keys.sender}
        arguments = [option.format(**names) for option in options]
        made = gpg(prepared_keys.sender_home, "--armor", *arguments, stdin=PAYLOAD)
        assert await refusal(opener, made) is Reason.DECRYPTION_FAILED

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda block: block + block, id="two blocks"),
            pytest.param(lambda block: block + b"hello\n", id="text after the block"),
            pytest.param(
                lambda block: block.replace(b"-----END", b"hello\n-----END"), id="text in the block"
            ),
            pytest.param(lambda block: block[: len(block) // 2], id="half a block"),
            pytest.param(
                lambda block: block.replace(b"END PGP MESSAGE", b"END PGP SIGNATURE"), id="another end"
            ),
        ],
    )
    async def test_armour(
        self, opener: Opener, prepared_keys: PreparedKeys, change: Callable[[bytes], bytes]
    ) -> None:
        block = sealed(prepared_keys.sender_home, prepared_keys.receiver, payload=PAYLOAD)
        assert await refusal(opener, change(block)) is Reason.DECRYPTION_FAILED

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda key, data: key + data[:-30], id="cut short"),
            pytest.param(lambda key, data: key + data + data, id="data twice"),
            pytest.param(lambda key, data: data + key, id="the wrong way round"),
            pytest.param(lambda key, data: key + data + key + data, id="two messages"),
            pytest.param(lambda key, data: key + data + literal(b"plain"), id="plaintext after"),
            pytest.param(lambda key, data: packet(10, b"PGP") + key + data, id="a marker before"),
            pytest.param(lambda key, data: key + packet(10, b"PGP") + data, id="a marker between"),
            pytest.param(lambda key, data: key * 70 + data, id="too many session keys"),
            pytest.param(lambda key, data: key + data[:2] + b"\x02" + data[3:], id="version 2 of the data"),
            pytest.param(lambda key, data: key[:2] + b"\x06" + key[3:] + data, id="version 6 of the key"),
        ],
    )
    async def test_packets(
        self, opener: Opener, prepared_keys: PreparedKeys, change: Callable[[bytes, bytes], bytes]
    ) -> None:
        key, data = split(
            without_armour(under_encryption(prepared_keys.sender_home, prepared_keys.receiver, literal(b"x")))
        )
        made = armoured(change(key, data))
        assert await refusal(opener, made) in (Reason.DECRYPTION_FAILED, Reason.NOT_ENCRYPTED)

    async def test_a_changed_bit_anywhere(self, opener: Opener, prepared_keys: PreparedKeys) -> None:
        octets = without_armour(
            sealed(
                prepared_keys.sender_home,
                prepared_keys.receiver,
                payload=PAYLOAD,
                signer=prepared_keys.sender,
            )
        )
        for at in range(12, len(octets), len(octets) // 12):
            changed = bytearray(octets)
            changed[at] ^= 0x10
            assert await refusal(opener, armoured(bytes(changed))) is Reason.DECRYPTION_FAILED

    async def test_ciphertext_cut_and_framed_again(self, opener: Opener, prepared_keys: PreparedKeys) -> None:
        """By the 22 octets of the detection code, and by others."""
        key, data = split(
            without_armour(
                under_encryption(prepared_keys.sender_home, prepared_keys.receiver, literal(PAYLOAD))
            )
        )
        for octets in (1, 22, 40):
            shorter = packet(18, data[2:-octets])
            assert await refusal(opener, armoured(key + shorter)) is Reason.DECRYPTION_FAILED

    @pytest.mark.parametrize(
        "inner",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"plain text\r\n", id="no packets"),
            pytest.param(literal(PAYLOAD) * 2, id="two literals"),
            pytest.param(packet(10, b"PGP") + literal(PAYLOAD), id="a marker"),
            pytest.param(literal(PAYLOAD) + packet(21, b"x"), id="padding"),
            pytest.param(literal(PAYLOAD, mode=b"l"), id="local text"),
            pytest.param(packet(63, b"private") + literal(PAYLOAD), id="a private packet"),
            pytest.param(packet(10, b"PGP") * 10_000, id="ten thousand packets"),
        ],
    )
    async def test_what_is_inside(self, opener: Opener, prepared_keys: PreparedKeys, inner: bytes) -> None:
        made = under_encryption(prepared_keys.sender_home, prepared_keys.receiver, inner)
        assert await refusal(opener, made) is Reason.DECRYPTION_FAILED

    async def test_encrypted_twice(self, opener: Opener, prepared_keys: PreparedKeys) -> None:
        home = prepared_keys.sender_home
        once = without_armour(sealed(home, prepared_keys.receiver, payload=PAYLOAD))
        twice = under_encryption(home, prepared_keys.receiver, once)
        assert await refusal(opener, twice) is Reason.DECRYPTION_FAILED


class TestSignatureInvalid:
    async def test_two_signers(self, opener: Opener, prepared_keys: PreparedKeys) -> None:
        home = prepared_keys.receiver_home
        signers = ("-u", prepared_keys.receiver, "-u", prepared_keys.two_user_ids)
        made = gpg(
            home, "--armor", "--sign", *signers, "--encrypt", "-r", prepared_keys.receiver, stdin=PAYLOAD
        )
        assert await refusal(opener, made) is Reason.SIGNATURE_INVALID

    async def test_of_other_octets(self, opener: Opener, prepared_keys: PreparedKeys) -> None:
        home = prepared_keys.sender_home
        made = signature_packet(home, prepared_keys.sender, PAYLOAD + b"x")
        inner = one_pass(body(made), prepared_keys.sender) + literal(PAYLOAD) + made
        message = under_encryption(home, prepared_keys.receiver, inner)
        assert await refusal(opener, message) is Reason.SIGNATURE_INVALID

    async def test_by_a_key_that_is_not_there(
        self, opener: Opener, prepared_keys: PreparedKeys, new_home: Callable[[], Path]
    ) -> None:
        home = new_home()
        stranger = generate(home, SENDER)
        import_key(home, export_public(prepared_keys.receiver_home, prepared_keys.receiver))
        made = sealed(home, prepared_keys.receiver, payload=PAYLOAD, signer=stranger)
        assert await refusal(opener, made) is Reason.SIGNATURE_INVALID

    @pytest.mark.parametrize("digest", ["SHA1", "RIPEMD160"])
    async def test_by_a_digest_that_is_broken(
        self, opener: Opener, prepared_keys: PreparedKeys, digest: str
    ) -> None:
        options = ("--digest-algo", digest, "--allow-weak-digest-algos")
        made = sealed(
            prepared_keys.sender_home,
            prepared_keys.receiver,
            *options,
            payload=PAYLOAD,
            signer=prepared_keys.sender,
        )
        assert await refusal(opener, made) is Reason.SIGNATURE_INVALID

    async def test_by_a_key_that_has_expired(
        self, opener_of: Callable[[Path], Opener], new_home: Callable[[], Path]
    ) -> None:
        """In force when it signed."""
        home = new_home()
        signer = generate(home, SENDER, expires="1d", clock="20200101T000000!")
        receiver = generate(home, "rorpost.b@x.se")
        made = signature_packet(home, signer, PAYLOAD, clock="20200101T120000!")
        message = under_encryption(home, receiver, made + literal(PAYLOAD))
        assert await refusal(opener_of(home), message) is Reason.SIGNATURE_INVALID

    async def test_that_has_expired_itself(
        self, opener_of: Callable[[Path], Opener], new_home: Callable[[], Path]
    ) -> None:
        home = new_home()
        signer = generate(home, SENDER, expires="never", clock="20200101T000000!")
        options = ("--default-sig-expire", "1d")
        made = signature_packet(home, signer, PAYLOAD, *options, clock="20200101T120000!")
        message = under_encryption(home, signer, made + literal(PAYLOAD))
        assert await refusal(opener_of(home), message) is Reason.SIGNATURE_INVALID

    @pytest.mark.parametrize("revoked", ["primary", "subkey"])
    async def test_by_a_key_that_was_revoked(
        self, opener_of: Callable[[Path], Opener], new_home: Callable[[], Path], revoked: str
    ) -> None:
        home = new_home()
        signer, receiver = generate(home, SENDER, encrypts=False), generate(home, "rorpost.b@x.se")
        subkey = add_subkey(home, signer, "ed25519", "sign")
        made = signature_packet(home, subkey, PAYLOAD)
        message = under_encryption(home, receiver, made + literal(PAYLOAD))
        opener = opener_of(home)
        opened = await opener.open(message, longest_octets=LONGEST)
        assert opened.signature is not None
        assert (opened.signature.signer, opened.signature.signer_subkey) == (signer, subkey)
        if revoked == "primary":
            revoke_primary(home, signer)
        else:
            revoke_subkey(home, signer)
        assert await refusal(opener, message) is Reason.SIGNATURE_INVALID

    async def test_text_in_another_form_than_canonical(
        self, opener: Opener, prepared_keys: PreparedKeys
    ) -> None:
        """gpg would call some of these good; they would be further payloads of one signature."""
        home = prepared_keys.sender_home
        made = signature_packet(home, prepared_keys.sender, b"a\r\nb\r\n", "--textmode")
        for text in (b"a\nb\n", b"a\r\nb\n", b"a\r\r\nb\r\n"):
            message = under_encryption(home, prepared_keys.receiver, made + literal(text))
            assert await refusal(opener, message) is Reason.SIGNATURE_INVALID
            with pytest.raises(OpeningRefused):
                await opener.verify_detached(text, armoured(made, "SIGNATURE"))

    @pytest.mark.parametrize("kind", [0x02, 0x10, 0x13, 0x20, 0x40, 0x50])
    async def test_of_a_kind_that_is_not_for_documents(
        self, opener: Opener, prepared_keys: PreparedKeys, kind: int
    ) -> None:
        home, signer = prepared_keys.sender_home, prepared_keys.sender
        made = signature_body(home, signer, PAYLOAD, signed_at=int(time.time()), kind=kind)
        message = under_encryption(home, prepared_keys.receiver, packet(2, made) + literal(PAYLOAD))
        assert await refusal(opener, message) is Reason.SIGNATURE_INVALID

    async def test_with_something_critical_that_nobody_knows(
        self, opener: Opener, prepared_keys: PreparedKeys
    ) -> None:
        home, signer = prepared_keys.sender_home, prepared_keys.sender
        unknown = subpacket(107, b"x", critical=True)
        made = signature_body(home, signer, PAYLOAD, signed_at=int(time.time()), hashed=unknown)
        message = under_encryption(home, prepared_keys.receiver, packet(2, made) + literal(PAYLOAD))
        assert await refusal(opener, message) is Reason.SIGNATURE_INVALID


class TestTooLarge:
    @pytest.mark.parametrize("algorithm", ["none", "zip", "zlib", "bzip2"])
    async def test_one_octet_too_many(
        self, opener: Opener, prepared_keys: PreparedKeys, algorithm: str
    ) -> None:
        options = ("--compress-algo", algorithm)
        made = sealed(
            prepared_keys.sender_home,
            prepared_keys.receiver,
            *options,
            payload=b"x" * 100_001,
            signer=prepared_keys.sender,
        )
        assert await refusal(opener, made, 100_000) is Reason.MESSAGE_TOO_LARGE
        assert len((await opener.open(made, longest_octets=100_001)).payload) == 100_001


class TestOpened:
    @pytest.mark.parametrize("algorithm", ["none", "zip", "zlib", "bzip2"])
    @pytest.mark.parametrize(
        "payload",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"x", id="one octet"),
            pytest.param(PAYLOAD, id="a message"),
            pytest.param(b"mixed\nline\r\nends\r and \x00\x1a", id="line ends and controls"),
            pytest.param(hashlib.shake_256(b"rorpost").digest(300_000), id="noise"),
            pytest.param(bytes(range(256)) * 8000, id="2 MB of everything"),
        ],
    )
    async def test_octet_for_octet(
        self, opener: Opener, prepared_keys: PreparedKeys, payload: bytes, algorithm: str
    ) -> None:
        made = sealed(
            prepared_keys.sender_home,
            prepared_keys.receiver,
            *("--compress-algo", algorithm),
            payload=payload,
            signer=prepared_keys.sender,
        )
        before = datetime.now(UTC)
        opened = await opener.open(made, longest_octets=LONGEST)
        assert opened.payload == payload
        assert opened.packets_sha256 == hashlib.sha256(without_armour(made)).hexdigest()
        subkey = subkeys(prepared_keys.receiver_home, prepared_keys.receiver)[0]
        assert opened.opened_with == KeyChoice(primary=prepared_keys.receiver, subkey=subkey)
        assert opened.encrypted_to == (subkey[-16:],)
        assert opened.signature is not None
        assert opened.signature.signer == opened.signature.signer_subkey == prepared_keys.sender
        assert abs((opened.signature.signed_at - before).total_seconds()) < 60
        assert opened.signature.intended_recipients == ()

    async def test_what_our_own_engine_sealed(self, opener: Opener, prepared_keys: PreparedKeys) -> None:
        engine = GnupgEngine(prepared_keys.sender_home, None)
        seal_to = KeyChoice(
            primary=prepared_keys.receiver,
            subkey=subkeys(prepared_keys.sender_home, prepared_keys.receiver)[0],
        )
        sign_with = KeyChoice(primary=prepared_keys.sender, subkey=prepared_keys.sender)
        made = await engine.seal(PAYLOAD, seal_to=seal_to, sign_with=sign_with)
        await engine.close()
        opened = await opener.open(made.armoured, longest_octets=len(PAYLOAD))
        assert (opened.payload, opened.packets_sha256) == (PAYLOAD, made.packets_sha256)
        assert opened.opened_with == seal_to

    async def test_without_a_signature(self, opener: Opener, prepared_keys: PreparedKeys) -> None:
        made = sealed(prepared_keys.sender_home, prepared_keys.receiver, payload=PAYLOAD)
        opened = await opener.open(made, longest_octets=LONGEST)
        assert (opened.payload, opened.signature) == (PAYLOAD, None)

    async def test_text_as_mutt_makes_it(self, opener: Opener, prepared_keys: PreparedKeys) -> None:
        """Literal data in text mode and a signature over text; gpg makes the line ends CRLF."""
        made = sealed(
            prepared_keys.sender_home,
            prepared_keys.receiver,
            "--textmode",
            payload=b"Content-Type: text/plain\n\nhej  \n",
            signer=prepared_keys.sender,
        )
        opened = await opener.open(made, longest_octets=LONGEST)
        assert opened.payload == b"Content-Type: text/plain\r\n\r\nhej  \r\n"
        assert opened.signature is not None

    @pytest.mark.parametrize("mode", [b"b", b"t", b"u"])
    async def test_a_signature_before_the_data(
        self, opener: Opener, prepared_keys: PreparedKeys, mode: bytes
    ) -> None:
        """As PGP made them once; with a name that means nothing here."""
        home = prepared_keys.sender_home
        made = signature_packet(home, prepared_keys.sender, PAYLOAD)
        inner = made + literal(PAYLOAD, mode=mode, name=b"../_CONSOLE")
        opened = await opener.open(
            under_encryption(home, prepared_keys.receiver, inner), longest_octets=LONGEST
        )
        assert opened.payload == PAYLOAD
        assert opened.signature is not None

    async def test_several_recipients(self, opener: Opener, prepared_keys: PreparedKeys) -> None:
        others = ("-r", prepared_keys.sender, "-r", prepared_keys.two_user_ids)
        made = sealed(
            prepared_keys.sender_home,
            prepared_keys.receiver,
            *others[:2],
            payload=PAYLOAD,
            signer=prepared_keys.sender,
        )
        opened = await opener.open(made, longest_octets=LONGEST)
        assert opened.payload == PAYLOAD
        assert len(opened.encrypted_to) == 2
        assert opened.opened_with.primary == prepared_keys.receiver

    @pytest.mark.parametrize("recipients", [["receiver"], ["sender", "receiver"], ["receiver", "sender"]])
    async def test_hidden_recipients(
        self, opener: Opener, prepared_keys: PreparedKeys, recipients: list[str]
    ) -> None:
        """The home holds several secret keys, of which gpg tries one after the other."""
        names = [word for name in recipients for word in ("-r", getattr(prepared_keys, name))]
        sign = ("--sign", "-u", prepared_keys.sender, "--throw-keyids")
        made = gpg(prepared_keys.sender_home, "--armor", *sign, "--encrypt", *names, stdin=PAYLOAD)
        opened = await opener.open(made, longest_octets=LONGEST)
        assert opened.payload == PAYLOAD
        assert opened.encrypted_to == ("0" * 16,) * len(recipients)
        assert opened.opened_with.primary == prepared_keys.receiver
        changed = bytearray(without_armour(made))
        changed[-40] ^= 1
        assert await refusal(opener, armoured(bytes(changed))) is Reason.DECRYPTION_FAILED

    async def test_too_many_hidden_recipients(self, opener: Opener, prepared_keys: PreparedKeys) -> None:
        made = sealed(prepared_keys.sender_home, prepared_keys.receiver, "--throw-keyids", payload=PAYLOAD)
        key, data = split(without_armour(made))
        assert await refusal(opener, armoured(key * 9 + data)) is Reason.DECRYPTION_FAILED

    @pytest.mark.parametrize("algorithm", ["rsa2048", "nistp256/ecdsa", "dsa2048"])
    async def test_signing_subkeys(
        self, opener_of: Callable[[Path], Opener], new_home: Callable[[], Path], algorithm: str
    ) -> None:
        home = new_home()
        key = generate(home, SENDER)
        add_subkey(home, key, "rsa2048", "encr")
        subkey = add_subkey(home, key, algorithm, "sign")
        opened = await opener_of(home).open(
            sealed(home, key, payload=PAYLOAD, signer=subkey), longest_octets=LONGEST
        )
        assert opened.signature is not None
        assert (opened.signature.signer, opened.signature.signer_subkey) == (key, subkey)

    async def test_partial_lengths_all_the_way(self, opener: Opener, prepared_keys: PreparedKeys) -> None:
        """gpg writes so when it does not know how long its input will be."""
        payload = hashlib.shake_256(b"pieces").digest(200_000)
        made = sealed(
            prepared_keys.sender_home,
            prepared_keys.receiver,
            *("--compress-algo", "none"),
            payload=payload,
            signer=prepared_keys.sender,
        )
        assert (await opener.open(made, longest_octets=LONGEST)).payload == payload

    async def test_armour_of_every_usual_form(self, opener: Opener, prepared_keys: PreparedKeys) -> None:
        """Without a checksum gpg itself fails on a large block; others write none."""
        payload = hashlib.shake_256(b"armour").digest(500_000)
        made = sealed(
            prepared_keys.sender_home,
            prepared_keys.receiver,
            *("--comment", "hej", "--emit-version"),
            payload=payload,
            signer=prepared_keys.sender,
        )
        for form in (
            made,
            made.replace(b"\n", b"\r\n"),
            b"\r\n\r\n" + made + b"\r\n \r\n",
            armoured(without_armour(made)),
            made.replace(b"Comment: hej", b"Charset: utf-8\nComment: a: b\nMessageID: 12"),
        ):
            assert (await opener.open(form, longest_octets=LONGEST)).payload == payload

    async def test_integrity_by_ocb(self, opener: Opener, prepared_keys: PreparedKeys) -> None:
        """What newer GnuPG makes where a key's preferences ask for it."""
        home = prepared_keys.sender_home
        sample = without_armour(under_encryption(home, prepared_keys.receiver, literal(b"x")))
        assert len(session_key(prepared_keys.receiver_home, sample)) == 32
        inner = signature_packet(home, prepared_keys.sender, PAYLOAD) + literal(PAYLOAD)
        octets = with_ocb(prepared_keys.receiver_home, sample, inner)
        opened = await opener.open(armoured(octets), longest_octets=LONGEST)
        assert (opened.payload, opened.signature is None) == (PAYLOAD, False)
        changed = octets[:-60] + bytes([octets[-60] ^ 1]) + octets[-59:]
        assert await refusal(opener, armoured(changed)) is Reason.DECRYPTION_FAILED

    async def test_what_sequoia_makes(
        self, opener_of: Callable[[Path], Opener], new_home: Callable[[], Path]
    ) -> None:
        """With a critical time of signing, and a notation nobody asked for."""
        home = new_home()
        import_key(home, (GOLDEN / "receiver.sec.asc").read_bytes())
        import_key(home, (GOLDEN / "sender.asc").read_bytes())
        opened = await opener_of(home).open((GOLDEN / "sequoia.asc").read_bytes(), longest_octets=LONGEST)
        assert opened.payload == b"Subject: hello\r\n\r\nhello\r\n"
        assert opened.signature is not None
        assert opened.signature.signer == "324D9D2BDA217DB4D316D369F34779C6614BDA13"


class TestIntendedRecipients:
    """GnuPG writes none; what others write stands under the signature and is handed on."""

    async def test_of_the_hashed_area_only(self, opener: Opener, prepared_keys: PreparedKeys) -> None:
        home, signer = prepared_keys.sender_home, prepared_keys.sender
        meant = subpacket(35, b"\x04" + bytes.fromhex(prepared_keys.receiver))
        other = subpacket(35, b"\x04" + bytes.fromhex(prepared_keys.two_user_ids))
        slipped_in = subpacket(35, b"\x04" + bytes.fromhex(signer))
        made = signature_body(
            home, signer, PAYLOAD, signed_at=int(time.time()), hashed=meant + other, unhashed=slipped_in
        )
        inner = one_pass(made, signer) + literal(PAYLOAD) + packet(2, made)
        opened = await opener.open(
            under_encryption(home, prepared_keys.receiver, inner), longest_octets=LONGEST
        )
        assert opened.signature is not None
        assert opened.signature.intended_recipients == (prepared_keys.receiver, prepared_keys.two_user_ids)


class TestDetached:
    @pytest.mark.parametrize("options", [(), ("--textmode",), ("--digest-algo", "SHA256")])
    async def test_good(self, opener: Opener, prepared_keys: PreparedKeys, options: tuple[str, ...]) -> None:
        made = signature_packet(prepared_keys.sender_home, prepared_keys.sender, PAYLOAD, "--armor", *options)
        signature = await opener.verify_detached(PAYLOAD, b"\r\n" + made.replace(b"\n", b"\r\n"))
        assert signature.signer == signature.signer_subkey == prepared_keys.sender

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param(lambda made: b"", id="nothing"),
            pytest.param(lambda made: armoured(made), id="armoured as a message"),
            pytest.param(lambda made: armoured(made * 2, "SIGNATURE"), id="two signatures"),
            pytest.param(lambda made: armoured(made, "SIGNATURE") * 2, id="two blocks"),
            pytest.param(lambda made: armoured(made + literal(b"x"), "SIGNATURE"), id="data after"),
            pytest.param(lambda made: armoured(made[:-3], "SIGNATURE"), id="cut short"),
            pytest.param(lambda made: armoured(made[:2] + b"\x03" + made[3:], "SIGNATURE"), id="version 3"),
            pytest.param(lambda made: armoured(packet(2, b""), "SIGNATURE"), id="empty"),
            pytest.param(lambda made: armoured(bytes(200_000), "SIGNATURE"), id="long"),
        ],
    )
    async def test_refused(
        self, opener: Opener, prepared_keys: PreparedKeys, change: Callable[[bytes], bytes]
    ) -> None:
        made = signature_packet(prepared_keys.sender_home, prepared_keys.sender, PAYLOAD)
        with pytest.raises(OpeningRefused) as refused:
            await opener.verify_detached(PAYLOAD, change(made))
        assert refused.value.reason is Reason.SIGNATURE_INVALID

    @pytest.mark.parametrize("signed", [b"", PAYLOAD + b"\r\n", PAYLOAD[:-2], PAYLOAD.replace(b"\r", b"")])
    async def test_of_other_octets(self, opener: Opener, prepared_keys: PreparedKeys, signed: bytes) -> None:
        made = signature_packet(prepared_keys.sender_home, prepared_keys.sender, PAYLOAD, "--armor")
        with pytest.raises(OpeningRefused) as refused:
            await opener.verify_detached(signed, made)
        assert refused.value.reason is Reason.SIGNATURE_INVALID


async def test_a_home_with_the_same_key_as_the_golden_one(
    opener_of: Callable[[Path], Opener], prepared_keys: PreparedKeys, new_home: Callable[[], Path]
) -> None:
    """A second home with a copy of the secret key opens what was sealed to the first."""
    home = new_home()
    import_key(home, export_secret(prepared_keys.receiver_home, prepared_keys.receiver))
    import_key(home, export_public(prepared_keys.sender_home, prepared_keys.sender))
    made = sealed(
        prepared_keys.sender_home, prepared_keys.receiver, payload=PAYLOAD, signer=prepared_keys.sender
    )
    assert (await opener_of(home).open(made, longest_octets=LONGEST)).payload == PAYLOAD
