"""rörpost gateway: a sealed, rule-governed and logged channel between function mailboxes.

The way of a message through this package is drawn in README.md beside this file.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("rorpost-gateway")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0"
