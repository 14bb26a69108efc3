"""What `rorpost keys` changed in the GnuPG home stands in the decision log, where a daemon keeps one.

The line says what the command did, by whose hand. It is no proof of what is in the
home: whoever may write there can use gpg itself.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click

from rorpost_gateway.control.client import CallRefused, DaemonUnreachable, NoDaemon, call
from rorpost_gateway.control.log_verbs import FINGERPRINTS
from rorpost_gateway.errors import ConfigurationInvalid


def tell_log(
    control_socket: Path, verb: Literal["import", "generate", "confirm"], fingerprints: Sequence[str]
) -> None:
    """Have the daemon write it, a line for up to 64 keys. Without a daemon there is no line, and it is said.

    Raises ClickException where a daemon is there, but writes none.
    """
    try:
        for start in range(0, len(fingerprints), FINGERPRINTS):
            batch = list(fingerprints[start : start + FINGERPRINTS])
            call(control_socket, "log-keyring", {"verb": verb, "fingerprints": batch})
    except (NoDaemon, ConfigurationInvalid):  # the latter: its socket's path is too long for one to run
        click.echo("No daemon is running, so the decision log has no line of this.", err=True)
    except (CallRefused, DaemonUnreachable) as error:
        raise click.ClickException(f"It is done, but the decision log has no line of it: {error}") from error
