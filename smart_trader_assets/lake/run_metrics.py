"""What runs cost: one row per run and asset in `ops/runs`, and the same metrics in the UI.

The table holds measurements and no state: a root is not refused because of it, a row that cannot be
written is logged and fails no run, and rows are only ever added.
"""

from __future__ import annotations

import logging
import resource
import sys
from collections.abc import Iterator, Mapping, Sequence
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


# The rows of a step that has more to make: they are one commit at its end, or each asset would ask as much of
# the storage as its own rows do. A process that dies in between loses measurements, and nothing else.
_KEPT: dict[tuple[str, str], tuple[DeltaStore, list[RunRow]]] = {}


def begun_at(instance: dg.DagsterInstance, run_id: str, step_key: str) -> datetime:
    """When the step began, or when it had made the last of its assets before this one."""
    if made := _kept(run_id, step_key):
        ended: datetime = made[-1].values["finished_at"]
        return ended
    moments = [
        stats.start_time
        for stats in instance.get_run_step_stats(run_id, [step_key])
        if stats.start_time is not None
    ]
    return datetime.fromtimestamp(max(moments), UTC) if moments else datetime.now(UTC)


def record_run(
    store: DeltaStore, row: RunRow, step_key: str, log: logging.Logger, *, is_alone: bool = True
) -> None:
    """Add the row, at once where its asset `is_alone` in its step, else by `add_kept_rows` at the step's end.

    Where that fails the log says so, and the run goes on.
    """
    run_id = row.stamp.run_id
    if any(kept.stamp.asset == row.stamp.asset for kept in _kept(run_id, step_key)):
        # The step is tried again.
        add_kept_rows(run_id, step_key, log)
    _KEPT.setdefault((run_id, step_key), (store, []))[1].append(row)
    if is_alone:
        add_kept_rows(run_id, step_key, log)


def _kept(run_id: str, step_key: str) -> Sequence[RunRow]:
    return _KEPT[run_id, step_key][1] if (run_id, step_key) in _KEPT else ()


def add_kept_rows(run_id: str, step_key: str, log: logging.Logger) -> None:
    """Add what is kept of a step's rows, as `record_run` does."""
    if (run_id, step_key) not in _KEPT:
        return
    store, rows = _KEPT.pop((run_id, step_key))
    try:
        frame = pl.DataFrame([row.values for row in rows], schema=_SCHEMA)
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
    runs = store.scan(RUNS).filter(pl.col("run_id") == run_id)
    ended: dict[str, datetime] = dict(runs.select("asset", "finished_at").collect().iter_rows())
    ended |= {row.stamp.asset: row.values["finished_at"] for row in _kept(run_id, step_key)}
    planned = dict(_planned(instance, run_id, step_key))
    # What it did not come to has begun when it was through with the others.
    made = [ended[asset] for asset in planned if asset in ended]
    began = max([begun_at(instance, run_id, step_key), *made])
    for asset, partitions in planned.items():
        if asset not in ended:
            stamp = CommitInfo(run_id, asset, partitions)
            row = RunRow(stamp, _ending(stamp, began, error))
            record_run(store, row, step_key, log, is_alone=False)
    add_kept_rows(run_id, step_key, log)


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
