"""What the IO manager loads: upstream tables, lazily or whole, narrowed to the partitions of the run."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import polars as pl
import pytest

from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import TOKENS
from smart_trader_assets_tests.support.dagster_runs import (
    DAYS,
    QUIETLY,
    SHARDS,
    Run,
    day_rows,
    tokens_asset,
)
from smart_trader_assets_tests.support.samples import DAY

pytestmark = QUIETLY


@pytest.fixture
def listed(run: Run) -> None:
    """Three days of tokens, a token each."""
    days = [DAY - timedelta(days=n) for n in (2, 1, 0)]
    make = lambda: [Batch(day_rows(f"of {day}", day), day) for day in days]  # noqa: E731
    run(tokens_asset(make), partition=days[0].isoformat(), to=days[-1].isoformat())


Seen = list[pl.LazyFrame | pl.DataFrame]


def lazy_reader(
    seen: Seen,
    *,
    partitions: dg.PartitionsDefinition[str],
    mapping: dg.PartitionMapping | None = None,
) -> dg.AssetsDefinition:
    """A consumer of bronze/tokens that takes it lazily."""

    @dg.asset(
        key=["silver", "tracked_tokens"],
        ins={"tokens": dg.AssetIn(key=["bronze", "tokens"], partition_mapping=mapping)},
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def tracked_tokens(tokens: pl.LazyFrame) -> None:
        seen.append(tokens)

    return tracked_tokens


def source() -> dg.AssetsDefinition:
    """bronze/tokens as the upstream asset of a run that does not materialize it."""
    return tokens_asset(lambda: None)


def mints(frame: pl.LazyFrame | pl.DataFrame) -> list[str]:
    return frame.lazy().collect()["token_address"].sort().to_list()


def test_an_input_across_partitions_is_the_whole_table_lazily(run: Run, listed: None) -> None:
    seen: Seen = []
    reader = lazy_reader(seen, partitions=SHARDS, mapping=dg.AllPartitionMapping())
    run(source(), reader, partition="00")
    assert isinstance(seen[0], pl.LazyFrame)
    assert mints(seen[0]) == ["of 2026-02-27", "of 2026-02-28", "of 2026-03-01"]


@pytest.mark.parametrize(
    ("to", "read"),
    [(None, ["of 2026-02-28"]), ("2026-03-01", ["of 2026-02-28", "of 2026-03-01"])],
    ids=["day", "range of days"],
)
def test_an_input_of_the_same_partitions_is_narrowed_to_those_of_the_run(
    run: Run, listed: None, to: str | None, read: list[str]
) -> None:
    seen: Seen = []
    reader = lazy_reader(seen, partitions=DAYS)
    run(source(), reader, partition="2026-02-28", to=to)
    assert mints(seen[0]) == read


def test_an_input_is_a_frame_where_the_asset_asks_for_one(run: Run, listed: None) -> None:
    seen: Seen = []

    @dg.asset(key=["gold", "smart_traders"], ins={"tokens": dg.AssetIn(key=["bronze", "tokens"])})
    def smart_traders(tokens: pl.DataFrame) -> None:
        seen.append(tokens)

    run(source(), smart_traders)
    assert isinstance(seen[0], pl.DataFrame)
    assert mints(seen[0]) == ["of 2026-02-27", "of 2026-02-28", "of 2026-03-01"]


def test_an_input_stays_as_it_was_when_it_was_read(
    run: Run, store: DeltaStore, listed: None
) -> None:
    seen: Seen = []
    reader = lazy_reader(seen, partitions=SHARDS, mapping=dg.AllPartitionMapping())
    run(source(), reader, partition="00")
    run(tokens_asset(lambda: day_rows("later", DAY)), partition=DAY.isoformat())
    assert "later" not in mints(seen[0])
    assert "later" in mints(store.scan(TOKENS))
