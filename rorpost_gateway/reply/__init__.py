"""Replies: what an SMTP client hears for each reason. Pure."""

from rorpost_gateway.reply.build import NO_OWN_TEXTS, Reply, action_of, ascii_line, reply_for
from rorpost_gateway.reply.language import Language
from rorpost_gateway.reply.texts import LINE_OCTETS, fault_of, texts_in

__all__ = [
    "LINE_OCTETS",
    "NO_OWN_TEXTS",
    "Language",
    "Reply",
    "action_of",
    "ascii_line",
    "fault_of",
    "reply_for",
    "texts_in",
]
