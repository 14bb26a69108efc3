"""The languages that people are answered in."""

from enum import StrEnum


class Language(StrEnum):
    SV = "sv"
    EN = "en"
