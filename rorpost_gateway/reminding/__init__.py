"""Managers are reminded before an authorisation ends."""
