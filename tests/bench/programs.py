"""Where Postfix's own test programs are, and whom they run as."""

import os
import shutil


def program(name: str) -> str:
    """Its path; Debian keeps Postfix's programs in sbin. Raises FileNotFoundError."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise FileNotFoundError(f"{name} is missing: it comes with the Debian package postfix")
    return found


def loopback_program(name: str) -> list[str]:
    """A server of Postfix's, which refuses to stay root."""
    return [program(name), *(["-u", "nobody"] if os.geteuid() == 0 else [])]
