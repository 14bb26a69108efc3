"""The plot: the daemon's memory over the messages that arrived."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")  # before pyplot: there may be no screen

import matplotlib.pyplot as plt

from tests.soak.samples import Sample, Verdict

_MEBIBYTE = 1024 * 1024


def draw(samples: Sequence[Sample], verdict: Verdict, folder: Path) -> Path:
    """`memory.svg` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    figure, panel = plt.subplots(figsize=(8, 3), layout="constrained")
    panel.plot([each.arrived for each in samples], [each.octets / _MEBIBYTE for each in samples])
    for octets in (verdict.first, verdict.last):
        panel.axhline(octets / _MEBIBYTE, linestyle=":", linewidth=1, color="#7a7a7a")
    panel.set_ylim(bottom=0)
    panel.set_xlabel("messages that arrived")
    panel.set_ylabel("MiB, all processes")
    path = folder / "memory.svg"
    figure.savefig(path)
    plt.close(figure)
    return path
