"""The way out: the order of the work for a submitted message, and nothing else."""
