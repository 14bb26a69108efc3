"""Who plays: mailboxes, people and their passwords. All of it is made up and lives for one demo."""

from typing import Final

OURS: Final = "motala.se"
THEIRS: Final = "regionostergotland.se"
GATEWAY: Final = "gw.motala.se"

HOME_CARE: Final = f"rorpost.hemsjukvarden@{OURS}"
BROKEN: Final = f"rorpost.trasig@{OURS}"  # its secret key is taken away once the gateway runs

BRINKEN: Final = f"rorpost.vcbrinken@{THEIRS}"
LYCKORNA: Final = f"rorpost.vclyckorna@{THEIRS}"
HOSPITAL: Final = f"rorpost.lasarettet@{THEIRS}"  # asks for a legal basis
NO_CHANNEL: Final = f"rorpost.rontgen@{THEIRS}"
CLOSED: Final = f"rorpost.vcstangd@{THEIRS}"  # its channel has ended
KEY_MISSING: Final = f"rorpost.utannyckel@{THEIRS}"
KEY_EXPIRED: Final = f"rorpost.utgangen@{THEIRS}"
KEY_REVOKED: Final = f"rorpost.aterkallad@{THEIRS}"
KEY_UNUSABLE: Final = f"rorpost.oduglig@{THEIRS}"  # it can sign, not encrypt

ANNA: Final = f"anna.berg@{OURS}"
BO: Final = f"bo.lind@{OURS}"  # his authorisation has ended
CARIN: Final = f"carin.dahl@{OURS}"  # works here, is not authorised

LOGINS: Final = {"anna": ANNA, "bo": BO, "carin": CARIN}
PASSWORD: Final = "spring-lamm-tradgard"  # noqa: S105 - for the demo's own logins, gone with it
