"""Reads what is news since a receiver began to be told, and not in the outbox yet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg
import polars as pl

from smart_trader_assets.birdeye.circuit_breaker import read_breaker
from smart_trader_assets.birdeye.session import BirdEyeAccess
from smart_trader_assets.checks.results import FailedCheck
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.notify import news
from smart_trader_assets.notify.news_rules import (
    CHECKS,
    CREDITS,
    DIGEST,
    NEWS_FOR,
    RUNS,
    SIGNALS,
    TIERS,
    TRADES,
    TRADES_KEPT,
    TRADES_LATE,
    NewsRules,
)
from smart_trader_assets.notify.wording import News
from smart_trader_assets.settings import Settings
from smart_trader_assets.state.shared_state import state_of
from smart_trader_assets.tables.catalog import (
    NOTIFICATIONS,
    RECENT_TRADES,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKEN_SIGNALS,
    TRACKED_TOKENS,
)
from smart_trader_assets.tables.cursors import CURSORS
from smart_trader_assets.tables.ops import RUNS as RUN_METRICS
from smart_trader_assets.tables.ops import STARTED
from smart_trader_assets.thresholds import due_policy

_LOG: Final = logging.getLogger(__name__)
_DAY: Final = timedelta(days=1)
# Told by the machine's clock; all else by the root's.
_BY_MACHINE: Final = frozenset({RUNS, CHECKS, CREDITS})


@dataclass(frozen=True)
class Outlook:
    """What is looked at: the tables of a root, by its clock and the machine's.

    `broken_off` are failed runs of the instance (run_id, finished_at, asset), among them those that could not
    say so in ops/runs.
    """

    store: DeltaStore
    settings: Settings
    as_of: datetime
    now: datetime
    failed: Sequence[FailedCheck]
    broken_off: pl.DataFrame | None = None
    log: logging.Logger | dg.DagsterLogManager = _LOG

    def new_rows(self, receivers: Collection[str]) -> pl.DataFrame:
        """The rows that ops/notifications lacks, of `receivers`.

        A receiver that is new is told what happens from now on; the row `started` says since when.
        """
        since = self._told_since()
        rows = [
            self._row(News(STARTED, receiver, self.as_of, "Messages begin here."), receiver)
            | {"delivery_status": "sent", "sent_at": self.as_of}
            for receiver in receivers
            if receiver not in since
        ]
        told = {name: moments for name, moments in since.items() if name in receivers}
        known = (
            self.store.scan(NOTIFICATIONS)
            .filter(pl.col("created_on") >= (self.now - NEWS_FOR - _DAY).date())
            .select("event_id", "receiver")
            .collect()
        )
        if told:
            by_root, by_machine = zip(*told.values(), strict=True)
            for found in self._news(min(by_root), min(by_machine), set(known["event_id"])):
                # A ranking has the time of the run that began to tell: it is what was there before.
                rows += [
                    self._row(found, name)
                    for name, moments in told.items()
                    if (
                        found.at >= moments[1]
                        if found.kind in _BY_MACHINE
                        else found.at > moments[0]
                    )
                ]
        schema = {
            column.name: column.dtype for column in NOTIFICATIONS.columns if column.name in _WRITTEN
        }
        return (
            pl.DataFrame(rows, schema=schema)
            .unique(["event_id", "receiver"], keep="first", maintain_order=True)
            .join(known, on=["event_id", "receiver"], how="anti", maintain_order="left")
        )

    def _row(self, found: News, receiver: str) -> dict[str, object]:
        of = {"sandbox": "Invented market: ", "replay": "Recording: "}
        whose = "" if found.kind == STARTED else of.get(self.settings.resolved_source, "")
        return {
            "event_id": found.event_id,
            "receiver": receiver,
            "kind": found.kind,
            "happened_at": found.at,
            "created_at": self.now,
            "created_on": self.now.date(),
            "title": f"{whose}{found.title}",
            "body": found.body,
            "delivery_status": "pending",
            "sent_at": None,
        }

    def _told_since(self) -> dict[str, tuple[datetime, datetime]]:
        """By receiver, by the root's clock and by the machine's."""
        begun = self.store.scan(NOTIFICATIONS).filter(pl.col("kind") == STARTED)
        rows = begun.select("receiver", "happened_at", "created_at").collect()
        return {
            receiver: (by_root, by_machine) for receiver, by_root, by_machine in rows.iter_rows()
        }

    def _news(
        self, since: datetime, since_by_machine: datetime, known: Collection[str]
    ) -> Iterator[News]:
        """What each kind has found; one that breaks off is logged, and keeps no other from being told."""
        lately = max(since_by_machine, self.now - NEWS_FOR)
        kinds: Mapping[str, Callable[[], Iterable[News]]] = {
            TIERS: lambda: self._tier_changes(max(since, self.as_of - NEWS_FOR)),
            SIGNALS: lambda: self._signals(max(since, self.as_of - _DAY)),
            TRADES: lambda: self._trades(max(since, self.as_of - self._trades_for)),
            RUNS: lambda: news.failed_runs(self._runs(lately)),
            CHECKS: lambda: news.checks(check for check in self.failed if check.at >= lately),
            CREDITS: lambda: news.paused(
                read_breaker(state_of(self.settings), now=self.now), self.now
            ),
            DIGEST: lambda: self._digest(since, known),
        }
        for kind in self.settings.notify:
            try:
                yield from list(kinds[kind]())
            except Exception:
                self.log.warning(
                    f"What is news of the kind {kind} could not be found.", exc_info=True
                )

    @property
    def _trades_for(self) -> timedelta:
        """The longest time between two fetches of a ranked wallet, which grows with its inactivity, and what
        the way from a fetch to a message may take."""
        longest_idle = timedelta(days=self.settings.max_idle_days)
        between = due_policy(self.settings).wallet_interval(longest_idle)
        return min(between + TRADES_LATE, TRADES_KEPT)

    @property
    def _rules(self) -> NewsRules:
        return NewsRules.of(self.settings)

    def _tier_changes(self, since: datetime) -> Iterable[News]:
        changes = self.store.scan(TIER_CHANGES).filter(pl.col("changed_at") >= since)
        return news.tier_changes(changes.collect(), self._rules)

    def _signals(self, since: datetime) -> Iterable[News]:
        rows = self.store.scan(TOKEN_SIGNALS).filter(pl.col("as_of") >= since)
        return news.signals(rows.collect(), self._rules)

    def _digest(self, since: datetime, known: Collection[str]) -> Iterable[News]:
        day = news.digest_day(self.as_of, self._rules)
        hour = self._rules.digest_hour
        due_at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
        if due_at > since and news.digest_id(day) not in known:
            yield news.digest(day, self._glance(), due_at)

    def _trades(self, since: datetime) -> Iterable[News]:
        rules = self._rules
        traders = self.store.scan(SMART_TRADERS).filter(pl.col("tier").is_in(rules.trade_tiers))
        chosen = traders.select("wallet_address", "tier", "overall_rank").collect()
        rows = (
            self.store.scan(RECENT_TRADES)
            .filter(
                (pl.col("block_unix_time") >= int(since.timestamp()))
                & pl.col("wallet_address").is_in(chosen["wallet_address"].to_list())
            )
            .collect()
        )
        mints = rows["token_address"].unique().to_list()
        listed = self.store.scan(TRACKED_TOKENS).filter(pl.col("token_address").is_in(mints))
        symbols = dict(listed.select("token_address", "symbol").collect().iter_rows())
        return news.trades(rows, chosen, symbols, rules)

    def _runs(self, since: datetime) -> pl.DataFrame:
        """Rows of ops/runs since then, and with them the runs that failed without one."""
        columns = ["run_id", "asset", "finished_at", "outcome", "error"]
        schema = {name: RUN_METRICS.schema[name] for name in columns}
        runs = pl.DataFrame(schema=schema)
        if self.store.exists(RUN_METRICS):
            runs = (
                self.store.scan(RUN_METRICS)
                .filter(
                    (pl.col("started_on") >= (since - _DAY).date())
                    & (pl.col("finished_at") >= since)
                )
                .select(columns)
                .collect()
            )
        if self.broken_off is not None:
            # One that ended well is of a run that may have died after it.
            told_of = runs.filter(pl.col("outcome") == "failed")
            broken = self.broken_off.filter(pl.col("finished_at") >= since).join(
                told_of, on="run_id", how="anti"
            )
            told = broken.with_columns(
                outcome=pl.lit("failed"), error=pl.lit(None, dtype=pl.String)
            )
            runs = pl.concat([runs, told.select(columns)])
        # What tells is not told about itself.
        return runs.filter(pl.col("asset") != NOTIFICATIONS.name)

    def _glance(self) -> news.DayAtAGlance:
        changes = self.store.scan(TIER_CHANGES).filter(pl.col("changed_at") >= self.as_of - _DAY)
        live = self.settings.resolved_source == "live"
        return news.DayAtAGlance(
            traders=self.store.scan(SMART_TRADERS).select("tier").collect(),
            changes=changes.select("change").collect(),
            signals=self.store.scan(TOKEN_SIGNALS).collect(),
            runs=self._runs(self.now - _DAY),
            failed_rows=_failed_rows(self.store),
            credits_left=BirdEyeAccess(self.settings).budget().left if live else None,
        )


_WRITTEN: Final = (
    "event_id",
    "receiver",
    "kind",
    "happened_at",
    "created_at",
    "created_on",
    "title",
    "body",
    "delivery_status",
    "sent_at",
)


def _failed_rows(store: DeltaStore) -> int:
    """Rows that wait for a reset, by the logs alone."""
    counted = 0
    for cursor in CURSORS:
        is_outbox = cursor.contract is NOTIFICATIONS
        if cursor.failed is not None and cursor.column is not None and not is_outbox:
            rows = store.row_counts(cursor.contract, cursor.column)
            counted += int(rows.filter(pl.col(cursor.column) == cursor.failed)["rows"].sum())
    return counted
