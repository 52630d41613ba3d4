"""A process that writes and settles swaps beside others, or compacts their table, and says what it met.

    python -m smart_trader_assets_tests.trust.writer

reads its orders as a line of JSON, says that it is ready, and begins at the next line; a compactor ends
at the line after that.
"""

from __future__ import annotations

import json
import sys
import threading
from dataclasses import asdict, dataclass

import polars as pl

from smart_trader_assets.delta.batch import Batch, CommitInfo
from smart_trader_assets.delta.errors import CommitConflictError
from smart_trader_assets.delta.maintenance import maintain
from smart_trader_assets.tables.catalog import TRANSACTIONS
from smart_trader_assets.tables.cursors import SWAPS_TO_COUNT
from smart_trader_assets_tests.support.samples import NOW, frame, swap
from smart_trader_assets_tests.support.watched_store import WatchedStore

READY = "ready"
RETENTION_HOURS = 168.0
PAUSE_SECONDS = 0.2  # between two looks of the compactor


@dataclass(frozen=True)
class Orders:
    """What a process is to do; no shard: compact until told to stop."""

    root: str
    options: dict[str, str]
    name: str
    shard: str | None
    rounds: int
    rows: int


@dataclass
class Told:
    """What a process did, and what it met: commits that lost, and those given up to be begun anew."""

    name: str
    inserted: int = 0
    settled: int = 0
    lost: int = 0
    most_tries: int = 0
    gave_up: int = 0
    compactions: int = 0


def keys(name: str, shard: str, round_: int, rows: int) -> list[str]:
    """The rows of a round: half of them nobody else has, half of them every writer of the shard brings."""
    return [
        *(f"{name} {round_} {number}" for number in range(rows)),
        *(f"shard {shard} {round_} {number}" for number in range(rows)),
    ]


def write(store: WatchedStore, orders: Orders, shard: str, told: Told) -> None:
    """Bring the rows of each round and settle whatever is due in the shard."""
    stamp = CommitInfo(orders.name, TRANSACTIONS.name, shard)
    rounds = list(range(orders.rounds))
    while rounds:
        rows = [
            swap(k, wallet_shard=shard) for k in keys(orders.name, shard, rounds[0], orders.rows)
        ]
        try:
            batch = Batch(frame(TRANSACTIONS, rows), shard)
            told.inserted += store.write(TRANSACTIONS, batch, stamp).inserted
            told.settled += settle(store, shard, stamp)
        except CommitConflictError:
            told.gave_up += 1
        else:
            rounds.pop(0)


def settle(store: WatchedStore, shard: str, stamp: CommitInfo) -> int:
    """Settle what is due in a shard; how many rows that moved."""
    due = store.scan(TRANSACTIONS).filter(
        (pl.col("wallet_shard") == shard) & ~pl.col("processed_for_pnl")
    )
    return store.settle(SWAPS_TO_COUNT.settle_done(due.collect(), at=NOW), stamp)


def compact(store: WatchedStore, orders: Orders, told: Told) -> None:
    """Keep the table until the next line comes."""
    stop = threading.Event()

    def listen() -> None:
        sys.stdin.readline()
        stop.set()

    threading.Thread(target=listen, daemon=True).start()
    while not stop.is_set():
        try:
            kept = maintain(
                store,
                TRANSACTIONS,
                retention_hours=RETENTION_HOURS,
                stamp=CommitInfo(orders.name, "maintenance"),
            )
        except CommitConflictError:
            told.gave_up += 1
        else:
            told.compactions += kept.files_after < kept.files_before
            stop.wait(PAUSE_SECONDS)


def main() -> None:
    """Take the orders, wait for the start, work, tell."""
    orders = Orders(**json.loads(sys.stdin.readline()))
    store = WatchedStore(orders.root, orders.options)
    told = Told(orders.name)
    print(READY, flush=True)
    sys.stdin.readline()
    if orders.shard is None:
        compact(store, orders, told)
    else:
        write(store, orders, orders.shard, told)
    told.lost, told.most_tries = len(store.lost), store.most_tries
    print(json.dumps(asdict(told)), flush=True)


if __name__ == "__main__":
    main()
