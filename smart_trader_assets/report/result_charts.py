"""How a wallet's results are spread: over its bets, and over the days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl
from markupsafe import Markup
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from smart_trader_assets.report.charts import INK, QUIET, Frame, png
from smart_trader_assets.report.svg import inline_svg
from smart_trader_assets.text import usd

BET_BANDS: Final[tuple[tuple[str, float], ...]] = (
    ("≤−90", -0.9),
    ("≤−50", -0.5),
    ("≤−10", -0.1),
    ("±10", 0.1),
    ("≤50", 0.5),
    ("≤100", 1.0),
    ("≤300", 3.0),
    (">300", float("inf")),
)
"""Name (percent) and upper end of each band of a bet's return."""

WEEKS: Final = 26
_WEEKDAYS: Final = 7

DAY_CLASSES: Final = ("loss3", "loss2", "loss1", "even", "gain1", "gain2", "gain3")
"""From the worst days to the best; the third part of a wallet's losing, and of its winning, days each."""

_BETS: Final = Frame(340, 219, left=4, right=4, top=8, bottom=29)
_CALENDAR: Final = Frame(340, 124, left=2, right=2, top=4, bottom=22)
_TALLEST: Final = 1.14
_BAR: Final = 0.7
_SIDE: Final = 0.84  # of a day's square
_COLOURS: Final = ("#c22f3d", "#d97680", "#eec2c6", "#dfe3e9", "#bfe3d2", "#5fb58f", "#0d7f4f")


def bet_counts(returns: pl.Series) -> list[int]:
    """Returns of bets, 1 for 100 % -> how many of them are in each of `BET_BANDS`."""
    known = returns.drop_nulls().to_list()
    counts = [0] * len(BET_BANDS)
    for value in known:
        counts[next(place for place, (_, end) in enumerate(BET_BANDS) if value <= end)] += 1
    return counts


class BetsChart:
    """How many bets returned what, as bars."""

    def __init__(self) -> None:
        self._figure, self._axes = _BETS.axes()
        bands = range(len(BET_BANDS))
        self._axes.set_xlim(-0.5, len(BET_BANDS) - 0.5)
        self._axes.set_axis_off()
        for band, (name, _) in enumerate(BET_BANDS):
            self._axes.annotate(
                name, (band, 0), (0, -14), textcoords="offset points", ha="center", va="baseline"
            )
        self._axes.axhline(0, gid="plot-zero", clip_on=False, color=QUIET)
        self._bars = self._axes.bar(
            bands, [0.0] * len(bands), _BAR, gid="plot-bar", clip_on=False, color=INK
        )
        self._labels = [self._axes.text(band, 0, "", ha="center", va="baseline") for band in bands]

    def draw(self, counts: Sequence[int]) -> Markup:
        """The chart of one wallet: a count for each of `BET_BANDS`."""
        self._show(counts)
        return inline_svg(self._figure, bets_words(counts))

    def picture(self, counts: Sequence[int]) -> bytes:
        """The same as a PNG."""
        self._show(counts)
        return png(self._figure)

    def _show(self, counts: Sequence[int]) -> None:
        tallest = max([1, *counts])
        self._axes.set_ylim(0, _TALLEST * tallest)
        for bar, label, count in zip(self._bars, self._labels, counts, strict=True):
            bar.set_height(count)
            bar.set_visible(count > 0)
            label.set_y(count + 0.02 * tallest)
            label.set_text(str(count) if count else "")


def bets_words(counts: Sequence[int]) -> str:
    """The bars in words, for screen readers; empty bands are left out."""
    named = [
        f"{name}: {count}" for (name, _), count in zip(BET_BANDS, counts, strict=True) if count
    ]
    return f"Bets by what they returned, in percent. {', '.join(named)}."


def daily_results(matches: pl.DataFrame, rollovers: pl.DataFrame, until: date) -> pl.DataFrame:
    """`lot_matches` and `rollovers` of `LotEvidence` -> wallet_address, day, result: USD realized on each UTC
    day of the `WEEKS` weeks whose last one `until` is in."""
    since = _first_monday(until)
    sold = matches.filter(pl.col("result").is_not_null()).select(
        "wallet_address", "result", day=pl.col("sold_at").dt.date()
    )
    gained = rollovers.filter(pl.col("gain") > 0).select(
        "wallet_address", result="gain", day=pl.col("time").dt.date()
    )
    return (
        pl.concat([sold, gained])
        .filter(pl.col("day").is_between(since, until))
        .group_by("wallet_address", "day")
        .agg(pl.col("result").sum())
        .sort("wallet_address", "day")
    )


def day_classes(results: Sequence[float]) -> list[str]:
    """Each result's class of `DAY_CLASSES`: a third of the largest gain, or loss, makes a step."""
    best, worst = max([0.0, *results]), min([0.0, *results])
    classes = []
    for result in results:
        if round(result, 2) == 0:
            classes.append("even")
            continue
        of_most = result / (best if result > 0 else worst)
        step = 1 + (of_most > 1 / 3) + (of_most > 2 / 3)
        classes.append(f"{'gain' if result > 0 else 'loss'}{step}")
    return classes


class CalendarChart:
    """The days of half a year, a column a week, coloured by what they brought."""

    def __init__(self) -> None:
        self._figure, self._axes = _CALENDAR.axes()
        self._axes.set_xlim(0, WEEKS)
        self._axes.set_ylim(_WEEKDAYS, 0)
        self._axes.set_axis_off()
        nothing = Path([(0, 0)])
        self._days = {
            kind: PathPatch(nothing, gid=f"plot-day {kind}", clip_on=False, facecolor=colour, lw=0)
            for kind, colour in zip(DAY_CLASSES, _COLOURS, strict=True)
        }
        self._weeks = PathPatch(nothing, gid="plot-week", clip_on=False, facecolor="#f0f2f7", lw=0)
        self._axes.add_patch(self._weeks)
        for patch in self._days.values():
            self._axes.add_patch(patch)
        self._months = [
            self._axes.text(0, _WEEKDAYS + 1.2, "", ha="left", va="baseline") for _ in range(8)
        ]

    def draw(self, days: Sequence[date], results: Sequence[float], until: date) -> Markup:
        """The chart of one wallet: the days with a result, and what they brought in USD."""
        self._show(days, results, until)
        return inline_svg(self._figure, calendar_words(days, results))

    def picture(self, days: Sequence[date], results: Sequence[float], until: date) -> bytes:
        """The same as a PNG."""
        self._show(days, results, until)
        return png(self._figure)

    def _show(self, days: Sequence[date], results: Sequence[float], until: date) -> None:
        monday = _first_monday(until)
        kinds = dict(zip(days, day_classes(results), strict=True)) if days else {}
        squares: dict[str, list[tuple[int, int]]] = {kind: [] for kind in self._days}
        for day, kind in kinds.items():
            squares[kind].append(divmod((day - monday).days, _WEEKDAYS))
        for kind, patch in self._days.items():
            patch.set_path(_squares(squares[kind]))
            patch.set_visible(bool(squares[kind]))
        weeks, rest = divmod((until - monday).days + 1, _WEEKDAYS)
        columns = [(week, 0, _WEEKDAYS) for week in range(weeks)] + [(weeks, 0, rest)] * bool(rest)
        self._weeks.set_path(_columns(columns))
        self._name_months(monday, until)

    def _name_months(self, monday: date, until: date) -> None:
        firsts = [
            (week, day)
            for week in range(WEEKS)
            for day in [monday + timedelta(days=_WEEKDAYS * week + 6)]
            if day.day <= _WEEKDAYS and day <= until + timedelta(days=6)
        ]
        for label in self._months:
            label.set_text("")
        for label, (week, day) in zip(self._months, firsts, strict=False):
            label.set_x(week)
            label.set_text(f"{day:%b}")


def _first_monday(until: date) -> date:
    """Of the weeks of a calendar: `until` is in the last of them."""
    return until - timedelta(days=until.weekday() + _WEEKDAYS * (WEEKS - 1))


def _squares(places: Sequence[tuple[int, int]]) -> Path:
    """One path of a square a day, by week and weekday."""
    return _columns([(week, weekday, 1) for week, weekday in places])


def _columns(places: Sequence[tuple[int, int, int]]) -> Path:
    """One path of a column of so many days each, by week and its first weekday."""
    corners: list[tuple[float, float]] = []
    codes: list[np.uint8] = []
    for week, weekday, days in places or [(0, 0, 1)]:
        right, down = week + _SIDE, weekday + days - 1 + _SIDE
        corners += [(week, weekday), (right, weekday), (right, down), (week, down), (week, weekday)]
        codes += [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY]
    return Path(corners, codes)


def calendar_words(days: Sequence[date], results: Sequence[float]) -> str:
    """The calendar in words, for screen readers."""
    won = sum(result > 0 for result in results)
    best = max(zip(results, days, strict=True))
    worst = min(zip(results, days, strict=True))
    return (
        f"Realized by day: {len(days)} days with a result, {won} of them gains; the best {usd(best[0])} on "
        f"{best[1]:%Y-%m-%d}, the worst {usd(worst[0])} on {worst[1]:%Y-%m-%d}."
    )
