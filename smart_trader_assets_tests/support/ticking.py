"""Ticks of real sensors on real tables: what a tick asked for, what it said, what it remembers."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg

from smart_trader_assets.assembly import make_definitions
from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.settings import Settings, load_settings
from smart_trader_assets_tests.support.samples import NOW, STAMP, frame


@dataclass(frozen=True)
class Tick:
    """What one tick came to; `skipped` is empty where it asked for runs."""

    requests: Sequence[dg.RunRequest]
    skipped: str
    cursor: str
    log: Sequence[str]

    @property
    def partitions(self) -> list[str]:
        """The partitions that runs are asked for, as the runs' tags tell them."""
        return [request.tags["smart_trader/partitions"] for request in self.requests]


class _Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@dataclass
class Automation:
    """A root and an instance, with the sensors of the settings given."""

    settings: Settings
    instance: dg.DagsterInstance
    cursors: dict[str, str] = field(default_factory=dict)

    @cached_property
    def definitions(self) -> dg.Definitions:
        """All that Dagster serves by the settings."""
        return make_definitions(self.settings)

    @property
    def store(self) -> DeltaStore:
        """The tables; made where they are not there yet."""
        return make_lake(self.settings).store

    def put(
        self, contract: TableContract, rows: Iterable[Mapping[str, Any]], partition: Any = "00"
    ) -> None:
        """Write rows into one Dagster partition of a table."""
        self.store.write(contract, Batch(frame(contract, rows), partition), STAMP)

    def tick(self, consumer: str) -> Tick:
        """One tick of the consumer's sensor, which remembers the one before."""
        return self.tick_sensor(f"{dg.AssetKey(consumer.split('/')).path[-1]}_due")

    def tick_sensor(self, name: str) -> Tick:
        """The same for a sensor by its name."""
        sensor = self.definitions.resolve_sensor_def(name)
        heard = _Heard()
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursors.get(name),
            definitions=self.definitions,
            sensor_name=sensor.name,
        ) as context:
            context.log.addHandler(heard)
            found = sensor.evaluate_tick(context)
        self.cursors[name] = found.cursor or ""
        return Tick(
            found.run_requests or (), found.skip_message or "", found.cursor or "", heard.lines
        )

    def add_run(
        self,
        *,
        job_name: str = "by_hand",
        asset: str | None = None,
        status: dg.DagsterRunStatus = dg.DagsterRunStatus.NOT_STARTED,
        tags: Mapping[str, str] | None = None,
    ) -> dg.DagsterRun:
        """A run of a job or of one asset, that has come to `status` just now."""
        started = status == dg.DagsterRunStatus.STARTED
        run = self.instance.run_storage.add_run(
            dg.DagsterRun(
                job_name=job_name,
                run_id=str(uuid.uuid4()),
                status=dg.DagsterRunStatus.STARTING if started else status,
                tags=dict(tags or {}),
                asset_selection=frozenset({dg.AssetKey.from_user_string(asset)}) if asset else None,
            )
        )
        if started:
            # With the event of a real run, which the run's start time is taken from.
            event = dg.DagsterEvent(
                event_type_value=dg.DagsterEventType.RUN_START.value, job_name=job_name
            )
            self.instance.report_dagster_event(event, run.run_id)
        return run


def settings_for(root: Path, as_of: datetime = NOW, **changes: Any) -> Settings:
    """Settings of a sandbox root that no request is ever made for."""
    return load_settings(
        {"source": "sandbox", "sandbox_anchor": NOW, "root": str(root), "as_of": as_of, **changes}
    )
