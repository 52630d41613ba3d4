"""The asset checks in Dagster: after each run they read the rows that it touched, and nothing else.

No row is missed: where a run died before its checks, the next check reaches back to the last one; a check
that failed rereads the same rows until it passes. Started by hand, a check reads the whole table, a
partition at a time. A failed check is blocking where going on would spread a wrong number; what it found
is shown as a table in the UI.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl

from smart_trader_assets.checks.catalogue import Check, Look, all_checks
from smart_trader_assets.checks.results import (
    LOOKED_FROM,
    LOOKED_UNTIL,
    ROWS,
    VERSIONS,
    LastLook,
    has_materialized,
    last_looks,
)
from smart_trader_assets.delta.contract import VERSION, TableContract
from smart_trader_assets.delta.storage_errors import translate_storage_errors
from smart_trader_assets.delta.store import DeltaStore, PinnedStore
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import ALL_TABLES

_MOST_SHOWN = 50

# File statistics keep milliseconds, and clocks of two machines differ a little.
_MARGIN = timedelta(seconds=2)

# A row's version is taken before its commit, which other writers may hold up for a while.
_LONGEST_COMMIT = timedelta(minutes=5)


def make_checks() -> list[dg.AssetChecksDefinition]:
    """The checks of all tables, one step per table."""
    checks = all_checks()
    return [
        _table_checks(contract, [check for check in checks if check.contract is contract])
        for contract in ALL_TABLES
    ]


def _table_checks(contract: TableContract, checks: list[Check]) -> dg.AssetChecksDefinition:
    asset = dg.AssetKey.from_user_string(contract.name)

    @dg.multi_asset_check(
        name=f"check_{'_'.join(asset.path)}",
        specs=[
            dg.AssetCheckSpec(
                check.name, asset=asset, description=check.description, blocking=check.blocking
            )
            for check in checks
        ],
        can_subset=True,
    )
    def table_checks(
        context: dg.AssetCheckExecutionContext,
        lake: LakeResource,
        settings: dg.ResourceParam[Settings],
    ) -> Iterator[dg.AssetCheckResult]:
        chosen = context.selected_asset_check_keys
        began = _run_began(context, asset)
        before = last_looks(context.instance, chosen)
        by_since: dict[datetime | None, list[Check]] = {}
        for check in checks:
            key = dg.AssetCheckKey(asset, check.name)
            if key in chosen:
                by_since.setdefault(looks_from(began, before.get(key)), []).append(check)
        with translate_storage_errors(f"checking {contract.name}"):
            for since, together in by_since.items():
                yield from _look(lake.store, contract, together, since, settings)

    return table_checks


def looks_from(began: datetime | None, last: LastLook | None) -> datetime | None:
    """The time from which a run that began at `began` checks touched rows; None for the whole table.

    began: None for a check started by hand; last: the check's last result, None where there is none.
    """
    if began is None or last is None:
        return began
    if not last.evaluation.passed:
        from_then = last.moment(LOOKED_FROM)
        return None if from_then is None else min(began, from_then)
    until = last.moment(LOOKED_UNTIL)
    return began if until is None else min(began, until - _LONGEST_COMMIT)


def _look(
    store: DeltaStore,
    contract: TableContract,
    checks: Sequence[Check],
    since: datetime | None,
    settings: Settings,
) -> Iterator[dg.AssetCheckResult]:
    until, pinned = datetime.now(UTC), PinnedStore(store)
    found = _found(pinned, contract, checks, since, settings)
    versions = dict.fromkeys(found, pinned.versions)
    # Each table is read as it was when it was first asked for: what another run writes between two of them may
    # look like a fault once, and not twice.
    if doubted := [check for check in checks if check.is_fault and found[check.name].height]:
        pinned = PinnedStore(store)
        again = _found(pinned, contract, doubted, since, settings)
        found, versions = found | again, versions | dict.fromkeys(again, pinned.versions)
    for check in checks:
        faults = found[check.name]
        yield dg.AssetCheckResult(
            check_name=check.name,
            asset_key=dg.AssetKey.from_user_string(contract.name),
            passed=faults.is_empty() or not check.is_fault,
            severity=(
                dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN
            ),
            description=_format_found(faults, is_fault=check.is_fault),
            metadata=_metadata(faults, check, since, until, versions[check.name]),
        )


def _found(
    store: PinnedStore,
    contract: TableContract,
    checks: Sequence[Check],
    since: datetime | None,
    settings: Settings,
) -> dict[str, pl.DataFrame]:
    """What each check finds, by its name."""
    found: dict[str, list[pl.DataFrame]] = {check.name: [] for check in checks}
    for part in _parts(store, contract, since):
        # Read once: what a run touched fits into memory, as it did when it was written.
        look = Look(store, contract, part.collect().lazy(), since, settings)
        for check in checks:
            found[check.name].append(check.find(look))
    return {name: pl.concat(parts) for name, parts in found.items()}


def _parts(
    store: DeltaStore, contract: TableContract, since: datetime | None
) -> Iterator[pl.LazyFrame]:
    """The touched rows at once; the whole table a partition at a time."""
    rows = store.scan(contract)
    partition = contract.dagster_partition
    if since is not None:
        yield rows.filter(pl.col(VERSION) >= since - _MARGIN)
    elif partition is None or not (counts := store.row_counts(contract, partition)).height:
        yield rows
    else:
        for value in counts[partition]:
            yield rows.filter(pl.col(partition) == value)


def _run_began(context: dg.AssetCheckExecutionContext, asset: dg.AssetKey) -> datetime | None:
    """When the run began, if it has materialized the table; None for checks that run by themselves."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    if record is None or record.start_time is None:
        return None
    if not has_materialized(context.instance, context.run.run_id, asset):
        return None
    return datetime.fromtimestamp(record.start_time, UTC)


def _format_found(found: pl.DataFrame, *, is_fault: bool) -> str:
    if found.is_empty():
        return "Nothing found."
    kind = "found" if is_fault else "noted, none of them a fault"
    return f"{found.height:,} {kind}, for example: {found['fault'][0]}."


def _metadata(
    found: pl.DataFrame,
    check: Check,
    since: datetime | None,
    until: datetime,
    versions: dict[str, int],
) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "found": found.height,
        "looked_at": f"rows touched since {since:%Y-%m-%d %H:%M:%S} UTC"
        if since
        else "the whole table",
        LOOKED_UNTIL: dg.MetadataValue.timestamp(until),
        VERSIONS: dg.MetadataValue.json(versions),
    }
    if since is not None:
        metadata[LOOKED_FROM] = dg.MetadataValue.timestamp(since)
    if not found.is_empty():
        metadata["remedy" if check.is_fault else "note"] = check.remedy
        metadata[ROWS] = dg.TableMetadataValue(
            records=[
                dg.TableRecord({name: str(value) for name, value in row.items()})
                for row in found.head(_MOST_SHOWN).iter_rows(named=True)
            ],
            schema=dg.TableSchema(columns=[dg.TableColumn(name) for name in found.columns]),
        )
    return metadata
