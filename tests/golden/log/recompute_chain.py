"""Recompute the chain of a decision log with nothing but the standard library: recompute_chain.py FOLDER."""

import hashlib
import json
import pathlib
import sys

n, prev, torn = 0, "0" * 64, b""
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jsonl")):
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            entry = json.loads(line)
        except ValueError:  # bytes that a crash cut short: the next entry must tell of them
            torn += line + b"\n"
            continue
        # Octets of the file `checkpoints` may be torn as well; they stand nowhere in here.
        told = entry["sha256"] if entry["event"] == "torn" and entry["file"] != "checkpoints" else None
        expected = hashlib.sha256(torn[:-1]).hexdigest() if torn else None
        if (entry["n"], entry["prev"], told) != (n, prev, expected):
            sys.exit(f"{path.name}: entry {n} does not hold")
        n, prev, torn = n + 1, hashlib.sha256(b"\0" + line).hexdigest(), b""
if torn:
    sys.exit(f"{path.name}: entry {n} does not hold")
sys.stdout.write(f"{n} entries, head {prev}\n")
