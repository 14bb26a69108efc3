"""`rorpost serve` with a clock that somebody else sets.

    python -m rorpost_gateway.demo.clocked_daemon CONFIG CLOCK

For the demo and for tests. No option of the command leads here: a gateway whose clock can be
set by a file would believe in keys and authorisations that have ended.
"""

import sys
from pathlib import Path

from rorpost_gateway import event_loop, operator_log
from rorpost_gateway.config import load_config
from rorpost_gateway.daemon.serve import serve
from rorpost_gateway.demo.clock import Clock
from rorpost_gateway.errors import GatewayError


def main() -> int:
    """The daemon's exit code."""
    config, clock = (Path(argument) for argument in sys.argv[1:])
    operator_log.configure(as_json=True, level="info")
    try:
        return event_loop.run(serve(load_config(config), now=Clock(clock).now))
    except GatewayError as error:
        sys.stderr.write(f"{error.public} ({error.private})\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
