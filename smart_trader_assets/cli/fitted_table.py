"""A terminal's table that never cuts a number: what there is no room for is left out, column by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

_PADDING = 2
_NARROW = 14
"""A text that may be shortened keeps at least so many characters."""

Cell = str | Text


@dataclass(frozen=True)
class Column:
    """`shortens`: a text whose end may go. `spare`: goes before any text is shortened."""

    name: str
    number: bool = False
    shortens: bool = False
    spare: bool = False


@dataclass(frozen=True)
class Line:
    """A row; `ends_section` where a gap follows."""

    cells: Sequence[Cell]
    style: str = ""
    ends_section: bool = False


def fitted_table(
    title: str, columns: Sequence[Column], lines: Sequence[Line], *, width: int
) -> Table:
    """The table within `width` characters.

    Spare columns go first, from the right; then texts that may be are shortened; then what is left goes
    from the right, but for the first column.
    """
    widths = [
        _width(column, [line.cells[at] for line in lines]) for at, column in enumerate(columns)
    ]
    kept = list(range(len(columns)))
    for at in reversed(range(len(columns))):
        if columns[at].spare and _total(widths, kept) > width:
            kept.remove(at)
    for at in kept:
        beyond = _total(widths, kept) - width
        if columns[at].shortens and beyond > 0:
            widths[at] = max(min(widths[at], _NARROW), widths[at] - beyond)
    while len(kept) > 1 and _total(widths, kept) > width:
        kept.pop()
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for at in kept:
        table.add_column(
            columns[at].name,
            justify="right" if columns[at].number else "left",
            width=widths[at],
            no_wrap=columns[at].shortens,
            overflow="ellipsis" if columns[at].shortens else "fold",
        )
    for line in lines:
        cells = (line.cells[at] for at in kept)
        # A plain text is no markup: symbols are strangers' words.
        texts = (Text(cell) if isinstance(cell, str) else cell for cell in cells)
        table.add_row(*texts, style=line.style, end_section=line.ends_section)
    return table


def _width(column: Column, cells: Sequence[Cell]) -> int:
    """Of the widest cell; a heading may break between its words."""
    texts = [cell.plain if isinstance(cell, Text) else cell for cell in cells]
    return max(map(cell_len, (*column.name.split(), *texts)))


def _total(widths: Sequence[int], kept: Sequence[int]) -> int:
    return sum(widths[at] + _PADDING for at in kept) + _PADDING
