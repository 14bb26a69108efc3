"""OpenPGP: which keys may be used, and sealing with them. python-gnupg lives here only."""
