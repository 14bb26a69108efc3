"""Measurements, not tests: `python -m tests.bench` prints one table of ratios. See README.md."""
