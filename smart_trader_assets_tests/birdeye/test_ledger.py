"""Credits are booked before they are spent, by month, run and endpoint, across processes."""

from __future__ import annotations

import multiprocessing
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.birdeye import (
    AccountReading,
    BudgetSpentError,
    CreditLedger,
    Spend,
)
from smart_trader_assets.birdeye.ledger import LEDGER, Cycle
from smart_trader_assets.state.database import SqliteFile
from smart_trader_assets.state.errors import StateError
from smart_trader_assets.state.shared_state import LocalState
from smart_trader_assets_tests.birdeye.neighbours import spend_all
from smart_trader_assets_tests.support.states import state_at

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
    ledger = CreditLedger(SqliteFile(None, durable=False), month_budget=110)
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


def test_two_processes_spend_one_budget_exactly_once(place: str) -> None:
    affordable = 150
    context = multiprocessing.get_context("spawn")
    start, handed_in = context.Barrier(2), context.Queue()
    processes = [
        context.Process(target=spend_all, args=(place, run, affordable * 12 + 11, start, handed_in))
        for run in ("one", "two")
    ]
    for process in processes:
        process.start()
    reserved = [handed_in.get(timeout=30) for _ in processes]
    for process in processes:
        process.join()
    assert sum(reserved) == affordable
    ledger = CreditLedger(state_at(place).database(LEDGER, durable=True), month_budget=None)
    assert ledger.month_total(datetime.now(UTC)) == Spend(affordable, affordable * 12)
    assert sorted(spend.requests for spend in ledger.by_run(datetime.now(UTC)).values()) == sorted(
        count for count in reserved if count
    )


def test_a_ledger_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="credits"):
        CreditLedger(
            LocalState(tmp_path / "file").database(LEDGER, durable=True), month_budget=None
        )


def booked(ledger: CreditLedger, credits: int, at: datetime, run: str = "run") -> None:
    ledger.meter(run, run_budget=None, now=lambda: at).reserve("trader_txs", credits)


def day(number: int, hour: int = 12) -> datetime:
    return datetime(2025, 7, number, hour, tzinfo=UTC)


def test_what_a_day_leaves_the_others_of_the_month_share() -> None:
    ledger = CreditLedger(SqliteFile(None, durable=False), month_budget=31_000, day_budget="paced")
    assert ledger.budget(day(1)).of_today == 1_000
    booked(ledger, 400, day(1))
    assert ledger.budget(day(1)).left == 600
    assert ledger.budget(day(2)).of_today == 30_600 // 30
    assert ledger.budget(day(31)).of_today == 30_600
    with pytest.raises(BudgetSpentError, match="day's budget of 1,020 credits") as refused:
        booked(ledger, 1_021, day(2))
    assert refused.value.scope == "day"


@given(st.lists(st.integers(0, 3_000), min_size=31, max_size=31))
def test_whatever_the_days_ask_for_the_month_is_never_exceeded_and_no_day_its_share(asked) -> None:
    ledger = CreditLedger(SqliteFile(None, durable=False), month_budget=31_000, day_budget="paced")
    for number, wanted in enumerate(asked, start=1):
        budget = ledger.budget(day(number))
        booked(ledger, min(wanted, budget.left or 0), day(number))
        assert ledger.budget(day(number)).spent_today <= (budget.of_today or 0)
    assert ledger.budget(day(31)).spent <= 31_000
    booked(ledger, ledger.budget(day(31)).left or 0, day(31))
    assert ledger.budget(day(31)).spent == 31_000


def test_the_account_is_believed_and_what_was_booked_since_is_added() -> None:
    ledger = CreditLedger(SqliteFile(None, durable=False), month_budget=30_000, trusts_account=True)
    booked(ledger, 100, day(3))
    assert ledger.last_reading() is None
    cycle = (datetime(2025, 6, 20, tzinfo=UTC), datetime(2025, 7, 20, tzinfo=UTC))
    ledger.reconcile("a", AccountReading(5_000, 45_000, *cycle), at=day(3))
    booked(ledger, 50, day(4))
    now = ledger.budget(day(4))
    assert (now.spent, now.of_cycle, now.cycle) == (5_050, 50_000, Cycle(*cycle))
    ledger.reconcile("b", AccountReading(5_090, 44_910, *cycle), at=day(5))
    told = ledger.last_reading()
    assert told is not None
    assert told.difference == 40
    assert ledger.budget(day(5)).spent == 5_090
    # The next cycle is as long as the last one, and begins with nothing.
    after = ledger.budget(day(21))
    assert (after.spent, after.cycle.starts) == (0, cycle[1])
    booked(ledger, 12, day(21))
    assert ledger.budget(day(22)).spent == 12


def test_what_another_account_said_of_itself_does_not_count(place: str) -> None:
    def of(account: str) -> CreditLedger:
        database = state_at(place).database(LEDGER, durable=True)
        return CreditLedger(database, month_budget=30_000, trusts_account=True, account=account)

    of("premium").reconcile("a", AccountReading(5_000, 9_995_000), at=day(3))
    assert of("premium").budget(day(3)).of_cycle == 10_000_000
    assert of("premium").last_asked() is not None
    other = of("free")
    assert (other.last_reading(), other.last_asked()) == (None, None)
    assert other.budget(day(3)).of_cycle == 30_000


def test_a_reading_of_before_accounts_were_told_apart_stays_true(tmp_path: Path) -> None:
    file = tmp_path / "credits.sqlite"
    CreditLedger(SqliteFile(file, durable=True), month_budget=None).close()
    with sqlite3.connect(file) as held:
        held.execute("ALTER TABLE readings DROP COLUMN account")
        held.execute(
            "INSERT INTO readings VALUES (?, 'a', 10, 90, NULL, NULL, 0, NULL)",
            (day(3).isoformat(),),
        )
    database = SqliteFile(file, durable=True)
    told = CreditLedger(database, month_budget=None, account="mine").last_reading()
    assert told is not None
    assert told.account == AccountReading(10, 90)


def test_a_budget_that_was_set_is_only_lowered_by_the_account() -> None:
    ledger = CreditLedger(SqliteFile(None, durable=False), month_budget=1_000)
    ledger.reconcile("a", AccountReading(100, 29_900), at=day(3))
    assert ledger.budget(day(3)).of_cycle == 1_000
    ledger.reconcile("b", AccountReading(100, 400), at=day(3))
    assert ledger.budget(day(3)).left == 400


def test_an_account_that_does_not_tell_was_asked_all_the_same() -> None:
    ledger = CreditLedger(SqliteFile(None, durable=False), month_budget=1_000)
    ledger.reconcile("a", None, at=day(3))
    assert ledger.last_reading() is None
    assert ledger.last_asked() == ("a", day(3))
