"""The matrix as one page to be read and printed: no script, nothing fetched, all text escaped. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from itertools import groupby

from rorpost_gateway.policy.matrix import Row, Validity
from rorpost_gateway.reply import Language

GRID_MAILBOXES = 40  # more columns are no longer legible on paper

_ALLOWED = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em; color: #111; background: #fff; }
table { border-collapse: collapse; margin: 1em 0 2em; }
th, td { border: 1px solid #999; padding: .3em .6em; text-align: left; vertical-align: top; }
thead th { background: #eee; }
.grid td { text-align: center; }
.grid thead th { writing-mode: vertical-rl; vertical-align: bottom; }
.grid td.on { background: #cfe8cf; }
.address, .revision { color: #555; font-size: .85em; overflow-wrap: anywhere; }
.not td { color: #777; font-style: italic; }
@media print { body { margin: 0; font-size: 10pt; } thead { display: table-header-group; }
  tr { break-inside: avoid; } }
"""
_WORDS: Mapping[Language, Mapping[str, str]] = {
    Language.EN: {
        "title": "Who may write to whom",
        "explained": "Digital rörpost as of {day}. What does not stand here is refused.",
        "revision": "Policy revision",
        "none": "Nobody may write to anybody.",
        "grid": "Overview: rows write to columns",
        "pairs": "Pairs",
        "head": "from|to|channel|valid|rules",
        "always": "always",
        Validity.OVER: "over",
        Validity.TO_COME: "to come",
    },
    Language.SV: {
        "title": "Vem får skriva till vem",
        "explained": "Digital rörpost den {day}. Det som inte står här avvisas.",
        "revision": "Regelverkets revision",
        "none": "Ingen får skriva till någon.",
        "grid": "Översikt: rader skriver till kolumner",
        "pairs": "Par",
        "head": "från|till|kanal|gäller|regler",
        "always": "alltid",
        Validity.OVER: "har upphört",
        Validity.TO_COME: "har inte börjat",
    },
}


@dataclass(frozen=True, kw_only=True)
class Page:
    """`rows` by sender, as `policy.matrix.matrix` gives them, for a day and a policy."""

    rows: Sequence[Row]
    day: date
    revision: str
    language: Language


def matrix_html(page: Page) -> str:
    """The whole page, UTF-8 to be."""
    words = _WORDS[page.language]
    body = [
        f"<h1>{escape(words['title'])}</h1>",
        f"<p>{escape(words['explained'].format(day=page.day))}</p>",
        f'<p class="revision">{escape(words["revision"])} {escape(page.revision)}</p>',
    ]
    if not page.rows:
        body.append(f"<p>{escape(words['none'])}</p>")
    else:
        body += [*_grid(page.rows, words), f"<h2>{escape(words['pairs'])}</h2>", *_table(page.rows, words)]
    return "\n".join((*_head(words["title"], page.language), *body, "</body>", "</html>", ""))


def _head(title: str, language: Language) -> tuple[str, ...]:
    return (
        "<!DOCTYPE html>",
        f'<html lang="{language.value}">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_ALLOWED}">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
    )


def _grid(rows: Sequence[Row], words: Mapping[str, str]) -> Iterator[str]:
    """Every mailbox against every other, where there are few."""
    names = {row.sender: row.sender_name for row in rows} | {
        row.recipient: row.recipient_name for row in rows
    }
    if len(names) > GRID_MAILBOXES:
        return
    pairs = {(row.sender, row.recipient) for row in rows if row.validity is Validity.IN_FORCE}
    senders = sorted({row.sender for row in rows})
    recipients = sorted({row.recipient for row in rows})
    yield f"<h2>{escape(words['grid'])}</h2>"
    columns = "".join(f'<th scope="col">{escape(names[recipient])}</th>' for recipient in recipients)
    yield f'<table class="grid"><thead><tr><td></td>{columns}</tr></thead><tbody>'
    for sender in senders:
        cells = "".join(
            '<td class="on">●</td>' if (sender, recipient) in pairs else "<td></td>"
            for recipient in recipients
        )
        yield f'<tr><th scope="row">{escape(names[sender])}</th>{cells}</tr>'
    yield "</tbody></table>"


def _table(rows: Sequence[Row], words: Mapping[str, str]) -> Iterator[str]:
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in words["head"].split("|"))
    yield f"<table><thead><tr>{head}</tr></thead>"
    for _, group in groupby(rows, key=lambda row: row.sender):
        of_sender = list(group)
        yield "<tbody>"
        for number, row in enumerate(of_sender):
            first = ""
            if not number:
                named = _mailbox(row.sender, row.sender_name)
                first = f'<th scope="rowgroup" rowspan="{len(of_sender)}">{named}</th>'
            off = "" if row.validity is Validity.IN_FORCE else ' class="not"'
            yield f"<tr{off}>{first}{_cells(row, words)}</tr>"
        yield "</tbody>"
    yield "</table>"


def _cells(row: Row, words: Mapping[str, str]) -> str:
    valid = words["always"]
    if row.valid_from or row.valid_until:
        valid = f"{row.valid_from or ''} – {row.valid_until or ''}"
    if row.validity is not Validity.IN_FORCE:
        valid += f" ({words[row.validity]})"
    rules = "<br>".join(escape(f"{key}: {value}") for key, value in row.rules)
    recipient = _mailbox(row.recipient, row.recipient_name)
    return f"<td>{recipient}</td><td>{escape(row.channel)}</td><td>{escape(valid)}</td><td>{rules}</td>"


def _mailbox(address: str, name: str) -> str:
    if address == name:
        return escape(address)
    return f'{escape(name)}<br><span class="address">{escape(address)}</span>'
