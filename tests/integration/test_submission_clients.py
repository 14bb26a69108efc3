"""Real clients submit: Python's smtplib and swaks, with LOGIN and PLAIN, on STARTTLS and on implicit TLS."""

import asyncio
import os
import smtplib
from email.message import EmailMessage

import pytest

from rorpost_gateway.smtp.settings import TlsMode
from tests.dialogs.listening import listening
from tests.dialogs.receiver import PASSWORDS, RoteReceiver
from tests.peers.authority import Authority

SENDER = "rorpost.hemsjukvarden@motala.se"
RECIPIENT = "rorpost.vcbrinken@regionostergotland.se"
PASSWORD = PASSWORDS["anna.berg"].decode()
TLS = [TlsMode.STARTTLS, TlsMode.IMPLICIT]


def letter() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, RECIPIENT, "Överlämning"
    message.set_content("Hej!\n.en punkt först\n..två\n\nHälsningar\n", cte="8bit")
    return message


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("tls", TLS)
async def test_smtplib(tls: TlsMode, mechanism: str, authority: Authority) -> None:
    receiver = RoteReceiver()

    def submit(host: str, port: int) -> None:
        context = authority.client_context()
        if tls is TlsMode.IMPLICIT:
            client: smtplib.SMTP = smtplib.SMTP_SSL("localhost", port, context=context, timeout=10)
        else:
            client = smtplib.SMTP(host, port, timeout=10)
            client.starttls(context=context)
        with client:
            client.ehlo()
            client.user, client.password = "anna.berg", PASSWORD
            client.auth(mechanism, getattr(client, f"auth_{mechanism.lower()}"))
            assert not client.send_message(letter(), mail_options=["RET=HDRS"], rcpt_options=["NOTIFY=NEVER"])

    async with listening(authority, receiver, tls=tls) as listener:
        await asyncio.to_thread(submit, *listener.addresses[0])
    [(envelope, octets)] = receiver.taken
    assert octets == letter().as_bytes(policy=letter().policy.clone(linesep="\r\n"))
    assert envelope.client.login is not None
    assert envelope.client.tls == "TLSv1.3"
    assert envelope.reverse_path.ret == "HDRS"


async def test_smtplib_with_a_wrong_password(authority: Authority) -> None:
    receiver = RoteReceiver()

    def submit(host: str, port: int) -> smtplib.SMTPAuthenticationError:
        with smtplib.SMTP(host, port, timeout=10) as client:
            client.starttls(context=authority.client_context())
            with pytest.raises(smtplib.SMTPAuthenticationError) as refusal:
                client.login("anna.berg", "wrong")
        return refusal.value

    async with listening(authority, receiver) as listener:
        error = await asyncio.to_thread(submit, *listener.addresses[0])
    assert error.smtp_code == 535
    assert error.smtp_error.startswith(b"5.7.8 [login-failed] ")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("tls", TLS)
async def test_swaks(tls: TlsMode, mechanism: str, authority: Authority) -> None:
    receiver = RoteReceiver()
    async with listening(authority, receiver, tls=tls) as listener:
        host, port = listener.addresses[0]
        swaks = await asyncio.create_subprocess_exec(
            "swaks",
            *("--server", host, "--port", str(port), "--from", SENDER, "--to", RECIPIENT),
            *("--auth", mechanism, "--auth-user", "anna.berg", "--auth-password", PASSWORD),
            *(("--tls",) if tls is TlsMode.STARTTLS else ("--tls-on-connect",)),
            *("--tls-verify", "--tls-ca-path", str(authority.ca_file)),
            *("--header", "Subject: swaks", "--body", "Hej"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )
        async with asyncio.timeout(30):
            said = (await swaks.communicate())[0].decode()
    assert swaks.returncode == 0, said
    assert "~> AUTH " + mechanism in said
    assert "<~  235 2.7.0" in said
    assert "<~  250 2.0.0 [ok] queued as Q1" in said
    assert len(receiver.taken) == 1
