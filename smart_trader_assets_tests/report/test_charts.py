"""The charts: true to their numbers, small, and the same for a wallet whoever was drawn before."""

import random
import re
from datetime import UTC, datetime

import pytest

from smart_trader_assets.report.charts import (
    SPARK,
    WALLET_CURVE,
    Curve,
    EquityChart,
    HoldingChart,
    curve_words,
    holding_words,
)
from smart_trader_assets.report.svg import page_drawing

JULY = int(datetime(2025, 7, 1, tzinfo=UTC).timestamp())
DAY = 86_400
CURVE: Curve = ([JULY, JULY + 10 * DAY, JULY + 20 * DAY], [0.0, -500.0, -500.0])
SHARES = [0.0, 25.0, 0.0, 0.4, 0.0, 74.6, 0.0]


def busy_curve(points: int) -> Curve:
    rng = random.Random(points)
    seconds = sorted(rng.randrange(JULY, JULY + 90 * DAY) for _ in range(points))
    return seconds, [round(rng.gauss(0, 5_000), 2) for _ in range(points)]


@pytest.fixture(autouse=True)
def settings_of_the_page():
    with page_drawing():
        yield


def path_of(picture: str, name: str) -> str:
    (path,) = re.findall(rf'<path class="{name}" d="([^"]*)"', picture)
    return str(path)


def test_a_curve_keeps_each_level_until_the_next_trade():
    drawn = EquityChart(SPARK).draw([CURVE], "")
    # From nothing at the top of the frame; half of the time later to the loss that then stands.
    assert path_of(drawn, "plot-curve c1") == "M0 3h65v26.9h65"


def test_amounts_and_days_are_written_beside_a_curve():
    drawn = EquityChart(WALLET_CURVE).draw([CURVE], "")
    words = re.findall(r"<text[^>]*>([^<]*)</text>", drawn)
    assert {"$0", "−$150", "−$300", "−$450"} <= set(words)
    assert "05 Jul" in words


def test_a_chart_shows_nothing_of_the_wallet_drawn_before():
    chart = EquityChart(WALLET_CURVE)
    alone = chart.draw([CURVE], "words")
    chart.draw([busy_curve(200)], "")
    assert chart.draw([CURVE], "words") == alone == EquityChart(WALLET_CURVE).draw([CURVE], "words")
    bars = HoldingChart()
    first = bars.draw(SHARES, "")
    bars.draw([0.0, 0.0, 100.0, 0.0, 0.0, 0.0, 0.0], "")
    assert bars.draw(SHARES, "") == first


def test_curves_that_are_drawn_together_share_their_axes():
    later: Curve = ([JULY + 20 * DAY, JULY + 40 * DAY], [0.0, 1_000.0])
    drawn = EquityChart(WALLET_CURVE, curves=2).draw([CURVE, later], "")
    assert "plot-area" not in drawn
    (first,) = re.findall(r'c1" d="M([\d.]+)', drawn)
    (second,) = re.findall(r'c2" d="M([\d.]+)', drawn)
    width = WALLET_CURVE.width - WALLET_CURVE.left - WALLET_CURVE.right
    assert float(first) == WALLET_CURVE.left
    assert float(second) == pytest.approx(WALLET_CURVE.left + width / 2, abs=0.1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "curve",
    [([JULY, JULY], [0.0, 0.0]), ([JULY, JULY + 1], [0.0, 0.0]), ([0, JULY], [0.0, 1e12])],
    ids=["a moment", "nothing gained", "far apart"],
)
def test_a_curve_without_extent_or_of_any_is_drawn(curve):
    assert path_of(EquityChart(WALLET_CURVE).draw([curve], ""), "plot-curve c1").startswith("M")


def test_a_chart_of_two_hundred_trades_takes_less_than_six_kilobytes():
    assert len(EquityChart(WALLET_CURVE).draw([busy_curve(200)], "").encode()) < 6_000


def test_a_bar_is_as_high_as_its_share_and_bands_without_any_have_none():
    drawn = HoldingChart().draw(SHARES, "")
    heights = [float(height) for height in re.findall(r'plot-bar" d="M[^v]*v-([\d.]+)', drawn)]
    assert len(heights) == drawn.count('class="plot-bar"') == 3
    assert heights[0] / heights[2] == pytest.approx(25 / 74.6, rel=0.01)
    words = re.findall(r"<text[^>]*>([^<]*)</text>", drawn)
    assert words[-3:] == ["25 %", "&lt;1 %", "75 %"]


def test_a_chart_says_in_words_what_it_shows():
    assert curve_words(CURVE) == (
        "Cumulative realized PnL from 2025-07-01 to 2025-07-21: −$500.00 at the end, "
        "$0.00 at most, −$500.00 at least."
    )
    assert holding_words(SHARES) == (
        "Matched cost by holding time. <1 h: 25 %, <1 d: <1 %, <30 d: 75 %."
    )
