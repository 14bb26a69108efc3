"""HTML as text: lines where a reader sees lines, `>` before what stands in a citation.

Linear, whatever comes: no parser of documents, a walk from tag to tag. Tags that are not closed
are text. A link's mail address is shown beside its words, since mail clients hide it there.
"""

import html
import re
from urllib.parse import unquote

_TAG = re.compile(r"<(?:(!--(?:-?>)?)|(/?)([A-Za-z][A-Za-z0-9]{0,15})|[!?/])")
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "body", "br", "center", "dd", "div", "dl", "dt"),
        *("fieldset", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li"),
        *("main", "nav", "ol", "p", "pre", "section", "table", "tbody", "title", "tr", "ul"),
    }
)
_CELLS = frozenset({"td", "th"})
_UNSEEN = frozenset({"script", "style"})
_COMMENT_ENDS = re.compile(r"--!?>")  # as browsers read it
_CITATION = re.compile(
    r"type\s{0,9}=\s{0,9}[\"']?cite|gmail_quote|yahoo_quoted|\scite\s{0,9}=", re.IGNORECASE
)
_MAILTO = re.compile(r"href\s{0,9}=\s{0,9}[\"']?\s{0,9}mailto:([^\"'?>\s]{3,320})", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});?")
_SPACE = re.compile(r"[ \t\n\f]+")
_TAG_CHARACTERS = 4096  # of a tag that are looked at


def text_of_html(document: str) -> str:
    """The text of an HTML document whose lines end with LF."""
    return "".join(_Walk(document).text())


class _Walk:
    def __init__(self, document: str) -> None:
        self._document = document
        self._lower = document.lower() if len(document.lower()) == len(document) else document
        self._out: list[str] = []
        self._cited: list[bool] = []  # open blockquotes, innermost last
        self._citations = 0
        self._preformatted = 0
        self._line_begins = False  # nothing but blanks since the last line end
        self._never_closed: set[str] = set()

    def text(self) -> list[str]:
        document, position = self._document, 0
        while (match := _TAG.search(document, position)) is not None:
            self._words(document[position : match.start()])
            end = self._comment(match) if match[1] else self._close(">", match.end())
            if end < 0:
                self._words(match[0])
                position = match.end()
                if ">" in self._never_closed:
                    break
                continue
            position = end
            if match[3]:
                position = self._element(match[3].lower(), match.start(), end, closing=bool(match[2]))
        self._words(document[position:])
        return self._out

    def _comment(self, match: re.Match[str]) -> int:
        """Where a comment ends, -1 where it does not; `<!-->` is a whole one."""
        if match[1].endswith(">"):
            return match.end()
        if "-->" in self._never_closed:
            return -1
        found = _COMMENT_ENDS.search(self._document, match.end())
        if found is None:
            self._never_closed.add("-->")
            return -1
        return found.end()

    def _close(self, what: str, position: int) -> int:
        """Where `what` ends next; -1 where it does not come any more, which is looked for only once."""
        if what in self._never_closed:
            return -1
        found = self._lower.find(what, position)
        if found < 0:
            self._never_closed.add(what)
            return -1
        return found + len(what)

    def _element(self, name: str, start: int, end: int, *, closing: bool) -> int:
        """Take note of a tag; returns where to go on."""
        if name in _UNSEEN and not closing:
            closing_tag = self._close(f"</{name}", end)
            return max(end, self._close(">", closing_tag)) if closing_tag >= 0 else end
        if name == "blockquote":
            self._blockquote(start, end, closing=closing)
        if name in _BLOCKS:
            # A box in a box begins one line, not two.
            if not self._line_begins or name in {"br", "blockquote"}:
                self._out.append("\n> " if self._citations else "\n")
            self._line_begins = True
        elif name in _CELLS:
            self._out.append(" ")
        if name == "pre":
            self._preformatted = max(0, self._preformatted + (-1 if closing else 1))
        elif name == "a" and not closing:
            mailto = _MAILTO.search(self._document, start, min(end, start + _TAG_CHARACTERS))
            if mailto is not None:
                self._line_begins = False
                self._out.append(f" <{unquote(_plain(mailto[1]))}> ")
        return end

    def _blockquote(self, start: int, end: int, *, closing: bool) -> None:
        if not closing:
            tag = self._document[start : min(end, start + _TAG_CHARACTERS)]
            self._cited.append(_CITATION.search(tag) is not None)
            self._citations += self._cited[-1]
        elif self._cited:
            self._citations -= self._cited.pop()

    def _words(self, piece: str) -> None:
        if not piece:
            return
        self._line_begins = self._line_begins and piece.isspace()
        if self._preformatted:
            self._out.append(_plain(piece).replace("\n", "\n> " if self._citations else "\n"))
        else:
            self._out.append(_plain(_SPACE.sub(" ", piece)))


def _plain(piece: str) -> str:
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), piece) if "&" in piece else piece
