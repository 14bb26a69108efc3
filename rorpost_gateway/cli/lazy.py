"""A group of verbs that are imported only when they are used, so that `--help` is quick."""

import importlib
from collections.abc import Mapping

import click


class LazyGroup(click.Group):
    """`verbs`: verb → (module, name of the command in it). Every verb below takes `-h` as well."""

    def __init__(self, name: str, verbs: Mapping[str, tuple[str, str]], *, help_text: str) -> None:
        super().__init__(name, help=help_text, context_settings={"help_option_names": ["-h", "--help"]})
        self._verbs = dict(verbs)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in self._verbs:
            return None
        module, name = self._verbs[cmd_name]
        command = getattr(importlib.import_module(module), name)
        return command if isinstance(command, click.Command) else None
