"""The daemon with two seconds' patience in the place of minutes; otherwise as it is."""

import dataclasses
from typing import Any

from rorpost_gateway.cli import main
from rorpost_gateway.daemon import parts

_usual: Any = parts.submission_settings


def _impatient(config: Any) -> Any:
    return dataclasses.replace(
        _usual(config), command_timeout_seconds=2.0, data_timeout_seconds=2.0, handshake_timeout_seconds=2.0
    )


parts.submission_settings = _impatient

if __name__ == "__main__":
    main()
