"""Every logger at DEBUG, asyncio too, and no word of what must not be told on standard error or on disk."""

import os
from base64 import b64encode
from pathlib import Path

from tests.e2e.scenario import MakeScenario, Scenario
from tests.peers import gateway_world as world
from tests.peers.sink import Script
from tests.peers.submitting import make_message

NUMBER = "19121212-1212"
SUBJECT, BODY, NAME = "AMNESORDET", "KROPPSORDET", "BILAGENAMNET"
WRONG = "FELLOSENORDET"
TALKATIVE = """\
import logging
import sys

from rorpost_gateway.cli import main

logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
for name in ("mail.log", "mail.debug", "mail.error", "gnupg", "aiosmtplib", "asyncio"):
    logging.getLogger(name).setLevel(logging.DEBUG)
main()
"""


def secrets() -> list[str]:
    words = [NUMBER, NUMBER.replace("-", ""), NUMBER[2:], SUBJECT, BODY, NAME, WRONG, world.PASSWORD]
    plain = [f"\0anna\0{world.PASSWORD}", world.PASSWORD, WRONG, SUBJECT, BODY]
    return words + [b64encode(text.encode()).decode().rstrip("=")[:-1] for text in plain]


def everything_that_can_happen(gateway: Scenario) -> None:
    """Accepted, refused by each part of the house, broken off, and wrong passwords."""
    body = f'{BODY}\r\nContent-Disposition: attachment; filename="{NAME}"\r\n{NUMBER}'
    assert gateway.submit(subject=SUBJECT, body=body).accepted
    assert gateway.submit(subject=f"{SUBJECT} {NUMBER}", body=BODY).refused
    assert gateway.submit(subject=SUBJECT, body=BODY, Importance="high").refused
    assert gateway.submit(make_message(subject=SUBJECT, body=BODY).replace(b"\r\n\r\n", b"\r\n\n")).refused
    assert gateway.submit(subject=SUBJECT, body=BODY, Subject_2=f"{BODY}\x80").refused
    assert gateway.submit(subject=SUBJECT, body=f"{BODY}\r\n" * 30_000).accepted
    with gateway.connect() as client:
        client.envelope(world.HOME_CARE, (world.BRINKEN,))
        client.begin_data()
        client.send(make_message(subject=SUBJECT, body=BODY)[:-2])
        client.close()
    for mechanism, secret in (("PLAIN", f"\0anna\0{WRONG}"), ("LOGIN", "anna")):
        with gateway.connect(login=None) as client:
            code, _ = client.docmd("AUTH", f"{mechanism} {b64encode(secret.encode()).decode()}")
            if code == 334:
                code, _ = client.docmd(b64encode(WRONG.encode()).decode())
            assert code == 535


def files_that_hold(gateway: Scenario, secret: str) -> list[Path]:
    """Under the gateway's folder and its key home."""
    octets = secret.encode()
    in_home = [path for path in gateway.home.rglob("*") if path.is_file() and octets in path.read_bytes()]
    return [*gateway.holds(octets), *in_home]


def test_no_word_of_it_is_told_anywhere(scenario: MakeScenario) -> None:
    gateway = scenario(start=False, script=Script(answers={"message": f"451 {SUBJECT}\r\n".encode()}))
    wrapper = gateway.folder / "talkative.py"
    wrapper.write_text(TALKATIVE, encoding="utf-8")
    gateway.in_debug_mode = True
    gateway.start(wrapper=wrapper, environment={**os.environ, "PYTHONASYNCIODEBUG": "1"})
    everything_that_can_happen(gateway)
    assert [line for line in gateway.operator_lines if "asyncio" in line], "the debug mode is on"
    gateway.until(lambda: len(gateway.lines_of("deferred")) >= 2, what="attempts")
    assert gateway.stop() == 0
    for secret in secrets():
        held = [] if secret == SUBJECT else files_that_hold(gateway, secret)
        assert not held, f"{secret} stands in {held}"
        told = [line for line in gateway.operator_lines if secret in line]
        assert not told, f"{secret} was told: {told}"
    # The next hop's own words are logged as it said them; the subject stands in them here, and only there.
    assert not [line for line in gateway.log_lines() if SUBJECT in str({**line, "reply": ""})]


def test_the_search_would_find_it(scenario: MakeScenario) -> None:
    gateway = scenario()
    (gateway.state / "trace").write_text(BODY)
    assert files_that_hold(gateway, BODY) == [gateway.state / "trace"]
