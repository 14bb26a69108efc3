"""The file behind `reply_texts`: a site's own words for refusals, instead of those that come along.

Language, then reason, then text; what is not named keeps the words that it has. Nothing but the
words can be changed: code, reason and telephone number are put around them.
"""

from collections.abc import Mapping
from pathlib import Path

from rorpost_gateway.decision import Reason
from rorpost_gateway.document import DocumentInvalid, Findings, Section, parse_file
from rorpost_gateway.reply import Language, fault_of

Texts = Mapping[Language, Mapping[Reason, str]]


def read_reply_texts(file: Path | None, findings: Findings) -> Texts:
    """What the file says; findings for whatever is wrong with it."""
    if file is None:
        return {}
    try:
        top = Section(parse_file(file), findings)
    except DocumentInvalid as error:
        findings.take(error)
        return {}
    texts = {language: _of_language(top.section(language), language) for language in Language}
    top.finish()
    return texts


def _of_language(section: Section | None, language: Language) -> Mapping[Reason, str]:
    if section is None:
        return {}
    texts: dict[Reason, str] = {}
    for reason in Reason:
        text = section.text(reason, None)
        if text is None:
            continue
        if text and (fault := fault_of(reason, language, text)) is not None:
            section.complain(reason, fault)
        texts[reason] = text
    section.finish()
    return texts
