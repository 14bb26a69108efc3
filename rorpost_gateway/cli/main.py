"""The top of the command line: which verbs there are."""

import click

import rorpost_gateway
from rorpost_gateway.cli.lazy import LazyGroup

# verb → where it stands
_VERBS = {
    "access": ("rorpost_gateway.cli.access", "access"),
    "audit": ("rorpost_gateway.cli.audit", "audit"),
    "check": ("rorpost_gateway.cli.check", "check"),
    "demo": ("rorpost_gateway.cli.demo", "demo"),
    "keys": ("rorpost_gateway.cli.keys", "keys"),
    "mailboxes": ("rorpost_gateway.cli.mailboxes", "mailboxes"),
    "policy": ("rorpost_gateway.cli.policy", "policy"),
    "queue": ("rorpost_gateway.cli.queue", "queue"),
    "serve": ("rorpost_gateway.cli.serve", "serve"),
    "users": ("rorpost_gateway.cli.users", "users"),
}

rorpost = click.version_option(rorpost_gateway.__version__, prog_name="rorpost")(
    LazyGroup(
        "rorpost", _VERBS, help_text="Rule-governed, sealed and logged mail between function mailboxes."
    )
)
