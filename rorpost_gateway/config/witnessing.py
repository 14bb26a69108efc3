"""Who else holds what the log publishes: `decision_log.witnesses` and `decision_log.timestamps`."""

from pathlib import Path
from typing import Final

from rorpost_gateway.audit.signatures import COSIGNATURE, VerifierKey
from rorpost_gateway.config.model import TimestampSettings, WitnessSettings
from rorpost_gateway.config.reading import is_loopback, optional_path, url
from rorpost_gateway.document import Section
from rorpost_gateway.witness.cosignature import parse_witness_key

MOST_WITNESSES: Final = 8  # a note's readers need to take 16 signatures, ours among them


def read_witnesses(section: Section, base: Path) -> tuple[WitnessSettings, ...]:
    """Nobody where the key is left out."""
    found = [_witness(witness, base) for witness in section.sections("witnesses")]
    if len(found) > MOST_WITNESSES:
        section.complain("witnesses", f"must name at most {MOST_WITNESSES}")
    if len({witness.key.name for witness in found}) < len(found):
        section.complain("witnesses", "must not name a witness twice")
    return tuple(found)


def read_timestamps(section: Section, base: Path) -> TimestampSettings | None:
    """None where the key is left out, and nothing is time-stamped."""
    timestamps = section.section("timestamps")
    if timestamps is None:
        return None
    settings = TimestampSettings(url=url(timestamps, "url"), ca=(base / timestamps.text("ca")).resolve())
    timestamps.finish()
    return settings


def _witness(section: Section, base: Path) -> WitnessSettings:
    prefix, ca = url(section, "url"), optional_path(section, "ca", base)
    if not prefix.tls and not is_loopback(prefix.host):
        section.complain("url", "must begin with https://; without TLS only loopback may be")
    if "?" in prefix.target:
        section.complain("url", "must end with its path: what a witness is asked is added to it")
    settings = WitnessSettings(url=prefix, key=_key(section), ca=ca)
    section.finish()
    return settings


def _key(section: Section) -> VerifierKey:
    text = section.text("vkey")
    try:
        return parse_witness_key(text)
    except ValueError as error:
        if text:  # what is missing was told
            section.complain("vkey", str(error))
        return VerifierKey(name=text, kind=COSIGNATURE, public=b"")
