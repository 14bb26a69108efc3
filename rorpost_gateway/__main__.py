"""`python -m rorpost_gateway` is the `rorpost` command."""

from rorpost_gateway.cli import main

main()
