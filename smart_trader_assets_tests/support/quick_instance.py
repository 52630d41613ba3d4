"""Runs of the command in the tests' process keep their history in memory: its files are tested elsewhere."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import pytest
from dagster._core.storage.event_log import in_memory as events_in_memory
from dagster._core.storage.runs import in_memory as runs_in_memory
from sqlalchemy import event
from sqlalchemy.engine import Engine

from smart_trader_assets.automation.home import make_home
from smart_trader_assets.cli import draining as run_command
from smart_trader_assets.cli import look_up as wallet_command
from smart_trader_assets.settings import Settings


@contextmanager
def _in_memory(settings: Settings) -> Iterator[dg.DagsterInstance]:
    make_home(settings)  # which refuses what it refuses
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture(scope="session", autouse=True)
def readers_wait_for_nobody() -> Iterator[None]:
    """In a history in memory a reader that meets a writer gets an error at once, where in a file it would wait:
    a run's lease is renewed by a thread of its own."""

    def connected(connection: object, _: object) -> None:
        if not isinstance(connection, sqlite3.Connection):
            return
        (_, _, file), *_ = connection.execute("PRAGMA database_list").fetchall()
        if not file:
            connection.execute("PRAGMA read_uncommitted = true")

    event.listen(Engine, "connect", connected)
    yield
    event.remove(Engine, "connect", connected)


@pytest.fixture(scope="session", autouse=True)
def unstamped_histories() -> Iterator[None]:
    """Histories in memory take no note of their migrations, of which they will never have any.

    Reading all of them takes longer than the rest of making such a history, which every run of a test does.
    """
    with pytest.MonkeyPatch.context() as patch:
        for storage in (runs_in_memory, events_in_memory):
            patch.setattr(storage, "stamp_alembic_rev", lambda *_: None)
        yield


def keep_history_in_memory(patch: pytest.MonkeyPatch) -> None:
    """`smart-trader run` and `smart-trader wallet` make their home, and no database in it."""
    for command in (run_command, wallet_command):
        patch.setattr(command, "instance_of", _in_memory)


@pytest.fixture
def history_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for a test."""
    keep_history_in_memory(monkeypatch)
