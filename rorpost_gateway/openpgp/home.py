"""What is wrong with a GnuPG home before any key is looked at.

gpg-agent listens on Unix sockets inside the home; their paths must fit into
`sun_path` (unix(7)), 107 octets with the longest of its socket names.
"""

import os
import shutil
import stat
from pathlib import Path

from rorpost_gateway.openpgp.process import GPG

_SOCKET_PATH_OCTETS = 107
_LONGEST_SOCKET = "S.gpg-agent.browser"


def home_findings(home: Path) -> list[str]:
    """One line a finding, for an operator; empty if all is well."""
    findings = []
    if shutil.which(GPG) is None:
        findings.append("gpg is not installed")
    findings += _folder_findings(home)
    if len(os.fsencode(home.absolute() / _LONGEST_SOCKET)) > _SOCKET_PATH_OCTETS:
        most = _SOCKET_PATH_OCTETS - len(_LONGEST_SOCKET) - 1
        findings.append(f"{home}: the path is too long for gpg-agent's sockets; at most {most} octets")
    return findings


def _folder_findings(home: Path) -> list[str]:
    try:
        found = home.stat()
    except FileNotFoundError:
        return [f"{home}: is not there; make it as the daemon's user: install -d -m 700 {home}"]
    except OSError as error:
        return [f"{home}: {error.strerror}"]
    if not stat.S_ISDIR(found.st_mode):
        return [f"{home}: is no folder"]
    findings = []
    if stat.S_IMODE(found.st_mode) != 0o700:
        findings.append(f"{home}: has mode {stat.S_IMODE(found.st_mode):04o}; must be 0700")
    if found.st_uid != os.geteuid():
        findings.append(f"{home}: belongs to another user")
    return findings
