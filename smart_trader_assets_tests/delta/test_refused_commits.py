"""A commit that the table itself refuses is told as what it is, at once, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from deltalake import DeltaTable

from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.delta.errors import CommitRefusedError
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import TOKENS
from smart_trader_assets_tests.support.samples import DAY, STAMP, frame, token
from smart_trader_assets_tests.support.stores import Put, Settle


def make_append_only(table: DeltaTable) -> None:
    table.alter.set_table_properties({"delta.appendOnly": "true"})


def forbid_what_comes(table: DeltaTable) -> None:
    table.alter.add_constraint({"cheap": "price < 2"})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (make_append_only, r"bronze/tokens: rows: the table is append-only.*set it to false"),
        (forbid_what_comes, "bronze/tokens: rows: a row breaks a constraint of the table"),
    ],
)
def test_a_merge_says_what_the_table_refuses_without_trying_again(
    store: DeltaStore, put: Put, change: Callable[[DeltaTable], None], told: str
) -> None:
    put(TOKENS, token("a"))
    change(DeltaTable(store.uri(TOKENS)))
    before = store.version(TOKENS)
    with pytest.raises(CommitRefusedError, match=told) as refused:
        store.write(TOKENS, Batch(frame(TOKENS, [token("a", price=3.0)]), DAY), STAMP)
    assert "other writers" not in str(refused.value)
    assert "still due" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert store.version(TOKENS) == before


def test_a_settlement_says_so_too(store: DeltaStore, put: Put, settle: Settle) -> None:
    put(TOKENS, token("a"))
    make_append_only(DeltaTable(store.uri(TOKENS)))
    with pytest.raises(CommitRefusedError, match="bronze/tokens: state: the table is append-only"):
        settle(TOKENS, {"tracking_status": "tracked"})
