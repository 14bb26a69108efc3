"""A section on the terminal: its table, bars, and what to know of it."""

from rich.console import Console
from rich.table import Table

from tests.bench.section import Bar, Section, rate

_BAR_COLUMNS = 50


def show(section: Section, console: Console) -> None:
    console.print()
    table = Table(title=section.title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for number, name in enumerate(section.columns):
        numeric = number > 0 and all(not row[number] or row[number][0].isdigit() for row in section.rows)
        table.add_column(name, justify="right" if numeric else "left", no_wrap=True)
    for row in section.rows:
        table.add_row(*row)
    console.print(table)
    if section.bars:
        console.print()
        _show_bars(section, console)
    for note in section.notes:
        console.print(f"  {note}", style="dim", highlight=False)


def _show_bars(section: Section, console: Console) -> None:
    """Within a group bars are to scale; a group's longest fills the width."""
    table = Table(section.unit, "", "", box=None, pad_edge=False, show_header=True)
    groups: dict[str, list[Bar]] = {}
    for bar in section.bars:
        groups.setdefault(bar.group, []).append(bar)
    for name, bars in groups.items():
        longest = max(bar.value for bar in bars)
        for number, bar in enumerate(bars):
            columns = "█" * max(1, round(_BAR_COLUMNS * bar.value / longest))
            table.add_row(name if number == 0 else "", bar.label, f"{columns} {rate(bar.value)}")
    console.print(table)
