"""A whole gateway of which one inner part fails when told to: the switch of `faulty_daemon`."""

from pathlib import Path

from tests.peers import faulty_daemon
from tests.peers.submitting import Heard
from tests.peers.whole_gateway import WholeGateway


class Faulty:
    """The daemon, and the switch that says which part of it fails (see `faulty_daemon.PARTS`)."""

    def __init__(self, gateway: WholeGateway, switch: Path) -> None:
        self.gateway = gateway
        self._switch = switch

    def fail(self, part: str) -> None:
        # Put in place as a whole: the daemon reads it at any moment.
        new = self._switch.with_suffix(".new")
        new.write_text(part)
        new.replace(self._switch)

    def heal(self) -> None:
        self.fail("")

    def submit(self, octets: bytes) -> Heard:
        return self.gateway.submit(octets)


def start_faulty(gateway: WholeGateway) -> Faulty:
    """Start the daemon with all its parts sound, and the switch beside its configuration."""
    switch = gateway.folder / "switch"
    faulty = Faulty(gateway, switch)
    faulty.heal()
    gateway.start(wrapper=Path(faulty_daemon.__file__), arguments=(str(switch),))
    return faulty
