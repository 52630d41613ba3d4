"""Proof: state columns alone drive the daemon, from an empty root to a drained one and on from there.

`python -m smart_trader_assets_tests.proofs.daemon` starts the real daemon, touches nothing, and compares
what it has made with what `smart-trader run` makes of the same market by the same clock. Then time passes,
and only what is new or due again is fetched. Then a run of the daemon is killed, and then a run and the
daemon with it. It takes some minutes.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
from polars.testing import assert_frame_equal
from rich.console import Console

from smart_trader_assets.delta.contract import OPERATION
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.sandbox import Endpoint, Fault, FaultKind, GeneratedMarket, SandboxServer
from smart_trader_assets.settings import load_settings
from smart_trader_assets.tables.catalog import TOKENS, TRANSACTIONS
from smart_trader_assets.tables.cursor import DuePolicy
from smart_trader_assets.tables.cursors import CONSUMERS
from smart_trader_assets.tables.queue import read_queue
from smart_trader_assets.thresholds import due_policy
from smart_trader_assets_tests.proofs.background import (
    Background,
    ProofError,
    background,
    drain_in_foreground,
    print_seen,
    snapshot_in_foreground,
)
from smart_trader_assets_tests.support.roots import contents, versions

SEED = 11
TOKENS_LISTED, WALLETS = 10, 30
SENSOR_SECONDS = 2
DRAIN_SECONDS, RECOVERY_SECONDS, QUIET_SECONDS = 900, 120, 75


@dataclass
class Proof:
    """The market, the daemon's root, the root to compare with, and what was seen."""

    server: SandboxServer
    folder: Path
    seen: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.daemons = DeltaStore(str(self.folder / "daemon"))
        self.drained = DeltaStore(str(self.folder / "drained"))
        self.environment = {
            **{
                k: v
                for k, v in os.environ.items()
                if not k.startswith(("SMART_TRADER_", "DAGSTER_HOME"))
            },
            "BIRDEYE_API_KEY": "key-of-the-proof",
            "SMART_TRADER_BIRDEYE_BASE_URL": self.server.base_url,
            "SMART_TRADER_ROOT": self.daemons.root,
            "SMART_TRADER_REQUESTS_PER_SECOND": "1000",
            "SMART_TRADER_CREDITS_PER_RUN": "none",
            "SMART_TRADER_CREDITS_PER_MONTH": "none",
            "SMART_TRADER_TOKEN_SHARDS": "2",
            "SMART_TRADER_WALLET_SHARDS": "4",
            "SMART_TRADER_SENSOR_SECONDS": str(SENSOR_SECONDS),
            "SMART_TRADER_SNAPSHOT_CRON": "* * * * *",
        }
        self.policy: DuePolicy = due_policy(load_settings())

    def say(self, what: str, result: str) -> None:
        """Note a line of the table."""
        self.seen.append((what, result))
        Console().print(f"[green]✓[/] {what}: {result}")

    def begin(self, as_of: datetime) -> Counter[tuple[str, str]]:
        """Drain the other root as of then; its requests, by endpoint and wallet or mint."""
        self.server.clock.set(as_of)
        self.server.log.clear()
        drain_in_foreground(self.folder / "drained", self.environment, as_of)
        asked = _of_entities(self.server)
        self.server.log.clear()
        return asked

    def list_anew(self, as_of: datetime) -> None:
        """Take the snapshot of a later time before the daemon starts.

        The clock of a stage stands still: a snapshot after the PnL would bear the same time, and its prices
        would be missing from numbers that say that they are as of then.
        """
        snapshot_in_foreground(self.environment, as_of)

    def until_drained(self, daemon: Background, as_of: datetime, seconds: float) -> float:
        """Wait until the snapshot is taken, nothing is due and no run is left; how long it took."""

        def drained() -> bool:
            if not self.daemons.exists(TOKENS) or not daemon.idle():
                return False
            days = self.daemons.row_counts(TOKENS, "snapshot_date")["snapshot_date"].to_list()
            return as_of.date() in days and not self.due(as_of)

        return daemon.wait("a drained root", drained, seconds)

    def due(self, as_of: datetime) -> int:
        """Rows that are due in the daemon's root."""
        return read_queue(self.daemons, as_of=as_of, policy=self.policy).due.height

    def compare(self, stage: str) -> None:
        """Both roots hold the same rows in the same states."""
        found, wanted = contents(self.daemons), contents(self.drained)
        rows = 0
        for name, frame in wanted.items():
            # Which of two writes touched a row last depends on the order of the runs.
            assert_frame_equal(found[name].drop(OPERATION), frame.drop(OPERATION))
            rows += frame.height
        self.say(
            f"{stage}: tables equal to those of smart-trader run", f"{rows} rows, audit trail aside"
        )

    def compare_requests(self, stage: str, wanted: Counter[tuple[str, str]]) -> None:
        """Each wallet and mint was asked for exactly as often as in the foreground."""
        found = _of_entities(self.server)
        if found != wanted:
            raise ProofError(f"asked for too often {found - wanted}, too seldom {wanted - found}")
        kinds = Counter[str]()
        for (endpoint, _), count in found.items():
            kinds[endpoint] += count
        told = ", ".join(f"{count} to {endpoint}" for endpoint, count in sorted(kinds.items()))
        self.say(f"{stage}: requests by wallet and mint, none twice", told or "none")


def _of_entities(server: SandboxServer) -> Counter[tuple[str, str]]:
    return Counter(
        {k: n for k, n in server.requests_by_entity.items() if k[0] != Endpoint.LISTINGS.value}
    )


def first_drain(proof: Proof, daemon: Background, as_of: datetime) -> None:
    """From nothing to a drained root, and then quiet."""
    wanted = proof.begin(as_of)
    took = proof.until_drained(daemon, as_of, DRAIN_SECONDS)
    proof.say("an empty root is drained with no hand touching it", f"{took:.0f} s")
    proof.say("runs that it took", _told_runs(daemon, 0))
    proof.compare("first drain")
    proof.compare_requests("first drain", wanted)
    quiet(proof, daemon)


def quiet(proof: Proof, daemon: Background) -> None:
    """For longer than a minute, so with a snapshot in between, every tick skips and no table changes."""
    proof.server.log.clear()
    before, since = versions(proof.daemons), time.time()
    time.sleep(QUIET_SECONDS)
    ticks = [tick for tick in daemon.ticks(since) if tick.status != "STARTED"]
    asked = [tick for tick in ticks if tick.status != "SKIPPED"]
    sensors = {f"{consumer.split('/')[1]}_due" for consumer in CONSUMERS} | {"failed_checks_due"}
    if asked or {tick.sensor for tick in ticks} != sensors:
        raise ProofError(f"not every sensor skipped every tick: {asked or ticks}")
    if versions(proof.daemons) != before:
        raise ProofError("a table got a commit though nothing was new")
    snapshots = proof.server.requests[Endpoint.LISTINGS.value]
    if snapshots < 1 or sum(proof.server.requests.values()) != snapshots:
        raise ProofError(f"not only snapshots were fetched: {proof.server.requests}")
    proof.say(
        f"quiet for {QUIET_SECONDS} s",
        f"{len(ticks)} ticks, all skipped; {snapshots} snapshots; no commit, no other request",
    )
    proof.say("a tick says", ticks[0].reason)


def time_passes(
    proof: Proof, daemon: Background, as_of: datetime, wanted: Counter[tuple[str, str]]
) -> None:
    """New swaps and new listings flow through, and what is known is not fetched again."""
    before = pl.DataFrame(proof.daemons.scan(TRANSACTIONS).select("swap_id").collect())
    since = time.time()
    took = proof.until_drained(daemon, as_of, DRAIN_SECONDS)
    new = proof.daemons.scan(TRANSACTIONS).select("swap_id").collect().height - before.height
    proof.say("26 hours later: drained again", f"{took:.0f} s, {new} new swap rows")
    proof.say("runs that it took", _told_runs(daemon, since))
    proof.compare("26 hours later")
    proof.compare_requests("26 hours later", wanted)


def until_fetching(proof: Proof, daemon: Background) -> str:
    """Wait for a run that is in the middle of fetching swaps; its id."""
    run_ids: list[str] = []

    def fetching() -> bool:
        run_ids[:] = [
            record.dagster_run.run_id
            for record in daemon.runs(consumer=TRANSACTIONS.name)
            if record.dagster_run.status == dg.DagsterRunStatus.STARTED
        ]
        return bool(run_ids) and proof.server.requests[Endpoint.SWAPS.value] > 0

    daemon.wait("a run that fetches swaps", fetching, DRAIN_SECONDS)
    return run_ids[0]


def recover(proof: Proof, daemon: Background, as_of: datetime, run_id: str, stage: str) -> None:
    """From here on the daemon is left alone: it fails the dead run, and a new one does its work.

    ProofError where that new run is not there within two minutes.
    """
    begun = time.time()

    def found_dead() -> bool:
        return daemon.status(run_id) == dg.DagsterRunStatus.FAILURE

    took = daemon.wait("the dead run to be failed", found_dead, RECOVERY_SECONDS)
    proof.say(f"{stage}: the run is marked as failed", f"{took:.0f} s; {daemon.failure(run_id)}")
    daemon.wait(
        "its partitions to be asked for again",
        lambda: bool(daemon.runs(since=begun, consumer=TRANSACTIONS.name)),
        begun + RECOVERY_SECONDS - time.time(),
    )
    proof.say(f"{stage}: its partitions have a new run", f"{time.time() - begun:.0f} s")
    proof.until_drained(daemon, as_of, DRAIN_SECONDS)
    proof.say(f"{stage}: everything is drained again", f"{time.time() - begun:.0f} s")
    proof.compare(stage)


def run_killed(proof: Proof, home: Path, as_of: datetime) -> None:
    """A fetching run's process dies alone."""
    stage = "a run is killed"
    with background(home, proof.environment, as_of) as daemon:
        run_id = until_fetching(proof, daemon)
        pid = daemon.pid_of(run_id)
        os.kill(pid, signal.SIGKILL)
        proof.server.faults.clear()
        proof.say(stage, f"run {run_id[:8]}, process {pid}")
        recover(proof, daemon, as_of, run_id, stage)


def all_killed(proof: Proof, home: Path, as_of: datetime) -> None:
    """A fetching run dies with the daemon and the code server, as a machine dies: nobody saw it end."""
    stage = "everything is killed"
    with background(home, proof.environment, as_of) as daemon:
        run_id = until_fetching(proof, daemon)
        daemon.kill()
        proof.server.faults.clear()
        if daemon.status(run_id) != dg.DagsterRunStatus.STARTED:
            raise ProofError(f"the run ended before it was killed: {daemon.status(run_id)}")
        proof.say(stage, f"run {run_id[:8]} with its daemon; it is left STARTED")
    with background(home, proof.environment, as_of) as daemon:
        recover(proof, daemon, as_of, run_id, stage)


def _told_runs(daemon: Background, since: float) -> str:
    runs = Counter(
        record.dagster_run.tags.get("smart_trader/asset", record.dagster_run.job_name)
        for record in daemon.runs(since=since)
    )
    return ", ".join(f"{name} {count}" for name, count in sorted(runs.items()))


def main() -> None:
    """Run the proof in a temporary folder and print what was seen."""
    anchor = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(
        days=6
    )
    second, third, fourth = (anchor + timedelta(hours=hours) for hours in (26, 52, 78))
    market = GeneratedMarket(SEED, anchor, tokens=TOKENS_LISTED, wallets=WALLETS)
    with (
        tempfile.TemporaryDirectory(prefix="daemon-proof-") as folder,
        SandboxServer(market, clock=lambda: anchor) as server,
    ):
        proof = Proof(server, Path(folder))
        home = proof.folder / "home"
        with background(home, proof.environment, anchor) as daemon:
            first_drain(proof, daemon, anchor)
        wanted = proof.begin(second)
        proof.list_anew(second)
        with background(home, proof.environment, second) as daemon:
            time_passes(proof, daemon, second, wanted)
        slow = Fault(FaultKind.LATENCY, endpoint=Endpoint.SWAPS, seconds=10, times=None)
        for as_of, killed in ((third, run_killed), (fourth, all_killed)):
            proof.begin(as_of)
            proof.list_anew(as_of)
            server.faults.add(slow)
            killed(proof, home, as_of)
        print_seen("The daemon, driven by state columns", proof.seen)


if __name__ == "__main__":
    main()
