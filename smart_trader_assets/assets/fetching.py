"""What the fetching assets share: what they count besides their rows, and when they must stop."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import dagster as dg
import polars as pl

from smart_trader_assets.assets.scope import RunScope
from smart_trader_assets.birdeye import (
    EntityFetchError,
    RateLimitedError,
    ServerError,
    Spend,
)
from smart_trader_assets.birdeye.session import FetchSession
from smart_trader_assets.delta.batch import Batch, Settlement
from smart_trader_assets.delta.batch_group import gathered
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.errors import OvertakenError
from smart_trader_assets.delta.fence import writer_of
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.run_metrics import CREDITS, FETCH_SECONDS, REQUESTS
from smart_trader_assets.lake.step_fence import step_fence, written_with
from smart_trader_assets.tables.cursor import Cursor

LOOKS_EVERY_SECONDS = 1.0

Entities = TypeVar("Entities", list[str], pl.DataFrame)
_ENDED = frozenset({dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED})


class Watch:
    """Called before each request: is it still this run's to send?

    OvertakenError where another run has written for the same asset and one of `shards` since this one read, or
    where this run was marked as failed while its process was stopped, so that another may take its place at any
    moment. It looks once a second at most, and always after a stop; what it has refused stays refused.
    """

    def __init__(
        self,
        instance: dg.DagsterInstance,
        scope: RunScope,
        store: DeltaStore,
        contract: TableContract,
    ) -> None:
        # None: whoever has no shards is one writer.
        self.shards: Sequence[str | None] = (None,)
        self._instance = instance
        self._run_id = scope.run_id
        self._store = store
        self._contract = contract
        self._fence = step_fence(store, scope.run_id, scope.step, [contract])
        self._looked = float("-inf")
        self._refused: OvertakenError | None = None

    def __call__(self) -> None:
        """Let the request leave, or raise."""
        if self._refused is not None:
            raise self._refused
        now = _running_time()
        if now - self._looked < LOOKS_EVERY_SECONDS:
            return
        self._looked = now
        try:
            self._look()
        except OvertakenError as refused:
            self._refused = refused
            raise

    def _look(self) -> None:
        run = self._instance.get_run_by_id(self._run_id)
        if run is not None and run.status in _ENDED:
            raise OvertakenError(
                f"Run {self._run_id} was marked as {run.status.value.lower()} while its process was at work or "
                "stopped: it sends no more requests, since another run may have taken its place. What it has "
                "not written is still due."
            )
        writers = [writer_of(self._contract.name, shard) for shard in self.shards]
        self._fence.check_all(written_with(self._contract), writers)


def _running_time() -> float:
    """Seconds that go on also while the machine sleeps, where it has such a clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def in_groups(
    by_shard: Iterable[tuple[str, Entities]], most: int
) -> Iterator[list[tuple[str, Entities]]]:
    """What is asked for before anything is written: slices of a shard each, together at most `most` long.

    So much is paid for again where a process dies.
    """
    group: list[tuple[str, Entities]] = []
    room = most
    for shard, entities in by_shard:
        start = 0
        while start < len(entities):
            part = entities[start : start + room]
            group.append((shard, part))
            start, room = start + len(part), room - len(part)
            if not room:
                yield group
                group, room = [], most
    if group:
        yield group


def fetched_in_groups(
    contract: TableContract,
    by_shard: Iterable[tuple[str, Entities]],
    most: int,
    fetch: Callable[[str, Entities], Iterator[Batch]],
    watch: Watch,
) -> Iterator[tuple[Batch, ...]]:
    """The batches of the table of `contract` that `fetch` makes of slices of a shard (`in_groups`), to be
    committed together; `watch` knows what shards they are of."""
    for group in in_groups(by_shard, most):
        watch.shards = [shard for shard, _ in group]
        batches = (batch for shard, part in group for batch in fetch(shard, part))
        yield from gathered(contract, batches)


def settled_trouble(
    cursor: Cursor,
    rows: pl.DataFrame,
    by: str,
    errors: Mapping[str, EntityFetchError],
    scope: RunScope,
    *,
    is_outage: bool,
) -> tuple[Settlement, ...]:
    """Those of `rows` whose entity, in the column `by`, failed with an error, settled so; none without.

    In an outage (`Outcomes.is_outage`) those that failed by the server's fault wait as well, so that others
    come first once it is over, but it is no failure of theirs.
    """
    troubled = rows.filter(pl.col(by).is_in(list(errors)))
    if troubled.is_empty():
        return ()
    told = {entity: str(error) for entity, error in errors.items()}
    counts = {
        entity: not (is_outage and isinstance(error, ServerError | RateLimitedError))
        for entity, error in errors.items()
    }
    return (
        cursor.settle_trouble(
            troubled,
            error=pl.col(by).replace_strict(told, return_dtype=pl.String),
            counts=pl.col(by).replace_strict(counts, return_dtype=pl.Boolean),
            at=scope.as_of,
            policy=scope.policy,
        ),
    )


class FetchMeter:
    """What `session` has cost since this meter was made; the first one counts from the session's beginning, at
    which the account may have been asked."""

    def __init__(self, session: FetchSession) -> None:
        self._session = session
        self._before = _costs(session.before) if session.is_unmetered() else fetch_cost(session)

    def metrics(self) -> dict[str, float]:
        """Requests and credits by endpoint, and seconds waited for them."""
        return {
            name: cost - self._before.get(name, 0)
            for name, cost in fetch_cost(self._session).items()
        }


def fetch_cost(session: FetchSession) -> dict[str, float]:
    """Requests and credits of a session so far, by endpoint, and the seconds that it has waited."""
    return {**_costs(session.meter.spent), FETCH_SECONDS: session.waiting.seconds}


def _costs(spent: Mapping[str, Spend]) -> dict[str, float]:
    return {
        **{f"{REQUESTS}{name}": float(spend.requests) for name, spend in spent.items()},
        **{f"{CREDITS}{name}": float(spend.credits) for name, spend in spent.items()},
    }
