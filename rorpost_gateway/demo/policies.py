"""What both organisations have agreed on, as the policy that each of them loads. Data, no I/O."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rorpost_gateway.demo import names
from rorpost_gateway.demo.names import Organisation

# Days from today on which an authorisation begins and ends.
_IN_FORCE, _ENDED = (-30, 300), (-200, -1)
_PEOPLE = {
    names.ANNA: ("Anna Berg", _IN_FORCE),
    names.BO: ("Bo Lind", _ENDED),
    names.MARIA: ("Maria Nilsson", _IN_FORCE),
    names.NILS: ("Nils Frisk", _ENDED),
}
_UNITS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    names.HOME_CARE: ("Hemsjukvården, Motala", "0141-22 50 00", (names.ANNA, names.BO)),
    names.ASSISTANCE: ("Biståndsenheten, Motala", "0141-22 51 00", (names.ANNA,)),
    names.BROKEN: ("Trasig, Motala", "0141-22 59 00", (names.ANNA,)),
    names.BRINKEN: ("Vårdcentralen Brinken, Region Östergötland", "010-103 00 01", (names.MARIA, names.NILS)),
    names.LYCKORNA: ("Vårdcentralen Lyckorna, Region Östergötland", "010-103 00 02", (names.MARIA,)),
    names.HOSPITAL: ("Lasarettet, Region Östergötland", "010-103 00 03", (names.MARIA,)),
    names.OFFICE: ("Kansliet, Region Östergötland", "010-103 00 04", (names.MARIA,)),
}
_LISTS_NOBODY_OUTSIDE = names.LYCKORNA
_BOTH_WAYS = {
    "hemsjukvarden-brinken": (names.HOME_CARE, names.BRINKEN),
    "hemsjukvarden-lyckorna": (names.HOME_CARE, names.LYCKORNA),
    "bistand-brinken": (names.ASSISTANCE, names.BRINKEN),
    "hemsjukvarden-bistand": (names.HOME_CARE, names.ASSISTANCE),
    "hemsjukvarden-aterkallad": (names.HOME_CARE, names.KEY_REVOKED),
    "hemsjukvarden-lasarettet": (names.HOME_CARE, names.HOSPITAL),
    "hemsjukvarden-stangd": (names.HOME_CARE, names.CLOSED),
}
_MORE: dict[str, dict[str, Any]] = {
    "hemsjukvarden-lasarettet": {
        "rules": {
            "legal_basis": ["samtycke", "menprovning"],
            "attachments": {"deny_types": ["application/x-msdownload"]},
        }
    },
    "hemsjukvarden-stangd": {"valid_from": -400, "valid_until": -10},
}
_ONE_WAY = {
    "hemsjukvarden-ut": (
        names.HOME_CARE,
        [names.OFFICE, names.KEY_MISSING, names.KEY_EXPIRED, names.KEY_UNUSABLE],
    ),
    "trasig-brinken": (names.BROKEN, [names.BRINKEN]),
}


def make_policy(
    organisation: Organisation, fingerprints: Mapping[str, str], today: datetime, *, logins_count: bool
) -> dict[str, Any]:
    """The policy of one of the two: the other's mailboxes are pinned to their keys. Dates are ISO texts.

    `logins_count` is for mail clients that cannot say who is writing: then the login says it.
    """

    def day(days: int) -> str:
        return (today + timedelta(days=days)).date().isoformat()

    def person(address: str) -> dict[str, str]:
        name, (first, last) = _PEOPLE[address]
        return {
            "user": address,
            "name": name,
            "requested_by": names.EVA,
            "executed_by": f"it.drift@{names.OURS}",
            "valid_from": day(first),
            "valid_until": day(last),
        }

    def mailbox(address: str, fingerprint: str) -> dict[str, Any]:
        outside = not address.endswith(f"@{organisation.domain}")
        name, phone, people = _UNITS.get(address, (_unit(address), "010-103 00 00", ()))
        if outside and address == _LISTS_NOBODY_OUTSIDE:
            people = ()
        pin = {"key": fingerprint} if outside else {}
        return {"name": name, "phone": phone, "users": [person(each) for each in people]} | pin

    return {
        "mailboxes": {address: mailbox(address, key) for address, key in fingerprints.items()},
        "channels": [*_both_ways(day), *_one_way()],
        "rules": {
            "declared_user": {"sources": ["header", "sender", *(["login"] if logins_count else [])]},
        },
    }


def watched(policy: dict[str, Any], *, read_at: Sequence[str]) -> dict[str, Any]:
    """The policy with somebody on duty for home care's mailbox, and when that has to be read. Every
    day, so that whoever sees it on a holiday sees the same.
    """
    watch = {"manager": names.EVA, "on_duty": [names.DORIS], "read_at": [*read_at], "read_on": "every-day"}
    mailboxes = policy["mailboxes"]
    return policy | {"mailboxes": mailboxes | {names.HOME_CARE: mailboxes[names.HOME_CARE] | watch}}


def _both_ways(day: Callable[[int], str]) -> list[dict[str, Any]]:
    channels = []
    for name, ends in _BOTH_WAYS.items():
        more = {
            key: day(value) if isinstance(value, int) else value for key, value in _MORE.get(name, {}).items()
        }
        channels.append({"name": name, "between": list(ends)} | more)
    return channels


def _one_way() -> list[dict[str, Any]]:
    return [{"name": name, "from": sender, "to": ends} for name, (sender, ends) in _ONE_WAY.items()]


def _unit(address: str) -> str:
    return address.split("@")[0].removeprefix("rorpost.").capitalize() + ", Region Östergötland"
