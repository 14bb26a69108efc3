"""Address lists: one reading or none."""

import pytest

from rorpost_gateway.message.address_list import read_addresses
from rorpost_gateway.message.grammar import Unreadable

READ = {
    "": (),
    "  ": (),
    "(nobody)": (),
    "a@x.se": ("a@x.se",),
    "A@X.SE": ("a@x.se",),
    "<a@x.se>": ("a@x.se",),
    "< a@x.se >": ("a@x.se",),
    "Anna <a@x.se>": ("a@x.se",),
    "Anna B. Berg <a@x.se>": ("a@x.se",),
    "anna.berg <a@x.se>": ("a@x.se",),
    '"Berg, Anna" <a@x.se>': ("a@x.se",),
    '"b@y.se" <a@x.se>': ("a@x.se",),
    r'"quote \" <b@y.se>" <a@x.se>': ("a@x.se",),
    "a@x.se (Anna Berg)": ("a@x.se",),
    "(one) a@x.se (two (nested) (three))": ("a@x.se",),
    r"a@x.se (\) b@y.se)": ("a@x.se",),
    "=?iso-8859-1?Q?Bj=F6rn?= <a@x.se>": ("a@x.se",),
    "=?utf-8?B?YkB5LnNl?=\t=?utf-8?Q?=3Cb=40y=2Ese=3E?= <a@x.se>": ("a@x.se",),
    "a@x.se, b@y.se": ("a@x.se", "b@y.se"),
    'a@x.se, "b" <c@d.se>': ("a@x.se", "c@d.se"),
    "a@x.se,\tB <b@y.se> (c)\t,c@z.se": ("a@x.se", "b@y.se", "c@z.se"),
    "undisclosed-recipients:;": (),
    "undisclosed recipients: ;": (),
    "Group: a@x.se, B <b@y.se>; , c@z.se": ("a@x.se", "b@y.se", "c@z.se"),
    "One:;,Two:a@x.se;": ("a@x.se",),
    '"a b"@x.se': ('"a b"@x.se',),
    r'"a\"b"@x.se': (r'"a\"b"@x.se',),
}
REFUSED = (
    "anna",
    "'a@x.se'",
    "anna@",
    "@x.se",
    "<>",
    "<a@x.se",
    "a@x.se>",
    "a@x.se <b@y.se>",
    "a@x.se b@y.se",
    "a@x.se <b@y.se> c@z.se",
    "<a@x.se> <b@y.se>",
    "<a@x.se, b@y.se>",
    "<a@x.se b@y.se>",
    "<a@x.se><b@y.se>",
    "<a@x.se> Anna",
    "a@x.se)b@y.se",
    "a@x.se (b@y.se",
    "alice@x.se)bob@y.se",
    "alice@x.se(bob@y.se",
    '"a@x.se" b@y.se',
    '"a@x.se',
    "Berg, Anna <a@x.se>",
    "=?iso-8859-1?Q?Berg,_Anna?= <a@x.se>",
    "a(c)@x.se",
    "a@(c)x.se",
    "a @x.se",
    "a@ x.se",
    "a@x. se",
    "<a@x.se(c)>",
    "<(c)a@x.se>",
    "a..b@x.se",
    ".a@x.se",
    "a.@x.se",
    "a@x..se",
    "a@x.se.",
    "a@.x.se",
    "a@-x.se",
    "a@[192.0.2.1]",
    "a@x@y.se",
    "<@r.se:a@x.se>",
    "a%b@x.se@y.se",
    "a@x.se,",
    ",a@x.se",
    "a@x.se,,b@y.se",
    "a@x.se; b@y.se",
    "Group: a@x.se",
    "Group: a@x.se;;",
    "Group: Inner: a@x.se;;",
    "Group: a@x.se; b@y.se",
    "Group:,;",
    ":;",
    ";",
    "Anna [extern] <a@x.se>",
    "a" * 65 + "@x.se",
    "a@" + "x" * 64 + ".se",
    "a@" + "x." * 200 + "se",
    "(" * 5 + "a" + ")" * 5 + " a@x.se",
)


@pytest.mark.parametrize("value", REFUSED)
def test_what_has_no_single_reading_is_refused(value: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        read_addresses(value)
    assert "x.se" not in str(refusal.value)


@pytest.mark.parametrize(("value", "addresses"), READ.items())
def test_addresses_are_read_bare_and_in_lower_case(value: str, addresses: tuple[str, ...]) -> None:
    assert read_addresses(value) == addresses
