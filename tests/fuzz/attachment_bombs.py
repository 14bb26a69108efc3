"""One attachment that is made to cost much, looked into: `python -m tests.fuzz.attachment_bombs NAME`.

Prints the seconds that it took; ends other than 0 where memory ran out. Run in a process of its own.
"""

import sys
import time
import zlib
from collections.abc import Callable, Mapping

from rorpost_gateway.content import read_content
from rorpost_gateway.facts import Look
from rorpost_gateway.message import parse_message
from tests.peers.attached_files import compound, gzipped, message, part, tnef, zipped

MB = 1024 * 1024


def _deep_zip() -> bytes:
    octets = bytes(40 * MB)
    for _ in range(6):
        octets = zipped({str(each): octets for each in range(1 if len(octets) > MB else 16)})
    return octets


def _wide_zip() -> bytes:
    return zipped({f"{each}.txt": b"Hej" for each in range(60_000)})


def _quine_like() -> bytes:
    octets = zipped({"x": b"x"})
    for _ in range(200):
        octets = zipped({"x.zip": octets})
    return octets


def _compound_loops() -> bytes:
    octets = compound({f"s{each}": bytes(5000) for each in range(1200)})
    sectors = int.from_bytes(octets[44:48], "little")
    return octets[: -512 * sectors] + bytes(512 * sectors)  # every sector is followed by the first


def _tar_of_headers() -> bytes:
    header = bytearray(512)
    header[0:1], header[124:135], header[156:157] = b"a", b"0" * 11, b"0"
    header[148:156] = b"%06o\0 " % (sum(header) + 8 * 32)
    header[257:262] = b"ustar"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) * 40_000


def _many_messages() -> bytes:
    return message(*(part(zipped({f"{each}": bytes(MB)}), f"{each}.zip") for each in range(200)))


BOMBS: Mapping[str, Callable[[], bytes]] = {
    "deep zip": _deep_zip,
    "wide zip": _wide_zip,
    "quine-like": _quine_like,
    "gzip of gzip": lambda: gzipped(gzipped(bytes(60 * MB)) * 200),
    "many members": lambda: gzipped(b"x") * 400_000,
    "tar of headers": _tar_of_headers,
    "compound loops": _compound_loops,
    "tnef of attributes": lambda: tnef(*[("a", b"x")] * 100_000),
    "pdf of slashes": lambda: b"%PDF-1.7" + b"/Encryp#74 " * (2 * MB),
    "text of begins": lambda: b"Hej\r\n" + b"begin 644 a.exe\r\n#35J0\r\n" * MB,
    "zip of bombs": lambda: zipped({str(each): bytes(60 * MB) for each in range(8)}),
    "names": lambda: zipped({"\u0301" * 20_000 + f"{each}.exe": b"x" for each in range(200)}),
    "many messages": _many_messages,
}


def main() -> None:
    name = sys.argv[1]
    octets = BOMBS[name]()
    sent = (
        octets
        if name == "many messages"
        else message(part(octets, "a.txt" if name.startswith("text") else ""))
    )
    if name == "text of begins":
        sent = b"From: a@x.se\r\n\r\n" + octets
    read = parse_message(sent)
    zlib.crc32(sent)
    began = time.perf_counter()
    read_content(read, Look.ATTACHMENTS)
    sys.stdout.write(f"{time.perf_counter() - began:.2f}\n")


if __name__ == "__main__":
    main()
