"""Whether each table matches its contract, and the state of its log and files."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.errors import LakeError
from smart_trader_assets.delta.maintenance import (
    FILES_BEFORE_GATHERING,
    TARGET_FILE_BYTES,
    unread_files,
)
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.delta.table_log import changed_files, lost_files, read_log
from smart_trader_assets.delta.verify import foreign_constraints, stale_properties, verify_table
from smart_trader_assets.doctor.findings import (
    Check,
    Finding,
    Verdict,
    broken,
    looked_at,
    ok,
    warning,
)
from smart_trader_assets.tables.catalog import ALL_TABLES
from smart_trader_assets.tables.ops import RUNS
from smart_trader_assets.tables.root import promised_tables

_UPKEEP = "Run the maintenance job (the UI's `maintenance`, or its schedule)."
_RESTORE = "Restore the table to a version from before that, or from a backup: docs/operations.md."

# Opening a table reads this many entries one by one; a day of busy sensors makes fewer.
MANY_COMMITS = 500

# A day's work makes some small files per partition; upkeep merges them at night.
MANY_SMALL_FILES = 16 * FILES_BEFORE_GATHERING

_SHOWN = 5


def all_tables(store: DeltaStore, retention_hours: float) -> Iterator[Finding]:
    """Every table that the root has promised: one line where all is well, else one per problem."""
    promised = _promised(store)
    for contract in (*ALL_TABLES, RUNS):
        if contract.name not in promised and not store.exists(contract):
            if promised:
                yield ok(contract.name, "does not exist yet; the next run makes it")
            continue
        found = [
            finding for check in _checks(store, contract, retention_hours) for finding in check
        ]
        troubles = [finding for finding in found if finding.verdict is not Verdict.OK]
        yield from dict.fromkeys(troubles) or [ok(contract.name, "; ".join(f.found for f in found))]


def _promised(store: DeltaStore) -> frozenset[str]:
    """What the root promises; where it cannot be read, which is a separate finding, every table."""
    try:
        return promised_tables(store) or frozenset()
    except LakeError:
        return frozenset(contract.name for contract in ALL_TABLES)


def _checks(
    store: DeltaStore, contract: TableContract, retention_hours: float
) -> Iterator[list[Finding]]:
    checks: tuple[Check, ...] = (
        lambda: _log(store, contract),
        lambda: _schema(store, contract),
        lambda: _files(store, contract, retention_hours),
    )
    for check in checks:
        yield looked_at(contract.name, check)


def _log(store: DeltaStore, contract: TableContract) -> Iterator[Finding]:
    log = read_log(store, contract)
    needed = -1 if log.checkpoint is None else log.checkpoint
    for version, trouble in log.unreadable.items():
        if version > needed:
            found = f"The log entry of version {version} cannot be read ({trouble})."
            yield broken(contract.name, found, _RESTORE)
        else:
            found = f"Version {version} cannot be read ({trouble}); newer ones do not need it."
            yield warning(contract.name, found, "Time travel to it and before is lost; runs go on.")
    if log.missing:
        gone = ", ".join(map(str, log.missing[:_SHOWN]))
        yield broken(contract.name, f"The log lacks version {gone}.", _RESTORE)
    if log.foreign:
        versions = ", ".join(map(str, log.foreign[-_SHOWN:]))
        yield warning(
            contract.name,
            f"Something else wrote rows in version {versions}.",
            "Find out what: nothing but this pipeline may write here. "
            "If it should not be there, restore the version before.",
        )
    if log.since_checkpoint > MANY_COMMITS:
        found = f"{log.since_checkpoint} commits were added since the last checkpoint."
        yield warning(contract.name, found, _UPKEEP)
    yield ok(contract.name, f"{len(log.versions)} log entries, {log.since_checkpoint} to replay")


def _schema(store: DeltaStore, contract: TableContract) -> Iterator[Finding]:
    table = store.open(contract)
    verify_table(table, contract)
    if stale := stale_properties(table, contract):
        yield warning(
            contract.name,
            f"Made with other properties: {', '.join(stale)}.",
            "`smart-trader upgrade` sets them; existing files stay as they are.",
        )
    if foreign := foreign_constraints(table, contract):
        yield warning(
            contract.name,
            f"Another program has added the constraint {', '.join(foreign)}.",
            "A row that breaks it is refused, and stays due: remove it, or make sure that every row keeps it.",
        )
    yield ok(contract.name, f"version {table.version()}, schema and constraints match")


def _files(store: DeltaStore, contract: TableContract, retention_hours: float) -> Iterator[Finding]:
    files = store.files(contract)
    if lost := lost_files(store, contract):
        yield broken(
            contract.name,
            f"{len(lost)} data files are missing, for example {lost[0]}.",
            "Put them back from a backup, or restore the table to a version that does not need them.",
        )
    if changed := changed_files(store, contract):
        yield broken(
            contract.name,
            f"{len(changed)} data files are not as they were written, for example {changed[0]}.",
            "No data file ever changes: put those back from a backup that has them, or restore the table.",
        )
    if uncounted := files["num_records"].null_count():
        yield broken(
            contract.name,
            f"{uncounted} files carry no row count: something else wrote them, and what is due in them "
            "is not counted.",
            _RESTORE,
        )
    by = [f"partition.{name}" for name in contract.partition_by]
    small = files.filter(pl.col("size_bytes") < TARGET_FILE_BYTES)
    crowded = small.group_by(by).len() if by else small.select(pl.len())
    most: int = crowded.select(pl.col("len").max()).item() or 0
    if most > MANY_SMALL_FILES:
        yield warning(contract.name, f"{most} small files are in one partition.", _UPKEEP)
    old = unread_files(store, contract, retention_hours)
    if len(old) > max(MANY_SMALL_FILES, files.height):
        found = f"{len(old)} files are older than the retention, and nothing reads them."
        yield warning(contract.name, found, _UPKEEP)
    rows, size = int(files["num_records"].sum()), int(files["size_bytes"].sum())
    yield ok(contract.name, f"{rows:,} rows in {files.height} files, {size / 1e6:.1f} MB")
