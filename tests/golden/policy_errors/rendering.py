"""A broken policy, loaded as the daemon would, and what a person then sees at 100 columns without colour."""

from contextlib import chdir
from pathlib import Path
from zoneinfo import ZoneInfo

from rorpost_gateway.cli.findings import WIDTH, render
from rorpost_gateway.document import DocumentInvalid
from rorpost_gateway.policy.load import load_policy
from rorpost_gateway.policy.read_cases import load_cases

FOLDER = Path(__file__).parent


def broken_policies() -> list[str]:
    """Their names, each a folder with the policy and what is expected of it."""
    return sorted({file.parent.name for file in FOLDER.glob("*/*.yaml")})


def rendered(name: str) -> str:
    """The text; raises AssertionError where nothing was found."""
    with chdir(FOLDER):
        folder = Path(name)
        try:
            policy = load_policy(
                folder, own_domains=frozenset({"motala.se"}), timezone=ZoneInfo("Europe/Stockholm")
            )
            load_cases([folder / "tests"], policy)
        except DocumentInvalid as error:
            return render(error, width=WIDTH).plain
    raise AssertionError(f"{name} loads")
