"""Two organisations, running: everything that is started ends here, also where a start fails."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rorpost_gateway.demo import dovecot
from rorpost_gateway.demo.daemon import Daemon, Listening
from rorpost_gateway.demo.keys import take_secret_key_away
from rorpost_gateway.demo.partner import Partner
from rorpost_gateway.demo.ports import reserved_ports
from rorpost_gateway.demo.stage import Stage
from rorpost_gateway.demo.world import House, World, end_world, make_world, write_config


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """One organisation's daemon, and where it listens. `store` is None where mailboxes are plain Maildirs."""

    house: House
    daemon: Daemon
    listening: Listening
    store: dovecot.MailStore | None


@dataclass(frozen=True, kw_only=True)
class Running:
    world: World
    motala: Gateway
    region: Gateway
    stage: Stage

    @property
    def gateways(self) -> tuple[Gateway, Gateway]:
        return self.motala, self.region


@asynccontextmanager
async def running(
    folder: Path, progress: Callable[[str], None], *, for_mail_clients: bool = False
) -> AsyncIterator[Running]:
    """Make a world in `folder` and run it. `for_mail_clients`: over Dovecot where that is
    installed, and the login says who is writing.

    Raises NotStarted, GnupgFailed.
    """
    now = datetime.now(tz=UTC)
    async with AsyncExitStack() as ending:
        progress("making keys, certificates, logins and policies")
        ending.push_async_callback(end_world, folder)
        world = await make_world(folder, today=now, logins_count=for_mail_clients)
        motala_port, region_port, *imap_ports = ending.enter_context(reserved_ports(4))
        stores: list[dovecot.MailStore | None] = [None, None]
        if for_mail_clients and dovecot.is_installed():
            progress("starting Dovecot")
            stores = [
                await ending.enter_async_context(dovecot.mail_store(house, port))
                for house, port in zip(world.houses, imap_ports, strict=True)
            ]
        ports = ((motala_port, region_port), (region_port, motala_port))
        for house, (own, other), store in zip(world.houses, ports, stores, strict=True):
            socket = store.lmtp_socket if store else None
            write_config(house, inbound_port=own, partner_port=other, lmtp_socket=socket)
        progress("starting both gateways")
        motala, region = await _start(ending, world, stores)
        take_secret_key_away(world.motala.home)
        yield Running(world=world, motala=motala, region=region, stage=_stage(world, motala, region, now=now))


async def _start(
    ending: AsyncExitStack, world: World, stores: list[dovecot.MailStore | None]
) -> list[Gateway]:
    daemons = []
    for house in world.houses:
        daemon = await Daemon.start(house.config, house.operator_log)
        ending.push_async_callback(daemon.end)
        daemons.append(daemon)
    return [
        Gateway(house=house, daemon=daemon, listening=await daemon.ready(), store=store)
        for house, daemon, store in zip(world.houses, daemons, stores, strict=True)
    ]


def _stage(world: World, motala: Gateway, region: Gateway, *, now: datetime) -> Stage:
    return Stage(
        listening={each.house.organisation.folder: each.listening for each in (motala, region)},
        tls=ssl.create_default_context(cafile=world.ca),
        now=now,
        partner=Partner(world.region.home, world.fingerprints, now),
        stop=motala.daemon.stop,
    )
