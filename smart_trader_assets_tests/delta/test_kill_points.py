"""Wherever a run dies, its rows are still due, and doing it again ends as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from smart_trader_assets.delta.batch import Batch, Settlement
from smart_trader_assets.delta.operations import Metrics
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets_tests.delta.takeover import (
    SHARDS,
    create_tables,
    drain,
    due_batch,
    list_prices,
    take_over,
)
from smart_trader_assets_tests.support.samples import HOLDINGS, LISTINGS, STAMP, content


class Killed(BaseException):
    """The end of a run, past every handler."""


class MortalStore(DeltaStore):
    """A store whose process dies right before or right after a commit of it."""

    def __init__(self, root: str, moment: Literal["before", "after"], number: int) -> None:
        super().__init__(root)
        self.moment, self.left = moment, number

    def commit(self, what: str, operation: Callable[[], Metrics]) -> Metrics:
        self.left -= 1
        if self.left == 0 and self.moment == "before":
            raise Killed
        metrics = super().commit(what, operation)
        if self.left == 0:
            raise Killed
        return metrics


def listed(root: Path, shards: Iterable[str] = SHARDS) -> DeltaStore:
    """A root with a listing in each shard, none of it taken over."""
    store = DeltaStore(str(root))
    create_tables(store)
    for shard in shards:
        list_prices(store, shard, {f"{shard}-{n}": n for n in range(3)}, listing=1)
    return store


def tables(store: DeltaStore) -> tuple[pl.DataFrame, pl.DataFrame]:
    listings, holdings = store.scan(LISTINGS).collect(), store.scan(HOLDINGS).collect()
    return content(listings), content(holdings)


def assert_same_tables(store: DeltaStore, other: DeltaStore, *but: str) -> None:
    for contract in (LISTINGS, HOLDINGS):
        assert_frame_equal(
            content(store.scan(contract).collect(), *but),
            content(other.scan(contract).collect(), *but),
        )


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3, 4], ids=["rows", "state", "rows 2", "state 2"])
def test_a_run_that_is_killed_at_any_commit_is_made_up_for_by_the_next(
    tmp_path: Path, moment: Literal["before", "after"], number: int
) -> None:
    undisturbed = listed(tmp_path / "undisturbed")
    assert take_over(undisturbed) == 6
    store = listed(tmp_path / "killed")

    with pytest.raises(Killed):
        take_over(MortalStore(store.root, moment, number))

    settled = sum(number > last or (number == last and moment == "after") for last in (2, 4)) * 3
    still_due = store.scan(LISTINGS).filter(pl.col("status") == "pending").collect().height
    assert still_due == 6 - settled
    assert take_over(store) == still_due
    assert_same_tables(store, undisturbed)


def test_a_batch_that_is_written_whole_a_second_time_changes_nothing(tmp_path: Path) -> None:
    store = listed(tmp_path)
    batch = due_batch(store, "00")
    assert batch is not None
    store.write(HOLDINGS, batch, STAMP)
    before = tables(store)
    versions = store.version(LISTINGS), store.version(HOLDINGS)

    again = store.write(HOLDINGS, batch, STAMP)

    assert (again.inserted, again.updated, again.settled, again.left_due) == (0, 0, 0, 3)
    assert (store.version(LISTINGS), store.version(HOLDINGS)) == versions
    for now, then in zip(tables(store), before, strict=True):
        assert_frame_equal(now, then)


def test_a_repeated_batch_leaves_alone_what_was_settled_downstream_meanwhile(
    tmp_path: Path,
) -> None:
    store = listed(tmp_path)
    batch = due_batch(store, "00")
    assert batch is not None
    store.write(HOLDINGS, batch, STAMP)
    finish(store)
    version = store.version(HOLDINGS)

    store.write(HOLDINGS, batch, STAMP)

    assert store.version(HOLDINGS) == version
    assert store.scan(HOLDINGS).collect()["status"].to_list() == ["done"] * 3


def finish(store: DeltaStore) -> None:
    """Another consumer, further down: it is done with every holding."""
    rows = store.scan(HOLDINGS).filter(pl.col("status") == "pending").collect()
    store.settle(Settlement.of(HOLDINGS, rows, operation="DONE", sets={"status": "done"}), STAMP)


prices = st.dictionaries(st.sampled_from("abc"), st.integers(1, 3), min_size=1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("list"), prices),
        st.tuples(st.just("read")),
        # A batch, fresh or stale: written whole, or cut off between its rows and its settlement.
        st.tuples(st.sampled_from(["write", "crash between"]), st.integers(0, 5)),
        st.tuples(st.just("finish")),
    ),
    min_size=4,
    max_size=10,
)


@settings(max_examples=12, deadline=None)
@given(steps=steps)
def test_any_order_of_crashes_and_repetitions_ends_like_an_undisturbed_run(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[Any, ...]]
) -> None:
    store = DeltaStore(str(tmp_path_factory.mktemp("disturbed")))
    undisturbed = DeltaStore(str(tmp_path_factory.mktemp("undisturbed")))
    create_tables(store)
    create_tables(undisturbed)
    batches: list[Batch] = []
    for number, step in enumerate(steps):
        match step:
            case ("list", listed_prices):
                for root in (store, undisturbed):
                    list_prices(root, "00", listed_prices, listing=number)
            case ("read",):
                batch = due_batch(store, "00")
                batches += [batch] if batch is not None else []
            case ("write", pick) if batches:
                store.write(HOLDINGS, batches[pick % len(batches)], STAMP)
            case ("crash between", pick) if batches:
                batch = batches[pick % len(batches)]
                store.write(HOLDINGS, Batch(batch.rows, batch.partition), STAMP)
            case ("finish",):
                finish(store)
    for root in (store, undisturbed):
        drain(root)
        finish(root)
    # The undisturbed run takes over once, at the end, so it has not seen the earlier listings.
    assert_same_tables(store, undisturbed, "first_listing")
