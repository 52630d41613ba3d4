"""Invented swap rows in the shape of real ones: a few wallets and mints have most of the rows."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from solders.pubkey import Pubkey

from smart_trader_assets.pnl.cash import USDC, WRAPPED_SOL

AS_OF: Final = datetime(2025, 8, 1, tzinfo=UTC)
_SPAN_SECONDS: Final = 150 * 86_400
_SHARE_OF_ROUTES: Final = 0.1
_SOL_USD: Final = 150.0
_MINTS_A_WALLET: Final = 12


def addresses(count: int, rng: np.random.Generator) -> pl.Series:
    return pl.Series([str(Pubkey(rng.bytes(32))) for _ in range(count)])


def _zipf(count: int, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`size` draws of 0..count-1, the k-th most frequent about k^-1 as often as the first."""
    ranks: NDArray[np.int64] = np.exp(rng.random(size) * np.log(count)).astype(np.int64)
    return ranks - 1


def write_swaps(folder: Path, rows: int, shards: int = 16, seed: int = 7) -> None:
    """Writes `rows` swap rows as one Parquet file a wallet shard."""
    rng = np.random.default_rng(seed)
    mints = addresses(max(200, rows // 500), rng)
    folder.mkdir(parents=True, exist_ok=True)
    for shard in range(shards):
        wallets = addresses(max(20, rows // 150 // shards), rng)
        frame = _shard(rows // shards, wallets, mints, shard, rng)
        frame.write_parquet(folder / f"{shard:02}.parquet", compression="zstd")


def _shard(
    rows: int, wallets: pl.Series, mints: pl.Series, shard: int, rng: np.random.Generator
) -> pl.DataFrame:
    """A tenth of the transactions are routes of two rows, cash -> hop -> mint."""
    count = int(rows / (1 + _SHARE_OF_ROUTES))
    routes = rows - count
    trader = _zipf(len(wallets), count, rng)
    mint = (trader * 7919 + _zipf(_MINTS_A_WALLET, count, rng)) % len(mints)
    paid_in_usdc = rng.random(count) < 0.2
    buys = rng.random(count) < 0.52
    usd = np.exp(rng.normal(4.0, 1.5, count))
    price = np.exp(-(mint % 17) * 0.7) * np.exp(rng.normal(0, 0.4, count))
    cash_price = np.where(paid_in_usdc, 1.0, _SOL_USD * (1 + rng.normal(0, 0.02, count)))
    cash_decimals = np.where(paid_in_usdc, 6, 9)
    cash_raw = np.maximum(1, usd / cash_price * 10.0**cash_decimals).astype(np.int64)
    mint_raw = np.maximum(1, usd / price * 1e6).astype(np.int64)
    sign = np.where(buys, 1, -1)
    transaction = np.arange(count) + shard * 10_000_000
    time = AS_OF.timestamp() - rng.integers(0, _SPAN_SECONDS, count)
    cash = pl.Series(np.where(paid_in_usdc, 1, 0)).replace_strict({0: WRAPPED_SOL, 1: USDC})
    direct = pl.DataFrame(
        {
            "transaction": transaction,
            "wallet_address": wallets.gather(trader),
            "block_unix_time": time.astype(np.int64),
            "ins_index": rng.integers(0, 6, count),
            "volume_usd": usd,
            "base_address": cash,
            "base_decimals": cash_decimals,
            "base_raw": -sign * cash_raw,
            "base_price": cash_price,
            "quote_address": mints.gather(mint),
            "quote_decimals": np.full(count, 6),
            "quote_raw": sign * mint_raw,
            "quote_price": price,
        }
    )
    hop = pl.lit(mints[0])
    through = direct.head(routes)
    first = through.with_columns(
        quote_address=hop,
        quote_raw=pl.col("quote_raw").sign() * pl.lit(10**9),
        quote_price=pl.col("volume_usd") / 1e3,
    )
    second = through.with_columns(
        base_address=hop,
        base_decimals=pl.lit(6, pl.Int64),
        base_raw=-pl.col("quote_raw").sign() * pl.lit(10**9),
        base_price=pl.col("volume_usd") / 1e3,
        ins_index=pl.col("ins_index") + 1,
    )
    return dressed(pl.concat([direct.slice(routes), first, second]), rng)


def dressed(rows: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """With the identifiers and texts of `bronze/transactions`, in no order."""
    number = pl.col("transaction")
    digest = pl.concat_str(
        [number.hash(seed).cast(pl.String).str.pad_start(20, "1") for seed in range(4)]
    )
    rows = rows.sample(fraction=1, shuffle=True, seed=int(rng.integers(1 << 30)))
    return rows.with_row_index("ordinal").select(
        "wallet_address",
        "block_unix_time",
        "ins_index",
        "volume_usd",
        tx_hash=digest,
        swap_id=pl.concat_str(
            [pl.struct("transaction", "ordinal").hash(seed).cast(pl.String) for seed in (5, 6)]
        ),
        tx_type=pl.lit("swap"),
        block_number=pl.col("block_unix_time") * 5 // 2,
        inner_ins_index=pl.lit(0, pl.Int64),
        **{
            f"{leg}_{name}": expression
            for leg in ("base", "quote")
            for name, expression in (
                ("address", pl.col(f"{leg}_address")),
                ("decimals", pl.col(f"{leg}_decimals")),
                ("change_amount", pl.col(f"{leg}_raw").cast(pl.String)),
                (
                    "ui_change_amount",
                    pl.col(f"{leg}_raw") / pl.lit(10.0).pow(pl.col(f"{leg}_decimals")),
                ),
                ("price", pl.col(f"{leg}_price")),
                ("nearest_price", pl.col(f"{leg}_price")),
            )
        },
    )
