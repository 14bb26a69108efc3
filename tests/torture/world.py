"""The gateway under torture: its folder, its keys, its partner's keys, and each life of its daemon."""

import json
import os
import random
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.scene import SCRIPT
from tests.peers import gateway_world
from tests.peers.authority import Authority, make_authority
from tests.peers.daemon_process import Launch
from tests.peers.gateway_world import BRINKEN, HOME_CARE, LYCKORNA, merged
from tests.peers.gnupg_home import PreparedKeys, prepared
from tests.peers.submitting import Submission
from tests.peers.two_gateways import agreed_policy
from tests.peers.whole_gateway import WholeGateway
from tests.torture.ledger import Ledger, Run
from tests.torture.next_hop import FickleNextHop

TO_LYCKORNA = {"name": "hemsjukvarden-lyckorna", "from": HOME_CARE, "to": [LYCKORNA]}
# Short, so that what is put off is seen to be told of, and to be given up, within a run.
RETRY = {"first": "1s", "longest": "1s", "warn_after": "3s", "give_up_after": "8s"}
_CALL_SECONDS = 5.0
BOUND_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.02


@dataclass(kw_only=True)
class World:
    """`searched` are the folders, beside the gateway's own, in which nothing may lie in clear text."""

    gateway: WholeGateway
    keys: PreparedKeys
    authority: Authority
    ledger: Ledger
    next_hop: FickleNextHop
    scratch: Path
    engines: tuple[str, ...] = ("gnupg",)

    @property
    def searched(self) -> tuple[Path, ...]:
        return (self.scratch, self.keys.sender_home)

    # Its lives

    def start(self, point: str | None = None, moment: str = "", nth: int = 1, *, wait: bool = True) -> None:
        """Another life, to be ended at that point where there is one."""
        number = self.ledger.run + 1
        engine = self.engines[number % len(self.engines)]
        self.gateway.set_config(merged(self.gateway.config, {"openpgp": {"engine": engine}}))
        self.ledger.run = number
        self.gateway.start(
            wrapper=SCRIPT if point else None,
            arguments=(point, moment, str(nth)) if point else (),
            environment=os.environ | {"TMPDIR": str(self.scratch), "RORPOST_TORTURE": str(self.scratch)},
            wait=wait,
        )

    @property
    def alive(self) -> bool:
        daemon = self.gateway.daemon
        return daemon is not None and daemon.process.poll() is None

    def while_alive(self, condition: Callable[[], object], seconds: float = BOUND_SECONDS) -> None:
        """Wait as long as the daemon lives and the condition holds, with a bound."""
        deadline = time.monotonic() + seconds
        while self.alive and condition() and time.monotonic() < deadline:
            threading.Event().wait(LOOK_AGAIN_SECONDS)

    def connect(self, *, inbound: bool = False) -> Submission:
        """A client of this life, logged in or as the partner. Raises OSError where nobody is there."""
        ready = self.gateway.running.wait_for_event("ready")
        host, _, port = ready["inbound" if inbound else "listening"].rpartition(":")
        login = None if inbound else "anna"
        return Submission((host, int(port)), self.authority.client_context(), login=login)

    # What is done to it meanwhile

    def pause(self) -> None:
        self.gateway.running.send(signal.SIGSTOP)

    def go_on(self) -> None:
        self.gateway.running.send(signal.SIGCONT)

    def reload(self, *, with_lyckorna: bool, phone: int) -> None:
        """Another revision of the policy, in force when the daemon gets round to it."""
        policy = make_policy(self.keys)
        policy["mailboxes"][BRINKEN]["phone"] = f"010-103 {phone:02} 00"
        if not with_lyckorna:
            policy["channels"].remove(TO_LYCKORNA)
        self.gateway.set_policy(policy)
        if self.alive:
            self.gateway.running.send(signal.SIGHUP)

    def ask(self, verb: str, **arguments: str) -> Any:
        """What the control socket answers; None where there is no daemon to answer."""
        request = json.dumps({"verb": verb, "arguments": arguments}).encode() + b"\n"
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(_CALL_SECONDS)
                connection.connect(str(self.gateway.state / "control.socket"))
                connection.sendall(request)
                with connection.makefile("rb") as answers:
                    answer = json.loads(answers.readline() or b"{}")
        except (OSError, ValueError):  # nobody is there, or was killed in the middle of a line
            return None
        return answer.get("result")

    def left_running(self) -> list[str]:
        """Processes of a life that is over. They carry the name of this run's scratch folder with them."""
        mark = f"RORPOST_TORTURE={self.scratch}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                carried = (path / "environ").read_bytes().split(b"\0")
                name = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            except OSError:  # it ended, or is nobody's business of ours
                continue
            if mark in carried and not name.startswith("gpg-agent"):
                found.append(name)
        return found

    def note_end(self, run: Run) -> None:
        self.ledger.runs.append(run)


def make_policy(keys: PreparedKeys) -> dict[str, Any]:
    policy = agreed_policy(keys)
    policy["channels"] = [*policy["channels"], TO_LYCKORNA]
    return policy


@contextmanager
def make_world(
    seed: int,
    *,
    launch: Launch,
    engines: tuple[str, ...] = ("gnupg",),
    keys: PreparedKeys | None = None,
) -> Iterator[World]:
    """A world that has not begun to turn. Keys are made where none are given."""
    ledger = Ledger()
    with ExitStack() as closing:
        keys = keys or closing.enter_context(prepared())
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="rt", dir="/tmp")))
        scratch = folder / "scratch"
        scratch.mkdir()
        authority = make_authority(folder)
        next_hop = FickleNextHop(ledger, random.Random(f"{seed}/next hop"))
        closing.callback(next_hop.close)
        tls = gateway_world.make_config(authority, home=folder, next_hop_port=1)["submission"]["tls"]
        gateway = closing.enter_context(
            WholeGateway(
                keys,
                authority,
                launch=launch,
                policy=make_policy(keys),
                config={
                    "inbound": {
                        "smtp": {"listen": ["127.0.0.1:0"], "tls": tls, "allowed_networks": ["127.0.0.0/8"]}
                    },
                    "relay": {"default": {"port": next_hop.port}, "retry": RETRY},
                },
            )
        )
        yield World(
            gateway=gateway,
            keys=keys,
            authority=authority,
            ledger=ledger,
            next_hop=next_hop,
            scratch=scratch,
            engines=engines,
        )
