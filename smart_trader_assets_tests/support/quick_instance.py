"""Runs of the command in the tests' process keep their history in memory: its files are tested elsewhere."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import dagster as dg
import pytest
from dagster._config.pythonic_config import config as configured
from dagster._config.pythonic_config import resource as of_resources
from dagster._core.storage.event_log import in_memory as events_in_memory
from dagster._core.storage.runs import in_memory as runs_in_memory
from dagster._core.storage.sql import create_engine
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import QueuePool

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
def histories_keep_their_connections() -> Iterator[None]:
    """Histories in memory keep the connections that they have opened.

    They would open one for each event, which takes longer than writing it. A reader that meets a writer gets an
    error at once, where in a file it would wait: it reads what is not committed (a run's lease is renewed by a
    thread of its own).
    """

    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA foreign_keys = on")
        connection.execute("PRAGMA read_uncommitted = on")

    def make_engine(address: str, **_: object) -> Engine:
        engine = create_engine(
            address, poolclass=QueuePool, connect_args={"check_same_thread": False}
        )
        event.listen(engine, "connect", connected)
        return engine

    @contextmanager
    def connection_to_runs(storage: runs_in_memory.InMemoryRunStorage) -> Iterator[Connection]:
        with storage._engine.begin() as connection:
            yield connection

    @contextmanager
    def connection_to_events(
        storage: events_in_memory.InMemoryEventLogStorage,
    ) -> Iterator[Connection]:
        with storage._db_lock, storage._engine.begin() as connection:
            yield connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs_in_memory, "create_engine", make_engine)
        patch.setattr(events_in_memory, "create_engine", make_engine)
        patch.setattr(runs_in_memory.InMemoryRunStorage, "connect", connection_to_runs)
        patch.setattr(events_in_memory.InMemoryEventLogStorage, "_connect", connection_to_events)
        yield


@pytest.fixture(scope="session", autouse=True)
def resources_described_once() -> Iterator[None]:
    """What can be configured of a resource is derived from its class once, not for each run anew."""
    described = cache(configured.infer_schema_from_config_class)

    def describe(resource: type[dg.Config], fields_to_omit: set[str], **chosen: Any) -> dg.Field:
        if chosen:
            return configured.infer_schema_from_config_class(
                resource, fields_to_omit=fields_to_omit, **chosen
            )
        return described(resource, fields_to_omit=frozenset(fields_to_omit))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(of_resources, "infer_schema_from_config_class", describe)
        yield


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
