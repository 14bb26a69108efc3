"""Replies: what an SMTP client hears for each reason. Pure."""

from rorpost_gateway.reply.build import LINE_OCTETS, Language, Reply, action_of, ascii_line, reply_for

__all__ = ["LINE_OCTETS", "Language", "Reply", "action_of", "ascii_line", "reply_for"]
