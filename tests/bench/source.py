"""Postfix's `smtp-source` as a trusted client: sound submissions, each with a Message-ID of its own.

It has no flag for header fields. Its subject (`-S`) is written as it stands, so the fields that
the gateway wants follow the subject there, each on a line of its own; Postfix gets the same.
"""

import os
import subprocess
import time

from tests.bench.load import CONNECTIONS, Sent
from tests.bench.programs import program
from tests.peers.gateway_world import ANNA, BRINKEN, HOME_CARE

_FIELDS = (
    "Hjalpmedel",
    f"X-Rorpost-Sending-User: {ANNA}",
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=us-ascii",
)


def submit(port: int, *, messages: int, octets: int, connections: int = CONNECTIONS) -> Sent:
    """Send that many of that size over connections that stay open. Raises RuntimeError on any refusal."""
    command = [
        program("smtp-source"),
        *("-d", "-4", "-s", str(connections), "-m", str(messages), "-l", str(octets)),
        *("-f", HOME_CARE, "-t", BRINKEN, "-M", "bench.motala.se", "-S", "\r\n".join(_FIELDS)),
        f"127.0.0.1:{port}",
    ]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    with process.stderr as stderr:
        said = stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    accepted = time.perf_counter()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"smtp-source ended {process.returncode}: {said.decode(errors='replace').strip()}")
    return Sent(began=began, accepted=accepted, cpu_seconds=usage.ru_utime + usage.ru_stime)
