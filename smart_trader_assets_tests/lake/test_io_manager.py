"""What the IO manager writes in real Dagster runs, when it does, and what a run shows of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from smart_trader_assets.delta.batch import Batch, Batches, CommitInfo, Settlement
from smart_trader_assets.delta.contract import BATCH
from smart_trader_assets.delta.errors import FrameError, OvertakenError, RootError
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import SMART_TRADERS, TOKENS, TRACKED_TOKENS
from smart_trader_assets.tables.ops import RUNS
from smart_trader_assets_tests.support.dagster_runs import (
    QUIETLY,
    SHARDS,
    Make,
    Run,
    day_rows,
    tokens_asset,
)
from smart_trader_assets_tests.support.samples import DAY, frame, tracked_token, trader

YESTERDAY = DAY - timedelta(days=1)

pytestmark = QUIETLY


def tracked_asset(make: Make) -> dg.AssetsDefinition:
    @dg.asset(
        key=["silver", "tracked_tokens"],
        partitions_def=SHARDS,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def tracked_tokens() -> Any:
        return make()

    return tracked_tokens


def traders_asset(make: Make) -> dg.AssetsDefinition:
    @dg.asset(key=["gold", "smart_traders"])
    def smart_traders() -> Any:
        return make()

    return smart_traders


def shard_rows(mint: str, shard: str) -> pl.DataFrame:
    return frame(TRACKED_TOKENS, [tracked_token(mint, token_shard=shard)])


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    event = result.get_asset_materialization_events()[0]
    return {name: value.value for name, value in event.materialization.metadata.items()}


def written(store: DeltaStore, contract: Any, *columns: str) -> list[tuple[Any, ...]]:
    return sorted(store.scan(contract).select(*columns).collect().iter_rows())


def test_a_day_is_written_beside_the_other_days(run: Run, store: DeltaStore) -> None:
    run(tokens_asset(lambda: day_rows("a", YESTERDAY)), partition=YESTERDAY.isoformat())
    run(tokens_asset(lambda: day_rows("b", DAY)), partition=DAY.isoformat())
    assert written(store, TOKENS, "snapshot_date", "token_address") == [
        (YESTERDAY, "a"),
        (DAY, "b"),
    ]


@pytest.mark.parametrize(
    "made",
    [
        lambda: shard_rows("a", "02"),
        lambda: Batch(shard_rows("a", "02")),
        lambda: [Batch(shard_rows("a", "02"), "02")],
        lambda: Batches(iter([Batch(shard_rows("a", "02"), "02")])),
    ],
    ids=["frame", "batch", "list", "batches"],
)
def test_a_shard_is_written_from_whatever_the_asset_returns(
    run: Run, store: DeltaStore, made: Make
) -> None:
    result = run(tracked_asset(made), partition="02")
    assert written(store, TRACKED_TOKENS, "token_address", "token_shard", BATCH) == [
        ("a", "02", result.run_id)
    ]


@pytest.mark.parametrize(
    "handed_over", [iter, lambda batches: iter([tuple(batches)])], ids=["apart", "together"]
)
def test_several_partitions_in_one_run_are_written_each_as_its_own(
    run: Run, store: DeltaStore, handed_over: Callable[[Iterator[Batch]], Iterator[Any]]
) -> None:
    shards = ["00", "01", "02"]
    make = lambda: Batches(  # noqa: E731
        handed_over(Batch(shard_rows(f"t{s}", s), s) for s in shards)
    )
    for _ in range(2):
        result = run(tracked_asset(make), partition="00", to="02")
    assert written(store, TRACKED_TOKENS, "token_address", "token_shard") == [
        (f"t{shard}", shard) for shard in shards
    ]
    events = result.get_asset_materialization_events()
    assert sorted(str(event.partition) for event in events) == shards
    for event in events:
        told = {name: value.value for name, value in event.materialization.metadata.items()}
        # Each tells of its own rows.
        assert (told["dagster/row_count"], told["rows_inserted"], told["rows_updated"]) == (1, 0, 0)
    assert store.open(TRACKED_TOKENS).history(1)[0]["partition"] == "00...02"


def test_whoever_is_overtaken_in_one_partition_has_written_the_others(
    run: Run, store: DeltaStore
) -> None:
    def produce() -> Iterator[tuple[Batch, ...]]:
        rival = CommitInfo(
            "rival", TRACKED_TOKENS.name, "01", store.fence("rival", [TRACKED_TOKENS])
        )
        store.write(TRACKED_TOKENS, Batch(shard_rows("theirs", "01"), "01"), rival)
        yield tuple(Batch(shard_rows(f"t{s}", s), s) for s in ("00", "01", "02"))

    with pytest.raises(OvertakenError, match=r"run rival has written .* silver/tracked_tokens/01"):
        run(tracked_asset(lambda: Batches(produce())), partition="00", to="02")
    assert written(store, TRACKED_TOKENS, "token_address") == [("t00",), ("t02",), ("theirs",)]
    told = store.scan(RUNS).collect().row(-1, named=True)
    assert (told["outcome"], told["rows_inserted"]) == ("failed", 2)


def test_several_days_in_one_run_keep_the_days_outside_of_it(run: Run, store: DeltaStore) -> None:
    days = [YESTERDAY, DAY]
    run(tokens_asset(lambda: day_rows("old", days[0] - timedelta(days=1))), partition="2026-02-27")
    make = lambda: [Batch(day_rows("new", day), day) for day in days]  # noqa: E731
    run(tokens_asset(make), partition=days[0].isoformat(), to=days[1].isoformat())
    assert written(store, TOKENS, "snapshot_date", "token_address") == [
        (days[0] - timedelta(days=1), "old"),
        (days[0], "new"),
        (days[1], "new"),
    ]


def test_an_unpartitioned_table_is_written_whole(run: Run, store: DeltaStore) -> None:
    run(traders_asset(lambda: frame(SMART_TRADERS, [trader("a")])))
    assert written(store, SMART_TRADERS, "wallet_address") == [("a",)]


@pytest.mark.parametrize(
    ("made", "partition", "to", "complaint"),
    [
        (lambda: Batch(shard_rows("a", "03"), "03"), "00", None, "names the partition 03; .* 00"),
        (lambda: Batch(shard_rows("a", "03"), "03"), "00", "02", r"the run has 00\.\.\.02"),
        (lambda: shard_rows("a", "00"), "00", "02", "names the partition None"),
        (lambda: shard_rows("a", "01"), "00", None, "has rows of 01"),
        (lambda: {"a": 1}, "00", None, "returns batches or a frame, not a dict"),
        (lambda: shard_rows("a", "00").lazy(), "00", None, "not a LazyFrame"),
        (lambda: (Batch() for _ in "ab"), "00", None, None),
    ],
    ids=["shard", "range", "no partition", "stray row", "dict", "lazy frame", "bare generator"],
)
def test_what_does_not_belong_into_the_run_is_refused(
    run: Run, store: DeltaStore, made: Make, partition: str, to: str | None, complaint: str | None
) -> None:
    refused = FrameError if complaint else dg.DagsterInvariantViolationError
    with pytest.raises(refused, match=complaint):
        run(tracked_asset(made), partition=partition, to=to)
    assert written(store, TRACKED_TOKENS, "token_address") == []


def test_batches_are_written_while_they_are_produced(run: Run, store: DeltaStore) -> None:
    seen: list[list[str]] = []

    def produce() -> Iterator[Batch]:
        for mint in "abc":
            seen.append(store.scan(TRACKED_TOKENS).collect()["token_address"].sort().to_list())
            yield Batch(shard_rows(mint, "00"), "00")

    result = run(tracked_asset(lambda: Batches(produce())), partition="00")
    assert seen == [[], ["a"], ["a", "b"]]
    assert metadata_of(result)["rows_inserted"] == 3


def test_a_run_that_breaks_keeps_what_it_had_committed(run: Run, store: DeltaStore) -> None:
    def produce() -> Iterator[Batch]:
        yield Batch(shard_rows("a", "00"), "00")
        raise OSError("the network is gone")

    with pytest.raises(OSError, match="the network is gone"):
        run(tracked_asset(lambda: Batches(produce())), partition="00")
    assert written(store, TRACKED_TOKENS, "token_address") == [("a",)]


def test_rows_come_before_the_states_that_they_settle(run: Run, store: DeltaStore) -> None:
    run(tokens_asset(lambda: day_rows("a", DAY)), partition=DAY.isoformat())

    def produce() -> Iterator[Batch]:
        read = store.scan(TOKENS).collect()
        settlement = Settlement.of(
            TOKENS, read, operation="TRACKED", sets={"tracking_status": "tracked"}
        )
        yield Batch(shard_rows("a", "00"), "00", settles=(settlement,))

    result = run(tracked_asset(lambda: Batches(produce())), partition="00")
    assert written(store, TOKENS, "tracking_status") == [("tracked",)]
    metadata = metadata_of(result)
    assert (metadata["rows_settled"], metadata["settled in bronze/tokens"]) == (1, 1)
    rows, state = (store.open(c).history(1)[0] for c in (TRACKED_TOKENS, TOKENS))
    assert rows["timestamp"] <= state["timestamp"]
    assert (state["run_id"], state["asset"], state["partition"], state["purpose"]) == (
        result.run_id,
        "silver/tracked_tokens",
        "00",
        "settle",
    )


@pytest.mark.parametrize("nothing", [lambda: None, list, lambda: Batches(iter(()))])
def test_a_run_that_finds_nothing_to_do_succeeds_without_a_commit(
    run: Run, store: DeltaStore, nothing: Make
) -> None:
    run(tracked_asset(lambda: shard_rows("a", "00")), partition="00")
    version = store.version(TRACKED_TOKENS)
    result = run(tracked_asset(nothing), partition="00")
    assert result.success
    assert store.version(TRACKED_TOKENS) == version
    metadata = metadata_of(result)
    assert [metadata[f"rows_{what}"] for what in ("inserted", "updated", "settled")] == [0, 0, 0]
    assert metadata["dagster/row_count"] == 1


def test_a_materialization_shows_what_the_run_did_and_how_the_table_stands(
    run: Run, store: DeltaStore
) -> None:
    first = [tracked_token(mint) for mint in "abc"]
    run(tracked_asset(lambda: frame(TRACKED_TOKENS, first)), partition="00")
    run(tracked_asset(lambda: shard_rows("elsewhere", "01")), partition="01")
    later = [tracked_token("a", price=2.0), tracked_token("b"), tracked_token("d")]
    batch = lambda: Batch(frame(TRACKED_TOKENS, later), metrics={"requests": 4.0})  # noqa: E731

    metadata = metadata_of(run(tracked_asset(batch), partition="00"))

    files = store.files(TRACKED_TOKENS).filter(pl.col("partition.token_shard") == "00")
    assert {name: metadata[name] for name in ("rows_inserted", "rows_updated", "rows_deleted")} == {
        "rows_inserted": 1,
        "rows_updated": 1,
        "rows_deleted": 0,
    }
    assert metadata["dagster/row_count"] == 4
    assert metadata["table_version"] == store.version(TRACKED_TOKENS)
    assert metadata["files"] == files.height
    assert metadata["size_bytes"] == files["size_bytes"].sum()
    assert metadata["dagster/uri"] == store.uri(TRACKED_TOKENS)
    assert metadata["dagster/table_name"] == "silver/tracked_tokens"
    assert metadata["requests"] == 4.0
    states = metadata["whale_fetch_status"]
    assert [record.data for record in states.records] == [{"state": "pending", "rows": 4}]
    assert "dagster/column_lineage" in metadata


def test_a_run_on_a_wrong_root_fails_before_its_asset_starts(run: Run, store: DeltaStore) -> None:
    root = Path(store.root)
    (root / "notes.txt").write_text("mine")
    shutil.rmtree(root / "ops" / "root")
    before = {path.name for path in root.iterdir()}
    started: list[int] = []
    with pytest.raises(dg.DagsterError) as failure:
        run(tracked_asset(lambda: started.append(1)), partition="00")
    assert isinstance(failure.value.__cause__, RootError)
    assert started == []
    assert {path.name for path in root.iterdir()} == before
