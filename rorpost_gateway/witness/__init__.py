"""Others hold what the log has published: witnesses cosign its checkpoints, an authority time-stamps them.

Both sides of it: the witness that an auditor runs elsewhere, and the gateway's side, which asks.
"""
