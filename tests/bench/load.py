"""What any load generator says of its work, and how many connections it opens. Imported by lean processes."""

from dataclasses import dataclass

CONNECTIONS = 10


@dataclass(frozen=True, kw_only=True)
class Sent:
    """When the load began and when the last 250 was heard (time.perf_counter), and what it cost to send."""

    began: float
    accepted: float
    cpu_seconds: float
