"""No name, however it is spelt, becomes part of a statement."""

from __future__ import annotations

from datetime import date, datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_trader_assets.delta.batch import Batch, ReplaceScope, Settlement
from smart_trader_assets.delta.sql import literal, one_of
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import WALLET_PNL
from smart_trader_assets_tests.support.samples import HOLDINGS, LISTINGS, STAMP, frame, pnl
from smart_trader_assets_tests.support.stores import Put

HOSTILE = [
    "' OR 1=1 --",
    "a'; DROP TABLE t; --",
    '"',
    "\\'",
    "%27",
    "t.mint",
    "",
    "日本 🚀",
    "x\ny",
]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "'plain'"),
        ("it's", "'it''s'"),
        ("' OR 1=1 --", "''' OR 1=1 --'"),
        (True, "true"),
        (False, "false"),
        (-7, "-7"),
        (date(2026, 3, 1), "CAST('2026-03-01' AS DATE)"),
    ],
)
def test_a_literal_is_of_its_values_own_type(value: str | bool | date, text: str) -> None:
    assert literal(value) == text


@pytest.mark.parametrize("value", [1.5, None, b"x", datetime(2026, 3, 1, tzinfo=timezone.utc)])  # noqa: UP017
def test_a_type_that_no_predicate_needs_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        literal(value)  # type: ignore[arg-type]


def test_many_values_become_one_list() -> None:
    assert one_of("t.shard", ["01"]) == "t.shard IN ('01')"
    assert one_of("t.shard", ["01", "00", "01"]) == "t.shard IN ('00', '01')"


def listings(mints: list[str], shard: str = "00", price: int = 1) -> pl.DataFrame:
    rows = [{"mint": mint, "shard": shard, "price": price, "listing": 1} for mint in mints]
    return frame(LISTINGS, rows)


def by_mint(store: DeltaStore, column: str) -> dict[str, object]:
    return dict(store.scan(LISTINGS).select("mint", column).collect().iter_rows())


def test_a_hostile_key_is_merged_and_settled_as_itself_alone(store: DeltaStore) -> None:
    store.create(LISTINGS)
    store.write(LISTINGS, Batch(listings([*HOSTILE, "innocent"]), "00"), STAMP)
    for turn, mint in enumerate(HOSTILE, start=2):
        assert store.write(LISTINGS, Batch(listings([mint], price=turn), "00"), STAMP).updated == 1
    rows = store.scan(LISTINGS).filter(pl.col("mint") == HOSTILE[0]).collect()
    settlement = Settlement.of(
        LISTINGS, rows, operation="O'K", sets={"status": "refused", "reason": "' OR 1=1 --"}
    )
    assert store.settle(settlement, STAMP) == 1
    prices = by_mint(store, "price")
    assert prices == {"innocent": 1} | {m: n for n, m in enumerate(HOSTILE, start=2)}
    reasons = by_mint(store, "reason")
    assert {mint for mint, reason in reasons.items() if reason is not None} == {HOSTILE[0]}


def test_a_hostile_partition_is_one_partition(store: DeltaStore) -> None:
    store.create(LISTINGS)
    shards = ["00", "' OR 1=1 --", "it's"]
    for turn in (1, 2):
        for shard in shards:
            rows = listings([f"a mint of {shard}"], shard, turn)
            written = store.write(LISTINGS, Batch(rows, shard), STAMP)
            assert (written.inserted, written.updated) == ((1, 0) if turn == 1 else (0, 1))
    rows = store.scan(LISTINGS).filter(pl.col("shard") == shards[1]).collect()
    settlement = Settlement.of(LISTINGS, rows, operation="KEPT", sets={"status": "kept"})
    assert store.settle(settlement, STAMP) == 1
    assert set(store.row_counts(LISTINGS, "shard", "status").iter_rows()) == {
        ("00", "pending", 1),
        ("' OR 1=1 --", "kept", 1),
        ("it's", "pending", 1),
    }


def test_a_scope_of_a_hostile_wallet_takes_no_other_with_it(store: DeltaStore, put: Put) -> None:
    put(WALLET_PNL, pnl("' OR 1=1 --"), pnl("b"))
    put(WALLET_PNL, pnl("b"), replaces=ReplaceScope("wallet_address", ("' OR 1=1 --",)))
    assert store.scan(WALLET_PNL).collect()["wallet_address"].to_list() == ["b"]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)


@settings(max_examples=8, deadline=None)
@given(mints=st.lists(texts, min_size=2, max_size=5, unique=True), reason=texts)
def test_any_text_comes_back_as_it_went_in(mints: list[str], reason: str) -> None:
    with TemporaryDirectory() as folder:
        store = DeltaStore(str(Path(folder)))
        store.create(LISTINGS)
        store.write(LISTINGS, Batch(listings(mints), "00"), STAMP)
        first = store.scan(LISTINGS).filter(pl.col("mint") == mints[0]).collect()
        sets = {"status": "refused", "reason": reason}
        assert store.settle(Settlement.of(LISTINGS, first, operation=reason, sets=sets), STAMP) == 1
        assert store.write(LISTINGS, Batch(listings(mints), "00"), STAMP).inserted == 0
        assert by_mint(store, "reason") == {mints[0]: reason} | dict.fromkeys(mints[1:])


def test_a_table_of_another_name_stays_out_of_reach(store: DeltaStore) -> None:
    store.create(HOLDINGS)
    assert not store.exists(LISTINGS)
