"""What it costs to copy forty wallets that traded again, by how many trades of others are kept.

    python -m smart_trader_assets_tests.benchmarks.bench_copying [--size small|full]

Each of forty wallets buys and sells one of the tokens that everybody trades; then the step of
silver/token_trades and gold/copy_results runs through Dagster. Small compares ten thousand trades with a
million, full a hundred thousand with ten million; once as the runs have added them, and once as maintenance
has clustered them.
"""

import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import dagster as dg
import polars as pl

from smart_trader_assets.assembly import make_assets, make_resources
from smart_trader_assets.assets.scope import AS_OF_TAG
from smart_trader_assets.delta.batch import Batch, CommitInfo
from smart_trader_assets.delta.maintenance import maintain
from smart_trader_assets.delta.schema import conform
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.settings import load_settings
from smart_trader_assets.tables.catalog import (
    COPY_RESULTS,
    RECENT_TRADES,
    TOKEN_TRADES,
    TRANSACTIONS,
    WALLET_PNL,
)
from smart_trader_assets_tests.benchmarks.bench_tables import append, audit
from smart_trader_assets_tests.benchmarks.lines import Line, Size, command, compared
from smart_trader_assets_tests.pnl.histories import AS_OF, buy, mint, sell
from smart_trader_assets_tests.support.samples import frame

ROWS: Final[dict[Size, tuple[int, int]]] = {
    "small": (10_000, 1_000_000),
    "full": (100_000, 10_000_000),
}
_WALLETS: Final = [mint(f"copied {number}") for number in range(40)]
_TOKENS: Final = [mint(f"token {number}") for number in range(1_000)]
_ROWS_A_FILE: Final = 200_000
_DAYS: Final = 120
_ROUNDS: Final = 5
_GOAL: Final = 2.0
_STAMP: Final = CommitInfo("bench", TRANSACTIONS.name)


class Root:
    """A root with so many trades of others in it, and forty wallets that are copied."""

    def __init__(self, folder: Path, trades: int) -> None:
        self.settings = load_settings(
            {
                "source": "sandbox",
                "root": str(folder),
                "wallet_shards": 1,
                "sandbox_anchor": AS_OF,
            }
        )
        self.store: DeltaStore = make_lake(self.settings).store
        self._rounds = 0
        for first in range(0, trades, _ROWS_A_FILE):
            append(
                self.store, TOKEN_TRADES, _others(first, min(_ROWS_A_FILE, trades - first), trades)
            )
        self.trade_again()
        self.copy()

    def trade_again(self) -> None:
        """A purchase and a sale of each wallet that are new, and counted."""
        self._rounds += 1
        hours = 1_000 - self._rounds
        rows = [
            row | {"wallet_shard": "00", "fetched_at": AS_OF}
            for number, wallet in enumerate(_WALLETS)
            for row in _trip(wallet, _TOKENS[(7 * number + self._rounds) % 90], hours, self._rounds)
        ]
        known = set(TRANSACTIONS.schema)
        cut = [{name: row[name] for name in row if name in known} for row in rows]
        self.store.write(TRANSACTIONS, Batch(frame(TRANSACTIONS, cut), "00"), _STAMP)
        self._materialize([WALLET_PNL.name], "00")

    def copy(self) -> float:
        """Seconds of the step that copies."""
        begun = time.perf_counter()
        self._materialize([TOKEN_TRADES.name, RECENT_TRADES.name, COPY_RESULTS.name])
        return time.perf_counter() - begun

    def cluster(self) -> None:
        """What nightly maintenance does to the trades."""
        maintain(self.store, TOKEN_TRADES, retention_hours=0, stamp=_STAMP)

    def best(self) -> float:
        """The least seconds of copying what is new, which other programs disturb least."""
        times = []
        for _ in range(_ROUNDS):
            self.trade_again()
            times.append(self.copy())
        return min(times)

    def _materialize(self, tables: list[str], partition: str | None = None) -> None:
        moment = AS_OF + timedelta(minutes=self._rounds)
        with dg.DagsterInstance.ephemeral() as instance:
            dg.materialize(
                make_assets(self.settings),
                selection=[dg.AssetKey.from_user_string(table) for table in tables],
                resources=make_resources(self.settings),
                partition_key=partition,
                instance=instance,
                tags={AS_OF_TAG: moment.isoformat()},
            )


def _trip(wallet: str, token: str, hours: float, round_: int) -> tuple[dict[str, Any], ...]:
    name = f"{wallet} {round_}"
    return (
        buy(f"{name} in", 100, 2.0, token, wallet=wallet, hours_ago=hours),
        sell(f"{name} out", 100, 3.0, token, wallet=wallet, hours_ago=hours - 0.5),
    )


def _others(first: int, count: int, trades: int) -> pl.DataFrame:
    """Trades of the others as the runs have added them: those of a time together."""
    number = pl.col("number")
    begin = int((AS_OF - timedelta(days=_DAYS)).timestamp())
    step = _DAYS * 86_400 / trades
    rows = (
        pl.int_range(first, first + count, dtype=pl.Int64, eager=True)
        .alias("number")
        .to_frame()
        .select(
            token_address=pl.lit(pl.Series(_TOKENS)).gather(number.hash(1) % len(_TOKENS)),
            wallet_address=pl.format("other {}", number // 500),
            tx_hash=pl.format("tx {}", number),
            block_unix_time=(begin + number * step).cast(pl.Int64),
            quantity=pl.lit(100.0),
            value_usd=pl.lit(250.0),
            price=pl.lit(2.5),
            price_sol=pl.lit(0.02),
        )
        .with_columns(audit())
    )
    return conform(rows, TOKEN_TRADES)


def measure(size: Size) -> Iterator[Line]:
    """Seconds of one run in a small and in a large root, before and after maintenance."""
    few, many = ROWS[size]
    with tempfile.TemporaryDirectory() as place:
        little, large = Root(Path(place) / "few", few), Root(Path(place) / "many", many)
        for when in ("", ", clustered by maintenance"):
            if when:
                little.cluster()
                large.cluster()
            before, after = little.best(), large.best()
            yield compared(
                f"copying 40 wallets that traded again, {many:,} trades of all{when}",
                after,
                f"the same, {few:,} trades",
                before,
                goal=_GOAL,
            )


if __name__ == "__main__":
    command(__doc__, measure)
