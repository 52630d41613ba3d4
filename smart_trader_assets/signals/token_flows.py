"""What the ranked traders do with each token, in the last day and the last week."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.pnl.exact import quotient
from smart_trader_assets.pnl.marks import LISTED, OWN_TRADE
from smart_trader_assets.pnl.swap_rows import time_of
from smart_trader_assets.ranking import QUALIFIED
from smart_trader_assets.signals.signal_rules import SignalRules

SIGNAL_WINDOWS: Final[Mapping[str, timedelta]] = {
    "24h": timedelta(days=1),
    "7d": timedelta(days=7),
}

TIERS: Final = ("elite", "strong", "promising", "unproven")
"""The tiers as the columns of gold/token_signals name them."""

DEEDS: Final = ("bought", "sold", "holding")

MARK_WALLETS: Final = 5
"""Whose newest trades show what a token is traded at now."""

_TIER_OF: Final = {
    "ELITE": "elite",
    "STRONG": "strong",
    "PROMISING": "promising",
    QUALIFIED: "unproven",
}


def token_signals(
    trades: pl.LazyFrame,
    held: pl.DataFrame,
    traders: pl.DataFrame,
    *,
    as_of: datetime,
    rules: SignalRules,
    hands: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Netted trades, gold/positions and gold/smart_traders -> the rows of gold/token_signals.

    `trades`: token_address, wallet_address, block_unix_time, quantity (below 0 where it was sold), value_usd
    and price (null where it was not for cash), of any wallets; those of ranked traders in a window that ends
    with `as_of` count. A trader is one vote a deed, however often it trades; one that bought and sold is in
    both. Wallets of one hand (`hands`: wallet_address, cluster_id) are one vote, that of the best of them. The
    votes are told by tier; the sums, prices and times are those of the proven tiers, without the
    unproven. What was traded for other tokens counts as a vote and is in no sum (`unpriced_trades`).
    """
    tiers = traders.select(
        "wallet_address",
        "overall_rank",
        tier=pl.col("tier").replace_strict(_TIER_OF, default=TIERS[-1], return_dtype=pl.String),
    )
    if hands is None:
        hands = pl.DataFrame(schema={"wallet_address": pl.String, "cluster_id": pl.String})
    tiers = tiers.join(hands, on="wallet_address", how="left").with_columns(
        voter=pl.coalesce("cluster_id", "wallet_address")
    )
    in_time = trades.filter(counts(as_of, max(SIGNAL_WINDOWS.values()), rules))
    lately = (
        in_time.select(
            "token_address", "wallet_address", "block_unix_time", "quantity", "value_usd", "price"
        )
        .join(tiers.lazy(), on="wallet_address")
        .collect()
    )
    holding = held.select("token_address", "wallet_address").join(tiers, on="wallet_address")
    marks = _newest_marks(held, in_time, hands)
    rows = [
        _of_window(window, lately.filter(counts(as_of, length, rules)), holding)
        for window, length in SIGNAL_WINDOWS.items()
    ]
    return (
        pl.concat(rows)
        .join(marks, on="token_address", how="left")
        .with_columns(
            entry_return=pl.when("is_agreed").then(
                (quotient(pl.col("mark_price"), pl.col("entry_price")) - 1) * 100
            ),
            as_of=pl.lit(as_of).cast(TIME),
        )
        .drop("is_agreed")
        .sort("window", "token_address")
    )


def counts(as_of: datetime, length: timedelta, rules: SignalRules) -> pl.Expr:
    """Whether a netted trade counts in the window of `length` that ends with `as_of`."""
    end = int(as_of.timestamp())
    at, usd = pl.col("block_unix_time"), pl.col("value_usd")
    in_window = (at > end - int(length.total_seconds())) & (at <= end)
    return in_window & (pl.col("quantity") != 0) & (usd.is_null() | (usd >= rules.min_usd))


def _of_window(window: str, traded: pl.DataFrame, holding: pl.DataFrame) -> pl.DataFrame:
    """The rows of one window: a token that was traded in it or is held."""
    bought, sold = pl.col("quantity") > 0, pl.col("quantity") < 0
    voting = ("token_address", "voter", "tier", "overall_rank")
    deeds = [
        rows.select(*voting, deed=pl.lit(deed))
        for deed, rows in zip(
            DEEDS, (traded.filter(bought), traded.filter(sold), holding), strict=True
        )
    ]
    votes = (
        pl.concat(deeds)
        .sort("overall_rank")
        .unique(["token_address", "voter", "deed"], keep="first", maintain_order=True)
    )
    counted = votes.group_by("token_address").agg(_counts())
    return counted.join(
        _sums(traded.filter(pl.col("tier") != TIERS[-1])), on="token_address", how="left"
    ).with_columns(pl.col("trades", "unpriced_trades").fill_null(0), window=pl.lit(window))


def _counts() -> Iterator[pl.Expr]:
    proven = pl.col("tier") != TIERS[-1]
    for deed in DEEDS:
        does = pl.col("deed") == deed
        yield (does & proven).sum().cast(pl.Int64).alias(f"traders_{deed}")
        for tier in TIERS:
            yield (does & (pl.col("tier") == tier)).sum().cast(pl.Int64).alias(f"{tier}_{deed}")


def _sums(traded: pl.DataFrame) -> pl.DataFrame:
    bought = pl.col("quantity") > 0
    priced = pl.col("value_usd").is_not_null()
    paid = pl.col("value_usd").filter(bought).sum()
    got = pl.col("value_usd").filter(~bought).sum()
    for_cash = pl.col("quantity").filter(bought & priced).sum()
    at = time_of(pl.col("block_unix_time"))
    return traded.group_by("token_address").agg(
        trades=pl.len().cast(pl.Int64),
        unpriced_trades=(~priced).sum().cast(pl.Int64),
        bought_usd=pl.when(priced.any()).then(paid),
        sold_usd=pl.when(priced.any()).then(got),
        net_flow_usd=pl.when(priced.any()).then(paid - got),
        entry_price=pl.when(for_cash > 0).then(quotient(paid, for_cash)),
        first_trade_at=at.min(),
        last_trade_at=at.max(),
    )


def _newest_marks(held: pl.DataFrame, trades: pl.LazyFrame, hands: pl.DataFrame) -> pl.DataFrame:
    """token_address, mark_price, marked_at: the newer of what a holder's token was listed at, and of what it
    was traded at by several; where there is neither, what a holder paid or got itself (not `is_agreed`).

    One wallet's trade is no price by which others are told to have gained, nor is that of one hand: who trades
    with himself would make one. Of the newest trade for cash of each of the newest `MARK_WALLETS` the lower
    median counts, as of its own time.
    """
    known = held.filter(
        pl.col("mark_price").is_not_null() & pl.col("mark_source").is_in([LISTED, OWN_TRADE])
    ).select("token_address", "mark_price", "marked_at", is_agreed=pl.col("mark_source") == LISTED)
    newest_of_each = (
        trades.filter(pl.col("price").is_not_null())
        .join(hands.lazy(), on="wallet_address", how="left")
        .select(
            "token_address",
            pl.coalesce("cluster_id", "wallet_address").alias("voter"),
            mark_price="price",
            marked_at=time_of(pl.col("block_unix_time")),
        )
        .sort("marked_at", "mark_price", descending=[True, False])
        .unique(["token_address", "voter"], keep="first", maintain_order=True)
        .collect()
    )
    traded = (
        newest_of_each.group_by("token_address", maintain_order=True)
        .head(MARK_WALLETS)
        .sort("token_address", "mark_price", "marked_at")
        .group_by("token_address", maintain_order=True)
        .agg(pl.col("mark_price", "marked_at").get((pl.len() - 1) // 2), voters=pl.len())
        .filter(pl.col("voters") > 1)
        .select("token_address", "mark_price", "marked_at", is_agreed=pl.lit(value=True))
    )
    return (
        pl.concat([known, traded])
        .sort("is_agreed", "marked_at", "mark_price", descending=[True, True, False])
        .unique("token_address", keep="first", maintain_order=True)
    )
