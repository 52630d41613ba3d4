"""What the ranked traders do with one token, laid open, and with all of them at a glance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.pnl.swap_rows import time_of
from smart_trader_assets.ranking import members_of, with_hands
from smart_trader_assets.report.address_lookup import meant_mint
from smart_trader_assets.signals import SIGNAL_WINDOWS, SignalRules, counts
from smart_trader_assets.tables.catalog import (
    POSITIONS,
    RECENT_TRADES,
    SMART_TRADERS,
    TOKEN_SIGNALS,
    WALLET_CLUSTERS,
)
from smart_trader_assets.text import shown_symbol


@dataclass(frozen=True)
class TokenView:
    """A token by its rows of gold/token_signals, and what they are the sums of.

    signals: the rows, the shortest window first
    trades: wallet_address, tier, overall_rank, hand_rank (the rank of the wallet that has the vote, where it is
    another one), traded_at, side (bought or sold), quantity, value_usd, price, tx_hash, in_24h; newest first
    holders: rows of gold/positions, the best rank first
    """

    token_address: str
    symbol: str | None
    signals: pl.DataFrame
    trades: pl.DataFrame
    holders: pl.DataFrame

    def as_json(self) -> dict[str, Any]:
        """Plain rows."""
        return {
            "token_address": self.token_address,
            "symbol": self.symbol,
            "signals": self.signals.to_dicts(),
            "trades": self.trades.to_dicts(),
            "holders": self.holders.to_dicts(),
        }


def token_view(store: DeltaStore, asked: str, *, rules: SignalRules) -> TokenView:
    """The token that `asked` means: its mint, how that begins, or a symbol.

    Raises UnknownAddressError where no ranked trader has to do with such a token, or several could be meant.
    """
    signals = read_signals(store)
    mints = signals["token_address"].unique().to_list()
    mint = meant_mint(
        "token that ranked traders hold or have traded lately", asked, mints, _named(signals)
    )
    own = signals.filter(pl.col("token_address") == mint)
    is_own = pl.col("token_address") == mint
    return TokenView(
        token_address=mint,
        symbol=_named(own).get(mint),
        signals=own.sort("window"),
        trades=_trades(store, own, rules),
        holders=store.scan(POSITIONS).filter(is_own).sort("overall_rank").collect(),
    )


def read_signals(store: DeltaStore, window: str | None = None) -> pl.DataFrame:
    """Rows of gold/token_signals without their audit trail, those first that most proven traders have bought;
    among equals by what flowed in, then by who holds."""
    rows = store.scan(TOKEN_SIGNALS)
    if window is not None:
        rows = rows.filter(pl.col("window") == window)
    order = [
        "traders_bought",
        "net_flow_usd",
        "traders_holding",
        "unproven_bought",
        "token_address",
    ]
    return (
        rows.select(column.name for column in TOKEN_SIGNALS.columns)
        .sort(order, descending=[True, True, True, True, False], nulls_last=True)
        .collect()
    )


def _named(signals: pl.DataFrame) -> dict[str, str]:
    rows = signals.select("token_address", "symbol").drop_nulls().unique()
    named = {mint: shown_symbol(symbol) for mint, symbol in rows.iter_rows()}
    return {mint: symbol for mint, symbol in named.items() if symbol}


def _trades(store: DeltaStore, signals: pl.DataFrame, rules: SignalRules) -> pl.DataFrame:
    """What the counts are made of: the trades of those who are ranked."""
    mint: str = signals["token_address"][0]
    as_of: datetime = signals["as_of"].max()  # type: ignore[assignment]
    ranked = with_hands(
        store.scan(SMART_TRADERS).select("wallet_address", "tier", "overall_rank").collect(),
        members_of(store.scan(WALLET_CLUSTERS).collect(), by="vote_id"),
    ).lazy()
    bought = pl.col("quantity") > 0
    shortest, longest = sorted(SIGNAL_WINDOWS.values())
    return (
        store.scan(RECENT_TRADES)
        .filter((pl.col("token_address") == mint) & counts(as_of, longest, rules))
        .join(ranked, on="wallet_address")
        .sort("block_unix_time", "tx_hash", descending=[True, False])
        .select(
            "wallet_address",
            "tier",
            "overall_rank",
            "hand_rank",
            traded_at=time_of(pl.col("block_unix_time")),
            side=pl.when(bought).then(pl.lit("bought")).otherwise(pl.lit("sold")),
            quantity=pl.col("quantity").abs(),
            value_usd="value_usd",
            price="price",
            tx_hash="tx_hash",
            in_24h=counts(as_of, shortest, rules),
        )
        .collect()
    )
