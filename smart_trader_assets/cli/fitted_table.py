"""A table for the terminal that never cuts a number: columns that do not fit are left out one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

_PADDING = 2
_NARROW = 14
"""A text that may be shortened keeps at least this many characters."""

Cell = str | Text


@dataclass(frozen=True)
class Column:
    """`shortens`: a text whose end may be cut. `folds`: a text that may wrap. `spare`: dropped
    before any text is shortened."""

    name: str
    number: bool = False
    shortens: bool = False
    folds: bool = False
    spare: bool = False


@dataclass(frozen=True)
class Line:
    """A row; `ends_section` where a gap follows."""

    cells: Sequence[Cell]
    style: str = ""
    ends_section: bool = False


def fitted_table(
    title: str,
    columns: Sequence[Column],
    lines: Sequence[Line],
    *,
    width: int,
    tells_what_is_left_out: bool = False,
) -> Table:
    """The table within `width` characters; where columns had to go, it ends with their names if it is to tell.

    Headings wrap between words first; then spare columns are dropped, from the right; then texts that may be
    are shortened or folded, the widest first; then other columns are dropped from the right, except the first.
    """
    headings = [max(map(cell_len, column.name.split())) for column in columns]
    cells = [
        max((_width(line.cells[at]) for line in lines), default=0) for at in range(len(columns))
    ]
    kept = list(range(len(columns)))
    widths = [max(cells[at], cell_len(columns[at].name)) for at in kept]
    if _total(widths, kept) > width:
        widths = [max(cells[at], headings[at]) for at in kept]
    for at in reversed(range(len(columns))):
        if columns[at].spare and _total(widths, kept) > width:
            kept.remove(at)
    elastic = [at for at in kept if columns[at].shortens or columns[at].folds]
    for at in sorted(elastic, key=lambda at: -widths[at]):
        beyond = _total(widths, kept) - width
        if beyond > 0:
            least = max(min(widths[at], _NARROW), headings[at])
            widths[at] = max(least, widths[at] - beyond)
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
    left_out = [column.name for at, column in enumerate(columns) if at not in kept]
    if left_out and tells_what_is_left_out:
        table.caption = f"Left out for want of room: {', '.join(left_out)}"
        table.caption_justify = "left"
    for line in lines:
        shown = (line.cells[at] for at in kept)
        # Plain text, not markup: symbols are untrusted.
        texts = (Text(cell) if isinstance(cell, str) else cell for cell in shown)
        table.add_row(*texts, style=line.style, end_section=line.ends_section)
    return table


def _width(cell: Cell) -> int:
    return cell_len(cell.plain if isinstance(cell, Text) else cell)


def _total(widths: Sequence[int], kept: Sequence[int]) -> int:
    return sum(widths[at] + _PADDING for at in kept) + _PADDING
