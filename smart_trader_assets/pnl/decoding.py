"""The engine's codes and whole units as a person reads them: addresses, hashes, tokens."""

import polars as pl

from smart_trader_assets.pnl.exact import to_tokens
from smart_trader_assets.pnl.lots import Ledger
from smart_trader_assets.pnl.trades import Trades


def with_addresses(rows: pl.DataFrame, traded: Trades, ledger: Ledger) -> pl.DataFrame:
    """Rows with `position` -> with wallet_address, token_address and decimals too."""
    positions = ledger.positions.select("position", "wallet", "mint", "decimals")
    positions = positions.join(traded.wallets, on="wallet").join(traded.mints, on="mint")
    return rows.join(positions.drop("wallet", "mint"), on="position")


def hash_of(traded: Trades, tx: str) -> pl.Expr:
    """The tx_hash of a column of transactions; null where that is."""
    row = pl.lit(traded.transactions["row"]).gather(pl.col(tx))
    return pl.lit(traded.hashes).gather(row)


def tokens_of(units: str) -> pl.Expr:
    """Whole tokens of a column of raw units, by `decimals`."""
    return to_tokens(pl.col(units), pl.col("decimals"))
