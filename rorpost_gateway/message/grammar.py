"""Lexical pieces of structured header fields, as regular expressions.

Every repetition of a group is atomic, every run of characters possessive, and every
alternative begins with another character, so that matching is linear whatever the
input. Repeated groups are written `(?>(?:…)*)`: CPython up to 3.11.4 does not step
back when the last round of `(?:…)*+` fails half way (gh-106052). Comments may be
nested four deep; a fifth level does not match, and so is refused.

RFC 5322, section 3.2; RFC 2045, section 5.1 (tokens).
"""


class Unreadable(ValueError):
    """A field value that does not follow its grammar; its text never holds the value."""


def _nested_comment(depth: int) -> str:
    inner = r"[^()\\]++|\\[\t -~]"
    comment = rf"\((?>(?:{inner})*)\)"
    for _ in range(depth - 1):
        comment = rf"\((?>(?:{inner}|{comment})*)\)"
    return comment


COMMENT = _nested_comment(4)
CFWS = rf"(?>(?:[ \t\r\n]++|{COMMENT})*)"
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]++"
DOT_ATOM = rf"(?>{ATOM}(?:\.{ATOM})*)"
QUOTED = r'"(?>(?:[^"\\]++|\\[\t -~])*)"'
PHRASE = rf"(?:{ATOM}|{QUOTED})(?>(?:[ \t.]++|{ATOM}|{QUOTED}|{COMMENT})*)"  # dots: obs-phrase, 4.1
WORD = r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]++"
# Unquoted values that are no tokens, such as boundary=--=_x, have one reading all the same.
LOOSE_VALUE = r"[!#-'*-:<-\[\]-~]++"
