"""Credits are booked before they are spent, by month, run and endpoint, across processes."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from smart_trader_assets.birdeye import BudgetSpentError, CreditLedger, Spend, StateFileError
from smart_trader_assets_tests.birdeye.neighbours import spend_all

JULY = datetime(2025, 7, 31, 23, tzinfo=UTC)
AUGUST = datetime(2025, 8, 1, 1, tzinfo=UTC)


def test_spending_is_told_by_month_run_and_endpoint(ledger: CreditLedger) -> None:
    now = JULY
    first = ledger.meter("first", run_budget=None, now=lambda: now)
    first.reserve("token_list", 100)
    first.reserve("trader_txs", 12)
    now = AUGUST
    first.reserve("trader_txs", 12)
    ledger.meter("second", run_budget=None, now=lambda: now).reserve("trader_txs", 12)

    assert first.spent == {"token_list": Spend(1, 100), "trader_txs": Spend(2, 24)}
    assert ledger.month_total(JULY) == Spend(2, 112)
    assert ledger.month_total(AUGUST) == Spend(2, 24)
    assert ledger.month_total(AUGUST.date()) == Spend(2, 24)
    assert ledger.by_endpoint(JULY) == {"token_list": Spend(1, 100), "trader_txs": Spend(1, 12)}
    assert ledger.by_run(AUGUST) == {"first": Spend(1, 12), "second": Spend(1, 12)}
    assert ledger.month_total(datetime(2025, 9, 1, tzinfo=UTC)) == Spend(0, 0)


def test_months_are_those_of_utc(ledger: CreditLedger) -> None:
    in_tokyo = AUGUST.astimezone(timezone(timedelta(hours=9))) - timedelta(hours=2)
    assert in_tokyo.month == 8
    ledger.meter("run", run_budget=None, now=lambda: in_tokyo).reserve("trader_txs", 12)
    assert ledger.month_total(JULY) == Spend(1, 12)


def test_the_budget_of_a_run_is_spent_to_the_last_credit_and_no_further(
    ledger: CreditLedger,
) -> None:
    meter = ledger.meter("run", run_budget=24)
    meter.reserve("trader_txs", 12)
    meter.reserve("trader_txs", 12)
    with pytest.raises(BudgetSpentError, match="run's budget of 24 credits has 0 left"):
        meter.reserve("trader_txs", 12)
    assert meter.spent == {"trader_txs": Spend(2, 24)}
    ledger.meter("another", run_budget=24).reserve("trader_txs", 12)


def test_the_budget_of_a_month_binds_all_runs_and_ends_with_the_month() -> None:
    ledger = CreditLedger(Path(":memory:"), month_budget=110)
    now = JULY
    ledger.meter("one", run_budget=None, now=lambda: now).reserve("token_list", 100)
    other = ledger.meter("other", run_budget=None, now=lambda: now)
    with pytest.raises(BudgetSpentError, match="month's budget of 110 credits has 10 left"):
        other.reserve("trader_txs", 12)
    now = AUGUST
    other.reserve("trader_txs", 12)


def test_a_refund_returns_to_the_month_that_paid_and_keeps_the_request(
    ledger: CreditLedger,
) -> None:
    now = JULY
    meter = ledger.meter("run", run_budget=12, now=lambda: now)
    reservation = meter.reserve("trader_txs", 12)
    now = AUGUST
    meter.refund(reservation)
    assert ledger.month_total(JULY) == Spend(1, 0)
    assert ledger.month_total(AUGUST) == Spend(0, 0)
    meter.reserve("trader_txs", 12)


def test_two_processes_spend_one_budget_exactly_once(tmp_path: Path) -> None:
    path, affordable = tmp_path / "credits.sqlite", 150
    context = multiprocessing.get_context("spawn")
    start, handed_in = context.Barrier(2), context.Queue()
    processes = [
        context.Process(target=spend_all, args=(path, run, affordable * 12 + 11, start, handed_in))
        for run in ("one", "two")
    ]
    for process in processes:
        process.start()
    reserved = [handed_in.get(timeout=30) for _ in processes]
    for process in processes:
        process.join()
    assert sum(reserved) == affordable
    ledger = CreditLedger(path, month_budget=None)
    assert ledger.month_total(datetime.now(UTC)) == Spend(affordable, affordable * 12)
    assert sorted(spend.requests for spend in ledger.by_run(datetime.now(UTC)).values()) == sorted(
        count for count in reserved if count
    )


def test_a_ledger_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateFileError, match="credits"):
        CreditLedger(tmp_path / "file" / "credits.sqlite", month_budget=None)
