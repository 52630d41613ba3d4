"""Each number of a wallet can be added up from its trades, rollovers and lots."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

from smart_trader_assets.pnl import (
    ALL_TOKENS,
    LotEvidence,
    WalletExplanation,
    compute_wallet_pnl,
    explain_wallet,
    lot_evidence,
)
from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets_tests.pnl.histories import (
    AS_OF,
    WALLET,
    A,
    B,
    Leg,
    X,
    frame,
    recorded_rows,
    sol,
    swap,
    usdc,
)
from smart_trader_assets_tests.pnl.strategies import (
    WALLETS,
    assumptions,
    histories,
    known_times,
    marks,
    rolling_histories,
)
from smart_trader_assets_tests.support.command import RECORDED_ROWS

KEY = ["wallet_address", "token_address"]


def added_up(evidence: LotEvidence) -> pl.DataFrame:
    """Per wallet and token, what the rows add up to, by the names of the table's columns."""
    result, cost = pl.col("result"), pl.col("cost")
    told = pl.col("result_sol").is_not_null()
    parts = [
        evidence.trades.group_by(KEY).agg(
            trade_count=pl.len(), estimated_fees_usd=pl.col("fee").sum()
        ),
        evidence.lot_matches.group_by(KEY).agg(
            results=result.sum(),
            proceeds=pl.col("proceeds").sum(),
            matched=cost.filter(result.is_not_null()).sum(),
            unpriced=cost.filter(pl.col("unmatched_reason") == "unpriced_sale").sum(),
            results_sol=pl.col("result_sol").sum(),
            told=told.sum(),
        ),
        evidence.rollovers.group_by(KEY).agg(
            pl.col("gain", "received", "returned", "lost_cost", "gain_sol").sum(),
            gains_told=pl.col("gain_sol").is_not_null().sum(),
        ),
        evidence.open_lots.group_by(KEY).agg(
            pl.col("open_value", "conservative_value").sum(),
            open_cost=cost.sum(),
            stale_open_cost=cost.filter("stale").sum(),
        ),
    ]
    rows = parts[0]
    for part in parts[1:]:
        rows = rows.join(part, on=KEY, how="left")
    rows = rows.with_columns(pl.exclude(*KEY).fill_null(0))
    in_sol = pl.col("results_sol") + pl.col("gain_sol")
    return rows.select(
        *KEY,
        "trade_count",
        "estimated_fees_usd",
        "open_value",
        "conservative_value",
        "open_cost",
        "stale_open_cost",
        realized_pnl=pl.col("results") + pl.col("gain"),
        total_sold=pl.col("proceeds") + pl.col("received"),
        matched_cost=pl.col("matched") + pl.col("returned"),
        lost_cost=pl.col("unpriced") + pl.col("lost_cost"),
        realized_pnl_sol=pl.when(pl.col("told") + pl.col("gains_told") > 0).then(in_sol),
    )


def assert_adds_up(evidence: LotEvidence, table: pl.DataFrame) -> None:
    """Token by token, to a billionth of what flowed."""
    tokens = table.filter((pl.col("token_address") != ALL_TOKENS) & (pl.col("window") == "all"))
    own = {tuple(row[name] for name in KEY): row for row in added_up(evidence).to_dicts()}
    rows = {tuple(row[name] for name in KEY): row for row in tokens.to_dicts()}
    assert set(own) == set(rows)
    for key, row in rows.items():
        flow = row["total_bought"] + row["total_sold"] + row["matched_cost"] + row["open_cost"]
        for name in own[key].keys() - set(KEY):
            told, wanted = own[key][name], row[name]
            # Without a mark the table says that it does not know.
            if name != "open_value":
                assert (told is None) == (wanted is None), (key, name)
            near = pytest.approx(wanted or 0, rel=1e-9, abs=1e-9 * flow + 1e-12)
            assert (told or 0) == near, (key, name)


def assert_no_cost_is_lost_on_the_way(evidence: LotEvidence) -> None:
    """What rollovers took is what they gave."""
    moved = evidence.rollovers.group_by("wallet_address", "tx_hash").agg(
        pl.col("cost_out", "paid", "returned", "cost_in", "lost_cost").sum(),
        sides=pl.col("side").n_unique(),
        known=pl.col("basis_known").n_unique(),
    )
    for row in moved.to_dicts():
        assert (row["sides"], row["known"]) == (2, 1)
        went = row["returned"] + row["cost_in"] + row["lost_cost"]
        assert row["cost_out"] + row["paid"] == pytest.approx(went, rel=1e-9, abs=1e-12)


often = settings(deadline=None, suppress_health_check=list(HealthCheck))


def assert_all_adds_up(rows: list[dict[str, Any]], **inputs: Any) -> None:
    evidence = lot_evidence(frame(rows), as_of=AS_OF, **inputs)
    assert_adds_up(evidence, compute_wallet_pnl(frame(rows), as_of=AS_OF, **inputs))
    assert_no_cost_is_lost_on_the_way(evidence)


@often
@given(histories(), marks(), assumptions)
def test_every_number_of_a_random_history_adds_up(rows, listed, assumed):
    assert_all_adds_up(rows, marks=listed, assumptions=assumed)


@often
@given(rolling_histories(), marks(), assumptions, known_times)
def test_every_number_of_a_history_of_rollovers_adds_up(rows, listed, assumed, known_to):
    known = {"wallet_address": WALLETS[0], "history_complete": True, "known_to": known_to}
    assert_all_adds_up(rows, marks=listed, assumptions=assumed, histories=pl.DataFrame([known]))


@pytest.mark.skipif(not RECORDED_ROWS.is_dir(), reason=f"no recorded histories at {RECORDED_ROWS}")
def test_every_number_of_the_recorded_wallets_adds_up():
    swaps, as_of = frame(recorded_rows()), datetime(2025, 7, 25, tzinfo=UTC)
    evidence = lot_evidence(swaps, as_of=as_of)
    assert_adds_up(evidence, compute_wallet_pnl(swaps, as_of=as_of))
    assert_no_cost_is_lost_on_the_way(evidence)
    assert evidence.rollovers.height


def explained(*rows: dict[str, Any], **inputs: Any) -> WalletExplanation:
    """The one wallet of the rows, laid open."""
    return explain_wallet(frame(rows), as_of=AS_OF, wallet=WALLET, **inputs)


def moved(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    """Its rollovers, unrounded noise cut off."""
    return [
        {name: round(one, 9) if isinstance(one, float) else one for name, one in row.items()}
        for row in explained(*rows).rollovers.to_dicts()
    ]


BOUGHT = swap("buy", usdc(100), Leg(A, 10), hours_ago=48)


def test_cash_beside_a_rollover_pays_back_cost_and_the_rest_moves_on():
    out, into = moved(
        BOUGHT,
        swap("roll", Leg(A, 4), usdc(30), hours_ago=24),
        swap("roll", Leg(A, 6), Leg(B, 5), hours_ago=24, ordinal=1),
    )
    assert (out["side"], out["token_address"], out["quantity"]) == ("sell", A, 10)
    assert (out["cost_out"], out["received"], out["returned"], out["gain"]) == (100, 30, 30, 0)
    assert (out["lost_cost"], out["cost_in"], out["paid"], out["age_days"]) == (0, None, None, None)
    assert (into["side"], into["token_address"], into["quantity"]) == ("buy", B, 5)
    assert (into["cost_in"], into["paid"], into["age_days"]) == (70, 0, 1)
    assert (into["cost_out"], into["returned"], into["lost_cost"]) == (None, None, None)
    assert out["basis_known"] is into["basis_known"] is True


def test_cash_beyond_the_cost_is_a_gain_of_what_left():
    out, into = moved(
        BOUGHT,
        swap("roll", Leg(A, 4), usdc(130), hours_ago=24),
        swap("roll", Leg(A, 6), Leg(B, 5), hours_ago=24, ordinal=1),
    )
    assert (out["received"], out["returned"], out["gain"], into["cost_in"]) == (130, 100, 30, 0)


def test_cash_paid_beside_a_rollover_adds_to_the_cost():
    out, into = moved(
        BOUGHT,
        swap("roll", usdc(50), Leg(B, 3), hours_ago=24),
        swap("roll", Leg(A, 10), Leg(B, 6), hours_ago=24, ordinal=1),
    )
    assert (out["cost_out"], out["returned"], into["paid"], into["cost_in"]) == (100, 0, 50, 150)


def test_where_one_part_has_no_lot_the_known_cost_is_lost_with_the_cash_paid():
    *out, into = moved(
        BOUGHT,
        swap("roll", Leg(A, 10), Leg(B, 6), hours_ago=24),
        swap("roll", Leg(X, 1), Leg(B, 1), hours_ago=24, ordinal=1),
        swap("roll", usdc(7), Leg(B, 1), hours_ago=24, ordinal=2),
    )
    lost = {row["token_address"]: (row["cost_out"], row["lost_cost"]) for row in out}
    assert lost == {A: (100, 107), X: (None, 0)}
    assert (into["cost_in"], into["cost_in_sol"], into["paid"]) == (None, None, 7)
    assert not any(row["basis_known"] for row in (*out, into))


def test_a_lot_that_a_rollover_made_is_as_old_as_those_it_came_from_weighed_by_cost():
    rows = (
        swap("one", usdc(100), Leg(A, 10), hours_ago=10),
        swap("two", usdc(50), Leg(A, 10), hours_ago=4),
        swap("roll", Leg(A, 20), Leg(B, 5), hours_ago=2),
        swap("sell", Leg(B, 2), usdc(90), hours_ago=1),
    )
    *taken, sale = explained(*rows).lot_matches.to_dicts()
    assert [(lot["cost"], lot["unmatched_reason"]) for lot in taken] == [
        (100, "rollover"),
        (50, "rollover"),
    ]
    assert [(lot["proceeds"], lot["result"]) for lot in taken] == [(None, None)] * 2
    # 8 h of 100 and 2 h of 50, and an hour since.
    assert sale["holding_hours"] == pytest.approx(7)
    assert sale["bought_at"] == AS_OF - timedelta(hours=8)
    assert (sale["cost"], sale["result"], sale["purchase_tx"]) == (60, 30, "roll")
    (lot,) = explained(*rows).open_lots.to_dicts()
    assert (lot["bought_at"], lot["cost"], lot["quantity"]) == (sale["bought_at"], 90, 3)


def test_a_lot_is_told_in_sol_through_a_rollover_and_in_parts():
    history = (
        swap("buy", sol(1, 100.0), Leg(A, 3), hours_ago=9),
        swap("roll", Leg(A, 3), Leg(B, 3), hours_ago=8),
        swap("sell one", Leg(B, 1), sol(0.5, 200.0), hours_ago=7),
        swap("sell two", Leg(B, 1), usdc(50), hours_ago=6),
    )
    shown = explained(*history)
    first, second = shown.lot_matches.filter(pl.col("result").is_not_null()).to_dicts()
    assert (first["proceeds_sol"], first["result"]) == pytest.approx((0.5, 100 - 100 / 3))
    assert first["result_sol"] == pytest.approx(0.5 - 1 / 3)
    # USDC at the SOL price of the nearest second.
    assert (second["proceeds_sol"], second["cost_sol"]) == pytest.approx((0.25, 1 / 3))
    assert shown.rollovers["cost_in_sol"].to_list() == [None, 1.0]
    assert shown.open_lots["cost_sol"].to_list() == pytest.approx([1 / 3])
    assert shown.trades["value_sol"].fill_null(-1).to_list() == pytest.approx(
        [1, -1, -1, 0.5, 0.25]
    )
    assert shown.trades["sol_price"].to_list() == [100, 100, 100, 200, 200]


def test_a_sale_that_took_any_lot_of_unknown_cost_in_sol_has_no_result_there():
    shown = explained(
        swap("long ago", usdc(10), Leg(A, 1), hours_ago=99 * 24),
        swap("buy", sol(1, 100.0), Leg(A, 1), hours_ago=9),
        swap("sell", Leg(A, 2), sol(3, 100.0), hours_ago=8),
    )
    told = shown.lot_matches.select("proceeds_sol", "cost_sol", "result_sol").rows()
    assert told == [(1.5, None, None), (1.5, 1, None)]
    assert shown.metrics["realized_pnl_sol"].to_list() == [None] * 8


def test_without_a_price_of_sol_nothing_is_told_in_it_and_fees_are_at_the_fallback():
    shown = explained(
        BOUGHT,
        swap("sell", Leg(A, 10), usdc(130), hours_ago=24),
        assumptions=Assumptions(fallback_sol_usd=200.0, trading_fee_percent=2.0),
    )
    (match,) = shown.lot_matches.to_dicts()
    assert (match["result"], match["result_sol"], match["cost_sol"]) == (30, None, None)
    assert shown.trades["sol_price"].to_list() == [None, None]
    assert shown.trades["fee"].to_list() == pytest.approx([0.1 + 2.0, 0.1 + 2.6])


def test_a_fading_mark_shows_its_age_and_a_part_of_it_by_quantity():
    rows = (
        swap("one", usdc(30), Leg(A, 10), hours_ago=8 * 24),
        swap("two", usdc(30), Leg(A, 30), hours_ago=3.5 * 24),
    )
    one, two = explained(*rows).open_lots.to_dicts()
    assert (one["mark_source"], one["mark_price"]) == ("own_trade", 1.0)
    assert (one["mark_age_days"], one["stale"], two["stale"]) == (3.5, False, False)
    # 40 at 1, of which a quarter is the first lot's: what it cost does not matter.
    assert (one["open_value"], two["open_value"]) == pytest.approx((10, 30))
    assert (one["conservative_value"], two["conservative_value"]) == pytest.approx((5, 15))
    assert (one["unrealized_pnl"], two["unrealized_pnl"]) == pytest.approx((-20, 0))
    # A history that is given twice is known as far as both say so.
    known = pl.DataFrame(
        {
            "wallet_address": [WALLET, WALLET],
            "history_complete": [True, True],
            "known_to": [AS_OF, AS_OF - timedelta(days=4)],
        }
    )
    fresh = explained(*rows, histories=known).open_lots
    assert fresh["mark_age_days"].to_list() == [0, 0]
    assert fresh["conservative_value"].sum() == pytest.approx(40)


def test_a_lot_of_unknown_basis_has_no_worth_and_no_cost():
    (lot,) = explained(swap("swap", Leg(A, 1), Leg(B, 1), hours_ago=1)).open_lots.to_dicts()
    assert (lot["cost"], lot["cost_sol"], lot["open_value"], lot["conservative_value"]) == (
        None,
    ) * 4
    assert (lot["stale"], lot["mark_age_days"], lot["purchase_valuation"]) == (
        True,
        None,
        "rollover",
    )
