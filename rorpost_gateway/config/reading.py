"""What the readers of the configuration's sections share."""

import ipaddress
import re
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from rorpost_gateway.document import Findings, Kind, Node, Section
from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.http.client import Url, parse_url

Word = TypeVar("Word", bound=StrEnum)

DOMAIN = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")

HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-fA-F:]+")

LISTEN = re.compile(r"(?P<host>\[[0-9a-fA-F:]+\]|[0-9.]+|localhost):(?P<port>[0-9]{1,5})")

_NOWHERE: Final = Url(tls=False, host="localhost", port=1, target="/")


def part(section: Section, key: str, findings: Findings) -> Section:
    """The section behind a key, or an empty one, whose every key has its default."""
    found = section.section(key)
    if found is not None:
        return found
    here = section.position()
    nothing = Node(Kind.MAPPING, (), here.file, here.line, here.column)
    return Section(nothing, findings, name=f"{section.name}.{key}" if section.name else key)


def required_part(section: Section, key: str) -> Section:
    """As `part`, but its absence is a finding, and what is missing inside it is not told as well."""
    found = section.section(key, required=True)
    return found if found is not None else part(section, key, Findings())


def word(section: Section, key: str, default: Word) -> Word:
    """One word of the default's enum."""
    words = type(default)
    said = section.choice(key, tuple(words), default)
    return words(said) if said in tuple(words) else default


def optional_path(section: Section, key: str, base: Path) -> Path | None:
    text = section.text(key, None)
    return None if text is None else (base / text).resolve()


def url(section: Section, key: str) -> Url:
    text = section.text(key)
    if not text:  # what is missing was told
        return _NOWHERE
    try:
        return parse_url(text)
    except ConfigurationInvalid as error:
        section.complain(key, f"is not usable: {error.public}")
        return _NOWHERE


def is_loopback(host: str) -> bool:
    """Whether a host as written in the file can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_unspecified(host: str) -> bool:
    """Whether a host as written in the file means every address of this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return False
