"""The last results of the blocking checks, as Dagster's own storage keeps them.

A failed check blocks what is downstream within its run by itself. Sensors and the drain decide run by run,
and read these results before they go downstream of a table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from smart_trader_assets.checks.catalogue import all_checks
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.state.notes import Note
from smart_trader_assets.state.shared_state import SharedState
from smart_trader_assets.tables.catalog import SMART_TRADERS, TRACED_WALLETS, TRANSFERS
from smart_trader_assets.text import shown_text

# Names of an evaluation's metadata.
LOOKED_FROM, LOOKED_UNTIL, VERSIONS, ROWS = "looked_from", "looked_until", "versions", "rows"

_FOUND_SOMETHING = "DagsterAssetCheckFailedError"
_ROWS_TOLD = 3
_LONGEST_VALUE = 80


class UnsoundTableError(SmartTraderError):
    """A table broke a rule without which going on would spread a wrong number."""


@dataclass(frozen=True)
class LastLook:
    """The last completed result of a check."""

    at: datetime
    evaluation: dg.AssetCheckEvaluation

    def moment(self, name: str) -> datetime | None:
        """A time from its metadata."""
        value = self.evaluation.metadata.get(name)
        if not isinstance(value, dg.TimestampMetadataValue) or value.value is None:
            return None
        return datetime.fromtimestamp(value.value, UTC)


@dataclass(frozen=True)
class FailedCheck:
    """A failed blocking check; `versions` are those of the tables that it read."""

    key: dg.AssetCheckKey
    at: datetime
    found: str
    rows: tuple[Mapping[str, str], ...]
    remedy: str
    versions: Mapping[str, int]

    @property
    def table(self) -> str:
        """The table that it is a check of."""
        return "/".join(self.key.asset_key.path)

    @property
    def fault(self) -> str:
        """Which check of which table found what, and when."""
        return (
            f"the blocking check {self.key.name} of {self.table} failed at {self.at:%Y-%m-%d %H:%M} UTC: "
            f"{self.found}"
        )

    @property
    def formatted_rows(self) -> str:
        """The first rows that it found, one per line."""
        lines = [
            ", ".join(
                f"{name} {shown_text(value, _LONGEST_VALUE)}"
                for name, value in row.items()
                if name != "fault"
            )
            for row in self.rows[:_ROWS_TOLD]
        ]
        return "\n".join(f"  {line}" for line in lines if line)


def check_key(table: str, name: str) -> dg.AssetCheckKey:
    """Dagster's key of the check `name` of a table."""
    return dg.AssetCheckKey(dg.AssetKey.from_user_string(table), name)


def last_looks(
    instance: dg.DagsterInstance, keys: Collection[dg.AssetCheckKey]
) -> dict[dg.AssetCheckKey, LastLook]:
    """The last completed result of each check; one that is under way or broke off does not count."""
    storage = instance.event_log_storage
    records = dict(storage.get_latest_asset_check_execution_by_key(list(keys)))
    broken_off = [key for key, record in records.items() if not _is_complete(record.evaluation)]
    for key, summary in storage.get_asset_check_summary_records(broken_off).items():
        completed = summary.last_completed_check_execution_record
        if completed is not None:
            records[key] = completed
    return {
        key: LastLook(datetime.fromtimestamp(record.event.timestamp, UTC), record.evaluation)
        for key, record in records.items()
        if record.event is not None
        and record.evaluation is not None
        and _is_complete(record.evaluation)
    }


def failed_checks(instance: dg.DagsterInstance, tables: Collection[str]) -> list[FailedCheck]:
    """The failed blocking checks of `tables`, by one query of the instance."""
    remedies = {
        check_key(check.contract.name, check.name): check.remedy
        for check in all_checks()
        if check.blocking and check.contract.name in tables
    }
    return [
        FailedCheck(
            key=key,
            at=look.at,
            found=look.evaluation.description or "it does not say what.",
            rows=_rows(look.evaluation),
            remedy=remedies[key],
            versions=_versions(look.evaluation),
        )
        for key, look in last_looks(instance, remedies).items()
        if not look.evaluation.passed and look.evaluation.severity == dg.AssetCheckSeverity.ERROR
    ]


def format_failures(failed: Collection[FailedCheck]) -> str:
    """What failed and what to do about it, on one line: why a sensor requests nothing."""
    return " ".join(f"{check.fault} {check.remedy}" for check in failed)


def unsound_table_error(failed: Collection[FailedCheck]) -> UnsoundTableError:
    """The error that reports what the checks found, where, and what to do about it."""
    entries = [
        f"{check.fault[0].upper()}{check.fault[1:]}\n{check.formatted_rows}\n{check.remedy}".replace(
            "\n\n", "\n"
        )
        for check in failed
    ]
    return UnsoundTableError(
        "\n".join(entries)
        + "\nNothing downstream is made from it until the check passes; then run it again."
    )


_READ_BACK = {SMART_TRADERS.name: frozenset({TRACED_WALLETS.name, TRANSFERS.name})}


def tables_read(assets: Collection[dg.AssetsDefinition]) -> dict[str, frozenset[str]]:
    """The assets that each asset reads, both by name; what it reads of later ones among them, which the graph
    cannot name."""
    return {
        name: frozenset(dep.asset_key.to_user_string() for dep in spec.deps)
        | _READ_BACK.get(name, frozenset())
        for definition in assets
        for spec in definition.specs
        for name in [spec.key.to_user_string()]
    }


def _is_complete(evaluation: object) -> bool:
    # A planned check is another class under the same name.
    return isinstance(evaluation, dg.AssetCheckEvaluation)


def _rows(evaluation: dg.AssetCheckEvaluation) -> tuple[Mapping[str, str], ...]:
    table = evaluation.metadata.get(ROWS)
    if not isinstance(table, dg.TableMetadataValue):
        return ()
    columns = [column.name for column in table.schema.columns]
    return tuple(
        {name: str(record.data[name]) for name in columns if name in record.data}
        for record in table.records
    )


def _versions(evaluation: dg.AssetCheckEvaluation) -> Mapping[str, int]:
    versions = evaluation.metadata.get(VERSIONS)
    if not isinstance(versions, dg.JsonMetadataValue) or not isinstance(versions.data, dict):
        return {}
    return {str(table): int(version) for table, version in versions.data.items()}


FAILED_CHECKS_NOTE = "failed_checks"


@dataclass(frozen=True)
class _NotedCheck:
    table: str
    check: str


def write_failed_keys(state: SharedState, keys: Collection[dg.AssetCheckKey]) -> None:
    """Note which checks failed, for the next drain: its own Dagster instance may remember nothing."""
    note = _note(state)
    if keys:
        note.write([_NotedCheck(key.asset_key.to_user_string(), key.name) for key in keys])
    else:
        note.remove()


def read_failed_keys(state: SharedState) -> set[dg.AssetCheckKey]:
    """The checks that were noted as failed."""
    return {check_key(noted.table, noted.check) for noted in _note(state).read() or ()}


def _note(state: SharedState) -> Note[list[_NotedCheck]]:
    return state.note(FAILED_CHECKS_NOTE, list[_NotedCheck])


def failed_by_checks(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether the run has failed by nothing but what checks have found; not one that broke off or died."""
    failures = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    causes = [
        entry.dagster_event.step_failure_data.error
        for entry in failures
        if entry.dagster_event is not None
    ]
    return bool(causes) and all(
        cause is not None and cause.cls_name == _FOUND_SOMETHING for cause in causes
    )


def has_materialized(instance: dg.DagsterInstance, run_id: str, asset: dg.AssetKey) -> bool:
    """Whether that run has written the asset, whatever other runs have written of it since."""
    # Without reading the materializations themselves, which hold what the UI shows of all tables of the run.
    return asset in instance.get_asset_partitions_for_run(
        run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    )
