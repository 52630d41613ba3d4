"""A wallet's verdict: what it is, how sure that is, what it would have earned a copier, and what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.pnl.columns import ALL_TOKENS, WINDOWS
from smart_trader_assets.pnl.swap_rows import time_of
from smart_trader_assets.report.company import company_among, company_of
from smart_trader_assets.report.standing import Standing, read_standing
from smart_trader_assets.report.whence import received_tokens
from smart_trader_assets.tables.catalog import COPY_RESULTS, TRACKED_WHALES, WALLET_PNL
from smart_trader_assets.transforms.shards import shard_of
from smart_trader_assets.transforms.swap_history import known_histories

_MEASURES = (
    "conservative_pnl",
    "realized_pnl",
    "unrealized_pnl",
    "realized_pnl_sol",
    "roi",
    "win_rate",
    "closing_count",
    "trade_count",
    "coverage",
    "avg_holding_hours",
    "stale_open_cost",
    "lost_cost",
    "unpriced_count",
    "first_transaction",
    "last_transaction",
)
_POSITION = (
    "token_address",
    "open_quantity",
    "open_cost",
    "mark_price",
    "marked_at",
    "open_value",
    "conservative_value",
    "unrealized_pnl",
    "last_transaction",
)


_WHO_KNOWS = {
    "live": "BirdEye knows",
    "sandbox": "the invented market has",
    "replay": "the recording has",
}


@dataclass(frozen=True)
class KnownHistory:
    """How much of a wallet's past the numbers are made from.

    `swaps` counts the rows that the numbers count, `fetched_at` is when its swaps were last fetched to the end,
    `goes_on_before` where reading has stopped (None: at the first swap, or nowhere yet). `last_error` is that
    of the last fetch, where it failed; the next attempt is due at `next_attempt_at`, or never by itself (None).
    """

    swaps: int
    complete: bool
    fetched_at: datetime | None
    goes_on_before: datetime | None
    last_error: str | None = None
    next_attempt_at: datetime | None = None


@dataclass(frozen=True)
class WalletVerdict:
    """One wallet.

    windows: its portfolio by window, the narrowest first, of silver/wallet_pnl
    pairs: its rows of gold/wallet_clusters
    received: its rows of `received_tokens`
    copies: its rows of gold/copy_results, by delay
    positions: what it holds, the dearest first
    """

    wallet: str
    source: str
    standing: Standing
    history: KnownHistory
    pairs: pl.DataFrame
    received: pl.DataFrame
    windows: pl.DataFrame
    copies: pl.DataFrame
    positions: pl.DataFrame

    @property
    def whole(self) -> dict[str, Any]:
        """Its portfolio over its whole history; empty where nothing is computed."""
        rows = self.windows.filter(pl.col("window") == WINDOWS[0]).to_dicts()
        return rows[0] if rows else {}

    @property
    def headline(self) -> str:
        """What it is, in one sentence."""
        if self.standing.status != "not_ranked" or self.history.swaps:
            return self.standing.headline
        if self.history.last_error is not None:
            return f"Not ranked: its swaps could not be fetched ({self.history.last_error})"
        if self.history.fetched_at is None:
            return "Not ranked: its swaps are not fetched yet"
        return f"Not ranked: {_WHO_KNOWS[self.source]} no swap of it"

    def as_json(self) -> dict[str, Any]:
        """Plain values, unrounded."""
        return {
            "wallet_address": self.wallet,
            "verdict": self.headline,
            "ranking": vars(self.standing),
            "history": vars(self.history),
            "windows": self.windows.to_dicts(),
            "copied": self.copies.to_dicts(),
            "company": self.pairs.to_dicts(),
            "received": self.received.to_dicts(),
            "positions": self.positions.to_dicts(),
        }


def read_verdicts(lake: LakeResource, wallets: Sequence[str]) -> list[WalletVerdict]:
    """The verdicts of `wallets`, in their order, as the tables stand."""
    store = lake.store
    shards = {wallet: shard_of(wallet, lake.wallet_shards) for wallet in wallets}
    own = pl.col("wallet_shard").is_in(sorted(set(shards.values()))) & pl.col(
        "wallet_address"
    ).is_in(list(wallets))
    pnl = store.scan(WALLET_PNL).filter(own)
    portfolios = (
        pnl.filter(pl.col("token_address") == ALL_TOKENS)
        .select("wallet_address", "window", *_MEASURES, "swaps_counted", "as_of")
        .collect()
    )
    held = (
        pnl.filter(
            (pl.col("token_address") != ALL_TOKENS)
            & (pl.col("window") == WINDOWS[0])
            & (pl.col("open_quantity") > 0)
        )
        .select("wallet_address", *_POSITION)
        .sort("open_cost", "token_address", descending=[True, False])
        .collect()
    )
    copies = (
        store.scan(COPY_RESULTS)
        .filter(pl.col("wallet_address").is_in(list(wallets)))
        .select("wallet_address", "delay_seconds", "bets", "priced_share", "copied_return")
        .sort("delay_seconds")
        .collect()
    )
    whales = store.scan(TRACKED_WHALES).filter(own)
    histories = known_histories(whales).collect()
    troubles = (
        whales.filter(pl.col("last_error").is_not_null())
        .select("wallet_address", "last_error", "next_attempt_at")
        .unique("wallet_address")
        .collect()
    )
    company = company_of(store, wallets)
    received = received_tokens(store, wallets, company)
    histories = histories.join(troubles, on="wallet_address", how="left")
    return [
        WalletVerdict(
            wallet=wallet,
            source=lake.source,
            standing=read_standing(store, wallet, shard),
            history=_history(_of(histories, wallet), _of(portfolios, wallet)),
            pairs=company_among(company, [wallet]),
            received=received.filter(pl.col("wallet_address") == wallet),
            windows=_in_order(_of(portfolios, wallet)).drop("swaps_counted"),
            copies=_of(copies, wallet),
            positions=_of(held, wallet),
        )
        for wallet, shard in shards.items()
    ]


def _of(rows: pl.DataFrame, wallet: str) -> pl.DataFrame:
    return rows.filter(pl.col("wallet_address") == wallet).drop("wallet_address")


def _in_order(portfolio: pl.DataFrame) -> pl.DataFrame:
    order = {window: place for place, window in enumerate(reversed(WINDOWS))}
    return portfolio.sort(pl.col("window").replace_strict(order, return_dtype=pl.Int64))


def _history(known: pl.DataFrame, portfolio: pl.DataFrame) -> KnownHistory:
    counted = portfolio["swaps_counted"].drop_nulls()
    swaps = int(counted.max() or 0) if counted.len() else 0  # type: ignore[arg-type]
    if known.is_empty():
        return KnownHistory(swaps, complete=False, fetched_at=None, goes_on_before=None)
    row = known.with_columns(goes_on_before=time_of(pl.col("resume_before"))).row(0, named=True)
    return KnownHistory(
        swaps,
        complete=bool(row["history_complete"]),
        fetched_at=row["transactions_fetched_at"],
        goes_on_before=row["goes_on_before"],
        last_error=row["last_error"],
        next_attempt_at=row["next_attempt_at"],
    )
