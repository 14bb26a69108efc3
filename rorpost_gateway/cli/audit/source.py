"""Which log an auditor means, the configured one or a copy; and what is done before anything is given out."""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from rorpost_gateway.cli.options import config_option

_VKEY = re.compile(r"[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*")

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Source:
    """`control_socket` is that of the daemon that writes the log; None for a copy.

    `known_vkey` lies beside the configured signing key; `given_vkey` was given by
    `--vkey`, so from outside.
    """

    folder: Path
    given_vkey: str | None
    known_vkey: str | None
    control_socket: Path | None

    @property
    def vkey(self) -> str | None:
        return self.given_vkey or self.known_vkey


log_option = click.option(
    "--log",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A copy of the log's folder: no daemon and no configuration is asked. Default: as configured.",
)


def source_options(function: Function) -> Function:
    """`--log DIR`, `--vkey KEY` and `--config FILE`; see `find_source`."""
    vkey = click.option(
        "--vkey",
        "vkey",
        metavar="KEY",
        help="The verifier key (name+hash+base64), or a file with it, as you got it by another way.",
    )
    return log_option(vkey(config_option(function)))


def find_source(*, folder: Path | None, vkey: str | None, config_path: Path) -> Source:
    """What the options of `source_options` mean. Raises click.BadParameter, ConfigurationInvalid."""
    given = None if vkey is None else read_vkey(vkey)
    if folder is not None:
        return Source(folder=folder, given_vkey=given, known_vkey=None, control_socket=None)
    from rorpost_gateway.config.load import load_config
    from rorpost_gateway.decision_log.folder import VKEY_NAME

    config = load_config(config_path)
    beside = config.decision_log.signing_key_file.with_name(VKEY_NAME)
    return Source(
        folder=config.decision_log.dir,
        given_vkey=given,
        known_vkey=read_vkey(str(beside)) if beside.is_file() else None,
        control_socket=config.control_socket,
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


def verify_first(source: Source) -> None:
    """With `--vkey`, nothing is given out of a log that does not hold: exit 1."""
    if source.given_vkey is None:
        return
    from rorpost_gateway.audit.folder import Broken
    from rorpost_gateway.cli.audit.verifying import verify_with_progress

    try:
        verify_with_progress(source.folder, source.given_vkey)
    except Broken as broken:
        say_broken(broken)


def say_broken(broken: Exception) -> NoReturn:
    """What does not hold, on standard error; exit 1."""
    click.echo(f"does not hold: {broken}", err=True)
    sys.exit(1)


def leave_line(source: Source, *, verb: str, filters: Sequence[str], entries: int) -> None:
    """Have the daemon log that something is taken out of its log. Nothing is, where that fails.

    Raises DaemonUnreachable, CallRefused. On a copy there is nobody to ask, and nothing to log.
    """
    if source.control_socket is None:
        return
    from rorpost_gateway.control.client import DaemonUnreachable, call

    try:
        call(
            source.control_socket,
            "log-extract",
            {"verb": verb, "filters": list(filters), "entries": entries},
        )
    except DaemonUnreachable as error:
        raise DaemonUnreachable(
            f"{error.public}. What is taken from the live log leaves a line in it, by the daemon;"
            " of a copy of the folder ask with --log DIR"
        ) from error
