"""What runs cost: one row per run and asset in `ops/runs`, and the same metrics in the UI.

The table holds measurements and no state: a root is not refused because of it, a row that cannot be
written is logged and fails no run, and rows are only ever added.
"""

from __future__ import annotations

import logging
import resource
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import polars as pl

from smart_trader_assets.delta.batch import CommitInfo, WriteResult
from smart_trader_assets.delta.stopwatch import Stopwatch
from smart_trader_assets.delta.storage_errors import without_credentials
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.ops import RUNS

# Prefixes of a fetching asset's metrics: requests to an endpoint, and their credits.
REQUESTS = "requests "
CREDITS = "credits "
FETCH_SECONDS = "fetch_seconds"
ITEMS_REJECTED = "items_rejected"

# Besides what a materialization shows anyway: its rows, requests and credits.
PLOTTED = ("total_seconds", FETCH_SECONDS, "compute_seconds", "write_seconds", "peak_memory_mb")

SUCCEEDED = "succeeded"
FAILED = "failed"

_MEGABYTE = 1_000_000
_LONGEST_ERROR = 500


@dataclass(frozen=True)
class RunRow:
    """A row of `ops/runs`, without its audit trail."""

    stamp: CommitInfo
    values: Mapping[str, Any]

    @property
    def metadata(self) -> dict[str, float]:
        """The metrics that the UI plots beside those of the materialization."""
        return {name: self.values[name] for name in PLOTTED if self.values.get(name) is not None}


class RunMeter:
    """Measures the work on one asset in one run, from `started_at` on."""

    def __init__(self, stamp: CommitInfo, started_at: datetime) -> None:
        self._stamp = stamp
        self._started_at = started_at
        self.writing = Stopwatch()
        self.written = WriteResult()

    def row(self, error: BaseException | None = None) -> RunRow:
        """The metrics at the end of the work, which `error` ended if there is one.

        What a failed run fetched for a batch that it did not hand over is not known here: null.
        """
        written, metrics = self.written, self.written.metrics
        write = self.writing.seconds
        values = _ending(self._stamp, self._started_at, error) | {
            "write_seconds": write,
            "rows_inserted": written.inserted,
            "rows_updated": written.updated,
            "rows_deleted": written.deleted,
            "rows_settled": written.settled,
            "rows_left_due": written.left_due,
        }
        if error is None:
            fetch = metrics.get(FETCH_SECONDS, 0.0)
            values |= {
                "fetch_seconds": fetch,
                "compute_seconds": max(0.0, values["total_seconds"] - fetch - write),
                "requests": sum_of(metrics, REQUESTS),
                "credits": sum_of(metrics, CREDITS),
                ITEMS_REJECTED: int(metrics.get(ITEMS_REJECTED, 0)),
            }
        return RunRow(self._stamp, values)


def sum_of(metrics: Mapping[str, float], beginning: str) -> int:
    """The sum of the metrics with this prefix."""
    return int(sum(value for name, value in metrics.items() if name.startswith(beginning)))


# The rows of a step that has more to write: one commit for all of them, or each asset would add as much to the
# storage's work as its own rows do. Who dies in between loses measurements, and nothing else.
_KEPT: dict[tuple[str, str], list[RunRow]] = {}
_MOST_KEPT = 1_000


def begun_at(instance: dg.DagsterInstance, run_id: str, step_key: str) -> datetime:
    """When the step began, or when it had made the last of its assets before this one."""
    if made := _KEPT.get((run_id, step_key)):
        ended: datetime = made[-1].values["finished_at"]
        return ended
    moments = [
        stats.start_time
        for stats in instance.get_run_step_stats(run_id, [step_key])
        if stats.start_time is not None
    ]
    return datetime.fromtimestamp(max(moments), UTC) if moments else datetime.now(UTC)


def record_run(
    store: DeltaStore, row: RunRow, step_key: str, log: logging.Logger, *, of: int = 1
) -> None:
    """Add the row, with those before it, once there are as many `of` its step; where that fails the log says
    so, and the run goes on."""
    while len(_KEPT) >= _MOST_KEPT:
        _KEPT.pop(next(iter(_KEPT)))
    kept = _KEPT.setdefault((row.stamp.run_id, step_key), [])
    kept.append(row)
    if len(kept) >= of:
        _add_kept(store, row.stamp.run_id, step_key, log)


def _add_kept(store: DeltaStore, run_id: str, step_key: str, log: logging.Logger) -> None:
    rows = _KEPT.pop((run_id, step_key), [])
    if not rows:
        return
    frame = pl.DataFrame([row.values for row in rows], schema=_SCHEMA)
    try:
        store.append(RUNS, frame, rows[-1].stamp)
    except Exception:  # measurements are lost, and nothing else
        assets = ", ".join(row.stamp.asset for row in rows)
        log.warning(f"The metrics of {assets} could not be added to {RUNS.name}.", exc_info=True)


@dg.failure_hook(name="failed_run_row", required_resource_keys={"lake"})
def failed_run_row(context: dg.HookContext) -> None:
    """Adds the row of an asset that failed before it had anything to write."""
    _record_failed_step(
        context.instance,
        context.run_id,
        context.step_key,
        context.resources.lake.store,
        context.op_exception,
        context.log,
    )


def record_failed_run(
    instance: dg.DagsterInstance, run_id: str, store: DeltaStore, error: BaseException
) -> None:
    """The same for a run that raises what its step raised: Dagster leaves out the hooks of such a step."""
    failures = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    for step in {entry.step_key for entry in failures if entry.step_key is not None}:
        _record_failed_step(instance, run_id, step, store, error, logging.getLogger(__name__))


def _record_failed_step(
    instance: dg.DagsterInstance,
    run_id: str,
    step_key: str,
    store: DeltaStore,
    error: BaseException | None,
    log: logging.Logger,
) -> None:
    began = begun_at(instance, run_id, step_key)
    _add_kept(store, run_id, step_key, log)
    runs = store.scan(RUNS).filter(pl.col("run_id") == run_id)
    known = runs.select("asset").collect()["asset"].to_list()
    stamps = [
        CommitInfo(run_id, asset, partitions)
        for asset, partitions in _planned(instance, run_id, step_key)
        if asset not in known
    ]
    for stamp in stamps:
        row = RunRow(stamp, _ending(stamp, began, error))
        record_run(store, row, step_key, log, of=len(stamps))


def peak_memory_mb() -> float:
    """Peak memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # In bytes on macOS, in kibibytes elsewhere.
    return peak * (1 if sys.platform == "darwin" else 1024) / _MEGABYTE


_SCHEMA = {column.name: column.dtype for column in RUNS.columns}


def _ending(stamp: CommitInfo, started_at: datetime, error: BaseException | None) -> dict[str, Any]:
    now = datetime.now(UTC)
    return {
        "run_id": stamp.run_id,
        "asset": stamp.asset,
        "partitions": stamp.partition,
        "started_on": started_at.date(),
        "started_at": started_at,
        "finished_at": now,
        "outcome": SUCCEEDED if error is None else FAILED,
        "error": error and _format_error(error),
        "total_seconds": max(0.0, (now - started_at).total_seconds()),
        "peak_memory_mb": peak_memory_mb(),
    }


def _format_error(error: BaseException) -> str:
    """The error itself, without Dagster's wrapping."""
    while isinstance(error, dg.DagsterError) and error.__cause__ is not None:
        error = error.__cause__
    return without_credentials(f"{type(error).__name__}: {error}")[:_LONGEST_ERROR]


def _planned(
    instance: dg.DagsterInstance, run_id: str, step_key: str
) -> Iterator[tuple[str, str | None]]:
    """The assets that the failed step was to materialize, each with its partitions."""
    partitions: dict[str, list[str]] = {}
    for entry in instance.all_logs(
        run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    ):
        event = entry.dagster_event
        if event is not None and event.asset_key is not None and event.step_key == step_key:
            names = partitions.setdefault("/".join(event.asset_key.path), [])
            names += [event.partition] if event.partition else []
    for asset, names in partitions.items():
        yield asset, span_of(sorted(names))


def span_of(keys: list[str]) -> str | None:
    """Partitions in words: one, or the first and the last of a range; None where there are none."""
    if not keys:
        return None
    return keys[0] if len(keys) == 1 else f"{keys[0]}...{keys[-1]}"
