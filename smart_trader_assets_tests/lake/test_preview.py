"""The preview shows the first rows that came, whatever strangers wrote into them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import polars as pl
import pytest
from dagster._core.events import HandledOutputData
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.lake.preview import MOST_ROWS, Preview
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    CANDIDATES,
    CLASSIFIED_WALLETS,
    SMART_TRADERS,
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    WHALES,
)
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.samples import SAMPLES, frame, token, trader
from smart_trader_assets_tests.support.tiny_market import NOW

# Dagster and dagster-deltalake about themselves.
pytestmark = [
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
    pytest.mark.filterwarnings("ignore:InitResourceContext.dagster_run is deprecated"),
    pytest.mark.filterwarnings("ignore:The `dict` method is deprecated"),
]

Table = list[dict[str, Any]]


def preview_of(contract: TableContract, *frames: pl.DataFrame | None) -> Table | None:
    preview = Preview(contract)
    for rows in frames:
        preview.take(rows)
    table = preview.as_metadata()
    return None if table is None else [dict(record.data) for record in table.records]


def previewed(table: TableContract) -> list[str]:
    return [column.name for column in table.columns if column.preview]


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_every_table_has_a_preview_of_a_handful_of_its_own_columns(table: TableContract) -> None:
    columns = previewed(table)
    assert 4 < len(columns) < 9
    assert not set(columns) & table.state_columns
    make, _, _ = SAMPLES[table.name]
    shown = preview_of(table, frame(table, [make("an-entity")]))
    assert shown is not None
    assert list(shown[0]) == columns


def test_the_first_rows_of_all_batches_are_shown_in_their_order() -> None:
    def ranked(first: int, last: int) -> pl.DataFrame:
        rows = [trader(f"w{rank}", overall_rank=rank) for rank in range(first, last)]
        return frame(SMART_TRADERS, rows)

    shown = preview_of(SMART_TRADERS, ranked(1, 7), None, ranked(7, 30), ranked(30, 40))
    assert shown is not None
    assert [row["overall_rank"] for row in shown] == list(range(1, MOST_ROWS + 1))


def test_without_rows_there_is_no_preview() -> None:
    assert preview_of(TOKENS) is None
    assert preview_of(TOKENS, None, frame(TOKENS, [token("m")]).head(0)) is None


def test_unknown_is_blank_and_never_zero() -> None:
    shown = preview_of(TOKENS, frame(TOKENS, [token("m", price=None)]))
    assert shown is not None
    assert shown[0] == {**dict.fromkeys(previewed(TOKENS)), "token_address": "m"}


def test_values_are_shown_for_the_eye() -> None:
    rows = pl.DataFrame(
        {
            "wallet_address": ["w"],
            "wallet_class": ["BOT"],
            "reasons": [["quick", "very quick"]],
            "conservative_pnl": [1234.56789],
        }
    )
    shown = preview_of(CLASSIFIED_WALLETS, rows)
    assert shown is not None
    assert shown[0]["reasons"] == "quick; very quick"
    assert shown[0]["conservative_pnl"] == 1234.57
    tracked = pl.DataFrame({"token_address": ["m"], "last_listed_on": [date(2026, 3, 1)]})
    (row,) = preview_of(TRACKED_TOKENS, tracked) or []
    assert row["last_listed_on"] == "2026-03-01"
    moment = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    whales = pl.DataFrame({"token_address": ["m"], "last_seen_on": [moment]})
    (row,) = preview_of(TRACKED_WHALES, whales) or []
    assert row["last_seen_on"] == "2026-03-01 09:30:00"


@pytest.mark.parametrize(
    ("symbol", "shown_as"),
    [
        ("  US\u202eDC\n\x00 ", "USDC"),
        ("a\tb", "a b"),
        ("x" * 500, "x" * 119 + "…"),
        ("<b>&</b>", "<b>&</b>"),
        ("🐶\u200d🦺", "🐶\u200d🦺"),
    ],
)
def test_a_strangers_text_is_one_line_of_bounded_length(symbol: str, shown_as: str) -> None:
    rows = pl.DataFrame({"token_address": ["m"], "token_symbol": [symbol]})
    (row,) = preview_of(WHALES, rows) or []
    assert row["token_symbol"] == shown_as


@given(symbol=st.text(), price=st.none() | st.floats(allow_nan=False, allow_infinity=False))
def test_whatever_a_row_holds_can_be_kept_by_dagster(symbol: str, price: float | None) -> None:
    preview = Preview(TOKENS)
    preview.take(frame(TOKENS, [token("m", symbol=symbol, price=price)]))
    table = preview.as_metadata()
    assert dg.deserialize_value(dg.serialize_value(table)) == table


def test_a_materialization_shows_its_rows_its_credits_and_no_preview_where_nothing_came(
    pipeline: Pipeline,
) -> None:
    def metadata(table: TableContract, partition: str) -> dict[str, Any]:
        result = pipeline.materialize(table, partition)
        assert result.success
        (event,) = result.get_asset_materialization_events()
        return dict(event.materialization.metadata)

    tokens = metadata(TOKENS, NOW.date().isoformat())
    assert [record.data["list_rank"] for record in tokens["preview"].records] == list(
        range(1, min(MOST_ROWS, tokens["dagster/row_count"].value) + 1)
    )
    assert tokens["credits_spent"].value == 100
    assert "dagster/column_lineage" not in tokens
    nothing_due = metadata(WHALES, "00")
    assert "preview" not in nothing_due
    assert nothing_due["dagster/column_lineage"].value.deps_by_column["holding_usd"]


@pytest.mark.parametrize(("table", "partition"), [(CANDIDATES, None), (WHALES, "00")])
def test_what_a_materialization_shows_is_kept_once(
    pipeline: Pipeline, table: TableContract, partition: str | None
) -> None:
    """The definition has the columns, and an output's own event would hold all of it once more."""
    result = pipeline.materialize(table, partition)
    (event,) = result.get_asset_materialization_events()
    assert "dagster/row_count" in event.materialization.metadata
    assert "dagster/column_schema" not in event.materialization.metadata
    (handled,) = [one for one in result.all_events if one.is_handled_output]
    data = handled.event_specific_data
    assert isinstance(data, HandledOutputData)
    assert not data.metadata
