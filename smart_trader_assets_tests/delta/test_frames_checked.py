"""A frame that breaks its table's contract is refused whole, by name, before anything is written."""

from __future__ import annotations

import math

import polars as pl
import pytest

from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.delta.errors import FrameError
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import TRACKED_TOKENS
from smart_trader_assets_tests.support.samples import NOW, STAMP, frame, tracked_token
from smart_trader_assets_tests.support.stores import Put

GOOD = frame(TRACKED_TOKENS, [tracked_token("a", holder=5), tracked_token("b", holder=6)])
FIRST = pl.col("token_address") == "a"


def replaced(column: str, value: object) -> pl.DataFrame:
    """The good rows, with another value in the first of them."""
    dtype = TRACKED_TOKENS.schema[column]
    return GOOD.with_columns(
        pl.when(FIRST).then(pl.lit(value, dtype=dtype)).otherwise(pl.lit(None, dtype=dtype))
        if column not in GOOD.columns
        else pl.when(FIRST).then(pl.lit(value, dtype=dtype)).otherwise(pl.col(column)).alias(column)
    )


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (GOOD.with_columns(pl.lit(1).alias("mood")), "has no column mood"),
        (GOOD.drop("metrics_at"), "lack the required metrics_at"),
        (GOOD.drop("token_address"), "lack the required token_address"),
        (GOOD.cast({"holder": pl.String}), "holder is String and should be Int64"),
        (GOOD.cast({"holder": pl.Int32}), "holder is Int32 and should be Int64"),
        (GOOD.cast({"price": pl.Float32}), "price is Float32 and should be Float64"),
        (GOOD.cast({"metrics_at": pl.Datetime("ms", "UTC")}), "metrics_at is Datetime"),
        (GOOD.cast({"metrics_at": pl.Datetime("us")}), "metrics_at is Datetime"),
        (GOOD.cast({"first_listed_on": pl.String}), "first_listed_on is String"),
        (replaced("metrics_at", None), r"have no value in metrics_at \(1 rows\)"),
        (replaced("price", math.nan), r"NaN or infinity in price \(1 rows\)"),
        (replaced("price", -math.inf), r"NaN or infinity in price \(1 rows\)"),
        (pl.concat([GOOD, GOOD]), "4 rows for silver/tracked_tokens share a key, for example"),
        (
            GOOD.with_columns(whale_fetch_status=pl.lit("done")),
            r"whale_fetch_status cannot be \['done'\]: allowed are pending, retry",
        ),
    ],
    ids=[
        "unknown column",
        "required column missing",
        "key missing",
        "text for a number",
        "narrow integer",
        "narrow float",
        "coarse time",
        "time without zone",
        "text for a day",
        "null in a required column",
        "not a number",
        "infinity",
        "key twice",
        "state not allowed",
    ],
)
def test_a_broken_frame_is_refused_and_nothing_is_written(
    store: DeltaStore, broken: pl.DataFrame, complaint: str
) -> None:
    store.create(TRACKED_TOKENS)
    version = store.version(TRACKED_TOKENS)
    with pytest.raises(FrameError, match=complaint):
        store.write(TRACKED_TOKENS, Batch(broken, "00"), STAMP)
    assert store.version(TRACKED_TOKENS) == version


def test_a_batch_of_a_partitioned_table_names_its_partition(store: DeltaStore) -> None:
    store.create(TRACKED_TOKENS)
    with pytest.raises(FrameError, match="must name the token_shard"):
        store.write(TRACKED_TOKENS, Batch(GOOD), STAMP)


def test_columns_may_come_in_any_order_and_absent_ones_are_null(
    store: DeltaStore, put: Put
) -> None:
    store.create(TRACKED_TOKENS)
    shuffled = GOOD.select(reversed(GOOD.columns)).with_columns(symbol=pl.lit(None))
    store.write(TRACKED_TOKENS, Batch(shuffled, "00"), STAMP)
    row = store.scan(TRACKED_TOKENS).filter(FIRST).collect().row(0, named=True)
    assert (row["holder"], row["price"], row["metrics_at"]) == (5, 1.0, NOW)
    assert (row["symbol"], row["liquidity"], row["whale_fetched_at"]) == (None, None, None)


def test_a_batch_without_rows_writes_nothing(store: DeltaStore) -> None:
    store.create(TRACKED_TOKENS)
    version = store.version(TRACKED_TOKENS)
    for batch in (Batch(), Batch(GOOD.clear(), "00")):
        written = store.write(TRACKED_TOKENS, batch, STAMP)
        assert (written.inserted, written.settled) == (0, 0)
    assert store.version(TRACKED_TOKENS) == version
