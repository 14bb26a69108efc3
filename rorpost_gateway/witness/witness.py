"""The rule that a witness lives by: it cosigns what continues the log it cosigned before, and nothing else.

What is new is durable before it is cosigned. One request at a time, so that between the look
at what is held and the keeping of what is new nothing can come. Blocking.

c2sp.org/tlog-witness (1.1.0), "add-checkpoint"; RFC 6962, section 2.1.2.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Final

from rorpost_gateway.audit.checkpoints import Checkpoint, parse_checkpoint
from rorpost_gateway.audit.merkle import EMPTY_ROOT, verify_consistency
from rorpost_gateway.audit.notes import NoteFault, verify_note
from rorpost_gateway.audit.signatures import VerifierKey
from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.http.answer import PLAIN, Answer
from rorpost_gateway.witness.cosignature import signature_line
from rorpost_gateway.witness.key import CosigningKey
from rorpost_gateway.witness.request import SIZE_TYPE, AddCheckpoint, RequestInvalid, read_request
from rorpost_gateway.witness.state import WitnessState

_WORDS: Final = {
    400: b"no add-checkpoint request\n",
    403: b"not signed by a key known of this log\n",
    404: b"a log that is not known here\n",
    422: b"the proof does not show that nothing before was changed\n",
}


class Refusal(StrEnum):
    """Why a request by a known log was not cosigned though the log signed it. Evidence is kept."""

    FORK = "fork"  # other entries than those cosigned before, under the same number
    NOT_CONSISTENT = "not-consistent"  # the proof does not lead from what was cosigned


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """The answer, and about what; `stated` is None where no known log has signed it."""

    answer: Answer
    stated: Checkpoint | None = None
    refusal: Refusal | None = None


class Judge:
    """One witness. `logs` are the verifier keys of the logs it watches; a log's name is its origin."""

    def __init__(self, *, key: CosigningKey, logs: Iterable[VerifierKey], state: WitnessState) -> None:
        """Raises ConfigurationInvalid where what is held cannot be read, OSError."""
        self._key = key
        self._logs: dict[str, list[VerifierKey]] = {}
        for log in logs:
            self._logs.setdefault(log.name, []).append(log)
        self._state = state
        self._lock = Lock()
        self._held = {origin: _read_held(state, origin) for origin in self._logs}

    def sizes(self) -> dict[str, int]:
        """By origin, how many entries were cosigned; 0 where none were."""
        return {origin: 0 if held is None else held.size for origin, held in self._held.items()}

    def add_checkpoint(self, body: bytes, *, at: int) -> Ruling:
        """Rule on one request. `at` is seconds since the epoch. Raises OSError: nothing is cosigned."""
        try:
            request = read_request(body)
            stated = parse_checkpoint(request.note)
        except (RequestInvalid, NoteFault):
            return Ruling(answer=_refuse(400))
        keys = self._logs.get(stated.origin)
        if keys is None:
            return Ruling(answer=_refuse(404))
        try:
            signers = verify_note(stated.note, keys)
        except NoteFault:
            return Ruling(answer=_refuse(403))
        if request.old > stated.size:
            return Ruling(answer=_refuse(400), stated=stated)
        with self._lock:
            return self._continue(request, _signed_by(stated, signers), body, at)

    def newest(self, origin: str, *, at: int) -> bytes | None:
        """The newest checkpoint of a log, signed by it and cosigned; None where there was none."""
        held = self._held.get(origin)
        return None if held is None else held.octets + self._key.cosign(held.note.text, at=at)

    def _continue(self, request: AddCheckpoint, stated: Checkpoint, body: bytes, at: int) -> Ruling:
        held = self._held[stated.origin]
        size, root = (0, EMPTY_ROOT) if held is None else (held.size, held.root)
        if request.old != size:
            return Ruling(answer=_conflict(size), stated=stated)
        if stated.size == size and stated.root != root:
            self._state.keep_refused(body)
            return Ruling(answer=_refuse(422), stated=stated, refusal=Refusal.FORK)
        if not verify_consistency(size, stated.size, request.proof, root, stated.root):
            self._state.keep_refused(body)
            return Ruling(answer=_refuse(422), stated=stated, refusal=Refusal.NOT_CONSISTENT)
        if held is None or stated.size > size:
            self._state.keep(stated.origin, stated.octets)
            self._held[stated.origin] = stated
        line = self._key.cosign(stated.note.text, at=at)
        return Ruling(answer=Answer(body=line, content_type=PLAIN), stated=stated)


def _signed_by(stated: Checkpoint, signers: Iterable[VerifierKey]) -> Checkpoint:
    """The same without signatures of others, which are neither looked at nor kept."""
    known = {(key.name, key.key_id) for key in signers}
    kept = [each for each in stated.note.signatures if (each.name, each.key_id) in known]
    lines = b"".join(map(signature_line, dict.fromkeys(kept)))
    return parse_checkpoint(stated.note.text + b"\n" + lines)


def _read_held(state: WitnessState, origin: str) -> Checkpoint | None:
    octets = state.newest(origin)
    if octets is None:
        return None
    try:
        held = parse_checkpoint(octets)
    except NoteFault as fault:
        raise ConfigurationInvalid(f"what is held of {origin!r} is damaged: {fault}") from None
    if held.origin != origin:
        raise ConfigurationInvalid(f"what is held of {origin!r} is of another log, {held.origin!r}")
    return held


def _refuse(status: int) -> Answer:
    return Answer(status=status, body=_WORDS[status])


def _conflict(size: int) -> Answer:
    return Answer(status=409, content_type=SIZE_TYPE, body=b"%d\n" % size)
