"""What it costs to tell what the ranked traders hold and buy, as the past grows.

    python -m smart_trader_assets_tests.benchmarks.bench_signals [--size small|full]

Two hundred ranked wallets make two hundred new trades, in a week of twenty thousand of everybody, beside
older trades of wallets that made a hundred each. Small compares ten thousand of them with a million, full a
hundred thousand with ten million. The step is a Dagster run of gold/positions and gold/token_signals.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import dagster as dg
import polars as pl

from smart_trader_assets.assembly import make_assets, make_resources
from smart_trader_assets.assets.scope import AS_OF_TAG
from smart_trader_assets.delta.batch import Batch, CommitInfo
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.maintenance import maintain
from smart_trader_assets.delta.schema import conform
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.pnl.ageing import NEVER
from smart_trader_assets.pnl.columns import ALL_TOKENS, WINDOWS
from smart_trader_assets.settings import load_settings
from smart_trader_assets.tables.catalog import (
    POSITIONS,
    RECENT_TRADES,
    SMART_TRADERS,
    TOKEN_SIGNALS,
    TOKEN_TRADES,
    WALLET_PNL,
)
from smart_trader_assets.thresholds import due_policy
from smart_trader_assets_tests.benchmarks.bench_tables import append, audit
from smart_trader_assets_tests.benchmarks.lines import Line, Size, command, compared
from smart_trader_assets_tests.pnl.histories import AS_OF, mint
from smart_trader_assets_tests.support.samples import frame, trader

ROWS: Final[dict[Size, tuple[int, int]]] = {
    "small": (10_000, 1_000_000),
    "full": (100_000, 10_000_000),
}
_TRADES_A_WALLET: Final = 100
_RANKED: Final = [mint(f"ranked {number}") for number in range(200)]
_TOKENS: Final = [mint(f"token {number}") for number in range(1_000)]
_RECENT: Final = 20_000
_ROWS_A_FILE: Final = 250_000
_ROUNDS: Final = 5
_GOAL: Final = 2.0
_STAMP: Final = CommitInfo("bench", "bench")


class Root:
    """A root with so many trades in it, all of them ranked and settled."""

    def __init__(self, folder: Path, trades: int) -> None:
        self.settings = load_settings(
            {"source": "sandbox", "root": str(folder), "wallet_shards": 4, "sandbox_anchor": AS_OF}
        )
        self.store = make_lake(self.settings).store
        ranked = [trader(wallet, overall_rank=rank) for rank, wallet in enumerate(_RANKED, start=1)]
        self.store.write(SMART_TRADERS, Batch(frame(SMART_TRADERS, ranked)), _STAMP)
        for first in range(0, trades, _ROWS_A_FILE):
            count = min(_ROWS_A_FILE, trades - first)
            append(self.store, TOKEN_TRADES, _trades(TOKEN_TRADES, first, count, days=120))
        append(self.store, RECENT_TRADES, _trades(RECENT_TRADES, trades, _RECENT, days=7))
        wallets = [*_RANKED, *(f"other {number}" for number in range(trades // _TRADES_A_WALLET))]
        for first in range(0, len(wallets), 20_000):
            append(self.store, WALLET_PNL, self._pnl(wallets[first : first + 20_000]))
        for contract in (TOKEN_TRADES, WALLET_PNL):
            maintain(self.store, contract, retention_hours=0, stamp=_STAMP)
        self._rounds = 0
        self.tell()

    def _pnl(self, wallets: list[str]) -> pl.DataFrame:
        """Each holds one of its three tokens."""
        policy = due_policy(self.settings)
        rows = pl.DataFrame({"wallet_address": wallets}).join(
            pl.DataFrame({"token_address": [ALL_TOKENS, *_TOKENS[:3]]}), how="cross"
        )
        rows = rows.join(pl.DataFrame({"window": list(WINDOWS)}), how="cross").with_columns(
            wallet_shard=pl.format("0{}", pl.col("wallet_address").hash() % 4),
            open_quantity=pl.when(pl.col("token_address") == _TOKENS[0]).then(10.0).otherwise(0.0),
            open_cost=pl.when(pl.col("token_address") == _TOKENS[0]).then(5.0).otherwise(0.0),
            pnl_rules=pl.lit(policy.pnl_rules),
            gold_rules=pl.lit(policy.ranking_rules),
            processed_for_gold=pl.lit(value=True),
            ages_at=pl.lit(NEVER),
            as_of=pl.lit(AS_OF),
        )
        return conform(rows.with_columns(audit()), WALLET_PNL)

    def trade_again(self) -> None:
        """A trade of each ranked wallet."""
        self._rounds += 1
        new = _trades(RECENT_TRADES, -200 * self._rounds, len(_RANKED), days=1)
        ranked = pl.Series("wallet_address", _RANKED)
        append(self.store, RECENT_TRADES, new.with_columns(ranked))

    def tell(self) -> float:
        """Seconds of the step that tells what they hold and buy."""
        begun = time.perf_counter()
        with dg.DagsterInstance.ephemeral() as instance:
            dg.materialize(
                make_assets(self.settings),
                selection=[
                    dg.AssetKey.from_user_string(t.name) for t in (POSITIONS, TOKEN_SIGNALS)
                ],
                resources=make_resources(self.settings),
                instance=instance,
                tags={AS_OF_TAG: (AS_OF + timedelta(minutes=self._rounds)).isoformat()},
            )
        return time.perf_counter() - begun

    def best(self) -> float:
        """The least seconds of telling it anew, which other programs disturb least."""
        times = []
        for _ in range(_ROUNDS):
            self.trade_again()
            times.append(self.tell())
        return min(times)


def _trades(contract: TableContract, first: int, count: int, *, days: int) -> pl.DataFrame:
    number = pl.col("number")
    seconds = days * 86_400
    end = int(AS_OF.timestamp())
    rows = (
        pl.int_range(first, first + count, dtype=pl.Int64, eager=True)
        .alias("number")
        .to_frame()
        .select(
            token_address=pl.lit(pl.Series(_TOKENS)).gather(number.hash(1) % len(_TOKENS)),
            wallet_address=pl.format("other {}", number // _TRADES_A_WALLET),
            tx_hash=pl.format("tx {}", number),
            block_unix_time=end - (number.hash(2) % seconds).cast(pl.Int64),
            quantity=pl.when(number % 3 == 0).then(-4.0).otherwise(5.0),
            value_usd=10.0,
            price=2.0 + (number.hash(3) % 100).cast(pl.Float64) / 100,
        )
    )
    return conform(rows.with_columns(audit()), contract)


def measure(size: Size) -> Iterator[Line]:
    """One line."""
    few, many = ROWS[size]
    with tempfile.TemporaryDirectory(prefix="bench-signals-") as folder:
        small, large = (Root(Path(folder) / str(rows), rows) for rows in (few, many))
        little, much = small.best(), large.best()
    yield compared(
        f"What the ranked hold and buy, 200 new trades beside {many:,} older ones",
        much,
        f"the same, {few:,}",
        little,
        goal=_GOAL,
    )


if __name__ == "__main__":
    command(__doc__, measure)
