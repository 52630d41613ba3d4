"""The charts, drawn by matplotlib: as SVG for the page, as PNG for the Dagster UI.

A chart is laid out once and then drawn for one wallet after another, which is several times faster than
to begin anew. On the page its marks are named `plot-...`, and `page.css` says how each name looks. Sizes are
in units of the view box, which the page stretches to the width it has.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from smart_trader_assets.report.curves import HOLDING_BANDS
from smart_trader_assets.report.svg import inline_svg
from smart_trader_assets.text import share, usd, usd_short

Curve: TypeAlias = tuple[list[int], list[float]]
"""Seconds, and the cumulative realized PnL from each of them on, in USD; the last one an end alone."""

_INCH = 72
_HOUR = 1 / 24  # time on an axis is in days
_DATES = ("%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%H:%M:%S")
_FIRST_DATES = ("", "%Y", "%d %b", "%d %b", "%H:%M", "%H:%M")
"""What a tick reads, by the spacing of ticks from years to seconds; and the first of a longer unit."""

_ROOM_BEYOND = 0.04  # of a curve's range
_TALLEST = 112  # percent: a full bar, and its label
_BAR = 0.7

INK = "#4655d8"
QUIET = "#69727f"
"""Colours of the PNG; those of the page are in its style sheet."""


@dataclass(frozen=True)
class Frame:
    """The size of a chart, and the room at its sides for words."""

    width: int
    height: int
    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0

    def axes(self) -> tuple[Figure, Axes]:
        """An empty chart: nothing but what is put into it is drawn."""
        figure = Figure(figsize=(self.width / _INCH, self.height / _INCH), frameon=False)
        place = (
            self.left / self.width,
            self.bottom / self.height,
            1 - (self.left + self.right) / self.width,
            1 - (self.top + self.bottom) / self.height,
        )
        axes = figure.add_axes(place, frameon=False)
        axes.tick_params(length=0, pad=9)
        axes.xaxis.set_gid("plot-grid")
        axes.yaxis.set_gid("plot-grid")
        axes.set_axisbelow(True)
        return figure, axes


WALLET_CURVE = Frame(520, 220, left=62, right=22, top=8, bottom=29)
BEST_WIDE = Frame(1120, 300, left=62, right=30, top=8, bottom=29)
BEST_NARROW = Frame(520, 300, left=62, right=22, top=8, bottom=29)
SPARK = Frame(130, 34, top=3, bottom=3)
HOLDING = Frame(340, 219, left=4, right=4, top=8, bottom=29)


class EquityChart:
    """Cumulative realized PnL over time, in steps: one filled curve, or `curves` lines."""

    def __init__(self, frame: Frame, *, curves: int = 1) -> None:
        self._bare = frame is SPARK
        self._figure, self._axes = frame.axes()
        if self._bare:
            self._axes.set_axis_off()
        locator = AutoDateLocator(tz=UTC, minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
        self._axes.xaxis.set_major_locator(locator)
        self._axes.xaxis.set_major_formatter(
            ConciseDateFormatter(  # type: ignore[no-untyped-call]
                locator,
                tz=UTC,
                formats=_DATES,
                zero_formats=_FIRST_DATES,
                show_offset=False,
            )
        )
        self._axes.yaxis.set_major_locator(MaxNLocator(4))
        self._axes.yaxis.set_major_formatter(FuncFormatter(lambda amount, _: usd_short(amount)))
        self._axes.grid(axis="y", clip_on=False)
        if not self._bare:
            self._axes.axhline(0, gid="plot-zero", clip_on=False, color=QUIET)
        self._area = (
            self._axes.stairs([0], [0, 1], baseline=0, fill=True, gid="plot-area", clip_on=False)
            if curves == 1
            else None
        )
        self._lines = [
            self._axes.stairs(
                [0],
                [0, 1],
                baseline=None,
                gid=f"plot-curve c{place}",
                clip_on=False,
                color=f"C{place}",
            )
            for place in range(1, curves + 1)
        ]

    def draw(self, curves: Sequence[Curve], words: str) -> Markup:
        """The chart of as many curves as it was made for, none of them empty."""
        self._show(curves)
        return inline_svg(self._figure, words, stretched=self._bare)

    def picture(self, curves: Sequence[Curve], names: Sequence[str]) -> bytes:
        """The same as a PNG, with a legend."""
        self._show(curves)
        self._axes.legend(self._lines, names, fontsize=8, frameon=False)
        return png(self._figure)

    def _show(self, curves: Sequence[Curve]) -> None:
        for line, (seconds, realized) in zip(self._lines, curves, strict=True):
            days = _days(seconds)
            line.set_data(realized[:-1], days)
            if self._area is not None:
                self._area.set_data(realized[:-1], days)
        times = _days([second for seconds, _ in curves for second in (seconds[0], seconds[-1])])
        amounts = [amount for _, realized in curves for amount in realized]
        self._axes.set_xlim(*_apart(min(times), max(times), by=_HOUR))
        low, high = _apart(min(0.0, *amounts), max(0.0, *amounts), by=1.0)
        room = _ROOM_BEYOND * (high - low)
        self._axes.set_ylim(low - room * (low < 0), high + room * (high > 0))


class HoldingChart:
    """The share of the matched cost by band of holding time, in percent, as bars."""

    def __init__(self) -> None:
        self._figure, axes = HOLDING.axes()
        bands = range(len(HOLDING_BANDS))
        axes.set_xlim(-0.5, len(HOLDING_BANDS) - 0.5)
        axes.set_ylim(0, _TALLEST)
        axes.set_axis_off()  # fixed names are drawn faster as texts than as ticks
        for band, (name, _) in enumerate(HOLDING_BANDS):
            axes.annotate(
                name, (band, 0), (0, -14), textcoords="offset points", ha="center", va="baseline"
            )
        axes.axhline(0, gid="plot-zero", clip_on=False, color=QUIET)
        self._bars = axes.bar(
            bands, [0.0] * len(bands), _BAR, gid="plot-bar", clip_on=False, color=INK
        )
        self._labels = [axes.text(band, 0, "", ha="center", va="baseline") for band in bands]

    def draw(self, shares: Sequence[float], words: str) -> Markup:
        """The chart of one wallet: a share for each of `HOLDING_BANDS`."""
        self._show(shares)
        return inline_svg(self._figure, words)

    def picture(self, shares: Sequence[float]) -> bytes:
        """The same as a PNG."""
        self._show(shares)
        return png(self._figure)

    def _show(self, shares: Sequence[float]) -> None:
        for bar, label, percent in zip(self._bars, self._labels, shares, strict=True):
            bar.set_height(percent)
            bar.set_visible(percent > 0)
            label.set_y(percent + 2)
            label.set_text(share(percent) if percent > 0 else "")


def png(figure: Figure) -> bytes:
    """The figure as a PNG, on white."""
    picture = io.BytesIO()
    figure.set_frameon(True)
    figure.savefig(picture, format="png", dpi=100, facecolor="white")
    return picture.getvalue()


def curve_words(curve: Curve) -> str:
    """A curve in words, for screen readers: when, where it ends, how high and how low it went."""
    seconds, realized = curve
    first, last = (f"{datetime.fromtimestamp(seconds[end], UTC):%Y-%m-%d}" for end in (0, -1))
    return (
        f"Cumulative realized PnL from {first} to {last}: {usd(realized[-1])} at the end, "
        f"{usd(max(realized))} at most, {usd(min(realized))} at least."
    )


def holding_words(shares: Sequence[float]) -> str:
    """The bars in words, for screen readers; empty bands are left out."""
    named = [
        f"{name}: {share(percent)}"
        for (name, _), percent in zip(HOLDING_BANDS, shares, strict=True)
        if percent > 0
    ]
    return f"Matched cost by holding time. {', '.join(named)}."


def _days(seconds: Sequence[int]) -> list[float]:
    times = np.array(seconds, dtype="datetime64[s]")
    return list(date2num(times))  # type: ignore[no-untyped-call]


def _apart(low: float, high: float, *, by: float) -> tuple[float, float]:
    """The ends of an axis, never in one place."""
    return (low, high) if low < high else (low - by, high + by)
