"""The real `rorpost serve`, both ways: submissions to one sink, opened mail to another."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.bench.ground import Ground
from tests.peers.gateway_world import merged
from tests.peers.two_gateways import agreed_policy
from tests.peers.whole_gateway import WholeGateway


@contextlib.contextmanager
def gateway(
    on: Ground,
    *,
    engine: str,
    relay_port: int,
    lmtp_port: int,
    changes: Mapping[str, Any] | None = None,
    policy: Mapping[str, Any] | None = None,
    wrapper: Path | None = None,
) -> Iterator[WholeGateway]:
    """Started, as shipped but for addresses; `changes` are laid over its configuration, `policy` replaces
    the one that both sides agreed on.

    It must start, end with 0, and leave a decision log that holds: AssertionError or Broken where not.
    `wrapper` is a script in the place of the command, after which nobody looks at the log.
    """
    config = merged(_config(engine, relay_port, lmtp_port), changes or {})
    with WholeGateway(
        on.keys, on.authority, config=config, policy=policy or agreed_policy(on.keys), folder=on.folder
    ) as made:
        made.start(wrapper=wrapper)
        try:
            yield made
        except (RuntimeError, TimeoutError) as error:
            error.add_note(made.running.said("a message was not taken"))
            raise
        assert made.stop() == 0
        if wrapper is None:
            made.verify_log()


def inbound_port(running: WholeGateway) -> int:
    """Where partners connect."""
    return int(running.running.wait_for_event("ready")["inbound"].rpartition(":")[2])


def _config(engine: str, relay_port: int, lmtp_port: int) -> dict[str, Any]:
    off = {"mode": "off"}
    return {
        "submission": {
            "tls": {"on_loopback": "optional"},
            "auth": None,
            "trusted_networks": ["127.0.0.0/8"],
        },
        "inbound": {"smtp": {"listen": ["127.0.0.1:0"], "tls": off, "allowed_networks": ["127.0.0.0/8"]}},
        "relay": {"default": {"port": relay_port, "tls": off}, "retry": None},
        "delivery": {"maildir": None, "method": "lmtp", "lmtp": {"host": "127.0.0.1", "port": lmtp_port}},
        "openpgp": {"engine": engine},
        "limits": None,
        "processes": None,
    }
