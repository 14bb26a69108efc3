"""A gateway's configuration for a Dovecot of the tests: one login for all mailboxes, over verified TLS."""

from pathlib import Path
from typing import Any

from tests.peers.dovecot import WATCH, WATCH_PASSWORD, Dovecot


def delivery_account(dovecot: Dovecot, folder: Path) -> dict[str, Any]:
    """The section `delivery.imap`, with the password in a file of `folder`."""
    secret = folder / "imap.password"
    secret.touch(mode=0o600)
    secret.write_text(WATCH_PASSWORD)
    return {
        "host": "localhost",
        "port": dovecot.imap_port,
        "tls": {"mode": "implicit", "ca": str(dovecot.authority.ca_file)},
        "username": f"{{mailbox}}*{WATCH}",
        "password_file": str(secret),
    }
