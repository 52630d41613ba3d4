"""What Dagster serves: assets, jobs, and its own command line over them."""

from pathlib import Path

import dagster as dg
import pytest

from smart_trader_assets.assembly import make_definitions
from smart_trader_assets.assets.keys import API_POOL
from smart_trader_assets.automation.home import CONFIGURATION, shipped_configuration
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.settings import load_settings
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    CANDIDATES,
    COPY_RESULTS,
    RECENT_TRADES,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKEN_SIGNALS,
    TOKEN_TRADES,
    TOKENS,
    TRACED_WALLETS,
    TRANSACTIONS,
    TRANSFERS,
    WHALES,
)
from smart_trader_assets.tables.cursors import CONSUMERS
from smart_trader_assets_tests.support.command import installed, python
from smart_trader_assets_tests.support.tiny_market import FIRST_MINTS, NOW

CODE = "smart_trader_assets.definitions"
JOBS = {
    "snapshot",
    "candidates",
    "token_side",
    "wallet_side",
    "ranking",
    "tracing",
    "messages",
}
DAY = NOW.date().isoformat()


@pytest.fixture(scope="module")
def definitions():
    return make_definitions(load_settings({"source": "sandbox", "root": "unused"}))


@pytest.fixture(scope="module")
def specs(definitions):
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_the_code_location_loads_without_a_warning():
    loaded = python("-W", "error", "-c", f"import {CODE}")
    assert (loaded.returncode, loaded.stdout, loaded.stderr) == (0, "", "")


def test_definitions_can_be_loaded_by_dagster(definitions):
    dg.Definitions.validate_loadable(definitions)


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_an_asset_says_its_grain_first_its_group_kinds_owners_and_columns(specs, table):
    spec = specs[table.name]
    assert spec.description.startswith("One row per ")
    assert spec.description.startswith(table.grain)
    layer = table.name.split("/")[0]
    assert spec.group_name == layer
    assert {"deltalake", "polars", layer} <= spec.kinds
    assert spec.owners
    columns = spec.metadata["dagster/column_schema"].columns
    assert [column.name for column in columns] == list(table.schema)
    assert all(column.description for column in columns)
    required = {column.name for column in table.all_columns if column.required}
    assert {column.name for column in columns if not column.constraints.nullable} == required
    unique = {column.name for column in columns if column.constraints.unique}
    assert unique == (set(table.key) if len(table.key) == 1 else set())


def test_an_asset_names_the_code_that_computes_it_and_the_page_of_its_columns(specs):
    for table in ALL_TABLES:
        code, page = specs[table.name].metadata["dagster/code_references"].code_references
        computed_at = Path(code.file_path).read_text(encoding="utf-8").splitlines()
        assert "medallion_asset" in computed_at[code.line_number - 1]
        documented_at = Path(page.file_path).read_text(encoding="utf-8").splitlines()
        assert documented_at[page.line_number - 1] == f"## {table.name}"


def test_one_can_filter_by_partitions_by_state_column_and_by_what_costs_credits(specs):
    whales, copied = specs[WHALES.name].tags, specs[COPY_RESULTS.name].tags
    assert whales["partitions"] == "token_shard"
    assert whales["state"] == "tracking_status"
    assert whales["spends"] == "credits"
    assert (copied["partitions"], copied["spends"]) == ("none", "nothing")
    assert "state" not in copied


def test_every_asset_has_a_description_a_group_and_an_owner(specs):
    assert {name for name, spec in specs.items() if not spec.description} == set()
    assert {name for name, spec in specs.items() if spec.group_name == "default"} == set()
    assert {name for name, spec in specs.items() if not spec.owners} == set()


def test_exactly_the_assets_that_call_the_api_are_in_its_pool(definitions):
    graph = definitions.resolve_asset_graph()
    pooled = {
        key.to_user_string()
        for key in graph.get_all_asset_keys()
        if API_POOL in (graph.get(key).pools or set())
    }
    assert pooled == {
        TOKENS.name,
        CANDIDATES.name,
        WHALES.name,
        TRANSACTIONS.name,
        TRANSFERS.name,
    }


def test_rows_flow_in_the_order_in_which_the_cursors_stand(definitions):
    graph = definitions.resolve_asset_graph()
    order = [TOKENS.name, CANDIDATES.name, *CONSUMERS]
    ranking = order.index(SMART_TRADERS.name)
    order[ranking:ranking] = [TOKEN_TRADES.name, RECENT_TRADES.name, COPY_RESULTS.name]
    order.insert(order.index(SMART_TRADERS.name) + 1, TRACED_WALLETS.name)
    # What is told comes last.
    order[-1:-1] = [TIER_CHANGES.name, TOKEN_SIGNALS.name]
    for place, name in enumerate(order):
        for parent in graph.get(dg.AssetKey.from_user_string(name)).parent_keys:
            assert parent.to_user_string() in order[:place]


def test_a_job_exists_for_each_partitioning_and_every_table_is_in_one(definitions):
    jobs = {name: definitions.resolve_job_def(name) for name in JOBS}
    in_jobs = {
        key.to_user_string() for job in jobs.values() for key in job.asset_layer.selected_asset_keys
    }
    assert {table.name for table in ALL_TABLES} <= in_jobs
    assert {name: job.partitions_def is not None for name, job in jobs.items()} == {
        "snapshot": True,
        "candidates": False,
        "token_side": True,
        "wallet_side": True,
        "ranking": False,
        "tracing": True,
        "messages": False,
    }
    assert all(job.description for job in jobs.values())


@pytest.fixture
def variables(pipeline, tmp_path):
    """The environment of Dagster's command line over the pipeline's root."""
    home = tmp_path / "dagster_home"
    home.mkdir()
    (home / CONFIGURATION).write_text(shipped_configuration(load_settings()))
    return {
        "DAGSTER_HOME": str(home),
        "BIRDEYE_API_KEY": "key-of-the-tests",
        "SMART_TRADER_BIRDEYE_BASE_URL": pipeline.server.base_url,
        "SMART_TRADER_REQUESTS_PER_SECOND": "1000",
        "SMART_TRADER_ROOT": str(pipeline.root),
        "SMART_TRADER_AS_OF": NOW.isoformat(),
        "SMART_TRADER_TOKEN_SHARDS": "2",
        "SMART_TRADER_WALLET_SHARDS": "2",
    }


def test_dagster_materializes_an_asset_and_backfills_a_job_from_its_command_line(
    pipeline, variables
):
    materialized = installed(
        "dagster",
        *("asset", "materialize", "-m", CODE),
        *("--select", TOKENS.name, "--partition", DAY),
        variables=variables,
    )
    assert materialized.returncode == 0, materialized.stderr
    tokens = DeltaStore(str(pipeline.root)).scan(TOKENS).collect()
    assert set(tokens["token_address"]) == FIRST_MINTS
    assert set(tokens["tracking_status"]) == {"pending"}

    backfilled = installed(
        "dagster",
        *("job", "backfill", "-m", CODE, "-j", "token_side", "--noprompt"),
        *("--partitions", "00,01"),
        variables=variables,
    )
    assert backfilled.returncode == 0, backfilled.stderr
    with dg.DagsterInstance.from_config(variables["DAGSTER_HOME"]) as instance:
        runs = instance.get_runs(dg.RunsFilter(job_name="token_side"))
    assert sorted(run.tags["dagster/partition"] for run in runs) == ["00", "01"]
    assert len({run.tags["dagster/backfill"] for run in runs}) == 1
