"""OpenPGP: which keys may be used, sealing and opening with them. python-gnupg lives here only."""
