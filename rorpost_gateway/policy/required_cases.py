"""A policy that is held to its own cases: where one of them fails, it must not be used.

A case has to say its time here. One that is asked as of now may fail tomorrow, and a daemon that is
started then would find no policy.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from rorpost_gateway.decision import Position
from rorpost_gateway.document import Findings, shown
from rorpost_gateway.policy.cases import MAX_AGE, CaseResult, load_cases, run_cases
from rorpost_gateway.policy.model import Policy

_NEVER = datetime.min.replace(tzinfo=UTC)  # every case that is asked here says its time


def cases_folder(policies: Path) -> Path:
    """Where the cases of a policy lie: beside its files, in a folder of their own."""
    return (policies if policies.is_dir() else policies.parent) / "tests"


def require_cases(
    policy: Policy, policies: Path, *, own_domains: frozenset[str], max_age: timedelta = MAX_AGE
) -> None:
    """Raises DocumentInvalid where a case fails, cannot be read or says no time, or where there is none.

    `policies` is the path that the policy was loaded from.
    """
    folder = cases_folder(policies)
    findings = Findings()
    if not folder.is_dir():
        findings.add(_start(policies), "has no cases (tests/*.yaml), and policy_tests requires them")
        findings.raise_if_any()
    cases = load_cases((folder,), policy)
    if not cases:
        findings.add(_start(folder), "holds no case, and policy_tests requires them")
    for case in cases:
        if case.at is None:
            findings.add(
                case.position,
                f"case {shown(case.name)} names no time (at)",
                advice="what holds today may not hold on the day the daemon is started again",
            )
    timed = [case for case in cases if case.at is not None]
    for result in run_cases(policy, timed, own_domains=own_domains, now=_NEVER, max_age=max_age):
        if not result.passed:
            findings.add(result.case.position, _what_fails(result), advice=_because(result))
    findings.raise_if_any()


def _start(path: Path) -> Position:
    return Position(file=str(path), line=1, column=1)


def _what_fails(result: CaseResult) -> str:
    return f"case {shown(result.case.name)} wants {result.case.want}, and the policy says {result.got}"


def _because(result: CaseResult) -> str:
    verdict = result.verdict
    if verdict is None:
        return result.fault
    where = f", {verdict.position}" if verdict.position else ""
    return f"it is decided by {verdict.rule}{where}"
