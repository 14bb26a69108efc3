"""Delivery to the function mailboxes behind this gateway."""
