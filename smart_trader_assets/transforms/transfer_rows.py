"""Transfers of wallets as the source lists them, made into rows of bronze/transfers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.text import content_hash
from smart_trader_assets.transforms.shards import shard_of
from smart_trader_assets.transforms.values import EXACT, INTEGER, NUMBER, TEXT, Kind, utc_time

_FIELDS: Final[Mapping[str, Kind]] = {
    "unix_time": INTEGER,
    "time": TEXT,
    "block_number": INTEGER,
    "token_address": TEXT,
    "from_address": TEXT,
    "to_address": TEXT,
    "amounts": EXACT,
    "value": NUMBER,
}
_IDENTITY: Final = (
    "wallet_address",
    "unix_time",
    "token_address",
    "from_address",
    "to_address",
    "amounts",
)


def transfer_rows(
    lists: Mapping[str, Sequence[Mapping[str, Any]]], *, fetched_at: datetime, wallet_shards: int
) -> pl.DataFrame:
    """One row per transfer of the wallets' lists (wallet address -> items), in the order given.

    Items have both addresses, mint and second; any other field may be missing or null. Columns out: those of
    bronze/transfers without audit, what is unknown null. The source names no transaction: `transfer_id` is a
    hash of whose list it is, the second, the mint, both addresses and the amount, and of the ordinal among
    equals. A transfer within both wallets' lists is a row of each.

    Raises NaiveTimeError for a `fetched_at` without time zone.
    """
    taken_at = utc_time(fetched_at, "fetched_at")
    items = [item for listed in lists.values() for item in listed]
    wallets = [wallet for wallet, listed in lists.items() for _ in listed]
    shards = {wallet: shard_of(wallet, wallet_shards) for wallet in lists}
    rows = pl.DataFrame(
        [
            pl.Series("wallet_address", wallets, dtype=pl.String),
            pl.Series("wallet_shard", [shards[wallet] for wallet in wallets], dtype=pl.String),
            *(
                kind.column(name, [item.get(name) for item in items])
                for name, kind in _FIELDS.items()
            ),
        ]
    )
    seen: Counter[tuple[Any, ...]] = Counter()
    ids = []
    for identity in rows.select(_IDENTITY).iter_rows():
        ids.append(content_hash([*identity, seen[identity]]))
        seen[identity] += 1
    return rows.select(
        pl.Series("transfer_id", ids, dtype=pl.String),
        pl.all(),
        fetched_at=pl.lit(taken_at, dtype=TIME),
    )
