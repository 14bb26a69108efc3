"""The top of the command line: which verbs there are."""

import importlib

import click

import rorpost_gateway

# verb → where it stands; imported only when it is used, so that `--help` is quick
_VERBS = {
    "audit": ("rorpost_gateway.cli.audit", "audit"),
    "check": ("rorpost_gateway.cli.check", "check"),
    "demo": ("rorpost_gateway.cli.demo", "demo"),
    "keys": ("rorpost_gateway.cli.keys", "keys"),
    "policy": ("rorpost_gateway.cli.policy", "policy"),
    "queue": ("rorpost_gateway.cli.queue", "queue"),
    "serve": ("rorpost_gateway.cli.serve", "serve"),
    "users": ("rorpost_gateway.cli.users", "users"),
}


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _VERBS:
            return None
        module, name = _VERBS[cmd_name]
        command = getattr(importlib.import_module(module), name)
        return command if isinstance(command, click.Command) else None


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(rorpost_gateway.__version__, prog_name="rorpost")
def rorpost() -> None:
    """Rule-governed, sealed and logged mail between function mailboxes."""
