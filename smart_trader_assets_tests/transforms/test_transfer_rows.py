"""Transfers as rows: what is unknown is null, and a list that is fetched again makes no second row."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from smart_trader_assets.tables.catalog import TRANSFERS
from smart_trader_assets.transforms.shards import shard_of
from smart_trader_assets.transforms.transfer_rows import transfer_rows
from smart_trader_assets.transforms.values import NaiveTimeError

AT = datetime(2026, 3, 1, tzinfo=UTC)
ITEM = {
    "time": "2026-02-01T00:00:00+00:00",
    "unix_time": 1_769_904_000,
    "block_number": 7,
    "token_address": "mint",
    "from_address": "a",
    "to_address": "b",
    "amounts": "12",
    "value": Decimal("1.5"),
}


def rows(**lists: list[dict[str, object]]) -> pl.DataFrame:
    return transfer_rows(lists, fetched_at=AT, wallet_shards=4)


def test_a_row_has_what_the_source_said():
    (row,) = rows(a=[ITEM]).iter_rows(named=True)
    assert row | {"transfer_id": "x"} == {
        **ITEM,
        "value": 1.5,
        "transfer_id": "x",
        "wallet_address": "a",
        "wallet_shard": shard_of("a", 4),
        "fetched_at": AT,
    }
    assert set(rows(a=[ITEM]).columns) == {column.name for column in TRANSFERS.columns}


def test_amounts_come_as_text_or_as_numbers_and_what_is_broken_is_null():
    amounts: list[Any] = ["5", 5, Decimal("0.5"), None, []]
    odd = [ITEM | {"amounts": amount, "value": "much"} for amount in amounts]
    told = rows(a=odd)
    assert told["amounts"].to_list() == ["5", "5", "0.5", None, None]
    assert told["value"].to_list() == [None] * 5


def test_a_list_that_is_fetched_again_has_the_same_ids_and_equals_are_told_apart():
    twice = rows(a=[ITEM, ITEM])["transfer_id"].to_list()
    assert len(set(twice)) == 2
    again = rows(a=[ITEM | {"value": None, "block_number": None}, ITEM])["transfer_id"].to_list()
    assert again == twice
    assert rows(a=[ITEM], b=[ITEM])["transfer_id"].n_unique() == 2


def test_no_list_is_no_row():
    empty = rows(a=[])
    assert empty.height == 0
    assert empty.schema["unix_time"] == pl.Int64


def test_a_time_without_zone_is_refused():
    with pytest.raises(NaiveTimeError, match="fetched_at"):
        transfer_rows({"a": [ITEM]}, fetched_at=AT.replace(tzinfo=None), wallet_shards=4)
