"""Others hold what the log has published: witnesses that cosign its checkpoints, authorities that time-stamp them.

Both sides of it: the witness that an auditor runs elsewhere, and the gateway's side, which asks.
"""
