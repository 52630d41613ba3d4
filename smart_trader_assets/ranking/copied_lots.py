"""A wallet's lots, cut into the parts that a copier follows: each was bought at one time and left at one, or is
still held."""

from __future__ import annotations

from typing import Final

import polars as pl

from smart_trader_assets.pnl.decoding import hash_of, tokens_of, with_addresses
from smart_trader_assets.pnl.exact import quotient, to_tokens, to_usd
from smart_trader_assets.pnl.lots import Ledger, left_of_lots, lot_matches
from smart_trader_assets.pnl.trades import Trades
from smart_trader_assets.pnl.valuation import CASH, ROLLOVER

PARTS: Final = pl.Schema(
    {
        "wallet_address": pl.String(),
        "token_address": pl.String(),
        "lot": pl.Int64(),
        "bought_tx": pl.Int64(),
        "bought_at": pl.Int64(),
        "rolled_in": pl.Boolean(),
        "left_tx": pl.Int64(),
        "left_at": pl.Int64(),
        "rolled_out": pl.Boolean(),
        "quantity": pl.Float64(),
        "cost": pl.Float64(),
        "paid": pl.Float64(),
    }
)
"""A part of a lot. `lot`, `bought_tx` and `left_tx` number lots and transactions; times are unix seconds,
`left_at` is null for what is still held; `rolled_in` and `rolled_out`: it came by, left in a rollover; quantity
in tokens; cost in USD, null where the lot's basis is unknown; `paid`: what was paid for it in cash, null
where it rolled in."""

TRADED_PRICES: Final = pl.Schema(
    {
        "token_address": pl.String(),
        "block_unix_time": pl.Int64(),
        "price": pl.Float64(),
        "price_sol": pl.Float64(),
        "value_usd": pl.Float64(),
    }
)
"""What a mint was traded at for cash: unix seconds, USD and SOL per whole token, USD that changed hands."""


def lot_parts(traded: Trades, ledger: Ledger) -> pl.DataFrame:
    """Trades and their lots -> `PARTS`. Quantities of all parts of a lot sum to what was bought, costs to what
    it cost; what was sold without a lot is in none."""
    matches = lot_matches(ledger)
    left = ledger.disposals.select(
        left_tx=pl.col("tx").cast(pl.Int64),
        left_at="block_unix_time",
        rolled_out=pl.col("valuation") == ROLLOVER,
    )
    sold = pl.concat(
        [
            matches.select("lot", "quantity", "cost"),
            left.select(pl.all().gather(matches["disposal"])),
        ],
        how="horizontal",
    )
    held = left_of_lots(ledger, matches).select(
        "lot", "quantity", "cost", rolled_out=pl.lit(value=False)
    )
    bought = ledger.lots.with_row_index("lot").select(
        "lot",
        "position",
        "known",
        bought_tx=pl.col("tx").cast(pl.Int64),
        bought_at="block_unix_time",
        rolled_in=pl.col("valuation") == ROLLOVER,
        for_cash=pl.col("valuation") == CASH,
    )
    parts = pl.concat([sold, held], how="diagonal").join(bought, on="lot")
    parts = with_addresses(parts, traded, ledger).with_columns(
        quantity=tokens_of("quantity"), cost=to_usd(pl.when("known").then("cost"))
    )
    parts = parts.with_columns(paid=pl.when("for_cash").then("cost"))
    return parts.select(PARTS.names()).cast(PARTS).sort("lot", "left_tx", nulls_last=True)


def token_trades(traded: Trades) -> pl.DataFrame:
    """Trades -> the content columns of silver/token_trades: one row per trade, without value and price where it
    was none for cash."""
    tokens = to_tokens(pl.col("quantity"), pl.col("decimals"))
    for_cash = (pl.col("valuation") == CASH) & (pl.col("value") != 0)
    return (
        traded.trades.join(traded.mints, on="mint")
        .join(traded.wallets, on="wallet")
        .select(
            "token_address",
            "wallet_address",
            "block_unix_time",
            tx_hash=hash_of(traded, "tx"),
            quantity=tokens,
            value_usd=pl.when(for_cash).then(to_usd(pl.col("value").abs())),
            price=pl.when(for_cash).then(quotient(to_usd(pl.col("value").abs()), tokens.abs())),
            price_sol=pl.when(for_cash).then(
                quotient(to_usd(pl.col("value_sol").abs()), tokens.abs())
            ),
        )
    )


def traded_prices(trades: pl.LazyFrame) -> pl.DataFrame:
    """`token_trades`, or rows of silver/token_trades -> `TRADED_PRICES`: those for cash."""
    for_cash = trades.filter(pl.col("price").is_not_null())
    return for_cash.select(TRADED_PRICES.names()).cast(TRADED_PRICES).collect()
