"""ops/notifications: the outbox of the messages, filled and emptied by one step."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import polars as pl

from smart_trader_assets.assets.declare import medallion_asset
from smart_trader_assets.assets.keys import CONSUMER_TAG
from smart_trader_assets.assets.scope import RunConfig, RunScope
from smart_trader_assets.checks.results import failed_by_checks, failed_checks
from smart_trader_assets.delta.batch import Batch, Batches
from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.notify import (
    DeliveryRules,
    Message,
    NotificationError,
    Receiver,
    ReceiverError,
    plan_messages,
    receivers_of,
)
from smart_trader_assets.notify.gathering import Outlook
from smart_trader_assets.notify.news_rules import NEWS_FOR
from smart_trader_assets.notify.outbox import TROUBLED, begun_hour
from smart_trader_assets.notify.receivers import OF_THE_MESSAGE
from smart_trader_assets.notify.sent_journal import SentJournal
from smart_trader_assets.settings import Settings
from smart_trader_assets.state.shared_state import state_of
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    NOTIFICATIONS,
    RECENT_TRADES,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKEN_SIGNALS,
    TRACKED_TOKENS,
)
from smart_trader_assets.tables.cursor import DuePolicy
from smart_trader_assets.tables.cursors import NEWS_TO_SEND
from smart_trader_assets.tables.ops import STARTED
from smart_trader_assets.tables.transitions import (
    news_held_back,
    news_sent,
    news_without_receiver,
)

LOCK = "messages"
JOURNAL = "messages.sent"
_LONGEST_WAIT = 30
"""Seconds for another run to end its sending."""
_MOST_RUNS = 50
_LONGEST_SENDING = 60
"""Seconds that one run gives a receiver; the next goes on."""


def messages_asset(declared: Settings) -> dg.AssetsDefinition:
    """The asset of ops/notifications."""

    @medallion_asset(
        NOTIFICATIONS,
        settings=declared,
        description="Finds what is news in the tables, writes it down, then sends what is due: a receiver "
        "gets each once, at most so many an hour, none in quiet hours. What it does not take is tried again; "
        "nobody else waits for it. Nothing is told without SMART_TRADER_NOTIFY_URLS.",
        partitions=None,
        inputs={
            "tier_changes": TIER_CHANGES,
            "token_signals": TOKEN_SIGNALS,
            "recent_trades": RECENT_TRADES,
            "smart_traders": SMART_TRADERS,
            "tracked_tokens": TRACKED_TOKENS,
        },
        all_partitions_of=("tracked_tokens",),
    )
    def notifications(
        context: dg.AssetExecutionContext,
        config: RunConfig,
        tier_changes: pl.LazyFrame,  # noqa: ARG001 - read where news is gathered
        token_signals: pl.LazyFrame,  # noqa: ARG001
        recent_trades: pl.LazyFrame,  # noqa: ARG001
        smart_traders: pl.LazyFrame,  # noqa: ARG001
        tracked_tokens: pl.LazyFrame,  # noqa: ARG001
        settings: dg.ResourceParam[Settings],
        lake: LakeResource,
    ) -> Batches:
        scope = RunScope.of(context, settings, config)
        receivers = receivers_of(settings.notify_urls)
        busy = NotificationError(
            "Another run is sending messages: what is due is left to it, or to the next run."
        )

        def batches() -> Iterator[Batch]:
            # Two that send at once would tell everything twice.
            with state_of(settings).alone(LOCK, wait=_LONGEST_WAIT, otherwise=busy) as is_held:
                outlook = outlook_of(
                    context.instance, settings, lake, as_of=scope.as_of, log=scope.log
                )
                rows = outlook.new_rows([receiver.name for receiver in receivers])
                yield Batch(rows=rows, metrics={"news_found": rows.height})
                yield from _Sending(scope, settings, lake, receivers, is_held).batches()

        return Batches(batches())

    return notifications


def outlook_of(
    instance: dg.DagsterInstance,
    settings: Settings,
    lake: LakeResource,
    *,
    as_of: datetime,
    log: logging.Logger | dg.DagsterLogManager,
) -> Outlook:
    """What is looked at for news now."""
    return Outlook(
        store=lake.store,
        settings=settings,
        as_of=as_of,
        now=datetime.now(UTC),
        failed=failed_checks(instance, [contract.name for contract in ALL_TABLES]),
        broken_off=failed_runs_of(instance),
        log=log,
    )


def due_news(store: DeltaStore, *, now: datetime, policy: DuePolicy) -> pl.DataFrame:
    """The rows of ops/notifications that are due to be sent at `now`, in the order in which it happened."""
    news = store.scan(NOTIFICATIONS).filter(pl.col("kind") != STARTED)
    # Processing again is not telling again.
    return NEWS_TO_SEND.due_rows(news, shards=None, as_of=now, policy=policy).collect()


class _Sending:
    """What one run sends: a commit a message, so that a death in between repeats no more than that one."""

    def __init__(
        self,
        scope: RunScope,
        settings: Settings,
        lake: LakeResource,
        receivers: tuple[Receiver, ...],
        is_held: Callable[[], bool],
    ) -> None:
        self._scope = scope
        self._is_held = is_held
        self._settings = settings
        self._store = lake.store
        self._receivers = {receiver.name: receiver for receiver in receivers}
        self._journal = SentJournal(state_of(settings).journal(JOURNAL))
        # By the clock now, and not by that of the run's beginning: it may have computed for an hour.
        self._now = settings.now()
        self._due = due_news(lake.store, now=self._now, policy=scope.policy)

    def batches(self) -> Iterator[Batch]:
        """Hold back what has to wait, send the rest, and settle each as what became of it."""
        yield from self._taken_before()
        if not self._due.height:
            self._scope.log.info("Nothing is due to be sent.")
            return
        now = self._now
        plan = plan_messages(
            self._due,
            list(self._receivers.values()),
            sent=self._sent_since(begun_hour(now)),
            blocked=self._blocked(),
            rules=DeliveryRules.of(self._settings),
            now=now,
        )
        yield Batch(
            settles=(
                news_held_back(self._rows(plan.held)),
                news_without_receiver(self._rows(plan.gone)),
            ),
            metrics={"news_held_back": plan.held.height, "news_without_receiver": plan.gone.height},
        )
        troubled: dict[str, datetime] = {}
        spent: dict[str, float] = {}
        for message in plan.messages:
            rows = self._rows_of(message)
            if not self._is_held():
                raise NotificationError(
                    "This run was away for too long, and another one may be sending: the rest is left to it."
                )
            if message.receiver in troubled:
                wait = rows.with_columns(
                    until=pl.lit(troubled[message.receiver]), why=pl.lit(TROUBLED)
                )
                yield Batch(
                    settles=(news_held_back(wait),), metrics={"news_held_back": rows.height}
                )
            elif spent.get(message.receiver, 0.0) < _LONGEST_SENDING:
                began = time.monotonic()
                yield self._sent(message, rows, troubled)
                # Who goes on here has committed.
                self._journal.clear()
                spent[message.receiver] = (
                    spent.get(message.receiver, 0.0) + time.monotonic() - began
                )

    def _taken_before(self) -> Iterator[Batch]:
        """Settle what a receiver had taken when the sender died."""
        for receiver, message_id, events in self._journal.taken():
            is_taken = pl.col("event_id").is_in(events) & (pl.col("receiver") == receiver)
            rows = self._due.filter(is_taken)
            self._due = self._due.filter(~is_taken)
            yield Batch(settles=(news_sent(rows, at=self._now, message_id=message_id),))
        self._journal.clear()

    def _sent(self, message: Message, rows: pl.DataFrame, troubled: dict[str, datetime]) -> Batch:
        """Hand it over; a receiver that does not take it is `troubled` until its next attempt."""
        try:
            self._receivers[message.receiver].send(
                message.title, message.body, timeout=self._settings.notify_timeout_seconds
            )
        except ReceiverError as error:
            self._scope.log.warning(f"A message stays due: {error}")
            failed = NEWS_TO_SEND.settle_trouble(
                rows, error=pl.lit(str(error)), at=self._now, policy=self._scope.policy
            )
            # What went out together is tried again together.
            again = pl.col("new_next_attempt_at")
            failed = replace(
                failed,
                rows=failed.rows.with_columns(pl.when(again.is_not_null()).then(again.max())),
            )
            until = failed.rows["new_next_attempt_at"].max()
            if isinstance(until, datetime) and not error.of_the_message:
                troubled[message.receiver] = until
            return Batch(settles=(failed,), metrics={"messages_failed": 1})
        self._journal.note(message)
        return Batch(
            settles=(news_sent(rows, at=self._now, message_id=message.message_id),),
            metrics={"messages_sent": 1},
        )

    def _rows(self, named: pl.DataFrame) -> pl.DataFrame:
        return self._due.join(
            named, on=["event_id", "receiver"], how="inner", maintain_order="left"
        )

    def _rows_of(self, message: Message) -> pl.DataFrame:
        return self._due.filter(
            pl.col("event_id").is_in(message.event_ids) & (pl.col("receiver") == message.receiver)
        )

    def _sent_since(self, since: datetime) -> dict[str, int]:
        """How many messages each receiver has had since then."""
        sent = self._store.scan(NOTIFICATIONS).filter(
            (pl.col("delivery_status") == "sent")
            & (pl.col("sent_at") >= since)
            & pl.col("message_id").is_not_null()
        )
        counted = sent.group_by("receiver").agg(pl.col("message_id").n_unique()).collect()
        return dict(counted.iter_rows())

    def _blocked(self) -> dict[str, datetime]:
        """Until when each receiver is left alone that did not take its last message."""
        latest = self._now + self._scope.policy.retry_limit * 2
        waiting = self._store.scan(NOTIFICATIONS).filter(
            (pl.col("delivery_status") == NEWS_TO_SEND.retry)
            & (pl.col("attempts") > 0)
            & ~pl.col("last_error").str.contains(OF_THE_MESSAGE)
            # One from a clock that ran ahead blocks nobody for ever.
            & pl.col("next_attempt_at").is_between(self._now, latest, closed="right")
        )
        until = waiting.group_by("receiver").agg(pl.col("next_attempt_at").max()).collect()
        return dict(until.iter_rows())


def failed_runs_of(instance: dg.DagsterInstance) -> pl.DataFrame:
    """run_id, finished_at and asset of the instance's failed runs of the last days, the newest.

    Not of those in which only a check has failed: what it found is news of another kind.
    """
    since = datetime.now(UTC) - NEWS_FOR
    records = instance.get_run_records(
        dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since),
        limit=_MOST_RUNS,
    )
    rows = [
        (
            record.dagster_run.run_id,
            datetime.fromtimestamp(record.end_time, UTC)
            if record.end_time
            else record.update_timestamp,
            record.dagster_run.tags.get(CONSUMER_TAG) or record.dagster_run.job_name,
        )
        for record in records
        if not failed_by_checks(instance, record.dagster_run.run_id)
    ]
    return pl.DataFrame(
        rows,
        schema={"run_id": pl.String, "finished_at": TIME, "asset": pl.String},
        orient="row",
    )
