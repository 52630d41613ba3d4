"""Runs side by side, on one shard and on two, while rows come and change: each settled once, none unread."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from smart_trader_assets.delta.batch import Batch, CommitInfo
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.tables.catalog import TOKENS, TRACKED_TOKENS, TRANSACTIONS, WALLET_PNL
from smart_trader_assets.tables.reset import Choice, carry_out, plan_reset
from smart_trader_assets.transforms.shards import shard_of
from smart_trader_assets_tests.automation.worker import READY, SHARDS
from smart_trader_assets_tests.support.samples import DAY, NOW, frame, swap, token
from smart_trader_assets_tests.support.ticking import settings_for
from smart_trader_assets_tests.support.tiny_market import CAT, USDC

WRITER = CommitInfo("writer", "bronze/transactions")
# Two processes on one shard, one on the other.
WORKERS = ("00", "00", "01")
ROUNDS = 6
OLD = [f"wallet {number}" for number in range(8)]
MINTS = [f"mint {number}" for number in range(30)]


def bought(wallet: str, number: int) -> Mapping[str, Any]:
    """A swap row: the wallet buys ten of a token for ten dollars."""
    leg = {"decimals": 6, "type": "transfer", "ui_amount": 10.0, "price": 1.0}
    base = {"address": CAT, "change_amount": "10000000", "ui_change_amount": 10.0}
    quote = {"address": USDC, "change_amount": "-10000000", "ui_change_amount": -10.0}
    return swap(
        f"{wallet} {number}",
        wallet_address=wallet,
        wallet_shard=shard_of(wallet, 2),
        tx_type="swap",
        volume_usd=10.0,
        **{f"base_{name}": value for name, value in (leg | base).items()},
        **{f"quote_{name}": value for name, value in (leg | quote).items()},
    )


@pytest.fixture
def store(tmp_path: Path) -> DeltaStore:
    return make_lake(settings_for(tmp_path / "root", **SHARDS)).store


@pytest.fixture
def beside_workers(tmp_path: Path, store: DeltaStore) -> Callable[[Callable[[], None]], None]:
    """Does something while the workers count, and waits until they have counted all of it."""

    def run(work: Callable[[], None]) -> None:
        done = tmp_path / "done"
        module = "smart_trader_assets_tests.automation.worker"
        workers = [
            subprocess.Popen(
                [sys.executable, "-m", module, store.root, shard, str(done)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for shard in WORKERS
        ]
        try:
            for worker in workers:
                assert worker.stdout is not None
                assert worker.stdout.readline() == READY
            work()
        finally:
            done.touch()
            ends = [(worker.communicate(timeout=120)[1], worker.returncode) for worker in workers]
        assert [code for _, code in ends] == [0] * len(WORKERS), ends

    return run


def changes(store: DeltaStore) -> dict[str, Counter[str]]:
    """By operation: how often each swap was touched by it, as the change data feed tells."""
    feed = pl.DataFrame(store.open(TRANSACTIONS).load_cdf(starting_version=1))
    after = feed.filter(pl.col("_change_type").is_in(["insert", "update_postimage"]))
    return {
        operation: Counter(after.filter(_delta_operation=operation)["swap_id"].to_list())
        for operation in after["_delta_operation"].unique()
    }


def put_swaps(store: DeltaStore, round_: int) -> None:
    """A wallet that the runs may know gets another row, and one comes that they have never seen."""
    rows = frame(TRANSACTIONS, [bought(wallet, round_) for wallet in [*OLD, f"new {round_}"]])
    for (shard,), part in rows.group_by("wallet_shard"):
        store.write(TRANSACTIONS, Batch(part, str(shard)), WRITER)


def put_prices(store: DeltaStore, price: float) -> None:
    """A snapshot in which every token has another price than before."""
    rows = [
        token(
            mint,
            token_shard=shard_of(mint, 2),
            symbol=mint,
            liquidity=1e6,
            price=price,
            fetched_at=NOW + timedelta(seconds=price),
        )
        for mint in MINTS
    ]
    store.write(TOKENS, Batch(frame(TOKENS, rows), DAY), WRITER)


def reset_swaps(store: DeltaStore, wallet: str, run_id: str) -> None:
    """A wallet's swaps are to be counted again."""
    plan = plan_reset(store, Choice(TRANSACTIONS.name, wallets=(wallet,)))
    carry_out(store, plan, CommitInfo(run_id, "reset"))


def test_what_comes_and_changes_beside_runs_is_settled_once_and_never_unread(store, beside_workers):
    def work() -> None:
        for round_ in range(ROUNDS):
            put_prices(store, round_)
            put_swaps(store, round_)
            put_prices(store, round_ + 0.5)
            if round_ % 3 == 2:
                reset_swaps(store, OLD[round_ % len(OLD)], f"reset {round_}")

    beside_workers(work)

    swaps = store.scan(TRANSACTIONS).collect()
    assert swaps.height == ROUNDS * (len(OLD) + 1)
    assert set(swaps["processed_for_pnl"]) == {True}
    assert set(swaps["_delta_operation"]) == {"PNL_PROCESSED"}
    assert set(swaps["set_aside_reason"]) == {None}
    touched = changes(store)
    once = Counter(swaps["swap_id"].to_list())
    assert touched["CREATE"] == once
    assert touched["PNL_PROCESSED"] == once + touched["RESET"]

    # A swap that was settled without having been read is missing from its wallet's trades.
    pnl = store.scan(WALLET_PNL).filter(token_address="ALL_TOKENS", window="all").collect()
    assert dict(pnl.select("wallet_address", "trade_count").iter_rows()) == {
        **dict.fromkeys(OLD, ROUNDS),
        **{f"new {round_}": 1 for round_ in range(ROUNDS)},
    }
    assert pnl.height == len(OLD) + ROUNDS

    # A price that was settled without having been read is not the one that the token has in silver.
    assert set(store.scan(TOKENS).collect()["tracking_status"]) == {"tracked"}
    tracked = store.scan(TRACKED_TOKENS).select("token_address", "price").collect()
    assert dict(tracked.iter_rows()) == dict.fromkeys(MINTS, ROUNDS - 0.5)
    assert tracked.height == len(MINTS)
