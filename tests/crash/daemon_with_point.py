"""The real `rorpost`, killed at a named point: daemon_with_point.py POINT MOMENT NTH serve --config FILE."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rorpost_gateway.cli import main
from tests.crash.points import install

if __name__ == "__main__":
    name, moment, nth, *rest = sys.argv[1:]
    install(name, moment, int(nth))
    sys.argv[1:] = rest
    main()
