"""What runs share, in files and in PostgreSQL: the same promises."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smart_trader_assets.birdeye import CreditLedger, RateGate, Spend
from smart_trader_assets.birdeye.ledger import LEDGER
from smart_trader_assets.birdeye.rate_gate import RATE
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.settings import SettingsError, load_settings
from smart_trader_assets.state import postgres as postgres_state
from smart_trader_assets.state.database import Transaction
from smart_trader_assets.state.errors import StateError, StateUncertainError
from smart_trader_assets.state.postgres import PostgresState
from smart_trader_assets.state.shared_state import LocalState, SharedState, state_of
from smart_trader_assets_tests.support.postgres import NewDatabase
from smart_trader_assets_tests.support.states import ROOT, state_at

BUSY = SmartTraderError("Somebody else is at it.")


def test_a_note_is_what_was_written_last(place):
    note = state_at(place).note("colours", dict[str, int])
    assert note.read() is None
    note.write({"red": 1})
    note.write({"red": 2})
    assert state_at(place).note("colours", dict[str, int]).read() == {"red": 2}
    assert state_at(place).note("colours", list[str]).read() is None
    note.remove()
    note.remove()
    assert note.read() is None


def test_changes_of_a_note_from_all_sides_are_all_kept(place):
    def add(number: int) -> None:
        note = state_at(place).note("numbers", list[int])
        note.change(lambda known: [*(known or []), number])

    with ThreadPoolExecutor(6) as several:
        list(several.map(add, range(12)))
    note = state_at(place).note("numbers", list[int])
    assert sorted(note.read() or []) == list(range(12))
    note.change(lambda _: None)
    assert note.read() is None


def test_a_journal_keeps_its_lines_in_their_order_until_it_is_cleared(shared_state: SharedState):
    journal, other = shared_state.journal("sent"), shared_state.journal("other")
    if isinstance(shared_state, LocalState):
        shared_state.folder.mkdir(parents=True)
    assert list(journal.lines()) == []
    lines = [json.dumps(["ünïcödé ? %s", number]) for number in range(12)]
    for line in lines:
        journal.add(line)
    other.add("mine")
    assert list(journal.lines()) == lines
    journal.clear()
    assert (list(journal.lines()), list(other.lines())) == ([], ["mine"])


def test_a_lock_is_one_holders_and_free_afterwards(place):
    mine, theirs = state_at(place), state_at(place)
    with mine.alone("drain", wait=0, otherwise=BUSY):
        with (
            pytest.raises(SmartTraderError, match="Somebody else is at it"),
            theirs.alone("drain", wait=0, otherwise=BUSY),
        ):
            pass
        with theirs.alone("messages", wait=0, otherwise=BUSY):
            pass
    with theirs.alone("drain", wait=0, otherwise=BUSY):
        pass


def test_who_waits_gets_the_lock_when_it_is_released(place, monkeypatch):
    monkeypatch.setattr(postgres_state, "_POLL_SECONDS", 0.05)
    held, order = threading.Event(), list[str]()

    def hold() -> None:
        with state_at(place).alone("drain", wait=0, otherwise=BUSY):
            held.set()
            time.sleep(0.3)
            order.append("first")

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(30)
    with state_at(place).alone("drain", wait=30, otherwise=BUSY):
        order.append("second")
    holder.join()
    assert order == ["first", "second"]


def test_what_raises_leaves_no_trace_in_a_database(shared_state: SharedState):
    database = shared_state.database("numbers", durable=True)
    database.create("CREATE TABLE IF NOT EXISTS numbers ({rowid}number BIGINT)")

    def add(transaction: Transaction) -> None:
        transaction.execute("INSERT INTO numbers (number) VALUES (?)", (7,))

    def add_and_fail(transaction: Transaction) -> None:
        add(transaction)
        raise ZeroDivisionError

    database.write(add)
    with pytest.raises(ZeroDivisionError):
        database.write(add_and_fail)
    database.create("CREATE TABLE IF NOT EXISTS numbers ({rowid}number BIGINT)")
    rows = database.read(lambda reading: reading.execute("SELECT number FROM numbers").fetchall())
    assert [tuple(row) for row in rows] == [(7,)]


def test_who_only_looks_leaves_no_file(tmp_path: Path):
    database = LocalState(tmp_path / "state").database_if_any(LEDGER)
    assert CreditLedger(database, month_budget=10).budget(datetime.now(UTC)).left == 10
    assert not (tmp_path / "state").exists()


# In PostgreSQL.


def test_the_clock_is_the_servers(new_database: NewDatabase):
    state = PostgresState.of(new_database(), ROOT)
    assert abs(state.now() - datetime.now(UTC)) < timedelta(seconds=30)


@pytest.fixture
def short_leases(postgres, monkeypatch) -> None:
    """Leases of an instant, in a server that has been up for longer than that."""
    monkeypatch.setattr(postgres_state, "LOCK_LEASE", timedelta(seconds=0.6))
    monkeypatch.setattr(postgres_state, "_POLL_SECONDS", 0.05)
    time.sleep(0.7)


def held_by_nobody_alive(state: PostgresState) -> postgres_state._HeldLock:
    lock = postgres_state._HeldLock(state.database("locks", durable=True), "drain")
    assert lock.take()
    return lock


@pytest.mark.usefixtures("short_leases")
def test_a_lock_whose_holder_has_died_is_free_after_its_lease(new_database):
    state = PostgresState.of(new_database(), ROOT)
    held_by_nobody_alive(state)
    with (
        pytest.raises(SmartTraderError, match=r"at it\. It is process \d+ on .*, it is free at"),
        state.alone("drain", wait=0, otherwise=BUSY),
    ):
        pass
    with state.alone("drain", wait=30, otherwise=BUSY) as is_held:
        time.sleep(1.5)  # renewed meanwhile
        assert is_held()
        assert not postgres_state._HeldLock(state.database("locks", durable=True), "drain").take()


def test_who_has_taken_a_lock_and_was_not_told_so_takes_it_again(new_database):
    """The connection breaks once the server has written it down."""
    state = PostgresState.of(new_database(), ROOT)
    assert held_by_nobody_alive(state).take()
    assert not postgres_state._HeldLock(state.database("locks", durable=True), "drain").take()


@pytest.mark.usefixtures("short_leases")
def test_a_holder_that_was_asleep_learns_that_its_lock_is_lost(new_database):
    state = PostgresState.of(new_database(), ROOT)
    asleep = held_by_nobody_alive(state)
    assert asleep.renew()
    with state.alone("drain", wait=30, otherwise=BUSY) as is_held:
        assert is_held()
        assert not asleep.renew()
    assert not asleep.renew(), "a lock that was released is not taken back"


def test_a_lock_that_ran_out_while_the_server_was_away_is_its_holders(new_database, monkeypatch):
    state = PostgresState.of(new_database(), ROOT)
    monkeypatch.setattr(postgres_state, "LOCK_LEASE", timedelta(seconds=0.3))
    holder = held_by_nobody_alive(state)
    time.sleep(0.5)
    # As after a restart: the server has not been up for a whole lease.
    monkeypatch.setattr(postgres_state, "LOCK_LEASE", timedelta(hours=1))
    assert not postgres_state._HeldLock(state.database("locks", durable=True), "drain").take()
    assert holder.renew()


def test_what_is_lost_with_the_connection_is_done_again(new_database: NewDatabase):
    state = PostgresState.of(new_database(), ROOT)
    ledger = CreditLedger(state.database(LEDGER, durable=True), month_budget=None)
    meter = ledger.meter("run", run_budget=None)
    reservation = meter.reserve("trader_txs", 12)
    cut(state)
    meter.reserve("trader_txs", 12)
    cut(state)
    meter.refund(reservation)
    assert meter.spent == {"trader_txs": Spend(2, 12)}


def cut(state: PostgresState) -> None:
    """End every connection, as a restart of the server does."""
    sql = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    state.database("cut", durable=True).read(lambda reading: reading.execute(sql).fetchall())


def test_a_connection_that_is_lost_within_a_change_keeps_it_once(new_database: NewDatabase):
    state = PostgresState.of(new_database(), ROOT)
    database = state.database("numbers", durable=True)
    database.create("CREATE TABLE IF NOT EXISTS numbers ({rowid}number BIGINT)")
    attempts = list[int]()

    def add(transaction: Transaction) -> None:
        attempts.append(1)
        transaction.execute("INSERT INTO numbers (number) VALUES (?)", (7,))
        if len(attempts) == 1:
            transaction.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    database.write(add)
    count = database.read(
        lambda reading: reading.execute("SELECT count(*) FROM numbers").fetchone()
    )
    assert (count[0], len(attempts)) == (1, 2)


def test_what_must_not_be_done_twice_is_uncertain_where_the_end_was_not_seen(
    new_database, monkeypatch
):
    state = PostgresState.of(new_database(), ROOT)
    database = state.database("numbers", durable=True)

    def doomed(transaction: Transaction) -> None:
        # The server ends the session at the commit.
        transaction.execute("CREATE TABLE IF NOT EXISTS numbers (number BIGINT)")
        transaction.execute(
            "CREATE OR REPLACE FUNCTION pg_temp.die() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'"
        )
        transaction.execute(
            "CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON numbers DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION pg_temp.die()"
        )
        transaction.execute("INSERT INTO numbers VALUES (1)")

    with pytest.raises(StateUncertainError):
        database.write(doomed, repeatable=False)


def test_a_database_belongs_to_the_root_that_claimed_it_and_looking_claims_nothing(new_database):
    url = new_database()
    for root in ("s3://bucket/mistyped", "s3://bucket/one"):
        PostgresState(url, root).check()
    PostgresState(url, "s3://bucket/one").claim()
    PostgresState(url, "s3://bucket/one/").claim()
    told = r"keeps the state of s3://bucket/one, not of s3://bucket/two.*DROP SCHEMA"
    with pytest.raises(StateError, match=told):
        PostgresState(url, "s3://bucket/two").check()


def test_two_that_claim_at_once_do_not_both_get_it(new_database: NewDatabase):
    url = new_database()
    one, other = PostgresState(url, "s3://bucket/one"), PostgresState(url, "s3://bucket/two")
    assert one.deployment == other.deployment
    one.claim()
    with pytest.raises(StateError, match="keeps the state of s3://bucket/one"):
        other.claim()


def test_a_database_of_a_later_version_is_refused(new_database: NewDatabase):
    state = PostgresState(new_database(), ROOT)
    sql = "UPDATE deployment SET version = version + 1"
    state.database("any", durable=True).write(lambda writing: writing.execute(sql))
    later = PostgresState(str(state._engine.url.render_as_string(hide_password=False)), ROOT)
    with pytest.raises(StateError, match=r"later version of this software .* install that version"):
        later.check()


def test_each_database_has_a_name_of_its_own(new_database: NewDatabase):
    one, other = PostgresState(new_database(), ROOT), PostgresState(new_database(), ROOT)
    assert one.deployment == one.deployment != other.deployment


def test_one_that_does_not_answer_is_named_at_once_and_without_its_password():
    url = "postgresql://trader:swordfish-1234@127.0.0.1:1/state?password=swordfish-5678"
    state = PostgresState(url, ROOT)
    with pytest.raises(StateError) as refused:
        state.check()
    said = str(refused.value)
    assert "127.0.0.1:1/state" in said
    assert "SMART_TRADER_STATE_URL" in said
    assert "swordfish" not in said


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:swordfish-1@host/db",
        "host/db",
        "swordfish-1",
        "postgresql://u:sword@swordfish-1@host/db",
        "postgresql://u:pa@wo:swordfish-1@host/db",
        "postgresql://u:sec\u2100swordfish-1@host/db",
        "postgresql://u:swordfish-1@host:port/db",
        "postgresql+psycopg://u:swordfish-1@host/db",
    ],
)
def test_an_address_that_is_none_is_refused_without_being_shown(url):
    with pytest.raises(
        SettingsError, match="SMART_TRADER_STATE_URL: it is not a PostgreSQL"
    ) as refused:
        load_settings({"state_url": url})
    assert "swordfish" not in str(refused.value)


def test_a_remote_root_needs_a_database_or_says_that_one_machine_is_all(
    tmp_path: Path, new_database
):
    remote = {"root": "s3://bucket/root"}
    with pytest.raises(SettingsError, match="set SMART_TRADER_STATE_URL to a PostgreSQL"):
        state_of(load_settings(remote))
    assert isinstance(state_of(load_settings({**remote, "state_dir": tmp_path})), LocalState)
    shared = load_settings({**remote, "state_url": new_database()})
    assert state_of(shared) is state_of(shared)
    assert "state_url=SecretStr" in repr(shared)


def test_the_rate_goes_by_the_servers_clock_and_not_by_ours(new_database, monkeypatch):
    state = PostgresState.of(new_database(), ROOT)
    gate = RateGate(state.database(RATE, durable=False), requests_per_second=50)
    ours = time.time_ns() + 300 * 10**9
    monkeypatch.setattr("smart_trader_assets.birdeye.rate_gate.time_ns", lambda: ours)
    turn = asyncio.run(gate.acquire())
    assert abs(turn - time.time_ns() // 10**6) < 30_000
