"""Options that every verb shares."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])


def config_option(function: Function) -> Function:
    """`--config FILE`; default: $RORPOST_CONFIG, then config/rorpost.yaml."""
    return click.option(
        "--config",
        "config_path",
        type=click.Path(path_type=Path, dir_okay=False),
        default=lambda: Path(os.environ.get("RORPOST_CONFIG", "config/rorpost.yaml")),
        show_default="$RORPOST_CONFIG, then config/rorpost.yaml",
        help="The configuration file.",
    )(function)


def json_option(function: Function) -> Function:
    """`--json`: the same as data, for scripts."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")(function)
