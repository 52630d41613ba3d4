"""A sensor's tick on real tables: it asks for what is due, and says why where it asks for nothing."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from smart_trader_assets.birdeye.circuit_breaker import BREAKER_NOTE, OpenBreaker
from smart_trader_assets.delta.errors import TableMissingError
from smart_trader_assets.tables.catalog import (
    NOTIFICATIONS,
    SMART_TRADERS,
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    TRANSFERS,
    WALLET_PNL,
    WHALES,
)
from smart_trader_assets.tables.cursors import CONSUMERS
from smart_trader_assets.transforms.shards import shard_keys
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.samples import (
    DAY,
    NOW,
    pnl,
    swap,
    token,
    tracked_token,
    tracked_whale,
    whale,
)
from smart_trader_assets_tests.support.ticking import Automation

WALLET_SHARDS = shard_keys(16)


def test_a_tick_on_a_new_root_says_that_nothing_is_due_and_at_which_version(automation):
    for consumer in CONSUMERS:
        tick = automation.tick(consumer)
        assert tick.requests == ()
        assert tick.skipped.startswith("Nothing is due: ")
    version = automation.store.version(TOKENS)
    tick = automation.tick(TRACKED_TOKENS.name)
    assert tick.skipped == (
        f"Nothing is due: bronze/tokens at version {version}, unchanged since the last tick."
    )


def test_due_rows_are_told_by_partition_and_asked_for_as_one_range(automation):
    automation.put(
        TOKENS,
        [token("a"), token("b"), token("c", token_shard="02")],
        DAY,
    )
    tick = automation.tick(TRACKED_TOKENS.name)
    assert tick.log == ["silver/tracked_tokens: due rows by partition: 00: 2, 02: 1"]
    (request,) = tick.requests
    assert [key.path for key in request.asset_selection] == [["silver", "tracked_tokens"]]
    assert request.partition_key is None
    assert request.tags == {
        "dagster/sensor_name": "tracked_tokens_due",
        "smart_trader/asset": "silver/tracked_tokens",
        "smart_trader/why": "3 rows due in bronze/tokens.tracking_status",
        "smart_trader/partitions": "00...02",
        "dagster/asset_partition_range_start": "00",
        "dagster/asset_partition_range_end": "02",
    }


def test_one_due_partition_is_asked_for_by_its_key(automation):
    automation.put(TOKENS, [token("a", token_shard="03")], DAY)
    (request,) = automation.tick(TRACKED_TOKENS.name).requests
    assert request.partition_key == "03"
    assert "dagster/asset_partition_range_start" not in request.tags


def test_the_unpartitioned_ranking_is_asked_for_once_for_all_shards(automation):
    for shard in ("00", "09"):
        automation.put(WALLET_PNL, [pnl(f"wallet {shard}", wallet_shard=shard)], shard)
    tick = automation.tick(SMART_TRADERS.name)
    (request,) = tick.requests
    assert request.partition_key is None
    assert tick.partitions == ["all"]
    assert request.tags["smart_trader/why"] == (
        "2 rows due in silver/wallet_pnl.processed_for_gold, silver/traced_wallets.transfers_status"
    )


@pytest.mark.parametrize(("width", "runs"), [(16, ["00...15"]), (8, ["00...07", "08...15"])])
def test_all_sixteen_shards_take_no_more_runs_than_the_width_needs(automation_with, width, runs):
    automation = automation_with(shards_per_run=width)
    wallets = [whale(f"wallet {shard}", wallet_shard=shard) for shard in WALLET_SHARDS]
    automation.put(WHALES, wallets)
    assert automation.tick(TRACKED_WHALES.name).partitions == runs


def test_pnl_is_due_by_new_swaps_and_by_the_age_of_the_numbers_together(automation):
    automation.put(TRANSACTIONS, [swap("s", wallet_shard="01")], "01")
    automation.put(WALLET_PNL, [pnl("old", wallet_shard="03", ages_at=NOW)], "03")
    automation.put(WALLET_PNL, [pnl("new", wallet_shard="05")], "05")
    tick = automation.tick(WALLET_PNL.name)
    assert tick.log == ["silver/wallet_pnl: due rows by partition: 01: 1, 03: 1"]
    assert tick.partitions == ["01...03"]


def test_a_row_falls_due_by_time_with_no_commit_between_two_ticks(automation_with):
    fetched = NOW - timedelta(hours=24)
    early, late = automation_with(NOW - timedelta(seconds=1)), automation_with(NOW)
    early.put(
        TRACKED_WHALES,
        [
            tracked_whale(
                "w",
                processing_status="processed",
                transactions_fetched_at=fetched,
                last_swap_at=int(fetched.timestamp()),
            )
        ],
    )
    version = early.store.version(TRACKED_WHALES)
    assert early.tick(TRANSACTIONS.name).skipped.startswith("Nothing is due")
    late.cursors = early.cursors
    assert late.tick(TRANSACTIONS.name).partitions == ["00"]
    assert late.store.version(TRACKED_WHALES) == version


def test_a_clock_that_jumps_back_takes_nothing_that_waits_for_time_and_all_that_is_due_by_state(
    automation_with,
):
    now, before = automation_with(), automation_with(NOW - timedelta(days=2))
    now.put(
        TRACKED_TOKENS,
        [
            tracked_token("a", whale_fetch_status="completed", whale_fetched_at=NOW),
            tracked_token("b", whale_fetch_status="retry", attempts=1, next_attempt_at=NOW),
        ],
    )
    assert now.tick(WHALES.name).log == ["bronze/whales: due rows by partition: 00: 1"]
    before.cursors = now.cursors
    assert before.tick(WHALES.name).skipped.startswith("Nothing is due")
    now.put(TRACKED_TOKENS, [tracked_token("c")])
    assert before.tick(WHALES.name).log == ["bronze/whales: due rows by partition: 00: 1"]


def test_a_tick_with_nothing_due_opens_no_file_of_rows(drained, instance):
    """The first tick after a drain and the next: both work with the tables' logs alone."""
    automation = _of(drained, instance)
    for path in drained.root.glob("*/*/**/*.parquet"):
        if "_delta_log" not in path.parts and "ops" not in path.parts:
            path.unlink()
    for _ in range(2):
        for consumer in CONSUMERS:
            tick = automation.tick(consumer)
            assert tick.skipped.startswith("Nothing is due: "), consumer


def test_only_what_waits_for_time_is_counted_again_while_no_version_changes(drained, instance):
    automation = _of(drained, instance)
    ticks = {consumer: [automation.tick(consumer) for _ in range(2)][1] for consumer in CONSUMERS}
    quiet = {name for name, tick in ticks.items() if "unchanged since" in tick.skipped}
    # Tokens, wallets and numbers that are done fall due again with age, and what is ranked with other rules.
    assert quiet == {
        TRACKED_TOKENS.name,
        TRACKED_WHALES.name,
        TRANSFERS.name,
        NOTIFICATIONS.name,
    }


def _of(pipeline: Pipeline, instance: dg.DagsterInstance) -> Automation:
    return Automation(pipeline.settings(), instance)


def test_a_notice_of_parking_holds_back_only_those_that_fetch(automation, tmp_path):
    until = datetime.now(UTC) + timedelta(hours=6)
    _park(automation, OpenBreaker(until, "Compute units usage limit exceeded"))
    automation.put(TRACKED_TOKENS, [tracked_token("a")])
    automation.put(TRACKED_WHALES, [tracked_whale("w")])
    automation.put(WHALES, [whale("w")])
    for fetching in (WHALES.name, TRANSACTIONS.name):
        tick = automation.tick(fetching)
        assert tick.skipped == (
            f"1 rows are due, but fetching is paused until {until:%Y-%m-%d %H:%M} UTC: "
            "Compute units usage limit exceeded"
        )
    assert automation.tick(TRACKED_WHALES.name).partitions == ["00"]
    _park(automation, OpenBreaker(datetime.now(UTC) - timedelta(seconds=1), "over"))
    assert automation.tick(WHALES.name).partitions == ["00"]


def _park(automation: Automation, notice: OpenBreaker) -> None:
    folder: Path = automation.settings.resolved_state_dir
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{BREAKER_NOTE}.json").write_text(
        json.dumps({"until": notice.until.isoformat(), "reason": notice.reason})
    )


def test_a_deleted_table_is_an_error_and_is_not_made_anew(automation, automation_with):
    automation.put(TOKENS, [token("a")], DAY)
    automation.tick(TRACKED_TOKENS.name)
    folder = Path(automation.store.uri(TOKENS))
    shutil.rmtree(folder)
    for daemon in (automation, automation_with()):
        with pytest.raises(TableMissingError, match="bronze/tokens is gone"):
            daemon.tick(TRACKED_TOKENS.name)
    assert not folder.exists()


def test_a_table_put_back_from_a_copy_is_told_and_taken_as_it_stands(automation, tmp_path):
    automation.put(TOKENS, [token("a")], DAY)
    folder, copy = Path(automation.store.uri(TOKENS)), tmp_path / "copy"
    shutil.copytree(folder, copy)
    then = automation.store.version(TOKENS)
    automation.put(TOKENS, [token("b", token_shard="01")], DAY)
    assert automation.tick(TRACKED_TOKENS.name).partitions == ["00...01"]
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)
    tick = automation.tick(TRACKED_TOKENS.name)
    assert tick.log[0] == (
        f"bronze/tokens is at version {then}, but was at {then + 1}: it was restored from a backup "
        "or made again. Its states are used as they are."
    )
    assert tick.partitions == ["00"]


def test_no_run_key_comes_twice_however_often_the_same_rows_are_asked_for(automation):
    automation.put(TOKENS, [token("a")], DAY)
    keys = [automation.tick(TRACKED_TOKENS.name).requests[0].run_key for _ in range(3)]
    assert len(set(keys)) == 3
