"""Taking the encryption off, and nothing else: gpg decrypts, but neither inflates nor verifies.

`gpg --unwrap` gives back the packets under the encryption. The message is taken
apart before gpg sees it: session keys for public keys, then one packet of
integrity-protected data, and nothing else. So what comes out is never longer than
what went in, and gpg never meets a passphrase, a second message or plain packets.

Of the output nothing is used unless gpg ended with 0 and each of its status lines
that must come came once, in their order, and none that must not. Status lines:
doc/DETAILS in GnuPG. RFC 9580, sections 5.1, 5.13.1; GnuPG's AEAD packet is
number 20 of draft-koch-librepgp.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rorpost_gateway.decision import KeyChoice, Reason
from rorpost_gateway.errors import SealingFailed
from rorpost_gateway.openpgp.base import OpeningFailed, OpeningRefused
from rorpost_gateway.openpgp.child import Child
from rorpost_gateway.openpgp.packets import KEY_ID_OCTETS, Packet, Tag, packets_of
from rorpost_gateway.openpgp.process import Run

HIDDEN = "0" * 16
# For each of them gpg tries every secret key of the home.
HIDDEN_RECIPIENTS = 8
_UNWRAP = ("--decrypt", "--unwrap")
_ONCE = (
    "DECRYPTION_KEY",
    "BEGIN_DECRYPTION",
    "DECRYPTION_INFO",
    "DECRYPTION_OKAY",
    "GOODMDC",
    "END_DECRYPTION",
)
_NEVER = frozenset(
    {"DECRYPTION_FAILED", "BADMDC", "ERRMDC", "NODATA", "UNEXPECTED", "BADARMOR", "TRUNCATED", "PLAINTEXT"}
    | {"NEWSIG", "NEED_PASSPHRASE_SYM", "FAILURE", "ERROR"}
)
_READ = frozenset({"ENC_TO", "NODATA"})  # one of which it says of whatever it is given
_MDC_SHA1 = "2"
_AGENT_SOURCES = frozenset({4, 5})  # gpg-agent and pinentry, in libgpg-error's numbers


@dataclass(frozen=True, kw_only=True)
class Encrypted:
    """An encrypted message taken apart, still as it came. `offsets` are where each packet begins."""

    octets: bytes = field(repr=False)
    packets: tuple[Packet, ...]
    key_ids: tuple[str, ...]  # upper-case hex, in the order of the session keys


@dataclass(frozen=True, kw_only=True)
class Unwrapped:
    """What was under the encryption, and our own key that opened it."""

    octets: bytes = field(repr=False)
    opened_with: KeyChoice


def read_encrypted(octets: bytes) -> Encrypted:
    """Check that these are one encrypted message in the form that is taken. Raises OpeningRefused."""
    try:
        # Only packets that are refused here can be of indeterminate length; this tells which they are.
        packets = tuple(packets_of(octets, open_ended=True))
    except SealingFailed as error:
        raise _refused(f"outside: {error.private}") from error
    if len(packets) < 2 or packets[0].tag not in (Tag.SESSION_KEY, Tag.PASSPHRASE):
        raise _not_encrypted(packets)
    *keys, data = packets
    if data.tag not in (Tag.INTEGRITY_PROTECTED, Tag.AEAD):
        raise _refused(f"the last packet is {data.tag}, not integrity-protected data")
    if data.start[:1] != b"\x01":
        raise _refused("integrity-protected data of an unknown version")
    key_ids = tuple(_key_id(packet) for packet in keys)
    if key_ids.count(HIDDEN) > HIDDEN_RECIPIENTS:
        raise _refused("too many hidden recipients")
    return Encrypted(octets=octets, packets=packets, key_ids=key_ids)


def unwrap(child: Child, message: Encrypted, passphrase: str | None) -> Unwrapped:
    """Decrypt. Raises OpeningRefused, OpeningFailed or GnupgFailed."""
    run = _run(child, message, (message.octets,), passphrase)
    key = _key_of(run)
    if run.returncode and key and HIDDEN in message.key_ids:
        run = _run_narrowed(child, message, run, passphrase)
    wrong = _what_is_wrong(run, message.packets[-1])
    if wrong or key is None:
        raise _why_not(child, run, wrong)
    return Unwrapped(octets=run.output, opened_with=key)


def _run(
    child: Child, message: Encrypted, stdin: Sequence[bytes], passphrase: str | None, *options: str
) -> Run:
    return child.run(
        [*options, *_UNWRAP], stdin=stdin, longest_output=len(message.octets), passphrase=passphrase
    )


def _run_narrowed(child: Child, message: Encrypted, run: Run, passphrase: str | None) -> Run:
    """Decrypt once more, told which key fits which session key.

    gpg tries its keys on a hidden recipient's one after the other, and counts it as
    an error that the first ones do not fit; by its return code alone such a message
    could not be told from a damaged one.
    """
    lines = [line.split() for line in run.status if line.startswith(("ENC_TO ", "DECRYPTION_KEY "))]
    at = next(number for number, words in enumerate(lines) if words[0] == "DECRYPTION_KEY")
    if not 1 <= at <= len(message.key_ids):
        return run
    session_key, data = _whole_packet(message, at - 1), _whole_packet(message, -1)
    return _run(child, message, (session_key, data), passphrase, "--try-secret-key", f"{lines[at][1]}!")


def _whole_packet(message: Encrypted, number: int) -> bytes:
    """A packet with its header: from the end of the packet before to its own end."""
    ends = [0, *(packet.pieces[-1][1] for packet in message.packets)]
    position = number % len(message.packets)
    return message.octets[ends[position] : ends[position + 1]]


def _key_id(packet: Packet) -> str:
    if packet.tag != Tag.SESSION_KEY:
        raise _refused(f"a packet {packet.tag} among the session keys")
    if packet.length <= 1 + KEY_ID_OCTETS or packet.start[0] != 3:
        raise _refused("a session key that is not of version 3")
    return packet.start[1 : 1 + KEY_ID_OCTETS].hex().upper()


def _key_of(run: Run) -> KeyChoice | None:
    """The key gpg says it opened the message with, if it says so once."""
    lines = [line.split() for line in run.status if line.startswith("DECRYPTION_KEY ")]
    if len(lines) != 1 or len(lines[0]) < 3:
        return None
    return KeyChoice(primary=lines[0][2].upper(), subkey=lines[0][1].upper())


def _what_is_wrong(run: Run, data: Packet) -> str:
    """What of gpg's status is not as it must be; empty if all is right."""
    keywords = [line.partition(" ")[0] for line in run.status]
    if run.returncode:
        return f"gpg ended {run.returncode}"
    if tuple(word for word in keywords if word in _ONCE) != _ONCE:
        return "what must be said once, in this order, was not"
    if _NEVER.intersection(keywords):
        return "something was said that must not be"
    (info,) = (line.split()[1:] for line in run.status if line.startswith("DECRYPTION_INFO "))
    if not _is_protected(info, data):
        return "no integrity protection"
    return ""


def _is_protected(info: Sequence[str], data: Packet) -> bool:
    """DECRYPTION_INFO: modification detection method, cipher, and an AEAD method in newer versions.

    Version 2.2 knows the AEAD packet and its integrity (GOODMDC), but gives 0 for the method here.
    """
    mdc, aead = info[0], info[2] if len(info) > 2 else "0"
    if data.tag == Tag.AEAD:
        return mdc == "0"
    return mdc == _MDC_SHA1 and aead == "0"


def _why_not(child: Child, run: Run, wrong: str) -> OpeningRefused | OpeningFailed:
    """Whether it is the message's fault or our own: only the first may be told to its sender."""
    private = f"{wrong}; status {' '.join(sorted(run.keywords()))}"
    codes = [line.split()[2:3] for line in run.status if line.startswith("ERROR ")]
    if any(int(code) >> 24 in _AGENT_SOURCES for (code,) in codes if code.isdecimal()):
        return _own_fault(f"the agent refused: {codes}; {private}")
    if not _READ & run.keywords():
        return _own_fault(f"gpg did not get to the message; {private}")
    if "DECRYPTION_KEY" not in run.keywords() and not child.agent_answers():
        return _own_fault(f"no agent; {private}")
    return _refused(private)


def _own_fault(private: str) -> OpeningFailed:
    return OpeningFailed("the secret key cannot be used", private=private)


def _not_encrypted(packets: Sequence[Packet]) -> OpeningRefused:
    tags = [packet.tag for packet in packets[:8]]
    return OpeningRefused(Reason.NOT_ENCRYPTED, private=f"packets are {tags}")


def _refused(private: str) -> OpeningRefused:
    return OpeningRefused(Reason.DECRYPTION_FAILED, private=private)
