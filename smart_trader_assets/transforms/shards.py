"""Shards: a stable hash of an address, the unit of concurrency and of scale.

A shard's name is written into tables, so it must come out the same in every process, on every
machine and in every release: `hash()` of Python, which is salted by process, would not.
"""

from __future__ import annotations

from hashlib import blake2b

import polars as pl

from smart_trader_assets.errors import SmartTraderError


class ShardCountError(SmartTraderError, ValueError):
    """An impossible number of shards: less than one."""


def shard_of(address: str, count: int) -> str:
    """The shard of an address: `00`, `01`, ...; three digits where there are more than a hundred.

    Raises ShardCountError where `count` is less than one.
    """
    digest = blake2b(address.encode(), digest_size=8).digest()
    return _name(int.from_bytes(digest, "big") % _checked(count), count)


def shard_keys(count: int) -> list[str]:
    """All shards in order, such as the Dagster partitions of a sharded table.

    Raises ShardCountError where `count` is less than one.
    """
    return [_name(number, count) for number in range(_checked(count))]


def with_shard(
    frame: pl.DataFrame, address_column: str, shard_column: str, count: int
) -> pl.DataFrame:
    """Adds `shard_column` (text): the shard of each row's address; null where the address is null.

    Each distinct address is hashed once. Raises ShardCountError where `count` is less than one.
    """
    _checked(count)
    addresses = frame.get_column(address_column).drop_nulls().unique()
    shards = pl.Series([shard_of(address, count) for address in addresses], dtype=pl.String)
    return frame.with_columns(
        pl.col(address_column)
        .replace_strict(addresses, shards, default=None, return_dtype=pl.String)
        .alias(shard_column)
    )


def _name(number: int, count: int) -> str:
    return str(number).zfill(max(2, len(str(count - 1))))


def _checked(count: int) -> int:
    if count < 1:
        raise ShardCountError(f"{count} is not a possible number of shards; set 1 or more.")
    return count
