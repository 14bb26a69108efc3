"""Figures for Prometheus: counted here, and written as text here."""
