"""A consumer as every asset is one: reads due listings, brings holdings, settles exactly what it read."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping

import polars as pl

from smart_trader_assets.delta.batch import Batch, Settlement
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets_tests.support.samples import HOLDINGS, LISTINGS, STAMP, frame

SHARDS = ("00", "01")


def create_tables(store: DeltaStore) -> None:
    store.create(LISTINGS)
    store.create(HOLDINGS)


def list_prices(store: DeltaStore, shard: str, prices: Mapping[str, int], listing: int) -> None:
    """One listing of a shard, with the prices by mint."""
    rows = [
        {"mint": mint, "shard": shard, "price": price, "listing": listing}
        for mint, price in prices.items()
    ]
    store.write(LISTINGS, Batch(frame(LISTINGS, rows), shard), STAMP)


def due_batch(store: DeltaStore, shard: str) -> Batch | None:
    """What is due in a shard, as the batch that takes it over."""
    due = pl.col("shard").eq(shard) & pl.col("status").eq("pending")
    read = store.scan(LISTINGS).filter(due).collect()
    if not read.height:
        return None
    rows = read.select("mint", "shard", "price", "listing", first_listing="listing")
    kept = Settlement.of(LISTINGS, read, operation="KEPT", sets={"status": "kept"})
    return Batch(rows, shard, settles=(kept,))


def take_over(store: DeltaStore, shards: Iterable[str] = SHARDS) -> int:
    """Takes over what is due; how many listings it settled."""
    settled = 0
    for shard in shards:
        batch = due_batch(store, shard)
        if batch is not None:
            settled += store.write(HOLDINGS, batch, STAMP).settled
    return settled


def drain(store: DeltaStore) -> None:
    """Takes over until nothing is due."""
    for _ in range(50):
        if all(due_batch(store, shard) is None for shard in SHARDS):
            return
        take_over(store)
    raise AssertionError("the same listings are due again and again")


def keep_listing(store: DeltaStore, mints: int, listings: int) -> None:
    """Lists one shard again and again: each time another third of the mints changes its price."""
    for listing in range(1, listings + 1):
        prices = {f"m{n}": listing for n in range(mints) if (n + listing) % 3 == 0}
        list_prices(store, "00", prices, listing)


if __name__ == "__main__":
    root, mints, listings = sys.argv[1:]
    keep_listing(DeltaStore(root), int(mints), int(listings))
