"""The shapes behind the charts."""

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_trader_assets.report.curves import (
    HOLDING_BANDS,
    equity_curves,
    holding_shares,
    thinned,
)

START = datetime(2025, 7, 1, tzinfo=UTC)


def matches(*rows: tuple[str, float, float | None, float | None, float | None]) -> pl.DataFrame:
    """Lot matches of (wallet, hours after START, hours held, cost, result)."""
    return pl.DataFrame(
        [
            {
                "wallet_address": wallet,
                "sold_at": START + timedelta(hours=at),
                "holding_hours": held,
                "cost": cost,
                "result": result,
            }
            for wallet, at, held, cost, result in rows
        ],
        schema={
            "wallet_address": pl.String,
            "sold_at": pl.Datetime("us", "UTC"),
            "holding_hours": pl.Float64,
            "cost": pl.Float64,
            "result": pl.Float64,
        },
    )


def rollovers(*rows: tuple[str, float, float | None]) -> pl.DataFrame:
    """Rollovers of (wallet, hours after START, gain)."""
    return pl.DataFrame(
        [(wallet, START + timedelta(hours=at), gain) for wallet, at, gain in rows],
        schema={
            "wallet_address": pl.String,
            "time": pl.Datetime("us", "UTC"),
            "gain": pl.Float64,
        },
        orient="row",
    )


def test_a_curve_adds_up_each_wallets_own_results_in_time():
    curves = equity_curves(
        matches(
            ("b", 1, 1.0, 5.0, 7.0),
            ("a", 3, 1.0, 5.0, -4.0),
            ("a", 1, 1.0, 5.0, 10.0),
            ("a", 2, None, None, None),
            ("a", 3, 1.0, 5.0, 1.0),
        ),
        rollovers(("a", 2, 0.0), ("a", 2, None), ("b", 4, 2.0), ("b", 1, 0.5)),
    )
    assert curves.rows() == [
        ("a", START + timedelta(hours=1), 10.0),
        ("a", START + timedelta(hours=3), 7.0),
        ("b", START + timedelta(hours=1), 7.5),
        ("b", START + timedelta(hours=4), 9.5),
    ]


def test_holding_shares_weigh_by_cost_and_leave_out_what_has_no_result():
    shares = holding_shares(
        matches(
            ("a", 9, 0.5, 30.0, 1.0),
            ("a", 9, 24.0, 10.0, 1.0),
            ("a", 9, 720.0, 60.0, -1.0),
            ("a", 9, 5.0, 999.0, None),
        )
    )
    named = [(HOLDING_BANDS[band][0], share) for _, band, share in shares.rows()]
    assert named == [("<1 h", 30.0), ("<7 d", 10.0), ("≥30 d", 60.0)]


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=120),
    buckets=st.integers(1, 20),
)
def test_a_thinned_curve_keeps_its_ends_its_peak_and_its_trough(values, buckets):
    curve = pl.DataFrame(
        {
            "wallet_address": ["a"] * len(values),
            "time": [START + timedelta(minutes=minute) for minute in range(len(values))],
            "realized_pnl": values,
        }
    )
    thin = thinned(curve, buckets)
    kept = thin["realized_pnl"].to_list()
    assert thin.height <= min(len(values), 4 * buckets)
    assert (kept[0], kept[-1]) == (values[0], values[-1])
    assert (min(kept), max(kept)) == (min(values), max(values))
    assert thin["time"].is_sorted()


def test_a_thinned_curve_is_made_of_corners_alone():
    values = [0.0, 5.0, 1.0, 2.0, 9.0, 3.0, -4.0, 1.0, 2.0, 0.5]
    rows = [("a", at, 1.0, 1.0, value) for at, value in enumerate(values)]
    curve = equity_curves(matches(*rows), rollovers()).with_columns(realized_pnl=pl.Series(values))
    assert thinned(curve, 1)["realized_pnl"].to_list() == [0.0, 9.0, -4.0, 0.5]
    assert thinned(curve.clear(), 1).is_empty()


def test_each_wallets_curve_is_thinned_by_itself():
    rows = [("a", at, 1.0, 1.0, float(at)) for at in range(100)] + [("b", 5, 1.0, 1.0, 2.0)]
    thin = thinned(equity_curves(matches(*rows), rollovers()), 5)
    assert thin.filter(pl.col("wallet_address") == "b")["realized_pnl"].to_list() == [2.0]
    assert thin.filter(pl.col("wallet_address") == "a").height == 10
