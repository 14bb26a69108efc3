"""How long a next hop may take for what. RFC 5321, section 4.5.3.2."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """`attempt_seconds` bounds one whole attempt, whatever its steps add up to.

    `connect_seconds` bounds name resolution with TCP, the greeting and the TLS
    handshake, each; the greeting's is shorter than RFC 5321 suggests (five minutes).
    """

    connect_seconds: float = 60
    command_seconds: float = 300
    block_seconds: float = 180
    final_reply_seconds: float = 600
    probe_seconds: float = 10
    quit_seconds: float = 5
    attempt_seconds: float = 840
