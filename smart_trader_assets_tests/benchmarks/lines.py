"""One figure of a benchmark, beside its goal and beside the way in which it is usually done."""

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.table import Table

Size = Literal["small", "full"]


@dataclass(frozen=True)
class Line:
    """What was measured, its figure, its goal and whether that holds; and the other way's figure.

    `holds` is None where no goal is set.
    """

    what: str
    ours: str
    goal: str = ""
    holds: bool | None = None
    other_way: str = ""
    theirs: str = ""


Measure = Callable[[Size], Iterator[Line]]


def show(lines: Iterable[Line]) -> None:
    """Print all lines as one table."""
    table = Table(title="Measured", title_justify="left", show_lines=True)
    for name in ("what", "here", "goal", "holds", "the other way", "there"):
        table.add_column(name, justify="right" if name in {"here", "there"} else "left")
    said = {True: "yes", False: "[bold]no[/]", None: ""}
    for line in lines:
        table.add_row(
            line.what, line.ours, line.goal, said[line.holds], line.other_way, line.theirs
        )
    Console(width=160).print(table)


def at_most(figure: float, goal: float, unit: str = "") -> tuple[str, bool]:
    """The goal as text, and whether the figure keeps it."""
    return f"<= {goal:g}{unit}", figure <= goal


def compared(
    what: str, seconds: float, other_way: str, theirs: float, goal: float | None = None
) -> Line:
    """Seconds beside those of the other way, as so many times as long; `goal`: at most so many times."""
    ratio = seconds / theirs
    text, holds = ("", None) if goal is None else at_most(ratio, goal, " x")
    shown = f"{seconds:.2f} s = {ratio:.2f} x"
    return Line(what, shown, text, holds, other_way, f"{theirs:.2f} s")


def command(description: str | None, measure: Measure) -> None:
    """What a benchmark does when it is started by itself."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--size", choices=("small", "full"), default="small")
    show(measure(parser.parse_args().size))
