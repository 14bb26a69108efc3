"""`rorpost users`: file-based logins.

A password comes from the terminal, without echo and twice, or as one line of standard
input; never from the command line, where others on the machine could read it.
"""

import sys
from pathlib import Path

import click

from rorpost_gateway.cli.options import config_option
from rorpost_gateway.config.load import load_config
from rorpost_gateway.errors import ConfigurationInvalid
from rorpost_gateway.logins import set_password


@click.group()
def users() -> None:
    """File-based logins: who may submit with which password."""


@users.command("set-password")
@config_option
@click.argument("user")
@click.option("--address", help="The person's own mail address; needed for a new login.")
def set_password_(config_path: Path, user: str, address: str | None) -> None:
    """Set the password of the login USER. The daemon knows it after a reload (SIGHUP)."""
    path = load_config(config_path).submission.users
    if path is None:
        raise ConfigurationInvalid(f"{config_path}: submission.auth names no users file")
    added = set_password(path, user, _password(), address=address)
    click.echo(f"{'added' if added else 'changed'} {user} in {path}; reload the daemon to use it")


def _password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
