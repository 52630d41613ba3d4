"""Fixtures that more than one part of the tests uses."""

import gc
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from smart_trader_assets.sandbox import Recording
from smart_trader_assets_tests.support.made_once import MadeOnce, made_once  # noqa: F401
from smart_trader_assets_tests.support.pipeline import DrainedRoot, Pipeline, open_pipeline
from smart_trader_assets_tests.support.postgres import new_database, postgres  # noqa: F401
from smart_trader_assets_tests.support.quick_instance import (  # noqa: F401
    histories_keep_their_connections,
    history_in_memory,
    resources_described_once,
    unstamped_histories,
)
from smart_trader_assets_tests.support.states import place, shared_state  # noqa: F401
from smart_trader_assets_tests.support.stores import (  # noqa: F401 - fixtures of every room
    blank_root,
    put,
    run,
    set_clock,
    settle,
    store,
)
from smart_trader_assets_tests.support.tiny_market import write_tiny_market

# Dagster makes many objects that stay: looking for garbage among them over and over takes a tenth of the time.
gc.freeze()
gc.set_threshold(50_000, 20, 50)

# `make test` draws a share of the examples, `make prove` many times as many.
settings.register_profile("share", deadline=None, max_examples=9)
settings.register_profile("long", deadline=None, max_examples=500)
settings.load_profile("share")

# Tests in these rooms, or that drain a pipeline or draw many histories, take seconds each.
SLOW_ROOMS = {"end_to_end", "trust", "cli", "released_roots", "proofs", "automation"}
LONGEST_ROOMS = {"end_to_end", "trust", "released_roots"}
SLOW_MODULES = {
    "test_account",
    "test_ageing",
    "test_alert_sensor",
    "test_asset_checks",
    "test_backtest",
    "test_broken_tables",
    "test_changes",
    "test_chosen_wallets",
    "test_circuit_breaker",
    "test_co_trading",
    "test_conflicts",
    "test_copied_returns",
    "test_copying",
    "test_counts",
    "test_damaged_tables",
    "test_deployment",
    "test_doctor",
    "test_drain",
    "test_explanation",
    "test_fence",
    "test_finds_skill",
    "test_gamma_sums",
    "test_gathering",
    "test_generated_market",
    "test_handles",
    "test_io_manager",
    "test_kill_points",
    "test_killed_senders",
    "test_ledger",
    "test_loaded_inputs",
    "test_long_histories",
    "test_lot_evidence",
    "test_lot_judges",
    "test_maintenance",
    "test_messages",
    "test_mirrors",
    "test_new_metric",
    "test_open_worth",
    "test_page",
    "test_page_file",
    "test_past_days",
    "test_pools",
    "test_prices",
    "test_queue",
    "test_random_histories",
    "test_rate_gate",
    "test_receivers",
    "test_recorded_wallets",
    "test_recorder",
    "test_replaced_scope",
    "test_report_and_explain",
    "test_reset",
    "test_restore",
    "test_resumption",
    "test_retries",
    "test_root",
    "test_row_merge",
    "test_run_metrics",
    "test_screening",
    "test_seams",
    "test_secrets",
    "test_serve",
    "test_settlement",
    "test_shared_state",
    "test_signals",
    "test_skill_estimate",
    "test_smart_traders",
    "test_sol_figures",
    "test_sources",
    "test_sql_literals",
    "test_tracing",
    "test_trouble",
    "test_troubles",
    "test_upgrade",
    "test_verdicts",
    "test_wallet_pnl",
    "test_webhook_follows_ranking",
}
SLOW_FIXTURES = {"pipeline", "drained", "made_once", "checked", "busy"}


def _rooms(item: pytest.Item) -> set[str]:
    return set(item.path.relative_to(Path(__file__).parent).parts)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `make test-fast` leaves out, and let the longest begin, so that none is waited for alone."""
    for item in items:
        rooms = _rooms(item)
        fixtures = set(getattr(item, "fixturenames", ()))
        if rooms & SLOW_ROOMS or item.path.stem in SLOW_MODULES or fixtures & SLOW_FIXTURES:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: (not _rooms(item) & LONGEST_ROOMS, not _is_slow(item)))


def pytest_collection_finish() -> None:
    """What is imported and collected stays: it need not be looked through whenever a test makes garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _is_slow(item: pytest.Item) -> bool:
    return item.get_closest_marker("slow") is not None


@pytest.fixture(scope="session")
def tiny_market_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny_market as recorded rows."""
    return write_tiny_market(tmp_path_factory.mktemp("tiny_market") / "rows")


@pytest.fixture(scope="session")
def tiny_market(tiny_market_folder: Path) -> Recording:
    """The tiny_market as a source of the stand-in."""
    return Recording.load(tiny_market_folder)


@pytest.fixture
def pipeline(tmp_path: Path, tiny_market: Recording) -> Iterator[Pipeline]:
    """A new root over the tiny_market."""
    with open_pipeline(tmp_path / "root", tiny_market) as pipeline:
        yield pipeline


@pytest.fixture(scope="session")
def first_run(made_once: MadeOnce, tiny_market: Recording) -> DrainedRoot:  # noqa: F811
    """The first drain of a root over the tiny_market."""

    def make(folder: Path) -> DrainedRoot:
        with open_pipeline(folder / "root", tiny_market) as pipeline:
            return DrainedRoot.of(pipeline)

    return made_once("first_run", make)[1]


@pytest.fixture
def drained(tmp_path: Path, tiny_market: Recording, first_run: DrainedRoot) -> Iterator[Pipeline]:
    """A pipeline of one's own whose first drain is behind it."""
    shutil.copytree(first_run.root, tmp_path / "drained")
    with open_pipeline(tmp_path / "drained", tiny_market) as pipeline:
        yield pipeline
