"""The main job with real peers: swaks and smtplib submit, Postfix takes it over verified TLS, gpg opens it.

For every shape of the corpus, what comes out is octet by octet what went in.
"""

import asyncio
import os
import re
import smtplib
import subprocess
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from rorpost_gateway.pgpmime import restore
from tests.e2e.scenario import Scenario
from tests.peers import gateway_world as world
from tests.peers.authority import Authority
from tests.peers.daemon_process import BOUND_SECONDS
from tests.peers.gnupg_home import PreparedKeys, gpg, open_with_gpg, subkeys
from tests.peers.messages import CORPUS
from tests.peers.postfix import Postfix
from tests.peers.submitting import Heard

pytestmark = pytest.mark.root

# What is no message of ours, whatever else it is: nobody is its author.
REFUSED = {"no_fields": "author-mismatch"}
# The gateway writes who is logged in, so that shapes without the field may pass too.
SOURCES = {"outside_quotes": "allow", "declared_user": {"sources": ["header", "sender", "login"]}}
SWAKS_BODY = "Hej fran swaks,\n.en punkt\n..tva\n"


def make_scenario(keys: PreparedKeys, authority: Authority, postfix: Postfix, mode: str) -> Scenario:
    hop = {
        "host": "localhost",
        "port": postfix.ports["sound"],
        "tls": {"mode": "verify", "ca": str(authority.ca_file)},
    }
    config = {"submission": {"tls": {"mode": mode}}, "relay": {"default": hop}}
    return Scenario(keys, authority, config=config, policy={**world.make_policy(keys), "rules": SOURCES})


@pytest.fixture(scope="module", params=["starttls", "implicit"])
def gateway(
    request: pytest.FixtureRequest, prepared_keys: PreparedKeys, authority: Authority, postfix: Postfix
) -> Iterator[Scenario]:
    with make_scenario(prepared_keys, authority, postfix, request.param) as scenario:
        scenario.start()
        yield scenario
        scenario.finish()


def by_smtplib(gateway: Scenario, octets: bytes, recipients: tuple[str, ...]) -> Heard:
    """LOGIN, on whichever TLS the gateway has."""
    if gateway.config["submission"]["tls"]["mode"] == "starttls":
        return gateway.submit(octets, recipients=recipients)
    context = gateway.authority.client_context()
    with smtplib.SMTP_SSL(*gateway.submission, context=context, timeout=BOUND_SECONDS) as client:
        client.ehlo()
        client.user, client.password = "anna", world.PASSWORD
        client.auth("LOGIN", client.auth_login)
        client.mail(world.HOME_CARE, ["BODY=8BITMIME"])
        for recipient in recipients:
            client.rcpt(recipient)
        code, text = client.data(octets)
        return Heard(step="message", code=code, text=text.decode("ascii"))


def by_swaks(gateway: Scenario, *recipients: str) -> str:
    host, port = gateway.submission
    starttls = gateway.config["submission"]["tls"]["mode"] == "starttls"
    done = subprocess.run(
        [
            "swaks",
            *("--server", host, "--port", str(port), "--from", world.HOME_CARE, "--to", ",".join(recipients)),
            *("--auth", "LOGIN", "--auth-user", "anna", "--auth-password", world.PASSWORD),
            *("--tls" if starttls else "--tls-on-connect", "--tls-verify"),
            *("--tls-ca-path", str(gateway.authority.ca_file)),
            *("--header", "Subject: swaks", "--body", SWAKS_BODY),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        timeout=BOUND_SECONDS,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "~> AUTH LOGIN" in done.stdout
    [queue_id] = re.findall(r"<~  250 2\.0\.0 \[ok\] queued as (\w+)", done.stdout)
    return str(queue_id)


async def opened(gateway: Scenario, postfix: Postfix, recipient: str, queue_id: str) -> bytes:
    """What plain gpg makes of the one copy that arrived, which is sealed to its recipient alone."""
    [arrived] = await postfix.arrival(recipient, queue_id.encode())
    outer = message_from_bytes(arrived)
    assert outer["Subject"] == "[...]"
    assert (outer["From"], outer["To"]) == (world.HOME_CARE, recipient)
    assert outer["X-Rorpost-Sending-User"] is None
    part: Any = outer.get_payload(1)
    sealed = part.get_payload(decode=True)
    keys = gateway.keys
    wanted = {world.BRINKEN: keys.receiver, world.LYCKORNA: keys.two_user_ids}[recipient]
    packets = gpg(keys.receiver_home, "--list-packets", stdin=sealed).decode()
    [subkey] = subkeys(keys.receiver_home, wanted)
    assert re.findall(r":pubkey enc packet: version 3, algo \d+, keyid (\w+)", packets) == [subkey[-16:]]
    return open_with_gpg(keys.receiver_home, sealed)


def as_submitted(octets: bytes) -> bytes:
    """What the gateway promises to give back: SMTP ends the last line, and some fields are the gateway's."""
    whole = octets if octets.endswith(b"\r\n") else octets + b"\r\n"
    head, blank, body = whole.partition(b"\r\n\r\n")
    ours = re.compile(rb"(?i)(?:X-Rorpost-(?!Sending-User:|Legal-Basis:)|HP-Outer:)")
    assert not re.search(rb"\n(?:X-Rorpost-Restore|HP-Outer)[^\n]*\n[ \t]", head), "no folded ones here"
    kept = [line for line in head.split(b"\r\n") if not ours.match(line)]
    return b"\r\n".join(kept) + blank + body


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
async def test_every_shape(path: Path, gateway: Scenario, postfix: Postfix) -> None:
    octets = path.read_bytes()
    heard = await asyncio.to_thread(by_smtplib, gateway, octets, (world.BRINKEN,))
    if path.stem in REFUSED:
        assert (heard.code, heard.reason) == (550, REFUSED[path.stem])
        return
    assert heard.accepted, heard
    assert heard.queue_id is not None
    payload = await opened(gateway, postfix, world.BRINKEN, heard.queue_id)
    assert restore(payload).octets == as_submitted(octets)


async def test_swaks_to_two(gateway: Scenario, postfix: Postfix) -> None:
    both = (world.BRINKEN, world.LYCKORNA)
    queue_id = await asyncio.to_thread(by_swaks, gateway, *both)
    restored = {each: restore(await opened(gateway, postfix, each, queue_id)).octets for each in both}
    assert restored[world.BRINKEN] == restored[world.LYCKORNA]
    body = restored[world.BRINKEN].partition(b"\r\n\r\n")[2]
    assert body.startswith(SWAKS_BODY.replace("\n", "\r\n").encode())
    line = await postfix.logged(f"from=<{world.HOME_CARE}>")
    assert line
    assert "TLSv1.3" in message_from_bytes(postfix.arrived(world.BRINKEN, queue_id.encode())[0])["Received"]
    lines = gateway.decisions(queue_id=queue_id)
    assert {(line["tls"], line["login"], line["declared_by"]) for line in lines} == {
        ("TLSv1.3", "anna", "login")
    }
    await asyncio.to_thread(
        gateway.until, lambda: len(gateway.lines_of("relayed", queue_id=queue_id)) == 2, what="both relayed"
    )


async def test_only_the_recipient_that_postfix_refuses_is_bounced(
    prepared_keys: PreparedKeys, authority: Authority, postfix: Postfix
) -> None:
    both = (world.BRINKEN, world.HOSPITAL)  # this Postfix has no mailbox for the second
    with make_scenario(prepared_keys, authority, postfix, "starttls") as gateway:
        gateway.start()
        heard = await asyncio.to_thread(
            gateway.submit, recipients=both, X_Rorpost_Legal_Basis="samtycke", body="till tva"
        )
        assert heard.accepted
        assert heard.queue_id is not None
        await asyncio.to_thread(gateway.until, gateway.notices, what="the bounce")
        await asyncio.to_thread(gateway.wait_until_empty)
        [notice] = gateway.notices()
        octets = notice.read_bytes()
        assert world.HOSPITAL.encode() in octets
        assert world.BRINKEN.encode() not in octets
        assert b"Diagnostic-Code: smtp; 550" in octets
        assert await opened(gateway, postfix, world.BRINKEN, heard.queue_id)
        events = {line["recipient"]: line["event"] for line in gateway.log_lines() if "attempt" in line}
        assert events == {world.BRINKEN: "relayed", world.HOSPITAL: "bounced"}
        gateway.finish()


@pytest.mark.parametrize("listener", ["expired", "wrong_name", "self_signed", "clear"])
async def test_without_a_sound_certificate_nothing_leaves(
    listener: str, prepared_keys: PreparedKeys, authority: Authority, postfix: Postfix
) -> None:
    with make_scenario(prepared_keys, authority, postfix, "starttls") as gateway:
        hop = {"relay": {"default": {"port": postfix.ports[listener]}}}
        gateway.set_config(world.merged(gateway.config, hop))
        gateway.start()
        heard = await asyncio.to_thread(gateway.submit)
        assert heard.queue_id is not None
        await asyncio.to_thread(gateway.until, lambda: gateway.lines_of("deferred"), what="the attempt")
        assert gateway.lines_of("deferred")[0]["reply"].startswith("4.7.")
        [row] = gateway.queue_rows()
        assert row["queue_id"] == heard.queue_id
        assert not postfix.arrived(world.BRINKEN, heard.queue_id.encode())
        gateway.finish()
