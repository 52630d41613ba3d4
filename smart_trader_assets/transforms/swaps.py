"""Raw rows of wallets' swap histories, made into rows of bronze/transactions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Context, Decimal, InvalidOperation
from hashlib import blake2b
from typing import Any

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.transforms.shards import shard_of
from smart_trader_assets.transforms.values import (
    EXACT,
    FLAG,
    INTEGER,
    NUMBER,
    TEXT,
    TEXTS,
    Kind,
    utc_time,
)

_ROW_FIELDS: Mapping[str, Kind] = {
    "tx_hash": TEXT,
    "block_unix_time": INTEGER,
    "owner": TEXT,
    "source": TEXT,
    "tx_type": TEXT,
    "address": TEXT,
    "block_number": INTEGER,
    "volume_usd": NUMBER,
    "volume": NUMBER,
    "ins_index": INTEGER,
    "inner_ins_index": INTEGER,
    "signers": TEXTS,
    "interacted_program_id": TEXT,
}
_LEG_FIELDS: Mapping[str, Kind] = {
    "symbol": TEXT,
    "decimals": INTEGER,
    "address": TEXT,
    "amount": EXACT,
    "type": TEXT,
    "type_swap": TEXT,
    "ui_amount": NUMBER,
    "price": NUMBER,
    "nearest_price": NUMBER,
    "change_amount": EXACT,
    "ui_change_amount": NUMBER,
    "is_scaled_ui_token": FLAG,
    "multiplier": NUMBER,
}
_LEGS = ("base", "quote")

# The transaction hash does not tell rows apart (a tenth of the transactions have several), nor do
# the indices of the instructions, which some venues leave out: all of these together do.
SWAP_KEY = (
    "tx_hash",
    "owner",
    "ins_index",
    "inner_ins_index",
    "address",
    "base_address",
    "quote_address",
    "base_change_amount",
    "quote_change_amount",
)

_EXACT = Context(prec=100)


class SwapIdentityError(SmartTraderError, ValueError):
    """A swap row without a transaction hash or a time, which could not be told from another."""


def transaction_rows(
    histories: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    fetched_at: datetime,
    wallet_shards: int,
) -> pl.DataFrame:
    """One row per swap item of the wallets' histories (wallet address -> items), in the order given.

    Items are the source's own: numbers as int, Decimal, float or text; any field but `tx_hash` and
    `block_unix_time` missing or null. They must hold complete seconds, because exact repeats inside
    one transaction are told apart by their ordinal. Columns out: those of bronze/transactions
    without state and audit; the legs flattened (`base_address`, `quote_change_amount`, ...), the
    raw `amount` and `change_amount` as text exactly as received, what is unknown null.

    `swap_id` is a hash of (transaction, owner, instruction indices, pool, both mints, both raw
    changes) and the ordinal within the wallet, so a row that is fetched twice has one id. Where the
    source names no owner, it is the wallet.

    Raises SwapIdentityError for an item without transaction hash or time, NaiveTimeError for a
    `fetched_at` without time zone.
    """
    taken_at = utc_time(fetched_at, "fetched_at")
    items = [item for history in histories.values() for item in history]
    wallets = [wallet for wallet, history in histories.items() for _ in history]
    columns = {
        name: kind.column(name, [item.get(name) for item in items])
        for name, kind in _ROW_FIELDS.items()
    }
    _check_identity(columns["tx_hash"], columns["block_unix_time"], wallets)
    for leg in _LEGS:
        legs = [_leg(item, leg) for item in items]
        for field, kind in _LEG_FIELDS.items():
            name = f"{leg}_{field}"
            columns[name] = kind.column(name, [values.get(field) for values in legs])
    shards = {wallet: shard_of(wallet, wallet_shards) for wallet in histories}
    return pl.DataFrame(
        [
            pl.Series("swap_id", list(_swap_ids(columns, wallets)), dtype=pl.String),
            pl.Series("wallet_address", wallets, dtype=pl.String),
            pl.Series("wallet_shard", [shards[wallet] for wallet in wallets], dtype=pl.String),
            *columns.values(),
        ]
    ).with_columns(pl.lit(taken_at, dtype=TIME).alias("fetched_at"))


def _leg(item: Mapping[str, Any], leg: str) -> Mapping[str, Any]:
    values = item.get(leg)
    return values if isinstance(values, Mapping) else {}


def _check_identity(hashes: pl.Series, times: pl.Series, wallets: Sequence[str]) -> None:
    for column in (hashes.replace("", None), times):
        if column.has_nulls():
            place = column.is_null().arg_max() or 0
            raise SwapIdentityError(
                f"Swap row {place - wallets.index(wallets[place])} of wallet {wallets[place]} has no "
                f"usable {column.name}; "
                "leave out items without a transaction hash or a time."
            )


def _swap_ids(columns: Mapping[str, pl.Series], wallets: Sequence[str]) -> Iterator[str]:
    parts = {name: columns[name].to_list() for name in SWAP_KEY}
    parts["owner"] = [
        owner or wallet for owner, wallet in zip(parts["owner"], wallets, strict=True)
    ]
    for change in ("base_change_amount", "quote_change_amount"):
        parts[change] = [_one_spelling(amount) for amount in parts[change]]
    repeats: dict[tuple[str, str], int] = {}
    for wallet, *key_parts in zip(wallets, *parts.values(), strict=True):
        row_key = "\x1f".join(["" if part is None else str(part) for part in key_parts])
        ordinal = repeats.get((wallet, row_key), 0)
        repeats[wallet, row_key] = ordinal + 1
        yield blake2b(f"{row_key}\x1f{ordinal}".encode(), digest_size=16).hexdigest()


def _one_spelling(amount: str | None) -> str | None:
    """Whole amounts stay as they are; 1.50 and 1.5, or 1E+22 and 1e22, become one text."""
    if amount is None or amount.lstrip("-").isdecimal():
        return amount
    try:
        return str(Decimal(amount).normalize(_EXACT))
    except InvalidOperation:
        return amount
