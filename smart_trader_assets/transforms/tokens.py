"""The token list: a snapshot of the market, which of its tokens are worth following, and why not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.text import money
from smart_trader_assets.transforms.known_addresses import CASH_AND_STAKING_MINTS, is_address
from smart_trader_assets.transforms.shards import with_shard
from smart_trader_assets.transforms.values import (
    FLAG,
    INTEGER,
    NUMBER,
    TEXT,
    Kind,
    SourceRows,
    text,
    utc_time,
)

_WINDOWS = ("1h", "2h", "4h", "8h", "24h")


def _json_text(value: object) -> str | None:
    # Sorted, so that the same links in another order are not a change of the row.
    if value is None or isinstance(value, str):
        return text(value)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


_FIELDS: Mapping[str, Kind] = {
    "symbol": TEXT,
    "name": TEXT,
    "decimals": INTEGER,
    "logo_uri": TEXT,
    "extensions": Kind(_json_text, pl.String),
    "price": NUMBER,
    "liquidity": NUMBER,
    "market_cap": NUMBER,
    "fdv": NUMBER,
    "total_supply": NUMBER,
    "circulating_supply": NUMBER,
    "holder": INTEGER,
    "last_trade_unix_time": INTEGER,
    "recent_listing_time": INTEGER,
    **{f"volume_{window}_usd": NUMBER for window in _WINDOWS},
    **{f"volume_{window}_change_percent": NUMBER for window in _WINDOWS},
    **{f"trade_{window}_count": INTEGER for window in _WINDOWS},
    **{f"price_change_{window}_percent": NUMBER for window in _WINDOWS},
    "is_scaled_ui_token": FLAG,
    "multiplier": NUMBER,
}

_METRICS = (
    "symbol",
    "name",
    "decimals",
    "price",
    "liquidity",
    "market_cap",
    "volume_24h_usd",
    "price_change_24h_percent",
    "circulating_supply",
    "holder",
    "is_scaled_ui_token",
    "multiplier",
)


@dataclass(frozen=True)
class TokenRules:
    """What a listed token must have to be followed.

    `min_liquidity` in USD; `excluded_mints` maps a mint to what it is, in words that complete "the
    mint is ...".
    """

    min_liquidity: float
    excluded_mints: Mapping[str, str] = field(default_factory=lambda: CASH_AND_STAKING_MINTS)


def snapshot_rows(
    items: Sequence[Mapping[str, Any]], *, fetched_at: datetime, token_shards: int
) -> SourceRows:
    """One row per token of a token list, most liquid first as the list came.

    Items are the source's own: any field but `address` missing or null, numbers as int, Decimal,
    float or text, fields that no column holds ignored, `extensions` kept as JSON text. Columns out:
    those of bronze/tokens without state and audit; `snapshot_date` is the UTC day of `fetched_at`,
    `list_rank` the place in the list, counted from 1.

    Rejected: an item that is not an object, and one whose address is not base58 of 32 bytes. Of a
    mint that is listed twice (pages drift) the first place counts.

    Raises NaiveTimeError for a `fetched_at` without time zone.
    """
    taken_at = utc_time(fetched_at, "fetched_at")
    listed: dict[str, tuple[int, Mapping[str, Any]]] = {}
    rejected = []
    for place, item in enumerate(items, start=1):
        address = item.get("address") if isinstance(item, Mapping) else None
        if not isinstance(address, str) or not is_address(address):
            rejected.append(
                f"Item {place} of the token list has no mint address "
                f"(base58 of 32 bytes): {str(address)[:60]!r}."
            )
        else:
            listed.setdefault(address, (place, item))
    ranked = list(listed.values())
    frame = pl.DataFrame(
        [
            pl.Series("token_address", list(listed), dtype=pl.String),
            *(
                kind.column(name, [item.get(name) for _, item in ranked])
                for name, kind in _FIELDS.items()
            ),
            pl.Series("list_rank", [place for place, _ in ranked], dtype=pl.Int64),
        ]
    )
    frame = with_shard(frame, "token_address", "token_shard", token_shards)
    rows = frame.select(
        pl.lit(taken_at.date(), dtype=pl.Date).alias("snapshot_date"),
        "token_address",
        "token_shard",
        *_FIELDS,
        "list_rank",
        pl.lit(taken_at, dtype=TIME).alias("fetched_at"),
    )
    return SourceRows(rows, rejected)


def screen_tokens(rows: pl.DataFrame, *, rules: TokenRules) -> pl.DataFrame:
    """Adds `reject_reason` (text): why the token is not worth following, null where it is.

    Columns in: token_address, symbol, price (USD), liquidity (USD). A token is followed if its mint
    is not excluded, its symbol is not blank, its price is a positive number and its liquidity
    reaches the minimum; the first of these that fails is the reason.
    """
    price, liquidity = pl.col("price"), pl.col("liquidity")
    wanted = money(rules.min_liquidity)
    # In Python, which formats the amounts; a token list has a few hundred rows.
    short = (
        pl.when(liquidity.is_finite() & (liquidity < rules.min_liquidity))
        .then(liquidity)
        .map_elements(
            lambda amount: f"The liquidity of {money(amount)} is below {wanted}.",
            return_dtype=pl.String,
        )
    )
    what = pl.col("token_address").replace_strict(
        list(rules.excluded_mints),
        list(rules.excluded_mints.values()),
        default=None,
        return_dtype=pl.String,
    )
    return rows.with_columns(
        pl.coalesce(
            pl.format("The mint is {}: not a bet on a token.", what),
            _where(
                pl.col("symbol").fill_null("").str.strip_chars() == "", "The token has no symbol."
            ),
            _where(~(price.is_finite() & (price > 0)), "The token has no positive price."),
            _where(~liquidity.is_finite(), f"The liquidity is unknown; {wanted} are needed."),
            short,
        ).alias("reject_reason")
    )


def _where(condition: pl.Expr, reason: str) -> pl.Expr:
    # A condition on null is null: what is unknown has failed it.
    return pl.when(condition.fill_null(value=True)).then(pl.lit(reason))


def tracked_token_rows(tracked: pl.DataFrame) -> pl.DataFrame:
    """One row per token of accepted bronze/tokens rows, which may hold several days of a token.

    Columns out: those of silver/tracked_tokens without state and audit. Metrics are those of the
    row fetched last, at `metrics_at`; `first_listed_on` and `last_listed_on` span the days given.
    """
    return (
        tracked.sort("token_address", "fetched_at", "snapshot_date")
        .group_by("token_address", maintain_order=True)
        .agg(
            pl.col("token_shard", *_METRICS).last(),
            pl.col("snapshot_date").min().alias("first_listed_on"),
            pl.col("snapshot_date").max().alias("last_listed_on"),
            pl.col("fetched_at").last().alias("metrics_at"),
        )
    )
