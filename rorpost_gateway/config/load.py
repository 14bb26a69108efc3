"""Reading config/rorpost.yaml: strict, all findings at once, no surprise at run time.

An unknown key is a finding: a promise in the file that nobody keeps is worse than a refusal to start.
"""

import os
import re
from pathlib import Path
from zoneinfo import ZoneInfo

from rorpost_gateway.config.delivering import read_delivery
from rorpost_gateway.config.listening import read_inbound, read_submission
from rorpost_gateway.config.model import POLICY_QUIET_SECONDS, Config, PolicyReload, PolicyTests
from rorpost_gateway.config.next_hops import read_relay
from rorpost_gateway.config.overlaps import overlaps
from rorpost_gateway.config.reading import DOMAIN, optional_path, part, required_part, word
from rorpost_gateway.config.reminding import read_access
from rorpost_gateway.config.reply_texts import read_reply_texts
from rorpost_gateway.config.stores import (
    read_decision_log,
    read_limits,
    read_metrics,
    read_openpgp,
    read_queue,
)
from rorpost_gateway.config.supervising import read_supervision
from rorpost_gateway.document import Findings, Section, parse_file
from rorpost_gateway.reply import Language

_NODE = re.compile(r"[A-Za-z0-9._-]{1,63}")


def load_config(path: Path) -> Config:
    """Read and check one configuration file.

    Raises ConfigurationInvalid, whose text holds every finding as
    `file:line:column: text`, a line each. Other files (policy, keys,
    certificates) are not opened here.
    """
    findings = Findings()
    top = Section(parse_file(path), findings)
    config = _read(top, findings, path.resolve())
    top.finish()
    findings.raise_if_any()
    for index, what in overlaps(config):
        _collected(top, index).complain("folder", what)
    findings.raise_if_any()
    return config


def _read(top: Section, findings: Findings, file: Path) -> Config:
    base = file.parent
    node = top.text("node", pattern=_NODE)
    domains = [domain.lower() for domain in top.texts("domains", pattern=DOMAIN)]
    if not domains:
        top.complain("domains", "must name at least one domain behind this gateway")
    limits = read_limits(part(top, "limits", findings))
    supervision = read_supervision(top.section("supervision"), findings, base)
    state_dir = (base / top.text("state_dir", "../state")).resolve()
    return Config(
        file=file,
        node=node,
        hostname=top.text("hostname", pattern=DOMAIN).lower(),
        domains=frozenset(domains),
        timezone=_timezone(top),
        state_dir=state_dir,
        policies=(base / top.text("policies", "../policies")).resolve(),
        policy_reload=word(top, "policy_reload", PolicyReload.SIGNAL),
        policy_quiet_seconds=top.duration("policy_quiet", POLICY_QUIET_SECONDS),
        policy_tests=word(top, "policy_tests", PolicyTests.OFF),
        submission=read_submission(required_part(top, "submission"), findings, base),
        inbound=read_inbound(top.section("inbound"), findings, base, domains=frozenset(domains)),
        delivery=read_delivery(part(top, "delivery", findings), findings, base),
        relay=read_relay(required_part(top, "relay"), findings, base, sealed_size=limits.sealed_size),
        openpgp=read_openpgp(part(top, "openpgp", findings), base),
        queue_url=read_queue(part(top, "queue", findings), base, state_dir),
        decision_log=read_decision_log(
            part(top, "decision_log", findings),
            base,
            state_dir,
            origin=f"{(domains or ['unknown'])[0]}/rorpost/{node}",
        ),
        limits=limits,
        metrics=read_metrics(top.section("metrics")),
        processes=top.integer("processes", max(0, (os.cpu_count() or 1) - 1), least=0, most=64),
        language=word(top, "language", Language.SV),
        reply_texts=read_reply_texts(optional_path(top, "reply_texts", base), findings),
        supervision=supervision,
        access=read_access(
            top.section("access"), findings, base, notify=supervision.notify if supervision else None
        ),
    )


def _collected(top: Section, index: int) -> Section:
    inbound = top.section("inbound")
    return inbound.sections("imap")[index] if inbound else top


def _timezone(top: Section) -> ZoneInfo:
    name = top.text("timezone", "Europe/Stockholm")
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # the three ways in which ZoneInfo finds none
        top.complain("timezone", f"is {name!r}, and no time zone is called that")
        return ZoneInfo("UTC")
