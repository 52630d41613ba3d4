"""The lineage names columns that exist, of tables that the asset reads."""

import dagster as dg
import pytest

from smart_trader_assets.assembly import make_definitions
from smart_trader_assets.delta.contract import AUDIT, TableContract
from smart_trader_assets.lake.metadata import column_lineage
from smart_trader_assets.settings import load_settings
from smart_trader_assets.tables.catalog import ALL_TABLES, SMART_TRADERS, TOKENS, WALLET_PNL
from smart_trader_assets.tables.lineage import LINEAGE

DERIVED = [table for table in ALL_TABLES if table.name in LINEAGE]


@pytest.fixture(scope="module")
def graph():
    settings = load_settings({"source": "sandbox", "root": "unused"})
    return make_definitions(settings).resolve_asset_graph()


@pytest.mark.parametrize("table", DERIVED, ids=lambda table: table.name)
def test_every_column_and_every_source_exists_and_the_asset_reads_the_source(
    graph, table: TableContract
):
    parents = graph.get(dg.AssetKey.from_user_string(table.name)).parent_keys
    for column, sources in LINEAGE[table.name].items():
        assert column in table.schema
        assert sources
        assert len(set(sources)) == len(sources)
        for upstream, name in sources:
            assert name in upstream.schema, f"{table.name}.{column} <- {upstream.name}.{name}"
            assert dg.AssetKey.from_user_string(upstream.name) in parents


@pytest.mark.parametrize("table", [WALLET_PNL, SMART_TRADERS], ids=lambda table: table.name)
def test_no_number_of_the_results_is_without_lineage(table: TableContract):
    told_otherwise = {
        "reasons",
        "window",
        "as_of",
        "pnl_rules",
        "ranking_rules",
        *(c.name for c in AUDIT),
        *table.state_columns,
    }
    assert set(table.schema) - set(LINEAGE[table.name]) <= told_otherwise


def test_what_comes_from_outside_has_no_lineage():
    assert column_lineage(TOKENS) is None


def test_dagster_is_told_keys_and_columns():
    lineage = column_lineage(SMART_TRADERS)
    assert lineage is not None
    (win_rate,) = lineage.deps_by_column["win_rate"]
    assert win_rate == dg.TableColumnDep(
        asset_key=dg.AssetKey(["silver", "wallet_pnl"]), column_name="win_rate"
    )
