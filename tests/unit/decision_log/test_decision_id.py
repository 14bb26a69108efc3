"""UUIDv7, RFC 9562, section 5.7 and its test vector (appendix A.6)."""

import uuid

from rorpost_gateway.decision_log.decision_id import new_decision_id


def test_the_vector_of_the_rfc() -> None:
    rand_a, rand_b = 0xCC3, 0x18C4DC0C0C07398F
    random = ((rand_a << 68) | rand_b).to_bytes(10, "big")
    assert new_decision_id(0x017F22E279B0, lambda _: random) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def test_version_variant_and_time_are_in_place_whatever_the_random_bits() -> None:
    for fill in (b"\x00", b"\xff"):
        made = uuid.UUID(new_decision_id(1778068800000, lambda count, fill=fill: fill * count))
        assert (made.version, made.variant) == (7, uuid.RFC_4122)
        assert made.int >> 80 == 1778068800000


def test_ids_of_later_milliseconds_sort_later_and_none_is_twice() -> None:
    made = [new_decision_id(1778068800000 + number) for number in range(1000)]
    assert sorted(made) == made
    assert len({new_decision_id(1778068800000) for _ in range(10_000)}) == 10_000
