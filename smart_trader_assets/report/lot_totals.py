"""What a wallet's trades and lots add up to, beside what silver/wallet_pnl has."""

from __future__ import annotations

from typing import Final

import polars as pl

from smart_trader_assets.pnl import ALL_TOKENS, WalletExplanation
from smart_trader_assets.pnl.explained_lots import UNPRICED_SALE

_CENT: Final = 0.005
_SOL: Final = 5e-6
_IN_SOL: Final = ("realized_pnl_sol",)
SUMMED: Final = (
    "conservative_pnl",
    "realized_pnl",
    "realized_pnl_sol",
    "matched_cost",
    "open_cost",
    "unrealized_pnl",
    "conservative_value",
    "lost_cost",
    "estimated_fees_usd",
)
"""The columns of silver/wallet_pnl that trades and lots add up to."""
_KEY: Final = "token_address"


def lot_totals(
    explanation: WalletExplanation, table: pl.DataFrame, *, portfolio: bool
) -> pl.DataFrame:
    """An explanation, and the wallet's rows of the table in the window `all` -> token_address, the `SUMMED`
    columns as the lots add up to, and beside each as the table has it, `table_...`; the largest realized PnL
    first, and the `portfolio`, ALL_TOKENS, last.

    Null where nothing is known: unrealized_pnl without a mark, realized_pnl_sol without a price of SOL. The
    portfolio sums what is known, but takes its fees from the metrics: those of a transaction count once, and
    arbitrages, which are no trades, have some too.
    """
    tokens = _token_totals(explanation)
    if portfolio:
        tokens = pl.concat([tokens, _portfolio(tokens, explanation.metrics)])
    conservative = (
        pl.col("realized_pnl")
        + pl.col("conservative_value")
        - pl.sum_horizontal("open_cost", "lost_cost", "estimated_fees_usd")
    )
    return (
        tokens.with_columns(conservative_pnl=conservative)
        .select(_KEY, *SUMMED)
        .join(
            table.select(_KEY, pl.col(SUMMED).name.prefix("table_")),
            on=_KEY,
            how="left",
            maintain_order="left",
        )
    )


def agree(totals: pl.DataFrame) -> bool:
    """Whether the table has every row, and the same to the cent; without a mark, both sides are null."""
    apart = [
        (pl.col(name).fill_null(0) - pl.col(f"table_{name}").fill_null(0)).abs()
        >= (_SOL if name in _IN_SOL else _CENT)
        for name in SUMMED
    ]
    missing = pl.col("table_realized_pnl").is_null()
    return totals.filter(pl.any_horizontal(*apart, missing)).is_empty()


def _token_totals(explanation: WalletExplanation) -> pl.DataFrame:
    """token_address and `SUMMED` but for conservative_pnl."""
    result, cost = pl.col("result"), pl.col("cost")
    fees = explanation.trades.group_by(_KEY).agg(estimated_fees_usd=pl.col("fee").sum())
    sold = explanation.lot_matches.group_by(_KEY).agg(
        results=result.sum(),
        matched=cost.filter(result.is_not_null()).sum(),
        unpriced=cost.filter(pl.col("unmatched_reason") == UNPRICED_SALE).sum(),
        results_sol=_known_sum("result_sol"),
    )
    moved = explanation.rollovers.group_by(_KEY).agg(
        pl.col("gain", "returned", "lost_cost").sum(), gains_sol=_known_sum("gain_sol")
    )
    unmarked = cost.is_not_null() & pl.col("unrealized_pnl").is_null()
    held = explanation.open_lots.group_by(_KEY).agg(
        pl.col("unrealized_pnl", "conservative_value").sum(),
        open_cost=cost.sum(),
        unmarked=unmarked.any(),
    )
    in_sol = ("results_sol", "gains_sol")
    rows = fees
    for part in (sold, moved, held):
        rows = rows.join(part, on=_KEY, how="left")
    return (
        rows.with_columns(
            realized_pnl_sol=pl.when(pl.any_horizontal(pl.col(in_sol).is_not_null())).then(
                pl.sum_horizontal(in_sol)
            )
        )
        .with_columns(pl.exclude(_KEY, "realized_pnl_sol", "unmarked").fill_null(0.0))
        .select(
            _KEY,
            "realized_pnl_sol",
            "open_cost",
            "conservative_value",
            "estimated_fees_usd",
            realized_pnl=pl.col("results") + pl.col("gain"),
            matched_cost=pl.col("matched") + pl.col("returned"),
            lost_cost=pl.col("unpriced") + pl.col("lost_cost"),
            unrealized_pnl=pl.when(~pl.col("unmarked").fill_null(value=False)).then(
                "unrealized_pnl"
            ),
        )
        .sort("realized_pnl", _KEY, descending=[True, False])
    )


def _portfolio(tokens: pl.DataFrame, metrics: pl.DataFrame) -> pl.DataFrame:
    own = metrics.filter((pl.col(_KEY) == ALL_TOKENS) & (pl.col("window") == "all"))
    fees = own["estimated_fees_usd"].sum()
    sums = tokens.select(
        pl.lit(ALL_TOKENS).alias(_KEY),
        pl.exclude(_KEY, "realized_pnl_sol").sum(),
        realized_pnl_sol=_known_sum("realized_pnl_sol"),
    )
    return sums.with_columns(estimated_fees_usd=pl.lit(fees, dtype=pl.Float64)).select(
        tokens.columns
    )


def _known_sum(name: str) -> pl.Expr:
    """Null where nothing is known."""
    return pl.when(pl.col(name).is_not_null().any()).then(pl.col(name).sum())
