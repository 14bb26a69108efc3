"""The plot: rates at the sink, a panel for each size and way, with what the runs spread over."""

from pathlib import Path

import matplotlib as mpl

mpl.use("agg")  # before pyplot: there may be no screen

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from tests.bench.section import Bar, Section, rate

_COLOURS = ("#7a7a7a", "#1b6ca8", "#d9822b", "#4d9a6a")
_PANEL_INCHES = (5.2, 1.9)
FORMATS = ("svg", "png")


def draw(section: Section, folder: Path) -> list[Path]:
    """`NAME.svg` and `NAME.png`; what was written."""
    groups: dict[str, list[Bar]] = {}
    for bar in section.bars:
        groups.setdefault(bar.group, []).append(bar)
    columns = 2 if len(groups) > 1 else 1
    rows = -(-len(groups) // columns)
    width, height = _PANEL_INCHES
    figure, panels = plt.subplots(
        rows, columns, figsize=(width * columns, height * rows + 0.6), layout="constrained", squeeze=False
    )
    for panel, (title, bars) in zip(panels.flat, groups.items(), strict=False):
        _panel(panel, title, bars)
    for panel in panels.flat[len(groups) :]:
        panel.set_axis_off()
    figure.suptitle(f"{section.title}: {section.unit}", fontsize=11)
    written = [folder / f"{section.name}.{form}" for form in FORMATS]
    for path in written:
        figure.savefig(path, dpi=150)
    plt.close(figure)
    return written


def _panel(panel: Axes, title: str, bars: list[Bar]) -> None:
    places = range(len(bars))
    values = [bar.value for bar in bars]
    spread = ([bar.value - bar.low for bar in bars], [bar.high - bar.value for bar in bars])
    colours = [_COLOURS[place % len(_COLOURS)] for place in places]
    panel.barh(places, values, xerr=spread, color=colours, height=0.7, ecolor="#222222", capsize=2)
    panel.set_yticks(places, [bar.label for bar in bars], fontsize=8)
    panel.invert_yaxis()
    panel.set_title(title, fontsize=9, loc="left")
    panel.tick_params(axis="x", labelsize=8)
    panel.margins(x=0.15)
    for place, bar in zip(places, bars, strict=True):
        panel.annotate(
            rate(bar.value),
            (bar.high, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
