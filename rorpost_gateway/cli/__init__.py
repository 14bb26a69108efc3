"""The `rorpost` command. One file a verb; exit codes: 0 fine, 1 negative, 2 usage, 78 invalid."""

import signal
import sys

if "serve" in sys.argv:
    # Its default action is to end the process. A reload that is asked for while the rest of the program
    # is being read, which takes half a second, waits until the daemon listens.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})

from rorpost_gateway.cli.main import rorpost
from rorpost_gateway.errors import ConfigurationInvalid, GatewayError

EX_CONFIG = 78


def main() -> None:
    """Run the command line; named errors become one clear text and an exit code."""
    try:
        rorpost(prog_name="rorpost")
    except ConfigurationInvalid as error:
        _show_invalid(error)
        sys.exit(EX_CONFIG)
    except GatewayError as error:
        # Whoever runs a command on this machine is an operator, and may read the private reason.
        reason = f" ({error.private})" if error.private != error.public else ""
        sys.stderr.write(f"rorpost: {error.public}{reason}\n")
        sys.exit(1)
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"rorpost: {what}{error.strerror or type(error).__name__}\n")
        sys.exit(1)


def _show_invalid(error: ConfigurationInvalid) -> None:
    # Imported where it is needed: YAML and rich take longer to import than --help to answer.
    from rorpost_gateway.cli.findings import show_findings
    from rorpost_gateway.document import DocumentInvalid

    if isinstance(error, DocumentInvalid):
        show_findings(error)
    else:
        sys.stderr.write(f"{error.public}\n")
