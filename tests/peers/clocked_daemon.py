"""The daemon with a clock that a test sets: `clocked_daemon.py CLOCK serve --config FILE …`."""

import sys

from rorpost_gateway.demo import clocked_daemon

if __name__ == "__main__":
    clock, _, _, config, *_ = sys.argv[1:]
    sys.argv[1:] = [config, clock]
    sys.exit(clocked_daemon.main())
