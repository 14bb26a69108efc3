"""An exception anywhere inside: `451 4.3.0` and nothing of the inside, nothing lost, and it goes on."""

import importlib.util
import itertools
from collections.abc import Iterator

import pytest

from tests.peers import faulty_daemon
from tests.peers import gateway_world as world
from tests.peers.authority import Authority
from tests.peers.faulty import Faulty, start_faulty
from tests.peers.gnupg_home import PreparedKeys
from tests.peers.submitting import make_message, submit
from tests.peers.whole_gateway import WholeGateway

SUBJECT, BODY = "AMNESORDET", "KROPPSORDET"
AT_MAIL = ("MAIL", "MAIL grammar")
BEFORE_THE_MESSAGE = ("AUTH", *AT_MAIL, "RCPT")
RELAYING = ("judge again", "send")
HALF_WAY = ("log", "ready")  # the copy is in the queue already
WITH_THE_MESSAGE = sorted({*faulty_daemon.PARTS} - {*BEFORE_THE_MESSAGE, *RELAYING, *HALF_WAY})
_numbers = itertools.count()


def letter() -> bytes:
    return make_message(subject=SUBJECT, body=BODY, message_id=f"<fel.{next(_numbers)}@klient>")


@pytest.fixture(scope="module")
def shared(prepared_keys: PreparedKeys, authority: Authority) -> Iterator[Faulty]:
    with WholeGateway(prepared_keys, authority) as gateway:
        faulty = start_faulty(gateway)
        yield faulty
        assert gateway.stop() == 0
        gateway.verify_log()


@pytest.fixture
def faulty(shared: Faulty) -> Iterator[Faulty]:
    yield shared
    shared.heal()
    gateway = shared.gateway
    assert shared.submit(letter()).reason == "ok"
    gateway.wait_until_empty()
    for secret in (faulty_daemon.MARKER, SUBJECT, BODY, world.PASSWORD):
        assert not [line for line in gateway.operator_lines if secret in line]
        assert not gateway.holds(secret.encode())
    assert not [line for line in gateway.operator_lines if "Traceback" in line]


def check_reply(code: int | None, text: str) -> None:
    assert code == 451
    assert text.startswith("4.3.0 [gateway-fault] ")
    assert faulty_daemon.MARKER not in text
    assert "Error" not in text


def test_a_login(faulty: Faulty) -> None:
    faulty.fail("AUTH")
    with faulty.gateway.connect(login=None) as client:
        for words in (("LOGIN YW5uYQ==", "YWJj"), ("PLAIN AGFubmEAYWJj",)):
            first, *rest = words
            code, text = client.docmd("AUTH", first)
            for word in rest:
                assert code == 334
                code, text = client.docmd(word)
            check_reply(code, text.decode())
        faulty.heal()
        client.login("anna", world.PASSWORD)
        assert submit(client, letter()).accepted


@pytest.mark.parametrize("part", [*AT_MAIL, "RCPT"])
def test_before_the_message(faulty: Faulty, part: str) -> None:
    faulty.fail(part)
    with faulty.gateway.connect() as client:
        heard = client.envelope(world.HOME_CARE, (world.BRINKEN,))
        assert heard.step == part.partition(" ")[0]
        check_reply(heard.code, heard.text)
        assert not faulty.gateway.queue_rows()
        faulty.heal()
        client.rset()
        assert submit(client, letter()).reason == "ok"


@pytest.mark.parametrize("part", WITH_THE_MESSAGE)
def test_with_the_message(faulty: Faulty, part: str) -> None:
    gateway = faulty.gateway
    before, arrived = len(gateway.lines_of("decision")), len(gateway.next_hop.arrivals)
    octets = letter()
    faulty.fail(part)
    with gateway.connect() as client:
        heard = submit(client, octets)
        assert heard.step == "message"
        check_reply(heard.code, heard.text)
        faulty.heal()
        again = submit(client, octets)  # as Outlook will
        assert again.code == 250, again
    gateway.until(lambda: len(gateway.next_hop.arrivals) > arrived, what="the message")
    gateway.wait_until_empty()
    assert len(gateway.next_hop.arrivals) == arrived + 1
    reasons = [line["reason"] for line in gateway.lines_of("decision")[before:]]
    # Only the answer failed: the message is in, and what Outlook sends again is a duplicate of it.
    assert reasons == (["ok", "gateway-fault", "duplicate"] if part == "reply" else ["gateway-fault", "ok"])


@pytest.mark.parametrize("part", HALF_WAY)
def test_between_queue_and_answer(part: str, prepared_keys: PreparedKeys, authority: Authority) -> None:
    """The client sends again; what lay half way is settled at the next start, and nothing goes twice."""
    with WholeGateway(prepared_keys, authority) as gateway:
        faulty = start_faulty(gateway)
        faulty.fail(part)
        octets = letter()
        heard = faulty.submit(octets)
        check_reply(heard.code, heard.text)
        assert not gateway.next_hop.arrivals
        faulty.heal()
        assert faulty.submit(octets).code == 250
        gateway.wait_for_arrivals(1)
        assert gateway.stop() == 0
        gateway.start()
        gateway.wait_until_empty()
        assert len(gateway.next_hop.arrivals) == 1
        assert gateway.stop() == 0
        gateway.verify_log()


@pytest.mark.parametrize("part", RELAYING)
def test_while_relaying(faulty: Faulty, part: str) -> None:
    gateway = faulty.gateway
    arrived, deferred = len(gateway.next_hop.arrivals), len(gateway.lines_of("deferred"))
    faulty.fail(part)
    assert faulty.submit(letter()).reason == "ok"
    gateway.until(lambda: len(gateway.lines_of("deferred")) > deferred, what="the fault")
    assert gateway.lines_of("deferred")[-1]["reply"] == "4.3.0 a fault in this gateway; its log says more"
    faulty.heal()
    gateway.wait_for_arrivals(arrived + 1)
    gateway.wait_until_empty()
    assert len(gateway.next_hop.arrivals) == arrived + 1


def test_every_part_is_there() -> None:
    assert all(importlib.util.find_spec(module) for module, _ in faulty_daemon.PARTS.values())
