"""A table on disk against its contract: what it lacks, what it has in excess, and whether it can be written."""

from __future__ import annotations

from dataclasses import dataclass

from deltalake import DeltaTable

from smart_trader_assets.delta.contract import Column, TableContract
from smart_trader_assets.delta.errors import TableMismatchError, TableOutgrownError
from smart_trader_assets.delta.schema import configuration, constraints, delta_schema

# What delta-rs and Polars were tested with. A table that another program has raised beyond it may still
# open, but a commit would fail, or a read would miss what that program deleted.
_PLAIN_READER = 1
_PLAIN_WRITER = 4
_READER_FEATURES = frozenset({"timestampNtz"})
APPEND_ONLY = "delta.appendOnly"
_CONSTRAINT = "delta.constraints."
_WRITER_FEATURES = _READER_FEATURES | {
    "appendOnly",
    "invariants",
    "checkConstraints",
    "changeDataFeed",
    "generatedColumns",
}


@dataclass(frozen=True)
class Comparison:
    """How a table differs from its contract.

    `lacking` are columns that the contract has gained since the table was made, all of which may be
    null, so that they can be added; `strict` are columns that refuse the nulls which the contract has come to
    allow; `problems` is everything else, in words.
    """

    lacking: tuple[Column, ...]
    problems: tuple[str, ...]
    strict: tuple[str, ...] = ()


def compare(table: DeltaTable, contract: TableContract) -> Comparison:
    """Every difference between the table's schema, constraints, partitions and protocol and the contract's."""
    wanted = {field.name: field for field in delta_schema(contract).fields}
    found = {field.name: field for field in table.schema().fields}
    lacking = [column for column in contract.all_columns if column.name not in found]
    problems = [f"column {column.name} is missing" for column in lacking if column.required]
    problems += [f"column {name} is unknown" for name in found if name not in wanted]
    problems += [
        f"column {name} is {found[name].type} and should be {field.type}"
        for name, field in wanted.items()
        if name in found and str(found[name].type) != str(field.type)
    ]
    problems += [
        f"column {name} allows nulls"
        for name, field in wanted.items()
        if name in found and found[name].nullable and not field.nullable
    ]
    strict = tuple(
        name
        for name, field in wanted.items()
        if name in found and field.nullable and not found[name].nullable
    )
    problems += [
        f"the constraint {name} is missing" for name in missing_constraints(table, contract)
    ]
    partition_by = tuple(table.metadata().partition_columns)
    if partition_by != contract.partition_by:
        problems.append(f"it is partitioned by {partition_by}, not by {contract.partition_by}")
    return Comparison(tuple(c for c in lacking if not c.required), tuple(problems), strict)


def verify_table(table: DeltaTable, contract: TableContract) -> None:
    """Compare a table on disk with its contract; TableMismatchError names every difference.

    TableOutgrownError where it is only older, and an upgrade brings it up to date.
    """
    if foreign := foreign_protocol(table):
        raise TableMismatchError(
            f"The table {contract.name} asks for {foreign}, which this version cannot write safely: another "
            "program has raised its protocol. Restore it to a version from before that; nothing was written."
        )
    if table.metadata().configuration.get(APPEND_ONLY) == "true":
        raise TableMismatchError(
            f"The table {contract.name} is append-only, so that no state can be moved: another program has set "
            f"{APPEND_ONLY}. Set it to false; nothing was written."
        )
    found = compare(table, contract)
    missing = [column.name for column in found.lacking]
    strict = [f"column {name} refuses nulls" for name in found.strict]
    if found.problems:
        problems = [*(f"column {name} is missing" for name in missing), *strict, *found.problems]
        raise TableMismatchError(
            f"The table {contract.name} was made with another schema: {'; '.join(problems)}. "
            "Use a new root, or move this one aside; nothing was written."
        )
    if missing or strict:
        outgrown = [*([f"it lacks {', '.join(missing)}"] if missing else []), *strict]
        raise TableOutgrownError(
            f"The table {contract.name} was made by an older version: {'; '.join(outgrown)}. "
            "`smart-trader upgrade` adds what is missing and keeps its rows; nothing was written."
        )


def missing_constraints(table: DeltaTable, contract: TableContract) -> dict[str, str]:
    """The contract's constraints that `table` does not enforce."""
    held = table.metadata().configuration
    return {
        name: check
        for name, check in constraints(contract).items()
        if f"{_CONSTRAINT}{name}" not in held
    }


def foreign_constraints(table: DeltaTable, contract: TableContract) -> list[str]:
    """Constraints that the contract does not have: a row that breaks one is refused."""
    held = table.metadata().configuration
    known = constraints(contract)
    names = [name.removeprefix(_CONSTRAINT) for name in held if name.startswith(_CONSTRAINT)]
    return sorted(name for name in names if name not in known)


def stale_properties(table: DeltaTable, contract: TableContract) -> dict[str, str]:
    """The contract's table properties that differ in `table`: rows are safe, but reads may be slower
    and changes unseen."""
    held = table.metadata().configuration
    return {n: value for n, value in configuration(contract).items() if held.get(n) != value}


def foreign_protocol(table: DeltaTable) -> str | None:
    """What the table's protocol asks of readers and writers, beyond what is known to work."""
    protocol = table.protocol()
    reads, writes = set(protocol.reader_features or ()), set(protocol.writer_features or ())
    strange = sorted((reads - _READER_FEATURES) | (writes - _WRITER_FEATURES))
    if strange:
        return f"the Delta features {', '.join(strange)}"
    if protocol.min_reader_version > _PLAIN_READER and not reads:
        return f"Delta reader version {protocol.min_reader_version}"
    if protocol.min_writer_version > _PLAIN_WRITER and not writes:
        return f"Delta writer version {protocol.min_writer_version}"
    return None
