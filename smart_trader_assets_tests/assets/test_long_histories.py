"""A history longer than the budget of pages is read in several runs, none of its rows twice or never."""

import json
from datetime import timedelta

import pytest

from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.sandbox import Endpoint, Recording
from smart_trader_assets.tables.catalog import TRACKED_WHALES, TRANSACTIONS, WALLET_PNL
from smart_trader_assets.transforms.swap_history import HISTORY_COLUMNS
from smart_trader_assets_tests.support.pipeline import Pipeline, open_pipeline
from smart_trader_assets_tests.support.rivals import ONE_SHARD
from smart_trader_assets_tests.support.samples import STAMP, frame, tracked_whale
from smart_trader_assets_tests.support.tiny_market import ANN, CAT, DOG, NOW, swap

ROWS = 250


@pytest.fixture
def busy(tmp_path):
    """ANN alone, who buys CAT and sells it a little dearer, 125 times."""
    folder = tmp_path / "rows"
    folder.mkdir()
    rows = [
        swap(ANN, CAT, (-1) ** index * 10, 1 + index / 1000, NOW - timedelta(hours=300 - index))
        for index in range(ROWS)
    ]
    text = "\n".join(json.dumps(row) for row in reversed(rows))
    (folder / f"{ANN}.jsonl").write_text(text)
    with open_pipeline(tmp_path / "root", Recording.load(folder), **ONE_SHARD) as pipeline:
        yield pipeline


def test_a_wallet_whose_pages_ran_out_goes_on_where_it_stopped(busy):
    report = busy.drain(swap_pages_per_run=1)
    fetches = [step for step in report.steps if step.asset == TRANSACTIONS.name]
    assert [step.metrics["wallets_to_go_on"] for step in fetches] == [1, 1, 0]
    assert busy.requests(Endpoint.SWAPS) == 3
    swaps = busy.rows(TRANSACTIONS)
    assert swaps.height == swaps["swap_id"].n_unique() == ROWS
    (whale,) = busy.rows(TRACKED_WHALES).to_dicts()
    assert (whale["processing_status"], whale["history_complete"]) == ("processed", True)
    assert whale["resume_before"] is None
    # Counted once, when all of it was there.
    assert [step.asset for step in report.steps].count(WALLET_PNL.name) == 1

    # The next fetch goes down to the end of what is known, and no further.
    busy.server.log.clear()
    assert busy.materialize(TRANSACTIONS, "00", as_of=NOW + timedelta(hours=30)).success
    assert busy.requests(Endpoint.SWAPS) == 1
    assert busy.rows(TRANSACTIONS).height == ROWS


def test_between_two_runs_the_wallet_is_ready_and_keeps_what_was_read(busy):
    # The list, the holders, and one page.
    report = busy.drain(swap_pages_per_run=1, credits_per_run=100 + 50 + 12)
    assert report.stuck.keys() == {TRANSACTIONS.name}
    (whale,) = busy.rows(TRACKED_WHALES).to_dicts()
    assert (whale["processing_status"], whale["history_complete"]) == ("ready", False)
    assert whale["transactions_fetched_at"] is None
    first = busy.rows(TRANSACTIONS)
    # The oldest second of a full page may go on behind it, and is left to the next page.
    assert first.height == 99
    hundredth = first["block_unix_time"].min() - 3600
    assert whale["resume_before"] == hundredth + 1

    busy.server.log.clear()
    for table in (TRANSACTIONS, WALLET_PNL):
        assert busy.materialize(table, "00", swap_pages_per_run=10).success
    assert busy.requests(Endpoint.SWAPS) == 2
    assert busy.rows(TRANSACTIONS).height == ROWS
    assert set(busy.rows(WALLET_PNL)["history_complete"]) == {True}


def a_row_comes_late(busy: Pipeline, *, holding_usd: float) -> None:
    """ANN, who is fetched, turns out to hold DOG, too; her shard is looked at once more."""
    busy.drain()
    (known,) = busy.rows(TRACKED_WHALES).to_dicts()
    row = tracked_whale(ANN, DOG, holding_usd=holding_usd, wallet_shard=known["wallet_shard"])
    busy.store.write(TRACKED_WHALES, Batch(frame(TRACKED_WHALES, [row]), "00"), STAMP)
    busy.server.log.clear()
    assert busy.materialize(TRANSACTIONS, "00", as_of=NOW + timedelta(hours=1)).success


def test_a_row_that_came_while_its_wallet_was_fetched_takes_over_what_is_known(busy):
    a_row_comes_late(busy, holding_usd=5_000.0)
    assert busy.requests(Endpoint.SWAPS) == 0
    rows = busy.rows(TRACKED_WHALES)
    assert rows["processing_status"].to_list() == ["processed"] * 2
    for column in HISTORY_COLUMNS:
        assert rows[column].n_unique() == 1, column
    assert rows[column].null_count() == 0
    # Once the wallet is due again, its rows are asked for together, and once.
    assert busy.materialize(TRANSACTIONS, "00", as_of=NOW + timedelta(hours=30)).success
    assert busy.requests(Endpoint.SWAPS) == 1


def test_a_row_that_is_screened_out_asks_for_nothing(busy):
    a_row_comes_late(busy, holding_usd=1.0)
    assert busy.requests(Endpoint.SWAPS) == 0
    assert set(busy.rows(TRACKED_WHALES)["processing_status"]) == {"processed", "excluded"}
