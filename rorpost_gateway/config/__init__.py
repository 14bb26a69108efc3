"""The configuration file: its model, and reading it strictly."""

from rorpost_gateway.config.load import load_config
from rorpost_gateway.config.model import Config

__all__ = ["Config", "load_config"]
