"""OpenPGP: which keys may be used, sealing and opening. python-gnupg and pysequoia live here only."""
