"""Every rule finds what breaks it, names it, and leaves sound rows alone."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from smart_trader_assets.checks import rules
from smart_trader_assets.delta.contract import State
from smart_trader_assets.tables.catalog import TRACKED_TOKENS

SOUND = {
    "wallet_address": "w",
    "token_address": "ALL_TOKENS",
    "window": "all",
    "buy_count": 2,
    "sell_count": 1,
    "trade_count": 3,
    "closing_count": 1,
    "win_count": 1,
    "total_bought": 100.0,
    "total_sold": 80.0,
    "matched_proceeds": 60.0,
    "matched_cost": 50.0,
    "unmatched_proceeds": 15.0,
    "unknown_basis_proceeds": 5.0,
    "lost_cost": 20.0,
    "open_cost": 30.0,
    "open_value": 35.0,
    "conservative_value": 28.0,
    "stale_open_cost": 10.0,
    "estimated_fees_usd": 1.0,
    "conservative_pnl": -13.0,
    "sol_coverage": 40.0,
    "paid_in_sol": 80.0,
    "rollover_count": 0,
    "realized_pnl": 10.0,
    "unrealized_pnl": 5.0,
    "total_pnl": 15.0,
    "coverage": 75.0,
}


def pnl(**changes: object) -> pl.DataFrame:
    return pl.DataFrame([{**SOUND, **changes}])


def test_sound_numbers_break_no_identity() -> None:
    assert rules.broken_identities(pnl()).is_empty()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"realized_pnl": 11.0}, "realized_pnl does not equal its parts"),
        ({"unmatched_proceeds": 21.0}, "total_sold does not equal its parts"),
        ({"total_pnl": 16.0}, "total_pnl does not equal its parts"),
        ({"trade_count": 4}, "trade_count is not buys and sells"),
        ({"win_count": 2}, "wins, closing trades and sells do not nest"),
        ({"unknown_basis_proceeds": 6.0}, "total_sold does not equal its parts"),
        ({"conservative_pnl": -12.0}, "conservative_pnl does not equal its parts"),
        ({"lost_cost": 21.0}, "conservative_pnl does not equal its parts"),
        ({"estimated_fees_usd": 2.0}, "conservative_pnl does not equal its parts"),
        ({"conservative_value": 36.0}, "conservative_value exceeds open_value"),
        ({"total_pnl": -14.0}, "conservative_pnl exceeds total_pnl"),
        ({"stale_open_cost": 31.0}, "stale_open_cost exceeds open_cost"),
        ({"rollover_count": 4}, "more rollovers than trades"),
        ({"sol_coverage": 101.0}, "sol_coverage is not between 0 and 100 %"),
        ({"paid_in_sol": 101.0}, "paid_in_sol is not between 0 and 100 %"),
        ({"coverage": 101.0}, "coverage is not between 0 and 100 %"),
        ({"coverage": None}, "coverage does not say that nothing was sold"),
    ],
)
def test_a_broken_identity_is_named(changes: dict[str, object], fault: str) -> None:
    found = rules.broken_identities(pnl(**changes))
    assert fault in found["fault"][0]


def test_an_unknown_mark_breaks_no_identity() -> None:
    assert rules.broken_identities(pnl(unrealized_pnl=None, total_pnl=None)).is_empty()


def test_a_portfolio_that_is_not_the_sum_of_its_tokens_is_found() -> None:
    token = pnl(token_address="mint")
    assert rules.broken_sums(pl.concat([pnl(), token])).is_empty()
    found = rules.broken_sums(pl.concat([pnl(unmatched_proceeds=16.0), token]))
    assert found.rows() == [("w", "all", "unmatched_proceeds does not equal its parts")]


@pytest.mark.parametrize(
    ("cost", "rollovers", "broken"), [(51.0, 0, True), (51.0, 1, False), (49.0, 1, True)]
)
def test_what_was_bought_was_closed_is_open_or_lost(
    cost: float, rollovers: int, *, broken: bool
) -> None:
    # A rollover may have been paid for with cash that is in no buy.
    changed = {"matched_cost": cost, "rollover_count": rollovers}
    found = rules.broken_sums(pl.concat([pnl(**changed), pnl(token_address="mint", **changed)]))
    faults = ["total_bought is not what was closed, open or lost"]
    assert found["fault"].to_list() == (faults if broken else [])


def test_a_window_with_more_trades_than_a_wider_one_is_found() -> None:
    narrow = pl.concat(
        [pnl(window="7d", trade_count=9), pnl(window="7d", trade_count=9, token_address="mint")]
    )
    wide = pl.concat([pnl(window="30d"), pnl(window="30d", token_address="mint")])
    found = rules.broken_sums(pl.concat([narrow, wide]))
    assert found.rows() == [("w", "7d", "more trades in 7d than in 30d")]


def test_a_key_that_comes_twice_is_found_once() -> None:
    rows = pl.DataFrame({"k": ["a", "b", "a"]})
    assert rules.doubled_keys(rows, ["k"])["k"].to_list() == ["a"]


def test_a_state_that_is_not_allowed_or_done_without_its_time_is_found() -> None:
    rows = pl.DataFrame(
        {
            "token_address": ["sound", "strange", "timeless"],
            "whale_fetch_status": ["pending", "done", "completed"],
            "is_newly_tracked": [True, True, False],
            "whale_fetched_at": [None, None, None],
        },
        schema_overrides={"whale_fetched_at": pl.Datetime("us", "UTC")},
    )
    found = rules.unsound_states(
        rows, TRACKED_TOKENS, {"whale_fetch_status": ("completed", "whale_fetched_at")}
    )
    assert found.rows() == [
        ("strange", "whale_fetch_status is done"),
        ("timeless", "whale_fetch_status is completed without whale_fetched_at"),
    ]


def test_a_move_that_the_contract_does_not_know_is_found() -> None:
    state = State("s", ("pending", "ready", "processed"), "pending", moves=(("pending", "ready"),))
    changes = pl.DataFrame(
        {
            "k": ["a", "b", "c"],
            "before": ["pending", "pending", "ready"],
            "after": ["ready", "processed", "ready"],
        }
    )
    assert rules.forbidden_moves(changes, ["k"], state).rows() == [
        ("b", "s went from pending to processed")
    ]


def test_a_child_without_its_parent_is_found() -> None:
    found = rules.orphans(
        pl.DataFrame({"w": ["a", "b", "b"]}), "w", pl.DataFrame({"w": ["a"]}), "silver/x"
    )
    assert found.rows() == [("b", "it is not in silver/x")]


def test_legs_of_very_different_worth_are_found_unless_the_row_is_set_aside() -> None:
    row = {
        "swap_id": "wrong",
        "base_price": 100.0,
        "base_nearest_price": None,
        "base_ui_change_amount": -1.0,
        "quote_price": None,
        "quote_nearest_price": 5.0,
        "quote_ui_change_amount": 1.0,
        "set_aside_reason": None,
    }
    swaps = pl.DataFrame(
        [
            row,
            {**row, "swap_id": "aside", "set_aside_reason": "no"},
            {**row, "swap_id": "thin", "quote_price": 60.0},
        ],
        schema_overrides={
            "base_nearest_price": pl.Float64,
            "quote_price": pl.Float64,
            "set_aside_reason": pl.String,
        },
    )
    assert rules.disagreeing_prices(swaps).rows() == [
        ("wrong", "the legs' values are 20.0 times apart")
    ]


def test_liquidity_beyond_all_worth_is_found() -> None:
    tokens = pl.DataFrame(
        {"token_address": ["fair", "odd"], "market_cap": [1e6, 1e5], "liquidity": [2e5, 2e6]}
    )
    assert rules.implausible_liquidity(tokens)["token_address"].to_list() == ["odd"]


def test_no_rows_break_no_rule() -> None:
    nothing = pnl().head(0)
    assert rules.broken_identities(nothing).is_empty()
    assert rules.broken_sums(nothing).is_empty()
    assert rules.doubled_keys(nothing, ["wallet_address"]).is_empty()


AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
SECOND = int(AS_OF.timestamp())


def counted_swaps(*rows: tuple[int, bool, str | None]) -> pl.DataFrame:
    schema = {
        "block_unix_time": pl.Int64,
        "processed_for_pnl": pl.Boolean,
        "set_aside_reason": pl.String,
    }
    swaps = pl.DataFrame(rows, schema=schema, orient="row")
    return swaps.with_columns(wallet_address=pl.lit("w"))


@pytest.mark.parametrize(
    ("rows", "is_stale"),
    [
        ([(1, True, None), (2, True, None)], False),
        ([(1, True, None), (2, True, None), (3, True, "odd")], False),
        ([(1, True, None), (2, True, None), (3, True, None)], True),
        ([(1, True, None)], True),
        ([(1, True, None), (2, True, None), (3, True, None), (4, False, None)], False),
        ([(1, True, None), (2, True, None), (SECOND + 1, True, None)], False),
    ],
    ids=["current", "set aside", "older result", "too many", "due anyhow", "later than as_of"],
)
def test_numbers_that_are_not_made_from_all_counted_swaps_are_stale(
    rows: list[tuple[int, bool, str | None]], *, is_stale: bool
) -> None:
    numbers = pl.DataFrame(
        [
            {"wallet_address": "w", "swaps_counted": 2, "as_of": AS_OF},
            {"wallet_address": "w", "swaps_counted": None, "as_of": AS_OF},
        ]
    )
    found = rules.stale_numbers(numbers, counted_swaps(*rows))
    assert found["wallet_address"].to_list() == ["w"] * is_stale


def portfolio(**changes: object) -> pl.DataFrame:
    row = {"wallet_address": "w", "realized_pnl": 10.0, "trade_count": 3}
    return pl.DataFrame([{**row, **changes}])


@pytest.mark.parametrize(
    ("changes", "is_stale"),
    [
        ({}, False),
        ({"realized_pnl": 11.0}, True),
        ({"trade_count": 4}, True),
    ],
)
def test_a_ranking_of_other_numbers_than_those_it_has_seen_is_stale(
    changes: dict[str, object], *, is_stale: bool
) -> None:
    assert rules.stale_ranking(portfolio(), portfolio(**changes)).height == int(is_stale)


@pytest.mark.parametrize(
    ("to_tiers", "is_wrong"),
    [(["ELITE"], False), (["ELITE", None], True), ([None, "ELITE"], False), ([], True)],
)
def test_a_ranked_wallet_whose_last_change_says_otherwise_is_named(
    to_tiers: list[str | None], *, is_wrong: bool
) -> None:
    traders = pl.DataFrame({"wallet_address": ["w"], "tier": ["ELITE"]})
    schema = {"change_number": pl.Int64, "to_tier": pl.String, "change": pl.String}
    rows = [(n, tier, "LEFT" if tier is None else "ARRIVED") for n, tier in enumerate(to_tiers)]
    changes = pl.DataFrame(rows, schema=schema, orient="row")
    found = rules.disagreeing_tiers(traders, changes.with_columns(wallet_address=pl.lit("w")))
    assert found.height == int(is_wrong)
