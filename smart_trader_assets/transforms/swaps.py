"""Raw rows of wallets' swap histories, made into rows of bronze/transactions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.transforms.shards import shard_of
from smart_trader_assets.transforms.swap_identity import swap_ids
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

    `swap_id` is a hash of the row's identity (`swap_identity`) and its ordinal, so a row that is fetched
    twice has one id, whatever was filled in or revised meanwhile.

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
    rows = pl.DataFrame(
        [
            pl.Series("wallet_address", wallets, dtype=pl.String),
            pl.Series("wallet_shard", [shards[wallet] for wallet in wallets], dtype=pl.String),
            *columns.values(),
        ]
    )
    return rows.select(swap_ids(rows), pl.all(), pl.lit(taken_at, dtype=TIME).alias("fetched_at"))


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
