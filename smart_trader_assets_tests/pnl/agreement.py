"""When two PnL tables agree: counts and quantities equal, money within 1e-9 of the gross flow."""

from collections.abc import Iterable, Mapping
from math import isclose
from typing import Any

import polars as pl

MONEY = (
    "total_bought",
    "total_sold",
    "matched_proceeds",
    "matched_cost",
    "peak_cost",
    "early_cost",
    "early_proceeds",
    "unmatched_proceeds",
    "unknown_basis_proceeds",
    "lost_cost",
    "realized_pnl",
    "max_drawdown_usd",
    "open_cost",
    "open_value",
    "unrealized_pnl",
    "total_pnl",
    "conservative_value",
    "stale_open_cost",
    "conservative_pnl",
    "estimated_fees_usd",
    "arbitrage_profit_usd",
)
SOL_MONEY = ("realized_pnl_sol", "matched_cost_sol", "open_cost_sol", "conservative_value_sol")
RATIOS = (
    "roi",
    "roi_sol",
    "sol_coverage",
    "paid_in_sol",
    "win_rate",
    "token_win_rate",
    "coverage",
    "avg_holding_hours",
    "median_holding_hours",
    "profit_factor",
    "trade_sharpe",
    "trade_frequency_daily",
    "top_token_share",
    "same_block_share",
    "mark_price",
    "unmatched_quantity",
    "open_quantity",
)
UNDERIVED = ("history_complete", "known_to", "liquidity", "as_of")
"""Told as they were given."""
KEY = ("wallet_address", "token_address", "window")


def assert_agree(table: pl.DataFrame, expected: Iterable[Mapping[str, Any]]) -> None:
    """Every row and every column of `table` against rows in which a missing column is null."""
    found = {tuple(row[name] for name in KEY): row for row in table.iter_rows(named=True)}
    wanted = {tuple(row[name] for name in KEY): row for row in expected}
    assert set(found) == set(wanted)
    for key, row in wanted.items():
        flows = ("total_bought", "total_sold", "matched_cost", "open_cost", "estimated_fees_usd")
        gross = sum(row.get(name) or 0.0 for name in flows)
        for name, value in found[key].items():
            if name in UNDERIVED:
                continue
            assert _agree(name, value, row.get(name), gross), (key, name, value, row.get(name))


def _agree(name: str, found: Any, wanted: Any, gross: float) -> bool:
    if found is None or wanted is None or name not in MONEY + SOL_MONEY + RATIOS:
        return bool(found == wanted)
    if name in MONEY + SOL_MONEY:
        return isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9 * gross)
    # A share of nearly nothing is as uncertain as the money that it is made of.
    return isclose(found, wanted, rel_tol=1e-9, abs_tol=1e-9)
