"""docs/tables.md is what the contracts say."""

from pathlib import Path

from smart_trader_assets.lake.documentation import tables_page
from smart_trader_assets.tables.catalog import ALL_TABLES

_PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_page_is_what_make_docs_writes():
    assert _PAGE.read_text(encoding="utf-8") == tables_page()


def test_the_page_tells_each_table_its_columns_and_how_its_rows_move_on():
    page = tables_page()
    for table in ALL_TABLES:
        assert f"\n## {table.name}\n" in page
    assert "- State `whale_fetch_status`, at first `pending`: `pending` → `retry`" in page
    assert (
        "| `volume_24h_usd` | double, may be unknown | Traded volume in the last 24h [USD] |"
        in page
    )
