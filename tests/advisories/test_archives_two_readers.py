"""Archives that two programs would unpack differently, and bombs: nothing of them is taken as seen.

Files hidden between the entries, another name in the file's own header, entries that overlap (a better
zip bomb, 2019), sizes that lie, zip files that hold themselves (quines), archives with two ends.
"""

import struct
import zlib

import pytest

from tests.peers.attached_files import EXE, PNG, found_in, gzipped, tarred, zipped

PLAIN = zipped({"a.png": PNG, "b.txt": b"Hej"}, deflated=False)
ENTRY = len(b"PK\x03\x04") + 26 + len("a.png") + len(PNG)  # where the second one begins


def seen(octets: bytes) -> bool:
    """Whether the whole archive was looked into."""
    return found_in(octets)[0].inspected


def bare_zip(files: list[tuple[bytes, bytes, bytes, int]], *, count: int = 1, gap: bytes = b"") -> bytes:
    """A zip archive whose files share one body; each is a name, a packed body, a check sum and a size."""
    out, directory = b"", b""
    for name, packed, check, size in files:
        at = len(out)
        common = (
            struct.pack("<4H", 0, 8, 0, 33) + check + struct.pack("<2L2H", len(packed), size, len(name), 0)
        )
        out += b"PK\x03\x04\x14\0" + common + name + packed + gap
        record = b"PK\x01\x02\x14\0\x14\0" + common + struct.pack("<3HLL", 0, 0, 0, 0, at) + name
        directory += record * count
    end = struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, len(files) * count, len(files) * count, len(directory), len(out), 0
    )
    return out + directory + end


def bomb(octets: int, count: int = 1) -> bytes:
    packing = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(packing.compress(bytes(1 << 20)) for _ in range(octets >> 20)) + packing.flush()
    check = 0
    for _ in range(octets >> 20):
        check = zlib.crc32(bytes(1 << 20), check)
    return bare_zip([(b"0", packed, struct.pack("<L", check), octets)], count=count)


def test_what_these_tests_begin_with_can_be_seen() -> None:
    assert seen(PLAIN)
    assert PLAIN.startswith(b"PK\x03\x04", ENTRY)
    assert seen(bomb(1 << 20))


@pytest.mark.parametrize(
    ("what", "octets"),
    [
        ("another name", PLAIN.replace(b"a.png", b"a.exe", 1)),
        ("encrypted", PLAIN[:6] + b"\1" + PLAIN[7:]),
        ("stored or deflated", PLAIN[:8] + b"\x08" + PLAIN[9:]),
        ("another size", PLAIN[:22] + b"\x01" + PLAIN[23:]),
        ("damaged", PLAIN.replace(PNG, PNG[:-1] + b"x")),
        ("cut off", PLAIN[:-1]),
        ("something behind", PLAIN + b"x"),
        ("two ends", PLAIN[:-2] + b"\x16\0" + PLAIN[-22:-2] + b"\0\0"),
        ("without a directory", PLAIN[:ENTRY]),
        ("several disks", PLAIN[:-18] + b"\1" + PLAIN[-17:]),
        ("one more than there are", PLAIN[:-14] + b"\3\0\3\0" + PLAIN[-10:]),
        ("fewer than there are", PLAIN[:-14] + b"\1\0\1\0" + PLAIN[-10:]),
        ("overlapping files", bomb(1 << 20, count=2)),
        (
            "a hidden file",
            bare_zip([(n, b"\3\0", bytes(4), 0) for n in (b"a", b"b")], gap=zipped({"x.exe": EXE})[:80]),
        ),
        ("a bomb", bomb(80 << 20)),
        ("a tar header with another sum", tarred({"a": PNG})[:150] + b"7" + tarred({"a": PNG})[151:]),
        ("a tar file without an end", tarred({"a": PNG})[:124] + b"77777777777" + tarred({"a": PNG})[135:]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_nobody_knows_what_it_holds(what: str, octets: bytes) -> None:
    assert not seen(octets) or not all(each.inspected for each in found_in(octets)), what


def test_a_bomb_of_gzip() -> None:
    octets = gzipped(gzipped(bytes(80 << 20)))
    assert [each.inspected for each in found_in(octets)] == [True, False]


def test_what_is_encrypted_is_named() -> None:
    octets = bytearray(zipped({"faktura.exe": EXE}))
    octets[6] |= 1
    octets[octets.index(b"PK\x01\x02") + 8] |= 1
    archive, entry = found_in(bytes(octets))
    assert (archive.inspected, entry.inspected, entry.extensions) == (True, False, ("exe",))
