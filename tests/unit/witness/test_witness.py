"""A witness cosigns what continues the log, and nothing else: whatever is sent, and whatever happens."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorpost_gateway.audit.checkpoints import parse_checkpoint
from rorpost_gateway.audit.notes import verify_note
from rorpost_gateway.audit.signatures import parse_vkey
from rorpost_gateway.decision_log.published.note import sign_checkpoint
from rorpost_gateway.decision_log.signing import generate
from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.http.answer import Answer
from rorpost_gateway.witness import state as state_module
from rorpost_gateway.witness.cosignature import find_cosignature, parse_witness_key
from rorpost_gateway.witness.request import SIZE_TYPE, write_request
from rorpost_gateway.witness.state import WitnessState
from rorpost_gateway.witness.witness import Judge, Refusal
from tests.peers.witnessed_log import ORIGIN, WITNESS, SignedLog, WitnessHouse

AT = 1_790_000_000


@pytest.fixture
def house(tmp_path: Path) -> WitnessHouse:
    return WitnessHouse(tmp_path / "witness")


def answer(judge: Judge, body: bytes) -> Answer:
    return judge.add_checkpoint(body, at=AT).answer


def status(judge: Judge, body: bytes) -> int:
    return answer(judge, body).status


def cosigned(house: WitnessHouse, given_answer: Answer, text: bytes) -> bool:
    key = parse_witness_key(house.key.vkey)
    found = find_cosignature(given_answer.body, text, key, now=AT)
    return given_answer.status == 200 and found is not None and found.at == AT


def test_refused(house: WitnessHouse) -> None:
    """Each at a witness that holds seven entries; afterwards it still holds them."""
    log, judge = house.log, house.judge()
    assert status(judge, log.request(0, 7)) == 200
    stranger = SignedLog(generate(ORIGIN))
    note = log.checkpoint(9).note
    unsigned = note[: note.rindex(b"\n\n") + 2]
    damaged = unsigned + stranger.checkpoint(9).note[len(unsigned) :]
    empty = sign_checkpoint([log.key], origin=ORIGIN, size=0, root=bytes(32)).note
    cases = {
        "no request": (b"GET me one", 400),
        "no checkpoint": (b"old 7\n\n" + b"three\nlines\nonly\n", 400),
        "no signature": (write_request(7, log.proof(7, 9), unsigned), 400),
        "half a checkpoint": (write_request(7, log.proof(7, 9), note[:-9]), 400),
        "an old size above the checkpoint's": (write_request(9, [], log.checkpoint(8).note), 400),
        "another log": (SignedLog(generate("elsewhere.se/log")).request(0, 7), 404),
        "somebody else in its name": (stranger.request(7, 9), 403),
        "a signature of something else": (write_request(7, log.proof(7, 9), damaged), 403),
        "from an older size": (log.request(5, 9), 409),
        "from nothing": (log.request(0, 9), 409),
        "from a later size": (log.request(8, 9), 409),
        "a rolled back log": (log.request(5, 6), 409),
        "no proof": (write_request(7, [], note), 422),
        "a proof of something else": (write_request(7, log.proof(6, 9), note), 422),
        "a proof with one hash too many": (write_request(7, [*log.proof(7, 9), bytes(32)], note), 422),
        "a fork": (log.request(7, 9, forked_at=6), 422),
        "a fork of the same size": (log.request(7, 7, forked_at=6), 422),
        "an empty log with a root": (write_request(0, [], empty), 409),
        "a proof where none can be": (write_request(7, [bytes(32)], log.checkpoint(7).note), 422),
    }
    for case, (body, wanted) in cases.items():
        heard = answer(judge, body)
        assert heard.status == wanted, case
        assert b"\xe2\x80\x94" not in heard.body, case
        assert (heard.status != 409) or (heard.content_type, heard.body) == (SIZE_TYPE, b"7\n"), case
    assert judge.sizes() == {ORIGIN: 7}
    assert status(judge, log.request(7, 9)) == 200


def test_evidence_of_a_fork_is_kept(house: WitnessHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_module, "MOST_REFUSED", 2)
    log, judge = house.log, house.judge()
    answer(judge, log.request(0, 7))
    forks = [log.request(7, 7, forked_at=3), *(log.request(7, size, forked_at=3) for size in (8, 9))]
    heard = [judge.add_checkpoint(body, at=AT).refusal for body in (*forks, forks[0])]
    assert heard == [Refusal.FORK, Refusal.NOT_CONSISTENT, Refusal.NOT_CONSISTENT, Refusal.FORK]
    kept = {path.read_bytes() for path in (house.folder / "refused").iterdir()}
    assert kept == set(forks[:2])


def test_growth_step_by_step_and_again(house: WitnessHouse) -> None:
    log, judge = house.log, house.judge()
    for old, new in ((0, 1), (1, 1), (1, 2), (2, 255), (255, 256), (256, 257), (257, 257), (257, 1000)):
        heard = answer(judge, log.request(old, new))
        assert cosigned(house, heard, log.checkpoint(new).text), (old, new)


def test_an_empty_log(house: WitnessHouse) -> None:
    log, judge = house.log, house.judge()
    empty = sign_checkpoint([log.key], origin=ORIGIN, size=0, root=bytes(32)).note
    assert status(judge, write_request(0, [], empty)) == 422
    assert cosigned(house, answer(judge, log.request(0, 0)), log.checkpoint(0).text)
    assert status(judge, write_request(0, [], log.checkpoint(3).note)) == 200
    assert status(judge, log.request(0, 0)) == 409


def test_whoever_wants_to_compare_gets_what_is_held(house: WitnessHouse) -> None:
    log, judge = house.log, house.judge()
    assert judge.newest(ORIGIN, at=AT) is None
    assert judge.newest("elsewhere.se/log", at=AT) is None
    body = log.request(0, 7)
    stranger = SignedLog(generate("stranger.se/log")).checkpoint(7).note.split(b"\n\n")[1]
    own = log.checkpoint(7).note.split(b"\n\n")[1]
    assert status(judge, body + stranger + own) == 200
    for held in (judge.newest(ORIGIN, at=AT), house.judge().newest(ORIGIN, at=AT)):
        assert held is not None
        assert held.startswith(log.checkpoint(7).note)
        note = parse_checkpoint(held).note
        assert [each.name for each in note.signatures] == [ORIGIN, WITNESS]
        signers = verify_note(note, [parse_vkey(log.key.vkey), parse_witness_key(house.key.vkey)])
        assert len(signers) == 2


def test_what_was_cosigned_is_remembered_over_a_restart(house: WitnessHouse) -> None:
    log = house.log
    assert status(house.judge(), log.request(0, 7)) == 200
    judge = house.judge()
    assert judge.sizes() == {ORIGIN: 7}
    assert status(judge, log.request(0, 9)) == 409
    assert status(judge, log.request(7, 9, forked_at=2)) == 422
    assert status(judge, log.request(7, 9)) == 200


def test_nothing_is_cosigned_that_is_not_durable(
    house: WitnessHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, judge = house.log, house.judge()

    def full(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(WitnessState, "keep", full)
        with pytest.raises(OSError, match="no space"):
            judge.add_checkpoint(log.request(0, 7), at=AT)
    assert judge.sizes() == {ORIGIN: 0}
    assert status(judge, log.request(0, 7, forked_at=1)) == 200


def test_it_is_durable_before_it_is_cosigned(house: WitnessHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where making the signature fails, the checkpoint is held all the same: too much, never too little."""
    log, judge = house.log, house.judge()

    def breaks(*_: object, **__: object) -> bytes:
        raise RuntimeError("killed")

    monkeypatch.setattr(type(house.key), "cosign", breaks)
    with pytest.raises(RuntimeError):
        judge.add_checkpoint(log.request(0, 7), at=AT)
    monkeypatch.undo()
    assert house.judge().sizes() == {ORIGIN: 7}


def test_a_log_that_rotates_its_key(house: WitnessHouse) -> None:
    log = house.log
    after = SignedLog(generate(ORIGIN))
    assert status(house.judge(), log.request(0, 7)) == 200
    assert status(house.judge(), write_request(7, log.proof(7, 9), after.checkpoint(9).note)) == 403
    both = write_request(7, log.proof(7, 8), log.checkpoint(8, keys=(log.key, after.key)).note)
    assert status(house.judge(), both) == 200
    assert status(house.judge(log, after), after.request(8, 9)) == 200
    assert status(house.judge(after), after.request(9, 10)) == 200


def test_several_logs(house: WitnessHouse) -> None:
    first, second = house.log, SignedLog(generate("lyckorna.se/rorpost/gw1"))
    judge = house.judge(first, second)
    assert status(judge, first.request(0, 7)) == 200
    assert status(judge, second.request(0, 3, forked_at=0)) == 200
    assert judge.sizes() == {ORIGIN: 7, "lyckorna.se/rorpost/gw1": 3}


@pytest.mark.parametrize("octets", [b"", b"7\n", b"x" * 100])
def test_a_damaged_memory_stops_the_start(house: WitnessHouse, octets: bytes) -> None:
    answer(house.judge(), house.log.request(0, 7))
    (held,) = (house.folder / "logs").iterdir()
    held.write_bytes(octets)
    with pytest.raises(ConfigurationInvalid, match="is damaged"):
        house.judge()


def test_the_memory_of_another_log_stops_the_start(house: WitnessHouse) -> None:
    answer(house.judge(), house.log.request(0, 7))
    (held,) = (house.folder / "logs").iterdir()
    held.write_bytes(SignedLog(generate("elsewhere.se/log")).checkpoint(3).note)
    with pytest.raises(ConfigurationInvalid, match="another log"):
        house.judge()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    first, second = WitnessState(tmp_path), WitnessState(tmp_path)
    first.make()
    first.lock()
    with pytest.raises(ConfigurationInvalid, match="another witness works here"):
        second.lock()
    first.close()
    second.lock()
    second.close()


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12), st.sampled_from([None, 2, 5])), max_size=12)
)
def test_whatever_is_asked_no_two_cosigned_are_inconsistent(
    tmp_path_factory: pytest.TempPathFactory, asked: list[tuple[int, int, int | None]]
) -> None:
    house = WitnessHouse(tmp_path_factory.mktemp("witness"))
    judge = house.judge()
    cosigned_heads: dict[int, list[bytes]] = {}
    largest = 0
    for old, new, fork in asked:
        body = house.log.request(old, new, forked_at=None if fork is None else min(fork, new))
        if status(judge, body) == 200:
            hashes = house.log.hashes(new, None if fork is None else min(fork, new))
            assert new >= largest
            assert all(hashes[:size] == head for size, head in cosigned_heads.items())
            cosigned_heads[new] = hashes
            largest = new


def test_the_key_is_what_it_was(house: WitnessHouse) -> None:
    assert house.key.vkey == house.key.vkey
    assert (house.folder / "witness.vkey").read_text() == f"{house.key.vkey}\n"
    assert (house.folder / "witness.key").stat().st_mode & 0o777 == 0o600
    assert WITNESS in repr(house.key)
    assert base64.b64encode(house.key.key.private_bytes_raw()).decode() not in repr(house.key)
