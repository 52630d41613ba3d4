"""An explained wallet in a few lines, as JSON, and as CSV. Only the lines' numbers are rounded."""

from __future__ import annotations

import re

import polars as pl

from smart_trader_assets import text
from smart_trader_assets.pnl.explained_lots import MOVED_ON
from smart_trader_assets.report.explanation import ExplainedWallet
from smart_trader_assets.report.exports import csv_text, json_text
from smart_trader_assets.report.sales import sale_matches, sales_of

_HYPHEN = re.compile(r"(?<!\w)-(?=\d)")
SALE = ["token_address", "sold_at", "sale_tx"]


def explanation_head(explained: ExplainedWallet) -> list[str]:
    """The wallet, its rank and why, what it has, and whether its numbers match the table; plain lines."""
    standing = explained.standing
    # The tables hold plain signs; people see one kind of minus.
    reasons = [f"  {_HYPHEN.sub('−', reason)}" for reason in standing.reasons]
    return [
        explained.wallet,
        standing.headline,
        *reasons,
        *(f"  {line}" for line in (*explained.company, *explained.whence)),
        _numbers(explained),
        explained.agreement.verdict,
    ]


def _numbers(explained: ExplainedWallet) -> str:
    """The conservative PnL, and what it is made of: the first two terms less the others."""
    own = explained.metrics
    fresh_cost = own["open_cost"] - own["stale_open_cost"]
    return (
        f"Conservative PnL {text.usd(own['conservative_pnl'])}: "
        f"realized {text.usd(own['realized_pnl'])} ({text.sol(own['realized_pnl_sol'])}), "
        f"open at fresh marks {text.usd(own['conservative_value'])} for {text.usd(fresh_cost)}, "
        f"stale bags {text.usd(own['stale_open_cost'])}, lost cost {text.usd(own['lost_cost'])}, "
        f"fees {text.usd(own['estimated_fees_usd'])}"
    )


def explanation_json(explained: ExplainedWallet) -> str:
    """Everything as one JSON object; each sale holds its lots, and what left in a rollover those that it
    took."""
    evidence = explained.explanation
    lots = evidence.lot_matches
    sales = [
        sale | {"lots": _lots_of(sale, lots)}
        for sale in in_order(explained).drop("wallet_address").to_dicts()
    ]
    moved_on = lots.filter(pl.col("unmatched_reason") == MOVED_ON)
    rollovers = [
        row | {"lots": _lots_of(row | {"sale_tx": row["tx_hash"]}, moved_on)}
        for row in evidence.rollovers.to_dicts()
    ]
    return json_text(
        {
            "wallet_address": explained.wallet,
            "as_of": explained.as_of,
            "ranking": vars(explained.standing),
            "silver_wallet_pnl": vars(explained.agreement),
            "totals": explained.totals.to_dicts(),
            "bets": explained.bets.to_dicts(),
            "copied": explained.copies.to_dicts(),
            "company": explained.company,
            "whence": explained.whence,
            "trades": evidence.trades.to_dicts(),
            "rollovers": rollovers,
            "sales": sales,
            "open_lots": evidence.open_lots.to_dicts(),
            "metrics": evidence.metrics.to_dicts(),
            "symbols": explained.symbols,
        }
    )


def explanation_csv(explained: ExplainedWallet) -> str:
    """One CSV: `record` says what a row is, a trade, a rollover, a lot_match or an open_lot."""
    evidence = explained.explanation
    frames = {
        "trade": evidence.trades,
        "rollover": evidence.rollovers,
        "lot_match": evidence.lot_matches,
        "open_lot": evidence.open_lots,
    }
    records = pl.concat(
        [
            frame.select(pl.lit(record).alias("record"), *_texts(frame))
            for record, frame in frames.items()
        ],
        how="diagonal",
    )
    symbol = pl.col("token_address").replace_strict(
        explained.symbols, default=None, return_dtype=pl.String
    )
    return csv_text(records.insert_column(2, records.select(symbol.alias("symbol")).to_series()))


def _texts(frame: pl.DataFrame) -> list[pl.Expr]:
    """All columns; one of an enumeration as text, which another frame may have too."""
    return [
        pl.col(name).cast(pl.String) if isinstance(dtype, pl.Enum) else pl.col(name)
        for name, dtype in frame.schema.items()
    ]


def in_order(explained: ExplainedWallet) -> pl.DataFrame:
    """The sales, oldest first."""
    matches = sale_matches(explained.explanation.lot_matches)
    sales = sales_of(matches.with_columns(wallet_address=pl.lit(explained.wallet)))
    order = matches.select(SALE).unique(maintain_order=True)
    return order.join(sales, on=SALE, how="left", maintain_order="left")


def _lots_of(sale: dict[str, object], matches: pl.DataFrame) -> list[dict[str, object]]:
    own = matches.filter(
        (pl.col("sale_tx") == sale["sale_tx"]) & (pl.col("token_address") == sale["token_address"])
    )
    return own.drop(SALE).to_dicts()
