"""Delivery status notifications: what senders are told of their messages. Pure."""

from rorpost_gateway.dsn.build import Recipient, Reported, build_dsn, message_ids, status_of, wanted
from rorpost_gateway.dsn.text import Happened

__all__ = ["Happened", "Recipient", "Reported", "build_dsn", "message_ids", "status_of", "wanted"]
