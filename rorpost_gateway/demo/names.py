"""Who plays: two organisations, their mailboxes and people. All of it is made up and lives for one demo."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

OURS: Final = "motala.se"
THEIRS: Final = "regionostergotland.se"

HOME_CARE: Final = f"rorpost.hemsjukvarden@{OURS}"
ASSISTANCE: Final = f"rorpost.bistand@{OURS}"
BROKEN: Final = f"rorpost.trasig@{OURS}"  # its secret key is taken away once the gateway runs

BRINKEN: Final = f"rorpost.vcbrinken@{THEIRS}"
LYCKORNA: Final = f"rorpost.vclyckorna@{THEIRS}"  # Motala knows none of its people by name
HOSPITAL: Final = f"rorpost.lasarettet@{THEIRS}"  # its channel asks for a legal basis
OFFICE: Final = f"rorpost.kansliet@{THEIRS}"  # may be written to, may not write
NO_CHANNEL: Final = f"rorpost.rontgen@{THEIRS}"
CLOSED: Final = f"rorpost.vcstangd@{THEIRS}"  # its channel has ended
KEY_MISSING: Final = f"rorpost.utannyckel@{THEIRS}"
KEY_EXPIRED: Final = f"rorpost.utgangen@{THEIRS}"
KEY_REVOKED: Final = f"rorpost.aterkallad@{THEIRS}"  # stolen: Motala has been told
KEY_UNUSABLE: Final = f"rorpost.oduglig@{THEIRS}"  # it can sign, not encrypt

ANNA: Final = f"anna.berg@{OURS}"
BO: Final = f"bo.lind@{OURS}"  # his authorisation has ended
CARIN: Final = f"carin.dahl@{OURS}"  # works here, is not authorised
DORIS: Final = f"doris.vik@{OURS}"  # on duty for home care's mailbox
EVA: Final = f"eva.ek@{OURS}"  # its manager
MARIA: Final = f"maria.nilsson@{THEIRS}"
NILS: Final = f"nils.frisk@{THEIRS}"  # his authorisation has ended
OLLE: Final = f"olle.ek@{THEIRS}"  # works there, is not authorised

PASSWORD: Final = "spring-lamm-tradgard"  # noqa: S105 - for the demo's own logins, gone with it
WATCH: Final = "vakt"  # looks into every mailbox, logged in as `{mailbox}*vakt`
WATCH_PASSWORD: Final = "vaken-uggla-tallbacke"  # noqa: S105 - as above
ELSEWHERE: Final = "127.0.0.9"  # a client that connects from here is in nobody's allowed networks


@dataclass(frozen=True, kw_only=True)
class Organisation:
    """`folder` is short: GnuPG homes lie below it. `logins` are names and the addresses behind them."""

    name: str
    folder: str
    domain: str
    hostname: str
    logins: Mapping[str, str]

    @property
    def client(self) -> str:
        """What its mail clients call themselves."""
        return f"klient.{self.domain}"


MOTALA: Final = Organisation(
    name="Motala",
    folder="motala",
    domain=OURS,
    hostname=f"gw.{OURS}",
    logins={"anna": ANNA, "bo": BO, "carin": CARIN},
)
REGION: Final = Organisation(
    name="the Region",
    folder="region",
    domain=THEIRS,
    hostname=f"gw.{THEIRS}",
    logins={"maria": MARIA},
)
BOTH: Final = (MOTALA, REGION)


def organisation_of(address: str) -> Organisation:
    """Whose mailbox this is; the Region's where it is nobody's."""
    return MOTALA if address.endswith(f"@{OURS}") else REGION


def mailboxes(organisation: Organisation) -> tuple[str, ...]:
    """The function mailboxes of an organisation that a reader may open."""
    readable = (HOME_CARE, ASSISTANCE, BRINKEN, LYCKORNA, HOSPITAL)
    return tuple(address for address in readable if organisation_of(address) is organisation)


def stored(organisation: Organisation) -> tuple[str, ...]:
    """Every mailbox that its mail store keeps: whoever watches looks into those, too, that nobody reads."""
    return (*mailboxes(organisation), *((BROKEN,) if organisation is MOTALA else ()))
