"""Which log an auditor means: the configured one, or a copy of a folder, and the verifier key known of it."""

import re
from pathlib import Path

import click

_VKEY = re.compile(r"[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*")

log_option = click.option(
    "--log",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The log's folder, or a copy of it. Default: as configured.",
)
vkey_option = click.option(
    "--vkey", "vkey", metavar="KEY", help="The verifier key (name+hash+base64), or a file with it."
)


def read_vkey(text: str) -> str:
    """The key itself, or the one line of the file of that name. Raises click.BadParameter."""
    if not _VKEY.fullmatch(text):
        try:
            with Path(text).open("rb") as file:
                text = file.read(4096).decode("ascii").strip()
        except (OSError, ValueError):
            text = ""
    if not _VKEY.fullmatch(text):
        raise click.BadParameter("neither a verifier key nor a file with one", param_hint="--vkey")
    return text


def configured(config_path: Path) -> tuple[Path, str | None]:
    """The log's folder, and the verifier key beside the signing key where there is one."""
    from rorpost_gateway.config.load import load_config
    from rorpost_gateway.decision_log.folder import VKEY_NAME

    settings = load_config(config_path).decision_log
    beside = settings.signing_key_file.with_name(VKEY_NAME)
    return settings.dir, read_vkey(str(beside)) if beside.is_file() else None
