"""The shared state of a test, as files or in PostgreSQL: which is told by a text that processes can hand on."""

from __future__ import annotations

from pathlib import Path

import pytest

from smart_trader_assets.state.postgres import PostgresState
from smart_trader_assets.state.shared_state import LocalState, SharedState

ROOT = "s3://bucket/root"


def state_at(place: str) -> SharedState:
    """The state in that database, or in that folder."""
    if place.startswith("postgresql"):
        return PostgresState.of(place, ROOT)
    return LocalState(Path(place))


@pytest.fixture(params=["files", "postgres"])
def place(request: pytest.FixtureRequest) -> str:
    """Where a state may be kept: each test is about both."""
    if request.param == "postgres":
        return str(request.getfixturevalue("new_database")())
    return str(request.getfixturevalue("tmp_path") / "state")


@pytest.fixture
def shared_state(place: str) -> SharedState:
    """The same, opened."""
    return state_at(place)
