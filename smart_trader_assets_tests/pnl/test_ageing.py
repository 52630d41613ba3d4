"""Numbers change by time alone when they are said to, and not before."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from polars.testing import assert_frame_equal

from smart_trader_assets.pnl import compute_wallet_pnl
from smart_trader_assets.pnl.ageing import NEVER, awakened, next_ageing, next_midnight
from smart_trader_assets_tests.pnl import figures
from smart_trader_assets_tests.pnl.agreement import KEY
from smart_trader_assets_tests.pnl.histories import AS_OF, WALLET, A, B, X, buy, frame, sell
from smart_trader_assets_tests.pnl.strategies import histories

MARKS = figures.marks(
    figures.mark(2.5, hours_ago=30, liquidity=40.0),
    figures.mark(0.75, token=A, source="table_trade", hours_ago=24 * 6.5),
    figures.mark(0.75, token=B, source="table_trade", hours_ago=24 * 60),
)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
TOMORROW = next_midnight(AS_OF)
IDLE_DAYS = 45.0
FOLLOWED_WITHIN = 8 * DAY


def computed(rows: list[dict[str, Any]], as_of: datetime) -> pl.DataFrame:
    """All that may not change while nothing is due."""
    table = compute_wallet_pnl(frame(rows), as_of=as_of, marks=MARKS)
    return table.drop("as_of").sort(KEY)


def ages_at(rows: list[dict[str, Any]], idle_days: float = IDLE_DAYS) -> dict[str, datetime]:
    swaps = frame(rows)
    table = compute_wallet_pnl(swaps, as_of=AS_OF, marks=MARKS)
    found = next_ageing(
        table, swaps, as_of=AS_OF, idle_days=idle_days, followed_within=FOLLOWED_WITHIN
    )
    return dict(found.select("wallet_address", "ages_at").iter_rows())


def one(rows: list[dict[str, Any]], idle_days: float = IDLE_DAYS) -> datetime:
    (only,) = ages_at(rows, idle_days).values()
    return only


def closed(days: float, token: str = X) -> list[dict[str, Any]]:
    """Bought and sold so many days ago."""
    return [
        buy(f"b{days}", 10, 1.0, token, hours_ago=24 * days),
        sell(f"s{days}", 10, 2.0, token, hours_ago=24 * days),
    ]


@given(histories())
@settings(
    suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.reuse, Phase.generate]
)
def test_until_then_every_number_stays_as_it_is(rows):
    for wallet, at in ages_at(rows).items():
        if at == TOMORROW:
            continue
        own = [row for row in rows if row["wallet_address"] == wallet]
        until = AS_OF + 500 * DAY if at == NEVER else at - SECOND
        assert_frame_equal(computed(own, AS_OF), computed(own, until))


@pytest.mark.parametrize(("known_days_ago", "fades"), [(1, True), (30, False)])
def test_the_marks_of_a_wallet_that_is_fetched_no_longer_stand_still(known_days_ago, fades):
    swaps = frame([buy("b", 10, 1.0, A, hours_ago=24 * 100)])
    known = pl.DataFrame(
        {
            "wallet_address": [WALLET],
            "history_complete": [True],
            "known_to": [AS_OF - known_days_ago * DAY],
        }
    )
    now, later = (
        compute_wallet_pnl(swaps, as_of=at, marks=MARKS, histories=known)
        for at in (AS_OF, AS_OF + 400 * DAY)
    )
    assert now.filter(pl.col("conservative_value") > 0).height
    assert_frame_equal(now.drop("as_of"), later.drop("as_of"))
    found = next_ageing(
        now, swaps, as_of=AS_OF, idle_days=IDLE_DAYS, followed_within=FOLLOWED_WITHIN
    )
    assert found["ages_at"].to_list() == [TOMORROW if fades else AS_OF + FOLLOWED_WITHIN]


def test_a_trade_is_due_when_it_leaves_each_window():
    assert one(closed(3)) == AS_OF + 4 * DAY
    assert one(closed(10)) == AS_OF + 20 * DAY
    assert one(closed(60), idle_days=30) == AS_OF + 30 * DAY
    before, after = (computed(closed(60), AS_OF + 30 * DAY - late) for late in (SECOND, 0 * SECOND))
    assert before.height > after.height  # the window of 90 days has no row of the token any more


def test_what_happens_today_is_told_tomorrow():
    assert one(closed(7 - 1 / 24)) == TOMORROW


def test_a_closed_history_is_at_rest_for_ever_once_it_is_idle():
    assert one(closed(91), idle_days=200) == AS_OF + 109 * DAY + SECOND
    assert one(closed(91), idle_days=30) == NEVER


def test_what_is_held_ages_every_day_until_its_mark_has_faded():
    held = [buy("b", 10, 1.0, hours_ago=24 * 200)]
    assert one(held, idle_days=30) == TOMORROW  # X was priced yesterday
    assert one([buy("b", 10, 1.0, B, hours_ago=24 * 200)], idle_days=30) == NEVER


@pytest.mark.parametrize(
    ("marked_at", "wakes"),
    [(AS_OF - 8 * DAY, True), (None, True), (AS_OF - 1 * DAY, False), (AS_OF, False)],
)
def test_whoever_holds_what_is_priced_anew_is_awakened(marked_at, wakes):
    held = pl.DataFrame(
        [("w", "00", X, marked_at), ("other", "00", B, marked_at)],
        schema={
            "wallet_address": pl.String,
            "wallet_shard": pl.String,
            "token_address": pl.String,
            "marked_at": pl.Datetime("us", "UTC"),
        },
        orient="row",
    )
    marks = figures.marks(
        figures.mark(1.0, hours_ago=24), figures.mark(1.0, token=B, hours_ago=24 * 9)
    )
    found = awakened(held, marks, since=AS_OF - 7 * DAY)
    assert found["wallet_address"].to_list() == (["w"] if wakes else [])
