"""Whales: the largest owners of a token, and which of their wallets are worth fetching."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import fsum
from typing import Any

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.transforms.shards import shard_of, with_shard
from smart_trader_assets.transforms.swap_history import HISTORY
from smart_trader_assets.transforms.values import (
    SourceRows,
    flag,
    integer,
    number,
    text,
    utc_time,
)

_MAX_DECIMALS = 255  # decimals of a mint are one byte
_MAX_DIGITS = 40  # raw units are eight bytes, 20 digits: anything far longer is not an amount

HOLDER = "holder"
"""The origin of a wallet that was found among the holders of a token."""


class RepeatedWalletError(SmartTraderError, ValueError):
    """Two histories for one wallet, of which only one can be right."""


@dataclass(frozen=True)
class _Account:
    """One token account: raw units, what the source shows for them, and how it scales them."""

    address: str | None
    owner: str
    amount: int
    decimals: int | None
    ui_amount: float | None
    scaled: bool | None
    multiplier: float | None


_HOLDER_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "wallet_address": pl.String,
    "holder_rank": pl.Int64,
    "amount": pl.String,
    "decimals": pl.Int64,
    "ui_amount": pl.Float64,
    "token_accounts": pl.List(pl.String),
    "is_scaled_ui_token": pl.Boolean,
    "multiplier": pl.Float64,
}


def holder_rows(
    items: Sequence[Mapping[str, Any]],
    *,
    token: Mapping[str, Any],
    fetched_at: datetime,
    top: int,
    token_shards: int,
    wallet_shards: int,
) -> SourceRows:
    """One row per owner of the token: the `top` largest by the sum of their token accounts.

    Items are token accounts as the source lists them (`owner`, `amount` in raw units as text or
    number, `token_account`, ...); `token` holds token_address, symbol, price (USD), decimals and
    circulating_supply (tokens), each but the address possibly null. Columns out: those of
    bronze/whales without state and audit. `amount` is the exact sum; ties in rank are broken by owner;
    `holding_share` is in percent of the circulating supply and `holding_usd` is ui_amount x price,
    null where either side is unknown.

    An account that appears twice (pages drift) counts once. Rejected: an account without owner, of
    another mint, or whose amount is not a whole number of raw units.

    Raises NaiveTimeError for a `fetched_at` without time zone.
    """
    taken_at = utc_time(fetched_at, "fetched_at")
    mint = str(token["token_address"])
    accounts, rejected = _accounts(items, mint)
    by_owner: dict[str, list[_Account]] = defaultdict(list)
    for account in accounts:
        by_owner[account.owner].append(account)
    largest_first = sorted(
        by_owner.items(), key=lambda held: (-sum(account.amount for account in held[1]), held[0])
    )
    holdings = pl.DataFrame(
        [
            _holding(owner, rank, held, integer(token.get("decimals")))
            for rank, (owner, held) in enumerate(largest_first[:top], start=1)
        ],
        schema=dict(_HOLDER_SCHEMA),
        orient="row",
    )
    price = pl.lit(_positive(token.get("price")), dtype=pl.Float64)
    supply = pl.lit(_positive(token.get("circulating_supply")), dtype=pl.Float64)
    rows = with_shard(holdings, "wallet_address", "wallet_shard", wallet_shards).select(
        pl.lit(taken_at.date(), dtype=pl.Date).alias("fetched_on"),
        pl.lit(mint).alias("token_address"),
        "wallet_address",
        pl.lit(shard_of(mint, token_shards)).alias("token_shard"),
        "wallet_shard",
        pl.lit(text(token.get("symbol")), dtype=pl.String).alias("token_symbol"),
        "holder_rank",
        "amount",
        "decimals",
        "ui_amount",
        "token_accounts",
        "is_scaled_ui_token",
        "multiplier",
        _finite(100 * pl.col("ui_amount") / supply).alias("holding_share"),
        price.alias("price"),
        _finite(pl.col("ui_amount") * price).alias("holding_usd"),
        pl.lit(taken_at, dtype=TIME).alias("fetched_at"),
    )
    return SourceRows(rows, rejected)


def _finite(value: pl.Expr) -> pl.Expr:
    return pl.when(value.is_finite()).then(value)


def _accounts(items: Iterable[Mapping[str, Any]], mint: str) -> tuple[list[_Account], list[str]]:
    accounts: list[_Account] = []
    rejected: list[str] = []
    seen: set[str] = set()
    for place, item in enumerate(items, start=1):
        fault = _fault(item, mint)
        if fault:
            rejected.append(f"Holder {place} of token {mint} {fault}.")
            continue
        address = text(item.get("token_account")) or None
        if address in seen:
            continue
        if address is not None:
            seen.add(address)
        accounts.append(
            _Account(
                address=address,
                owner=str(item["owner"]),
                amount=_raw_units(item["amount"]) or 0,
                decimals=integer(item.get("decimals")),
                ui_amount=number(item.get("ui_amount")),
                scaled=flag(item.get("is_scaled_ui_token")),
                multiplier=number(item.get("multiplier")),
            )
        )
    return accounts, rejected


def _fault(item: object, mint: str) -> str | None:
    if not isinstance(item, Mapping):
        return "is not an object"
    if not (text(item.get("owner")) or "").strip():
        return "has no owner"
    if item.get("mint") not in (None, mint):
        return f"is an account of another mint, {str(item['mint'])[:60]!r}"
    if _raw_units(item.get("amount")) is None:
        return f"has an amount that is not a whole number of raw units: {str(item.get('amount'))[:60]!r}"
    return None


def _raw_units(amount: object) -> int | None:
    if isinstance(amount, str):
        plain = amount.isascii() and amount.isdigit() and len(amount) <= _MAX_DIGITS
        return int(amount) if plain else None
    if isinstance(amount, Decimal) and amount.is_finite() and amount.adjusted() < _MAX_DIGITS:
        whole = int(amount)
        amount = whole if whole == amount else None
    if isinstance(amount, int) and not isinstance(amount, bool):
        return amount if 0 <= amount < 10**_MAX_DIGITS else None
    return None


def _holding(
    owner: str, rank: int, held: list[_Account], decimals: int | None
) -> tuple[object, ...]:
    largest_first = sorted(held, key=lambda account: (-account.amount, account.address or ""))
    largest = largest_first[0]
    if largest.decimals is not None:
        decimals = largest.decimals
    amount = sum(account.amount for account in held)
    return (
        owner,
        rank,
        str(amount),
        decimals,
        _ui_amount(amount, decimals, held),
        [account.address for account in largest_first if account.address],
        largest.scaled,
        largest.multiplier,
    )


def _ui_amount(amount: int, decimals: int | None, held: list[_Account]) -> float | None:
    scaled = any(account.scaled for account in held)
    if not scaled and decimals is not None and 0 <= decimals <= _MAX_DECIMALS:
        return float(Fraction(amount, 10**decimals))
    # Only the source knows how a scaled token is shown, or where its decimal point is.
    shown = [account.ui_amount for account in held if account.ui_amount is not None]
    return fsum(shown) if len(shown) == len(held) else None


def _positive(value: object) -> float | None:
    known = number(value)
    return known if known is not None and known > 0 else None


def tracked_whale_rows(whales: pl.DataFrame) -> pl.DataFrame:
    """One row per whale of bronze/whales rows, which may hold several fetch days of a whale.

    Columns out: those of silver/tracked_whales without state and audit. The holding is the one
    fetched last; `first_seen_on` and `last_seen_on` span the fetch days given.
    """
    key = ("wallet_address", "token_address")
    holding = ("wallet_shard", "token_symbol", "holder_rank", "ui_amount")
    worth = ("holding_share", "holding_usd")
    return (
        whales.sort(*key, "fetched_at", "fetched_on")
        .group_by(*key, maintain_order=True)
        .agg(
            pl.col(*holding, *worth).last(),
            pl.col("fetched_on").min().alias("first_seen_on"),
            pl.col("fetched_on").max().alias("last_seen_on"),
        )
        .select(
            pl.concat_str(*key, separator="_").alias("whale_id"),
            pl.all(),
            pl.lit(HOLDER).alias("origin"),
        )
    )


def born_states(
    rows: pl.DataFrame, wallets: pl.DataFrame, *, as_of: datetime, refresh_interval: timedelta
) -> pl.DataFrame:
    """Adds the initial state of whales that are seen for the first time.

    Columns in: `rows` any with wallet_address; `wallets` one row per known wallet: wallet_address,
    transactions_fetched_at, fetched_from, fetched_to, history_complete, resume_before, resume_to,
    last_swap_at. Columns added: these (a history is the wallet's, whichever token it is a whale
    of), `processing_status` and `attempts` (0). A whale is `processed` if its wallet was fetched no
    longer than `refresh_interval` before `as_of`, else `pending`.

    Raises RepeatedWalletError where a wallet has two histories, NaiveTimeError for an `as_of`
    without time zone.
    """
    repeated = wallets.filter(pl.col("wallet_address").is_duplicated())
    if not repeated.is_empty():
        raise RepeatedWalletError(
            f"Wallet {repeated.item(0, 'wallet_address')} has more than one history; "
            "pass one row per wallet."
        )
    fresh_since = pl.lit(utc_time(as_of, "as_of") - refresh_interval, dtype=TIME)
    histories = wallets.select(
        pl.col("wallet_address").cast(pl.String),
        *(pl.col(column.name).cast(column.dtype) for column in HISTORY),
    )
    return rows.join(
        histories, on="wallet_address", how="left", maintain_order="left"
    ).with_columns(
        pl.when(pl.col("transactions_fetched_at") >= fresh_since)
        .then(pl.lit("processed"))
        .otherwise(pl.lit("pending"))
        .alias("processing_status"),
        pl.lit(0, dtype=pl.Int64).alias("attempts"),
    )
