"""HTML as lines of text, whatever it looks like."""

import pytest

from rorpost_gateway.content.html import text_of_html
from rorpost_gateway.content.visible import visible


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a<br>b<BR/>c", "a\nb\nc"),
        ("<p>a  \n b</p>", "\na b\n"),
        ("<pre>a\n b</pre>", "\na\n b\n"),
        ("<td>a</td><td>b", " a  b"),
        ("a<b>c</b>d", "acd"),
        ("a &lt;b@c&gt; &aring;&#229;&#xE5; &nosuch; &#1114112;", "a <b@c> ååå &nosuch; \ufffd"),
        ("<a href='mailto:a%40b.se?subject=x'>A</a>", " <a@b.se> A"),
        ('<a class=x href="mailto:a&#64;b.se">A</a>', " <a@b.se> A"),
        ("<a href=http://x>A</a>", "A"),
        ("x<!-- a > b -->y<!-- z", "xy<!-- z"),
        ("x<style>a</style >y<SCRIPT>b<p></script>z", "xyz"),
        ("x<style>y<style>z", "xyz"),
        ("a < b, c<d", "a < b, c<d"),
        ("<o:p>a</o:p><?xml?><!doctype x>b", "ab"),
        ("<blockquote type=cite>a<br>b</blockquote>c", "\n> a\n> b\nc"),
        ("<blockquote>a</blockquote>b</blockquote>c", "\na\nb\nc"),
        ('<blockquote class="gmail_quote">a<blockquote>b</blockquote>c</blockquote>d', "\n> a\n> b\n> c\nd"),
    ],
)
def test_text(html: str, text: str) -> None:
    assert text_of_html(html) == text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Från: a@b.se", "Från: a@b.se"),
        ("a\u200bb\u00adc\u2060d\ufeffe\u202ef\U000e0041g", "abcdefg"),
        ("a\u00a0b\u2003c\u2028d", "a b c\nd"),
        ("ａ＠ｂ．ｓｅ：", "a@b.se:"),
        ("\U0001d41a\u2024b", "a.b"),
        ("A\u030a\u0308a\u0308o\u0308", "Å\u0308äö"),
        ("a\x00\x07b\tc\nd", "ab\tc\nd"),
    ],
)
def test_what_is_seen(text: str, seen: str) -> None:
    assert visible(text) == seen
