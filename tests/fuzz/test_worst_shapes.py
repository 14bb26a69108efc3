"""However bad a text is, it is refused in bounded time and memory, and what is shown of it is short.

Here at a quarter of a MiB, where what grows by more than its length already takes too long; `python -m
tests.fuzz.worst_shapes` prints what each takes at 64 MiB.
"""

from tests.fuzz.worst_shapes import MIB, SHAPES, load_in_child


def test_the_worst_shapes_are_refused_in_a_child_with_little_memory_and_little_time() -> None:
    found = load_in_child(MIB // 4, memory_octets=400 * MIB, cpu_seconds=60)
    assert [each["shape"] for each in found] == list(SHAPES)
    for each in found:
        assert each["findings"] > 0, each
        assert each["shown"] < MIB // 2, each
        assert each["seconds"] < 10, each
