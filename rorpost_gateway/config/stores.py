"""The sections `openpgp`, `queue`, `decision_log`, `limits` and `metrics`."""

import re
from pathlib import Path
from typing import Final

from rorpost_gateway.config.model import DecisionLogSettings, Limits, MetricsSettings, OpenPgp
from rorpost_gateway.config.reading import LISTEN, is_unspecified, optional_path
from rorpost_gateway.config.witnessing import read_timestamps, read_witnesses
from rorpost_gateway.document import Section

MEBIBYTE: Final = 1024 * 1024
_ORIGIN = re.compile(r"[\x21-\x2a\x2c-\x7e]{1,200}")  # visible ASCII without plus, as a signed note needs it


def read_openpgp(section: Section, base: Path) -> OpenPgp:
    openpgp = OpenPgp(
        engine=section.choice("engine", ("gnupg", "sequoia"), "gnupg"),
        home=(base / section.text("home", "gnupg")).resolve(),
        passphrase_file=optional_path(section, "passphrase_file", base),
    )
    section.finish()
    return openpgp


def read_queue(section: Section, base: Path, state_dir: Path) -> str:
    url = section.text("url", f"sqlite:{state_dir / 'queue.db'}")
    kind, _, rest = url.partition(":")
    if kind != "sqlite" or not rest:
        section.complain("url", f"must be sqlite:PATH; this version has no queue in {kind!r}")
    elif rest.startswith(":"):
        section.complain("url", "must name a file; a queue in memory would lose accepted messages")
    section.finish()
    return f"sqlite:{(base / rest).resolve()}"


def read_decision_log(section: Section, base: Path, state_dir: Path, *, origin: str) -> DecisionLogSettings:
    folder = (base / section.text("dir", str(state_dir / "decisions"))).resolve()
    signing_key_file = (base / section.text("signing_key_file", "decision-log.key")).resolve()
    witness_file = optional_path(section, "witness_file", base)
    if witness_file is not None and witness_file.is_relative_to(folder):
        section.complain("witness_file", "must lie outside decision_log.dir: it is what outlives that folder")
    settings = DecisionLogSettings(
        dir=folder,
        signing_key_file=signing_key_file,
        witness_file=witness_file or signing_key_file.with_name("decision-log.last"),
        origin=section.text("origin", origin, pattern=_ORIGIN),
        witnesses=read_witnesses(section, base),
        timestamps=read_timestamps(section, base),
    )
    section.finish()
    return settings


def read_limits(section: Section) -> Limits:
    limits = Limits(
        message_size=section.integer("message_size", 35 * MEBIBYTE, least=65536, most=1 << 31),
        sealed_size=section.integer("sealed_size", 52 * MEBIBYTE, least=65536, most=1 << 31),
        recipients=section.integer("recipients", 100, least=1, most=10000),
        connections=section.integer("connections", 1000, least=1, most=100000),
        connections_per_client=section.integer("connections_per_client", 50, least=1, most=100000),
        in_flight_bytes=section.integer("in_flight_bytes", 512 * MEBIBYTE, least=MEBIBYTE, most=1 << 40),
    )
    section.finish()
    return limits


def read_metrics(section: Section | None) -> MetricsSettings | None:
    """None where it is left out, and nothing is served."""
    if section is None:
        return None
    listen = section.text("listen")
    match = LISTEN.fullmatch(listen)
    if match is None or int(match["port"]) > 65535:
        section.complain("listen", f"is {listen!r}, which is not IP:PORT")
    elif is_unspecified(match["host"]):
        section.complain("listen", "must name loopback or one address: there is no TLS and no login")
    section.finish()
    return MetricsSettings(listen=listen)
