"""`docs/tables.md`, made from the contracts: what each table holds, and how its rows move on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from smart_trader_assets.delta.contract import Column, SendBack, State, TableContract
from smart_trader_assets.lake.metadata import delta_type
from smart_trader_assets.tables.catalog import ALL_TABLES
from smart_trader_assets.tables.ops import RUNS

_INTRODUCTION = """\
# The tables

Made from the table contracts by `make docs`; a test compares. Each table is a Delta table in a folder of its
name below the root. Times are UTC. The state columns are what the sensors read: a row is due while its state
says so.
"""


def tables_page() -> str:
    """The page, in Markdown."""
    tables = (*ALL_TABLES, RUNS)
    index = "\n".join(
        f"- [`{table.name}`](#{table.name.replace('/', '')}): {table.grain}" for table in tables
    )
    return "\n".join([_INTRODUCTION, index, *(_section(table) for table in tables)])


def _section(table: TableContract) -> str:
    return "\n".join(
        ["", f"## {table.name}", "", table.grain, "", *_facts(table), *_columns(table)]
    )


def _facts(table: TableContract) -> Iterator[str]:
    yield f"- Key: {_names(table.key)}."
    if table.partition_by:
        yield f"- Folders by {_names(table.partition_by)}."
    if table.dagster_partition:
        yield f"- Dagster's partitions: the values of {_names([table.dagster_partition])}."
    if table.insert_only:
        yield "- What is written of a key never changes."
    for state in table.states:
        yield _moves(state)
    for back in table.send_backs:
        yield _sent_back(back)
    yield ""


def _moves(state: State) -> str:
    moves = ", ".join(f"{_value(old)} → {_value(new)}" for old, new in state.moves if old != new)
    if not moves:
        moves = "copied from the entity that the row has become"
    beside = f" With it move {_names(state.companions)}." if state.companions else ""
    return f"- State `{state.column}`, at first {_value(state.initial)}: {moves}.{beside}"


def _sent_back(back: SendBack) -> str:
    verb = "changes" if len(back.changed) == 1 else "change"
    where = f"{_names(back.changed)} {verb}" if back.changed else "a row changes"
    came = "" if back.only_from is None else f" from {_value(back.only_from)}"
    return f"- Where {where}, `{back.column}` goes back{came} to {_value(back.to)}."


def _columns(table: TableContract) -> Iterator[str]:
    yield "| column | type | meaning |"
    yield "|---|---|---|"
    for column in table.all_columns:
        yield f"| `{column.name}` | {_type(column)} | {column.description.replace('|', '∣')} |"


def _type(column: Column) -> str:
    return delta_type(column) + ("" if column.required else ", may be unknown")


def _value(state: str | bool) -> str:
    return f"`{str(state).lower()}`"


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in columns)


if __name__ == "__main__":
    print(tables_page(), end="")
