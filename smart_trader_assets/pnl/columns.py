"""The columns of the PnL: the one place that states a metric's name, type, meaning and destination.

A metric that `metrics` computes and that is declared here is in silver/wallet_pnl, in its lineage and, where
it is flagged so, in the gold tables and their previews.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol

import polars as pl

from smart_trader_assets.delta import column_kinds as col
from smart_trader_assets.delta.contract import TIME, Column

ALL_TOKENS: Final = "ALL_TOKENS"
"""The token_address of a wallet's portfolio."""

WINDOWS: Final = ("all", "90d", "30d", "7d")
"""From the widest to the narrowest."""


def is_portfolio() -> pl.Expr:
    """Whether a row is a wallet's portfolio over its whole history."""
    return (pl.col("token_address") == ALL_TOKENS) & (pl.col("window") == WINDOWS[0])


MadeOf = Literal["trades", "worths", "quantities", "lots", "marks", "times", "history"]
"""Which columns of the upstream tables a metric is based on: see `tables.lineage`."""


@dataclass(frozen=True)
class PnlColumn(Column):
    """A metric; `gold` are the gold tables that show it too."""

    made_of: MadeOf | None = None
    gold: tuple[str, ...] = ()


RANKED: Final = "gold/smart_traders"
CLASSIFIED: Final = "gold/classified_wallets"


def gold_columns(table: str) -> tuple[PnlColumn, ...]:
    """The metrics that a gold table shows, by the table's name."""
    return tuple(column for column in PNL_COLUMNS if table in column.gold)


class _Metric(Protocol):
    def __call__(
        self, name: str, meaning: str, made_of: MadeOf, *gold: str, preview: bool = False
    ) -> PnlColumn: ...


def _metric(dtype: pl.DataType | type[pl.DataType], unit: str | None = None) -> _Metric:
    def column(
        name: str, meaning: str, made_of: MadeOf, *gold: str, preview: bool = False
    ) -> PnlColumn:
        return PnlColumn(name, dtype, meaning, unit, preview=preview, made_of=made_of, gold=gold)

    return column


_count, _text = _metric(pl.Int64), _metric(pl.String)
_flag, _time = _metric(pl.Boolean), _metric(TIME)
_ratio = _metric(pl.Float64)
_usd, _percent, _hours = (_metric(pl.Float64, unit) for unit in ("USD", "%", "h"))
_tokens, _rate, _sol = (_metric(pl.Float64, unit) for unit in ("tokens", "1/d", "SOL"))

KEY_COLUMNS: Final = (
    col.text("wallet_address", "The wallet", required=True, preview=True),
    col.text("token_address", "Mint, or ALL_TOKENS for the portfolio", required=True, preview=True),
    col.text("window", "all, 90d, 30d or 7d", required=True, preview=True),
)

PNL_COLUMNS: Final = (
    _count("buy_count", "Netted buys, including unpriced ones", "trades"),
    _count("sell_count", "Netted sells, including unpriced ones", "trades"),
    _count("trade_count", "Buys and sells", "trades", RANKED, CLASSIFIED),
    _usd("total_bought", "Cash paid in priced buys", "worths", RANKED),
    _usd("total_sold", "Cash received, including the unmatched part", "worths", RANKED),
    _usd("matched_proceeds", "Proceeds matched to lots of known basis", "lots"),
    _usd("matched_cost", "Cost of the matched lots", "lots"),
    _usd(
        "peak_cost",
        "Most that the lots held at one time cost; token rows of the window all only",
        "lots",
    ),
    _usd(
        "early_cost",
        "Cost of early lots: bought within minutes of its first trade, sold within the hour",
        "lots",
    ),
    _usd("early_proceeds", "Proceeds of the early lots", "lots"),
    _usd("unmatched_proceeds", "Proceeds of what had no lot", "lots", CLASSIFIED),
    _tokens(
        "unmatched_quantity",
        "Quantity sold for cash that had no lot; token rows only",
        "quantities",
    ),
    _usd("unknown_basis_proceeds", "Proceeds of lots of unknown basis", "lots"),
    _usd("realized_pnl", "Matched proceeds less matched cost", "lots", RANKED, CLASSIFIED),
    _percent(
        "roi", "Realized PnL divided by matched cost", "lots", RANKED, CLASSIFIED, preview=True
    ),
    _count("closing_count", "Priced sells with a matched part", "lots", RANKED, CLASSIFIED),
    _count("win_count", "Closing trades with a result above 0", "lots"),
    _percent(
        "win_rate", "Wins divided by closing trades", "lots", RANKED, CLASSIFIED, preview=True
    ),
    _percent(
        "token_win_rate", "Tokens with a profit divided by tokens closed; portfolio only", "lots"
    ),
    _percent(
        "coverage",
        "Matched proceeds divided by total sold: how much is known",
        "lots",
        RANKED,
        CLASSIFIED,
    ),
    _hours("avg_holding_hours", "Mean holding time, weighted by matched cost", "lots", RANKED),
    _hours("median_holding_hours", "Lower median holding time, weighted by matched cost", "lots"),
    _ratio("profit_factor", "Sum of wins divided by sum of losses", "lots", RANKED),
    _usd(
        "max_drawdown_usd", "Largest fall of cumulative realized PnL from its peak", "lots", RANKED
    ),
    _ratio(
        "trade_sharpe",
        "Mean of closing results divided by their standard deviation",
        "lots",
        RANKED,
    ),
    _tokens("open_quantity", "Lots of known basis still held; token rows only", "quantities"),
    _usd("open_cost", "Cost of the lots still held", "lots"),
    _usd("mark_price", "Newest known price at or before as_of; token rows only", "marks"),
    _time("marked_at", "Time of the mark", "marks"),
    _text("mark_source", "token_list, own_trade or table_trade", "marks"),
    _usd("liquidity", "Liquidity as last listed: half of it is the most that can be sold", "marks"),
    _usd(
        "open_value",
        "Open lots at the mark; at most their cost where only a trade marks them, and half of the liquidity",
        "marks",
    ),
    _usd("unrealized_pnl", "Open value less open cost", "marks", RANKED),
    _usd("total_pnl", "Realized and unrealized PnL", "marks", RANKED, CLASSIFIED),
    _usd("conservative_value", "Open value, faded by the age of its mark", "marks"),
    _usd(
        "stale_open_cost",
        "Cost of open lots whose mark has faded to nothing, or is absent",
        "marks",
        RANKED,
        CLASSIFIED,
    ),
    _usd(
        "estimated_fees_usd", "Fees, as assumed for each transaction", "trades", RANKED, CLASSIFIED
    ),
    _usd("lost_cost", "Cost of lots that left without a result", "lots", RANKED, CLASSIFIED),
    _usd(
        "conservative_pnl",
        "Realized PnL and conservative value, less open cost, lost cost and fees",
        "marks",
        RANKED,
        CLASSIFIED,
        preview=True,
    ),
    _sol(
        "realized_pnl_sol", "Realized PnL in SOL, where both ends have a SOL price", "lots", RANKED
    ),
    _percent("roi_sol", "That divided by its cost in SOL", "lots", RANKED),
    _percent("sol_coverage", "Part of the matched cost that it is told for", "lots"),
    _sol("matched_cost_sol", "Cost in SOL of what it is told for", "lots"),
    _percent(
        "paid_in_sol",
        "Part of total bought that was paid in SOL, staked or not",
        "worths",
        RANKED,
        CLASSIFIED,
    ),
    _sol("open_cost_sol", "Cost in SOL of open lots, where it is known", "lots"),
    _sol("conservative_value_sol", "Conservative value at the newest SOL price", "marks"),
    _count("unmarked_tokens", "Open tokens without a mark; portfolio only", "marks", RANKED),
    _time("first_transaction", "First trade", "times", RANKED),
    _time("last_transaction", "Last trade", "times", RANKED, CLASSIFIED),
    _rate(
        "trade_frequency_daily",
        "Trades per day between the first and the last",
        "times",
        CLASSIFIED,
    ),
    _count("unpriced_count", "Trades against which no known cash stands", "worths", RANKED),
    _count(
        "arbitrage_count",
        "Cyclic arbitrages, not in the PnL; portfolio only",
        "trades",
        RANKED,
        CLASSIFIED,
    ),
    _usd("arbitrage_profit_usd", "Cash result of the arbitrages; portfolio only", "worths"),
    _count("rollover_count", "Transactions of tokens against tokens", "trades"),
    _count("conversion_count", "Transactions of cash against cash", "trades"),
    _flag(
        "history_complete",
        "Whether the history reaches the wallet's first trade",
        "history",
        RANKED,
        CLASSIFIED,
    ),
    _time("known_to", "Up to when the history was known; null where that is as_of", "history"),
    _percent(
        "top_token_share",
        "Share of the best token in all positive token results; portfolio only",
        "lots",
        RANKED,
    ),
    _percent(
        "same_block_share",
        "Closing trades within one slot or 10 s of a buy of the token",
        "lots",
        CLASSIFIED,
    ),
    _count("active_days", "UTC days with a trade", "times", RANKED, CLASSIFIED),
    _count("max_trades_per_day", "Most trades in a UTC day", "times", CLASSIFIED),
    PnlColumn("as_of", TIME, "Time of calculation", required=True, gold=(RANKED, CLASSIFIED)),
)

WALLET_PNL_SCHEMA: Final = pl.Schema({c.name: c.dtype for c in (*KEY_COLUMNS, *PNL_COLUMNS)})
"""What `compute_wallet_pnl` returns: one row per (wallet_address, token_address, window)."""
