"""How results are spread: the bands of bets, and the days."""

from __future__ import annotations

import re
from datetime import date, timedelta

import polars as pl
import pytest

from smart_trader_assets.report.result_charts import (
    BET_BANDS,
    WEEKS,
    BetsChart,
    CalendarChart,
    bet_counts,
    daily_results,
    day_classes,
)
from smart_trader_assets.report.svg import page_drawing
from smart_trader_assets_tests.support.samples import NOW

TODAY = NOW.date()


def test_each_bet_is_in_one_band_and_an_unknown_one_in_none():
    returns = pl.Series([-1.0, -0.9, -0.3, 0.0, 0.1, 0.4, 2.0, 40.0, None])
    assert bet_counts(returns) == [2, 0, 1, 2, 1, 0, 1, 1]
    assert sum(bet_counts(returns)) == returns.count()
    assert bet_counts(pl.Series([], dtype=pl.Float64)) == [0] * len(BET_BANDS)


def test_a_day_is_shaded_by_its_part_of_the_best_or_the_worst():
    assert day_classes([90.0, 31.0, 29.0, 0.001, -10.0, -4.0, -1.0]) == [
        "gain3", "gain2", "gain1", "even", "loss3", "loss2", "loss1",
    ]  # fmt: skip
    assert day_classes([]) == []
    assert day_classes([-5.0]) == ["loss3"]


def test_results_of_a_day_are_summed_and_old_ones_left_out():
    sold = pl.DataFrame(
        {
            "wallet_address": ["w"] * 4,
            "sold_at": [NOW, NOW, NOW - timedelta(days=7 * WEEKS), NOW - timedelta(days=1)],
            "result": [5.0, -2.0, 9.0, None],
        }
    )
    rolled = pl.DataFrame({"wallet_address": ["w", "w"], "time": [NOW, NOW], "gain": [4.0, 0.0]})
    assert daily_results(sold, rolled, TODAY).rows() == [("w", TODAY, 7.0)]


@pytest.fixture(autouse=True)
def _drawing():
    with page_drawing():
        yield


def test_the_calendar_has_a_square_a_day_and_says_what_it_shows():
    days = [TODAY - timedelta(days=3), TODAY]
    picture = CalendarChart().draw(days, [12.0, -3.0], TODAY)
    squares = {
        kind: len(re.findall("M", path))
        for kind, path in re.findall(r'class="plot-day (\w+)" d="([^"]*)"', picture)
    }
    assert squares == {"gain3": 1, "loss3": 1}
    (weeks,) = re.findall(r'class="plot-week" d="([^"]*)"', picture)
    assert weeks.count("M") == WEEKS
    assert "2 days with a result, 1 of them gains" in picture
    assert "the worst −$3.00 on" in picture


def test_a_chart_forgets_the_wallet_before():
    chart, other = CalendarChart(), CalendarChart()
    chart.draw([date(2025, 6, 1)], [1.0], TODAY)
    assert chart.draw([TODAY], [2.0], TODAY) == other.draw([TODAY], [2.0], TODAY)


def test_bars_are_labelled_with_their_counts():
    picture = BetsChart().draw([0, 3, 0, 0, 0, 0, 0, 1])
    assert re.findall(r">(\d+)<", picture) == ["3", "1"]
    assert "≤−50: 3, &gt;300: 1." in picture
