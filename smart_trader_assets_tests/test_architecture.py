"""The rooms of the package know each other in one direction only, and each keeps to its idea."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import smart_trader_assets

PACKAGE = "smart_trader_assets"
PLACE = Path(smart_trader_assets.__file__).parent

# Each room may import those that stand above it, and none below.
ROOMS = (
    "errors",
    "text",
    "settings",
    "delta",
    "state",
    "transforms",
    "pnl",
    "birdeye",
    "helius",
    "sandbox",
    "tables",
    "ranking",
    "signals",
    "thresholds",
    "lake",
    "checks",
    "report",
    "notify",
    "assets",
    "automation",
    "assembly",
    "sources",
    "drain",
    "doctor",
    "cli",
    "definitions",
)

# Two rooms have a module of this name for the same thing, each from its own side.
SHARED_NAMES = {
    "__init__": "a room's face",
    "candidates": "the asset, and the transforms that it connects",
    "client": "an API's client",
    "doctor": "the command, and the room that it shows",
    "errors": "a room's errors",
    "explanation": "a wallet laid open, and how the terminal shows it",
    "queue": "the queue, and the asset that shows it",
    "tokens": "the asset, and the transforms that it connects",
    "webhook": "a webhook, and the asset that keeps it",
}


def modules() -> Iterator[Path]:
    return (path for path in PLACE.rglob("*.py") if "__pycache__" not in path.parts)


def room_of(path: Path) -> str:
    return path.relative_to(PLACE).with_suffix("").parts[0]


def imported(path: Path) -> Iterator[str]:
    """The full names that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> Iterator[str]:
    """The rooms of this package that a module imports."""
    for name in imported(path):
        if name.startswith(f"{PACKAGE}."):
            yield name.split(".")[1]


def test_at_most_eight_modules_lie_at_the_root():
    loose = {path.stem for path in PLACE.glob("*.py")} - {"__init__"}
    assert loose == set(ROOMS) & {path.stem for path in PLACE.glob("*.py")}
    assert len(loose) <= 8


@pytest.mark.parametrize("path", list(modules()), ids=lambda path: str(path.relative_to(PLACE)))
def test_a_room_imports_only_rooms_that_stand_before_it(path):
    if path == PLACE / "__init__.py":
        return
    room = room_of(path)
    allowed = {*ROOMS[: ROOMS.index(room)], room}
    assert set(own_imports(path)) <= allowed


@pytest.mark.parametrize("room", ["delta", "transforms", "pnl", "ranking", "tables", "text"])
def test_what_is_pure_and_the_engine_know_no_dagster(room):
    for path in modules():
        if room_of(path) == room:
            assert not {name.split(".")[0] for name in imported(path)} & {
                "dagster",
                "dagster_deltalake",
            }, path


def test_the_engine_names_no_table_of_this_pipeline():
    from smart_trader_assets.tables.catalog import ALL_TABLES  # noqa: PLC0415

    names = [name for table in ALL_TABLES for name in (table.name, table.name.split("/")[1])]
    for path in modules():
        if room_of(path) == "delta":
            texts = {
                node.value
                for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
            assert not texts & set(names), path


def test_one_name_does_not_serve_two_unlike_modules():
    counts = Counter(path.stem for path in modules())
    assert {name for name, count in counts.items() if count > 1} <= set(SHARED_NAMES)


def test_the_picture_of_the_rooms_is_what_make_docs_draws():
    from smart_trader_assets_tests.rooms_picture import PAGE, imports_by_room, page  # noqa: PLC0415

    assert PAGE.read_text(encoding="utf-8") == page()
    assert "delta" in imports_by_room()["lake"]
