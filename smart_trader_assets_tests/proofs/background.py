"""The pipeline in the background: `smart-trader dev --automation` with a Dagster home of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import dagster as dg
from rich.console import Console
from rich.table import Table

from smart_trader_assets.automation.home import CONFIGURATION, shipped_configuration
from smart_trader_assets.automation.live_runs import CONSUMER_TAG
from smart_trader_assets.settings import load_settings
from smart_trader_assets_tests.support.command import PROJECT

COMMAND = (sys.executable, "-m", "smart_trader_assets.cli")
LIVE = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


class ProofError(AssertionError):
    """What was to be proven did not come about."""


@dataclass(frozen=True)
class TickSeen:
    """A sensor's tick, as Dagster keeps it."""

    sensor: str
    at: float
    status: str
    reason: str


@dataclass(frozen=True)
class Background:
    """A running daemon, seen through the instance that it works on."""

    instance: dg.DagsterInstance
    process: subprocess.Popen[bytes]
    log: Path

    def runs(self, *, since: float = 0.0, consumer: str | None = None) -> list[dg.RunRecord]:
        """The runs created after `since`, the latest first; of one asset's sensor or all."""
        tags = {CONSUMER_TAG: consumer} if consumer else None
        records = self.instance.get_run_records(dg.RunsFilter(tags=tags))
        return [record for record in records if record.create_timestamp.timestamp() >= since]

    def idle(self) -> bool:
        """Whether no run works or waits."""
        return not self.instance.get_runs(dg.RunsFilter(statuses=list(LIVE)), limit=1)

    def ticks(self, since: float) -> list[TickSeen]:
        """The sensors' ticks that began after `since`."""
        return [
            TickSeen(
                state.instigator_name, tick.timestamp, tick.status.value, tick.skip_reason or ""
            )
            for state in self.instance.all_instigator_state()
            if state.instigator_name.endswith("_due")
            for tick in self.instance.get_ticks(
                state.instigator_origin_id, state.selector_id, after=since
            )
        ]

    def status(self, run_id: str) -> dg.DagsterRunStatus:
        """How far a run has come."""
        run = self.instance.get_run_by_id(run_id)
        if run is None:
            raise ProofError(f"the run {run_id} is gone from the instance")
        return run.status

    def failure(self, run_id: str) -> str:
        """What a failed run says of its end."""
        events = [entry.dagster_event for entry in self.instance.all_logs(run_id)]
        failures = [e for e in events if e and e.event_type == dg.DagsterEventType.RUN_FAILURE]
        return (failures[-1].message or "") if failures else ""

    def kill(self) -> None:
        """Kill the daemon, the code server and all runs, none of which can say anything any more."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def pid_of(self, run_id: str) -> int:
        """The process that a run works in, from the run's own log."""
        for entry in self.instance.all_logs(run_id):
            event = entry.dagster_event
            found = re.search(
                r"Started process for run \(pid: (\d+)\)", (event and event.message) or ""
            )
            if found:
                return int(found[1])
        raise ProofError(f"the log of run {run_id} names no process")

    def wait(self, what: str, holds: Callable[[], bool], seconds: float) -> float:
        """Look once a second until `holds`; how long it took. ProofError after `seconds`."""
        begun = time.monotonic()
        while not holds():
            if self.process.poll() is not None:
                raise ProofError(f"the daemon ended while waiting for {what}: see {self.log}")
            if time.monotonic() - begun > seconds:
                raise ProofError(f"{what} did not come about in {seconds:.0f} s: see {self.log}")
            time.sleep(1)
        return time.monotonic() - begun


@contextmanager
def background(home: Path, environment: Mapping[str, str], as_of: datetime) -> Iterator[Background]:
    """The daemon with all sensors and schedules on, for as long as the block lasts."""
    home.mkdir(parents=True, exist_ok=True)
    (home / CONFIGURATION).write_text(shipped_configuration(load_settings()))
    log = home / f"daemon-{as_of:%Y%m%dT%H%M}.log"
    variables = {
        **environment,
        "DAGSTER_HOME": str(home),
        "SMART_TRADER_AS_OF": as_of.isoformat(),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*COMMAND, "dev", "--automation", "--port", str(free_port())],
            env=variables,
            cwd=PROJECT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            with dg.DagsterInstance.from_config(str(home)) as instance:
                yield Background(instance, process, log)
        finally:
            _stop(process)


def drain_in_foreground(root: Path, environment: Mapping[str, str], as_of: datetime) -> None:
    """`smart-trader run` on a root, by the clock given. ProofError where it fails."""
    in_foreground([*COMMAND, "run", "--data", str(root)], environment, as_of)


def snapshot_in_foreground(environment: Mapping[str, str], as_of: datetime) -> None:
    """Materialize the day's token snapshot with Dagster's own command. ProofError where it fails."""
    day = as_of.date().isoformat()
    code = ["-m", "smart_trader_assets.definitions"]
    chosen = ["--select", "bronze/tokens", "--partition", day]
    command = [sys.executable, "-m", "dagster", "asset", "materialize", *code, *chosen]
    in_foreground(command, environment, as_of)


def in_foreground(command: list[str], environment: Mapping[str, str], as_of: datetime) -> None:
    """Run a command to its end, by the clock given. ProofError where it fails."""
    done = subprocess.run(
        command,
        env={**environment, "SMART_TRADER_AS_OF": as_of.isoformat()},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ProofError(f"{' '.join(command)} failed: {done.stderr or done.stdout}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C would; what is left of the daemon's own session after a while is killed."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def print_seen(title: str, seen: Sequence[tuple[str, str]]) -> None:
    """The table that a proof ends with."""
    table = Table(title=title, title_justify="left")
    table.add_column("what")
    table.add_column("seen", overflow="fold")
    for row in seen:
        table.add_row(*row)
    Console(width=140).print(table)
