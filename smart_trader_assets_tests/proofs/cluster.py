"""Proof: two machines on one root are one pipeline.

`python -m smart_trader_assets_tests.proofs.cluster` starts real engines on loopback (PostgreSQL, Redis, an S3
store) and two "machines" with two Celery workers each: own user, own working directory, own Dagster home, the
second with its clock five minutes ahead. The first has the webserver and the daemon, whose sensors alone
drain an invented market, from an account with a rate and a budget. Then a machine is killed in the middle,
and then PostgreSQL and Redis are. After each stage the tables are those of `smart-trader run` on one machine,
and nobody was asked twice. It takes some ten minutes, needs redis-server and faketime, and is best run as
root, which may begin processes as other users.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
from polars.testing import assert_frame_equal
from rich.console import Console

from smart_trader_assets.automation.live_runs import CONSUMER_TAG
from smart_trader_assets.delta.contract import OPERATION, TableContract
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.sandbox import (
    Endpoint,
    Fault,
    FaultKind,
    GeneratedMarket,
    SandboxPlan,
    SandboxServer,
)
from smart_trader_assets.settings import load_settings
from smart_trader_assets.tables.catalog import (
    CANDIDATES,
    CLASSIFIED_WALLETS,
    COPY_RESULTS,
    POSITIONS,
    SMART_TRADERS,
    TOKEN_SIGNALS,
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
    WHALES,
)
from smart_trader_assets.tables.queue import read_queue
from smart_trader_assets.thresholds import due_policy
from smart_trader_assets_tests.proofs.background import (
    COMMAND,
    LIVE,
    ProofError,
    drain_in_foreground,
    free_port,
    in_foreground,
    print_seen,
)
from smart_trader_assets_tests.proofs.engines import (
    Machine,
    Postgres,
    Redis,
    engines,
    open_history,
)
from smart_trader_assets_tests.support.command import environment
from smart_trader_assets_tests.support.object_store import CREDENTIALS, ObjectStore
from smart_trader_assets_tests.support.roots import contents

SEED, TOKENS_LISTED, WALLETS = 11, 10, 40
RATE, BUDGET = 10, 500
AHEAD = 300
AWAY_SECONDS = 20
STAGE_SECONDS = 900.0
# Of a ranking, how often it came before is a matter of order: tier_changes is left out.
_FETCHED = (TOKENS, WHALES, CANDIDATES, TRACKED_TOKENS, TRACKED_WHALES, TRANSACTIONS)
_COMPUTED = (WALLET_PNL, COPY_RESULTS, SMART_TRADERS, CLASSIFIED_WALLETS, POSITIONS, TOKEN_SIGNALS)


@dataclass
class Proof:
    """What works, and what was seen."""

    server: SandboxServer
    s3: ObjectStore
    postgres: Postgres
    redis: Redis
    folder: Path
    seen: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cluster = DeltaStore(f"{self.s3.bucket()}/lake", self.s3.options)
        self.alone = DeltaStore(str(self.folder / "alone"))
        self.common = environment(
            BIRDEYE_API_KEY="key-of-the-proof",
            SMART_TRADER_BIRDEYE_BASE_URL=self.server.base_url,
            SMART_TRADER_REQUESTS_PER_SECOND=str(RATE),
            SMART_TRADER_CREDITS_PER_RUN="none",
            SMART_TRADER_CREDITS_PER_DAY="none",
            SMART_TRADER_READ_ACCOUNT="false",
            SMART_TRADER_TOKEN_SHARDS="2",
            SMART_TRADER_WALLET_SHARDS="8",
            SMART_TRADER_SHARDS_PER_RUN="2",
            # Whether a ranking comes between two pages of a bot is a matter of the order of the runs.
            SMART_TRADER_SWAP_PAGES_FIRST="10",
        )
        self.shared = {
            **self.common,
            **CREDENTIALS,
            "SMART_TRADER_ROOT": self.cluster.root,
            **{f"SMART_TRADER_{name.upper()}": value for name, value in self.s3.settings.items()},
            "SMART_TRADER_STATE_URL": self.postgres.new_database("cluster"),
            "SMART_TRADER_BROKER_URL": self.redis.url,
            "SMART_TRADER_LAUNCHER": "celery",
            "SMART_TRADER_RUNS_AT_ONCE": "4",
            "SMART_TRADER_FETCHES_AT_ONCE": "3",
            "SMART_TRADER_AUTOMATION": "true",
            "SMART_TRADER_SENSOR_SECONDS": "2",
            "SMART_TRADER_SNAPSHOT_CRON": "* * * * *",
            "SMART_TRADER_SNAPSHOT_HOURS": "1",
            "SMART_TRADER_PARK_CREDITS_HOURS": "0.01",
        }
        self.policy = due_policy(load_settings())

    def say(self, what: str, result: str) -> None:
        """Note a line of the table."""
        self.seen.append((what, result))
        Console().print(f"[green]✓[/] {what}: {result}", highlight=False)

    def drained_alone(self, as_of: datetime) -> Counter[str]:
        """Drain the other root on one machine, as of then; the questions that it asked."""
        self.server.clock.set(as_of)
        self.server.log.clear()
        drain_in_foreground(
            self.folder / "alone", self.common | {"SMART_TRADER_CREDITS_PER_MONTH": "none"}, as_of
        )
        asked = _questions(self.server)
        self.server.log.clear()
        return asked

    def due(self, as_of: datetime) -> int:
        """Rows that are due in the cluster's root."""
        return read_queue(self.cluster, as_of=as_of, policy=self.policy).due.height

    def compare(self, stage: str, as_of: datetime, wanted: Counter[str]) -> None:
        """The tables are those of one machine, and nobody was asked otherwise."""
        asked = _questions(self.server)
        if over := asked - wanted:
            self.say(f"{stage}: asked beyond one machine", f"{over.total()}: {_kinds(over)}")
        if missing := wanted - asked:
            raise ProofError(f"never asked: {missing}")
        self.say(f"{stage}: requests", f"{asked.total()}: {_kinds(asked)}")
        rows = self._compare(_FETCHED)
        self.say(f"{stage}: what was fetched is what one machine has", f"{rows:,} rows")
        # A run that came early knew less about what others paid for a token.
        in_cluster = {name: value for name, value in self.shared.items() if "LAUNCHER" not in name}
        for root, variables in (
            (self.cluster.root, in_cluster),
            (self.alone.root, dict(self.common)),
        ):
            variables["DAGSTER_HOME"] = str(self.folder / f"home-of-{root.rpartition('/')[2]}")
            variables["SMART_TRADER_CREDITS_PER_MONTH"] = "none"
            for command in (["reset", TRANSACTIONS.name, "--all", "--yes"], ["run"]):
                in_foreground([*COMMAND, *command, "--data", root], variables, as_of)
        rows = self._compare(_COMPUTED)
        self.say(f"{stage}: what is computed of it is, too", f"{rows:,} rows")

    def _compare(self, contracts: Sequence[TableContract]) -> int:
        found, wanted = contents(self.cluster), contents(self.alone)
        rows = 0
        for contract in contracts:
            ours, theirs = _comparable(contract.name, found, wanted)
            try:
                assert_frame_equal(ours, theirs)
            except AssertionError:
                difference = _difference(ours, theirs)
                raise ProofError(f"{contract.name} differs: {difference}") from None
            rows += theirs.height
        return rows


def _comparable(
    name: str, found: dict[str, pl.DataFrame], wanted: dict[str, pl.DataFrame]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What of a table does not depend on the order of the runs, here and alone.

    It decides which of two writes touched a row last, and whether a row of a wallet that is known through
    another one, or as a bot, is looked at: where it is not, on either side, its state tells of the order
    alone.
    """
    here, alone = (tables[name].drop(OPERATION) for tables in (found, wanted))
    if name != TRACKED_WHALES.name or here["whale_id"].to_list() != alone["whale_id"].to_list():
        return here, alone
    seen = [
        frame.filter(pl.col("processing_status") != "excluded")["whale_id"]
        for frame in (here, alone)
    ]
    looked_at = pl.col("whale_id").is_in(set(seen[0]) & set(seen[1]))
    return here.filter(looked_at), alone.filter(looked_at)


def _difference(ours: pl.DataFrame, theirs: pl.DataFrame) -> str:
    """The rows that one side alone has, in the columns in which they differ."""
    sides = [
        one.join(other, on=one.columns, how="anti", nulls_equal=True)
        for one, other in ((ours, theirs), (theirs, ours))
    ]
    few = [side.head(5).to_dicts() for side in sides]
    unlike = [
        name
        for name in ours.columns
        if name in {"wallet_address", "processing_status"}
        or any(row.get(name) != other.get(name) for row, other in zip(*few, strict=False))
    ]
    shown = [[{name: row.get(name) for name in unlike} for row in side] for side in few]
    return f"{[side.height for side in sides]} rows, here {shown[0]}, alone {shown[1]}"


def _questions(server: SandboxServer) -> Counter[str]:
    """What was asked, but for the snapshots, which come by the minute."""
    listings = Endpoint.LISTINGS.value
    return Counter(
        {q: n for q, n in server.requests_by_query.items() if not q.startswith(listings)}
    )


def _kinds(asked: Counter[str]) -> str:
    kinds = Counter[str]()
    for question, count in asked.items():
        kinds[question.partition("?")[0]] += count
    return ", ".join(f"{count} to {kind}" for kind, count in sorted(kinds.items()))


@dataclass
class Cluster:
    """Two machines at work."""

    proof: Proof
    first: Machine
    second: Machine
    instance: dg.DagsterInstance
    as_of: datetime

    def runs(
        self, *statuses: dg.DagsterRunStatus, consumer: str | None = None
    ) -> list[dg.DagsterRun]:
        """Runs in these states, the latest first."""
        tags = {CONSUMER_TAG: consumer} if consumer else None
        return list(
            self.instance.get_runs(dg.RunsFilter(statuses=list(statuses) or None, tags=tags))
        )

    def wait(self, what: str, holds: Callable[[], bool], seconds: float = STAGE_SECONDS) -> float:
        """Look once a second until `holds`; how long it took."""
        begun = time.monotonic()
        while not holds():
            for machine in (self.first, self.second):
                if ended := machine.complaints():
                    raise ProofError(f"{ended} of {machine.name} ended: see {machine.folder}")
            if time.monotonic() - begun > seconds:
                raise ProofError(
                    f"{what} did not come about in {seconds:.0f} s: see {self.first.folder}"
                )
            time.sleep(1)
        return time.monotonic() - begun

    def until_drained(self) -> float:
        """Wait until the snapshot is taken, nothing is due and no run is left."""

        def drained() -> bool:
            store = self.proof.cluster
            if self.runs(*LIVE) or not store.exists(TOKENS):
                return False
            days = store.row_counts(TOKENS, "snapshot_date")["snapshot_date"].to_list()
            return self.as_of.date() in days and not self.proof.due(self.as_of)

        return self.wait("a drained root", drained)


@contextmanager
def cluster(proof: Proof, as_of: datetime, place: str = "", **chosen: str) -> Iterator[Cluster]:
    """Both machines with all that belongs to them, for as long as the block lasts."""
    month = {"SMART_TRADER_CREDITS_PER_MONTH": "none"}
    shared = {**proof.shared, "SMART_TRADER_AS_OF": as_of.isoformat(), **month, **chosen}
    first = Machine("the first machine", 20_001, proof.folder / f"first{place}", shared)
    second = Machine(
        "the second machine", 20_002, proof.folder / f"second{place}", shared, seconds_ahead=AHEAD
    )
    home = first.home()
    try:
        first.workers(2)
        second.workers(2)
        code = ["-m", "smart_trader_assets.definitions"]
        first.begin(
            "webserver", "-m", "dagster_webserver", "-p", str(free_port()), *code, DAGSTER_HOME=home
        )
        first.begin("daemon", "-m", "dagster._daemon", "run", *code, DAGSTER_HOME=home)
        with open_history(shared, home) as instance:
            yield Cluster(proof, first, second, instance, as_of)
    finally:
        first.crash()
        second.crash()


def budget_kept(proof: Proof, as_of: datetime) -> None:
    """A root of its own, and too few credits for it."""
    chosen = {
        "SMART_TRADER_ROOT": f"{proof.s3.bucket()}/lake",
        "SMART_TRADER_STATE_URL": proof.postgres.new_database("budget"),
        "SMART_TRADER_CREDITS_PER_MONTH": str(BUDGET),
    }
    with cluster(proof, as_of, "-with-a-budget", **chosen) as working:
        spent = proof.server.credits_spent

        def stopped() -> bool:
            return spent_since() > BUDGET - 100 and not working.runs(*LIVE)

        def spent_since() -> int:
            return proof.server.credits_spent - spent

        working.wait("a spent budget", stopped)
        time.sleep(20)
        working.wait("a spent budget", stopped)
        if spent_since() > BUDGET:
            raise ProofError(f"{spent_since()} credits were spent of a budget of {BUDGET}")
        proof.say(f"a budget of {BUDGET} credits, shared by four workers", f"{spent_since()} spent")


def drained_by_sensors(proof: Proof, as_of: datetime) -> None:
    """From nothing to the end."""
    wanted = proof.drained_alone(as_of)
    proof.say("one machine, for comparison", f"{wanted.total()} requests")
    with cluster(proof, as_of) as working:
        took = working.until_drained()
        proof.say("an empty root is drained by sensors alone", f"{took:.0f} s")
        where = Counter(_machine_of(working, run.run_id) for run in working.runs())
        proof.say("runs by machine", ", ".join(f"{name} {n}" for name, n in sorted(where.items())))
        proof.say("runs that failed", _failures(working, 0))
    proof.compare("drained by sensors", as_of, wanted)


def machine_killed(proof: Proof, as_of: datetime) -> None:
    """One machine dies while it fetches: the other takes its work over."""
    wanted = proof.drained_alone(as_of)
    proof.server.faults.add(
        Fault(FaultKind.LATENCY, endpoint=Endpoint.SWAPS, seconds=4, times=None)
    )
    with cluster(proof, as_of) as working:
        victims: list[str] = []

        def fetches_there() -> bool:
            victims[:] = [
                run.run_id
                for run in working.runs(dg.DagsterRunStatus.STARTED, consumer=TRANSACTIONS.name)
                if _machine_of(working, run.run_id) == working.second.name
            ]
            return bool(victims) and proof.server.requests[Endpoint.SWAPS.value] > 0

        working.wait("a run that fetches on the second machine", fetches_there)
        working.second.crash()
        proof.server.faults.clear()
        begun = time.monotonic()
        proof.say("the second machine is killed", f"with {len(victims)} runs that fetch")

        def buried() -> bool:
            return not {run.run_id for run in working.runs(*LIVE)} & set(victims)

        working.wait("the dead runs to be failed", buried, 240)
        proof.say("its runs are marked as failed", f"after {time.monotonic() - begun:.0f} s")
        working.until_drained()
        proof.say(
            "everything is drained by the first one", f"after {time.monotonic() - begun:.0f} s"
        )
    proof.compare("a machine was killed", as_of, wanted)


def engines_restarted(proof: Proof, as_of: datetime) -> None:
    """PostgreSQL and Redis end by force while runs are at work, and come back."""
    wanted = proof.drained_alone(as_of)
    proof.server.faults.add(
        Fault(FaultKind.LATENCY, endpoint=Endpoint.SWAPS, seconds=2, times=None)
    )
    with cluster(proof, as_of) as working:

        def fetches() -> bool:
            return (
                bool(working.runs(dg.DagsterRunStatus.STARTED, consumer=TRANSACTIONS.name))
                and proof.server.requests[Endpoint.SWAPS.value] > 0
            )

        working.wait("a run that fetches", fetches)
        before = len(working.runs(dg.DagsterRunStatus.FAILURE))
        proof.postgres.stop()
        proof.redis.stop()
        time.sleep(AWAY_SECONDS)
        proof.postgres.start()
        proof.redis.start()
        proof.server.faults.clear()
        took = working.until_drained()
        proof.say(
            f"PostgreSQL and Redis were away for {AWAY_SECONDS} s: drained", f"{took:.0f} s later"
        )
        proof.say("runs that failed by it", _failures(working, before))
    proof.compare("engines were restarted", as_of, wanted)


def _failures(working: Cluster, before: int) -> str:
    """How many runs have failed, beyond so many, and as what."""
    failed = working.runs(dg.DagsterRunStatus.FAILURE)
    new = failed[: len(failed) - before]
    causes = Counter(_cause(working.instance, run.run_id) for run in new)
    return "; ".join([str(len(new)), *(f"{count} x {cause}" for cause, count in causes.items())])


def _cause(instance: dg.DagsterInstance, run_id: str) -> str:
    for entry in reversed(instance.all_logs(run_id)):
        event = entry.dagster_event
        error = getattr(event and event.event_specific_data, "error", None)
        if error is not None:
            root = error
            while root.cause is not None:
                root = root.cause
            return str(root.message).strip()[:200]
    return "no reason given"


def _machine_of(working: Cluster, run_id: str) -> str:
    """Where a run is at work: the log of the worker that took its task names it."""
    for machine in (working.first, working.second):
        for log in machine.folder.glob("worker-*.log"):
            if run_id in log.read_text(errors="replace"):
                return machine.name
    return "nowhere yet"


def main() -> None:
    """Run the proof in a temporary folder and print what was seen."""
    for tool in ("redis-server", "faketime"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is missing: install it (Debian: apt-get install {tool})")
    now = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    anchor = now - timedelta(days=6)
    market = GeneratedMarket(SEED, anchor, tokens=TOKENS_LISTED, wallets=WALLETS)
    with (
        tempfile.TemporaryDirectory(prefix="cluster-proof-", ignore_cleanup_errors=True) as named,
        ObjectStore() as s3,
        SandboxServer(
            market, clock=lambda: anchor, plan=SandboxPlan(requests_per_second=RATE)
        ) as server,
        engines(Path(named)) as (postgres, redis),
    ):
        proof = Proof(server, s3, postgres, redis, Path(named))
        if "--without-budget" not in sys.argv:
            budget_kept(proof, anchor)
        drained_by_sensors(proof, anchor)
        machine_killed(proof, anchor + timedelta(hours=26))
        engines_restarted(proof, anchor + timedelta(hours=52))
        print_seen("Two machines, one pipeline", proof.seen)


if __name__ == "__main__":
    main()
