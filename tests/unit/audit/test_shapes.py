"""Shapes: what they let through, reading in full would have let through as well."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorpost_gateway.audit.line import LineFault, parse_line
from rorpost_gateway.audit.shapes import SHAPES, Shapes

HEAD = b'{"n":7,"prev":"' + b"0" * 64 + b'","time":"'
ENTRY = {
    "n": 7,
    "prev": "0" * 64,
    "time": "2026-05-06T12:00:00.000Z",
    "node": "gw1",
    "event": "decision",
    "decision_id": "0190163d-8694-739b-aea5-966c26f8ad91",
    "direction": "outbound",
    "action": "accept",
    "reason": "ok",
    "because_of": None,
    "message_id": '<å "1" \\ 2\n@x>',
    "size": 4096,
    "content_sha256": "ab" * 32,
}


def line_of(entry: dict[str, object]) -> bytes:
    return json.dumps(entry, separators=(",", ":")).encode()


LINE = line_of(ENTRY)


@pytest.fixture
def shapes() -> Shapes:
    shapes = Shapes()
    shapes.learn(parse_line(LINE))
    return shapes


def known(shapes: Shapes, line: bytes) -> bool:
    return line.startswith(HEAD) and shapes.matches(line, len(HEAD)) is not None


def test_lines_of_the_same_shape_are_known(shapes) -> None:
    assert known(shapes, LINE)
    assert known(shapes, line_of(ENTRY | {"size": None, "message_id": "", "direction": "inbound"}))
    assert not known(Shapes(), LINE)


@pytest.mark.parametrize(
    "fields",
    [
        {"size": -1},
        {"size": 1.5},
        {"size": 10**18},
        {"size": True},
        {"size": "1"},
        {"reason": None},
        {"direction": "sideways"},
        {"content_sha256": "AB" * 32},
        {"decision_id": "0190163d-8694-439b-aea5-966c26f8ad91"},
        {"time": "2026-02-30T12:00:00.000Z"},
        {"time": "2026-05-06T24:00:00.000Z"},
        {"time": "2026-05-06T12:60:00.000Z"},
        {"time": "2026-05-06T12:00:60.000Z"},
        {"node": ""},
        {"node": "x" * 300},
        {"event": "delivered"},
        {"event": "guess"},
        {"more": 1},
        {"message_id": ["a"]},
    ],
)
def test_what_is_of_another_shape_is_left_to_be_read_in_full(shapes, fields) -> None:
    assert not known(shapes, line_of(ENTRY | fields))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b',"size"', b', "size"'),
        (b"}", b"} "),
        (b"}", b"}\r"),
        (b"}", b',"size":1}'),
        (b'"size":4096', b'"size":04096'),
        (b'"size":4096', b'"size":4096.0'),
        (b'"size":4096', b'"Size":4096'),
        (b"\\n", b"\n"),
        (b"\\n", b"\x7f"),
        (b"\\n", b"\\x"),
        (b"\\u00e5", b"\\u00e"),
        (b"\\u00e5", b"\xe5"),
        (b'"reason":"ok",', b""),
        (b'"reason":"ok"', b'"reason":"ok","reason":"ok"'),
        (b"Z", b"z"),
        (b"Z", b""),
    ],
)
def test_other_octets_are_left_to_be_read_in_full(shapes, old, new) -> None:
    assert old in LINE
    assert not known(shapes, LINE.replace(old, new, 1))


@given(data=st.data())
@settings(max_examples=400, deadline=None)
def test_what_is_known_would_be_read_in_full(data) -> None:
    shapes = Shapes()
    shapes.learn(parse_line(LINE))
    at = data.draw(st.integers(len(HEAD), len(LINE) - 1))
    new = data.draw(
        st.one_of(st.binary(max_size=3), st.sampled_from([b'"', b",", b"null", b"\\", b"0", b":"]))
    )
    line = LINE[:at] + new + LINE[at + data.draw(st.integers(0, 3)) :]
    if known(shapes, line):
        parse_line(line)


def test_fields_that_have_no_shape_make_none() -> None:
    shapes = Shapes()
    for fields in ({"counts": {"a": 1}}, {"filters": ["a"]}, {"unknown": 1}):
        line = line_of(ENTRY | fields)
        shapes.learn(parse_line(line))
        assert not known(shapes, line)


def test_no_more_than_so_many_shapes_are_kept(shapes) -> None:
    for at in range(100):
        names = [name for bit, name in enumerate(list(ENTRY)[9:]) if at & 1 << bit]
        shapes.learn(parse_line(line_of({name: ENTRY[name] for name in ENTRY if name not in names})))
    assert len(shapes._by_event[b"decision"]) <= SHAPES


def test_a_long_line_that_nearly_fits_takes_no_time(shapes) -> None:
    for text in ("a" * 15_000, '\\"' * 7_000, "\\u00e5" * 2_500):
        line = line_of(ENTRY | {"message_id": "X"}).replace(b'"X"', b'"%b"' % text.encode())
        assert known(shapes, line)
        assert not known(shapes, line[:-2])
        with pytest.raises(LineFault):
            parse_line(line[:-2])
