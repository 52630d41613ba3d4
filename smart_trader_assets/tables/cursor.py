"""State columns as partition cursors: what is due, what means done, and who consumes it.

A cursor is the one place that knows how a state is spelled. Assets, sensors, the drain, the state view
and the reset all work from these objects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from smart_trader_assets.delta.batch import Settlement
from smart_trader_assets.delta.contract import TIME, TableContract
from smart_trader_assets.delta.store import DeltaStore

_OF_IDLE_TIME = 10


@dataclass(frozen=True)
class DuePolicy:
    """The settings that due rules depend on."""

    whale_refresh: timedelta
    wallet_refresh: timedelta
    wallet_refresh_limit: timedelta
    screening_rules: str
    pnl_rules: str
    ranking_rules: str
    max_attempts: int
    retry_base: timedelta
    retry_limit: timedelta
    transfers_refresh: timedelta | None = None
    """None: transfers are not looked at."""
    listed_within: timedelta = timedelta(days=1)

    def wallet_interval(self, idle: timedelta) -> timedelta:
        """For how long what was fetched of a wallet is fresh that had not traded for so long: a tenth of that,
        within limits."""
        return max(self.wallet_refresh, min(idle / _OF_IDLE_TIME, self.wallet_refresh_limit))

    def wallet_intervals(self, idle: pl.Expr) -> pl.Expr:
        """The same by row; of one that has never traded, the longest."""
        limit = pl.lit(self.wallet_refresh_limit)
        most = pl.min_horizontal((idle / _OF_IDLE_TIME).fill_null(limit), limit)
        return pl.max_horizontal(pl.lit(self.wallet_refresh), most)


Rule = Callable[[datetime, DuePolicy], pl.Expr]


@dataclass(frozen=True)
class TimedRule:
    """Rows in `state`, due in no other way, that fall due later: those that `rule(as_of, policy)` picks.

    The rule's plain comparisons with a column are pushed down to the files' statistics, so that only
    files that may hold such rows are opened.
    """

    state: str | bool | None
    rule: Rule
    meaning: str


@dataclass(frozen=True)
class Cursor:
    """One state column, read by one consumer.

    `due` are the values that are due at once, `timed` what falls due by time, `shard` the partition
    column by which the consumer's partitions divide the table (None: all at once), `order` the
    expressions that due rows are sorted by, with `descending` beside them.
    """

    name: str
    contract: TableContract
    column: str | None
    consumer: str
    shard: str | None
    due: tuple[str | bool, ...] = ()
    timed: tuple[TimedRule, ...] = ()
    done: str | bool | None = None
    done_at: str | None = None
    operation: str = ""
    order: tuple[pl.Expr, ...] = ()
    descending: tuple[bool, ...] = ()
    retry: str | None = None
    failed: str | None = None

    def due_rule(self, as_of: datetime, policy: DuePolicy) -> pl.Expr:
        """The predicate of a due row as of `as_of`."""
        rules = self._rules(as_of, policy)
        return rules[0] if len(rules) == 1 else pl.any_horizontal(rules)

    def due_rows(
        self,
        table: pl.LazyFrame,
        *,
        shards: Sequence[str] | None,
        as_of: datetime,
        policy: DuePolicy,
        reprocess: bool = False,
    ) -> pl.LazyFrame:
        """The due rows of the given shards, most urgent first; with `reprocess` all rows of the shards."""
        if self.shard is not None and shards is not None:
            table = table.filter(_is_one_of(self.shard, shards))
        if not reprocess:
            table = _picked(table, self._rules(as_of, policy))
        if self.order:
            table = table.sort(
                *self.order, descending=list(self.descending), nulls_last=False, maintain_order=True
            )
        return table

    def due_counts(
        self, store: DeltaStore, *, as_of: datetime, policy: DuePolicy
    ) -> dict[str | None, int]:
        """How many rows are due in each of the consumer's partitions.

        What a state value alone makes due is summed from the log; what is due by time is read, but
        only where the log shows rows in that state.
        """
        counts: dict[str | None, int] = {}
        by = [name for name in (self.shard, self.column) if name is not None]
        in_log = store.row_counts(self.contract, *by)
        if self.column is not None and self.due:
            for row in in_log.filter(_is_one_of(self.column, self.due)).iter_rows(named=True):
                _count(counts, row[self.shard] if self.shard else None, row["rows"])
        waiting = [timed for timed in self.timed if self._holds(in_log, timed.state)]
        if waiting:
            late = [self._timed(timed, as_of, policy) for timed in waiting]
            shards = pl.col(self.shard) if self.shard else pl.lit(None, dtype=pl.String)
            found = (
                _picked(store.scan(self.contract), late)
                .group_by(shards.alias("shard"))
                .len()
                .collect()
            )
            for shard, rows in found.iter_rows():
                _count(counts, shard, rows)
        return {shard: rows for shard, rows in counts.items() if rows}

    def waits_for_time(self, store: DeltaStore) -> bool:
        """Whether the table has rows that can fall due without being touched, by the log alone."""
        if not self.timed:
            return False
        by = [self.column] if self.column is not None else []
        in_log = store.row_counts(self.contract, *by)
        return any(self._holds(in_log, timed.state) for timed in self.timed)

    def _holds(self, in_log: pl.DataFrame, state: str | bool | None) -> bool:
        if state is None or self.column is None:
            return in_log.height > 0
        return bool((in_log[self.column] == state).any())

    def _rules(self, as_of: datetime, policy: DuePolicy) -> list[pl.Expr]:
        """The predicates of due rows; each covers its own states, so that none picks a row twice."""
        timed = [self._timed(timed, as_of, policy) for timed in self.timed]
        if self.column is None or not self.due:
            return timed
        return [_is_one_of(self.column, self.due), *timed]

    def _timed(self, timed: TimedRule, as_of: datetime, policy: DuePolicy) -> pl.Expr:
        rule = timed.rule(as_of, policy)
        if timed.state is None or self.column is None:
            return rule
        return (pl.col(self.column) == timed.state) & rule

    @property
    def state_column(self) -> str:
        """The state column; TypeError for a cursor that works by time alone and settles nothing."""
        if self.column is None:
            raise TypeError(f"the cursor {self.name} has no state to settle")
        return self.column

    def settle_done(
        self, rows: pl.DataFrame, *, at: datetime, sets: dict[str, Any] | None = None
    ) -> Settlement:
        """Settle rows as done at `at`, with the companions given; failures are cleared."""
        done: dict[str, Any] = {self.state_column: self.done, **self.cleared_trouble()}
        if self.done_at is not None:
            done[self.done_at] = at
        return Settlement.of(
            self.contract, rows, operation=self.operation, sets={**done, **(sets or {})}
        )

    def settle_trouble(
        self,
        rows: pl.DataFrame,
        *,
        error: pl.Expr,
        at: datetime,
        policy: DuePolicy,
        counts: pl.Expr | None = None,
    ) -> Settlement:
        """Settle rows whose work failed: one more attempt, the error, and when to try again.

        The wait doubles with each attempt, with jitter from the row's own key so that a repeated batch
        gives the same time; after the last attempt the row is `failed` until it is reset. An attempt that is
        not among those that it `counts` is only waited for; None: all count.
        """
        counts = pl.lit(value=True) if counts is None else counts
        attempts = pl.col("attempts") + counts.cast(pl.Int64)
        last = counts & (attempts >= policy.max_attempts)
        base, limit = policy.retry_base.total_seconds(), policy.retry_limit.total_seconds()
        jitter = 0.75 + (pl.concat_str(self.contract.key).hash(seed=7) % 1000) / 2000
        wait = (
            pl.min_horizontal(
                base * pl.lit(2.0).pow((attempts - 1).clip(lower_bound=0)), pl.lit(limit)
            )
            * jitter
        )
        next_at = (pl.lit(at) + pl.duration(microseconds=(wait * 1e6).cast(pl.Int64))).cast(TIME)
        return Settlement.of(
            self.contract,
            rows,
            operation="FETCH_FAILED",
            sets={
                self.state_column: pl.when(last)
                .then(pl.lit(self.failed))
                .otherwise(pl.lit(self.retry)),
                "attempts": attempts,
                "last_error": error,
                "next_attempt_at": pl.when(~last).then(next_at),
            },
        )

    def cleared_trouble(self) -> dict[str, Any]:
        """The companions of a row without failures; empty for states that cannot fail."""
        return {"attempts": 0, "last_error": None, "next_attempt_at": None} if self.retry else {}


def _picked(table: pl.LazyFrame, rules: Sequence[pl.Expr]) -> pl.LazyFrame:
    """The rows that any of `rules` picks.

    Each is its own scan: file statistics can prune by a conjunction, but not by an OR of several.
    """
    return pl.concat([table.filter(rule) for rule in rules])


def _is_one_of(column: str, values: Sequence[str | bool]) -> pl.Expr:
    if len(values) == 1:
        return pl.col(column) == values[0]
    return pl.col(column).is_in(list(values))


def _count(counts: dict[str | None, int], shard: str | None, rows: int) -> None:
    counts[shard] = counts.get(shard, 0) + rows
