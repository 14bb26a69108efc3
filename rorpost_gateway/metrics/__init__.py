"""Figures for Prometheus: counted here, written as text here, and served over plain HTTP."""
