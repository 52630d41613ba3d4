"""What one run of an asset has to do: its time, its shards, and whether to redo everything."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Self, TypeVar

import dagster as dg
import polars as pl
from pydantic import Field

from smart_trader_assets.assets.keys import WALLET_JOB
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.cursor import Cursor, DuePolicy
from smart_trader_assets.thresholds import due_policy

AS_OF_TAG = "smart_trader/as_of"
DRAIN_TAG = "smart_trader/drain"
"""Names the drain that a run is part of: to the budget of credits a drain is one run."""
REPROCESS_TAG = "reprocess"
WALLETS_TAG = "wallets"

Rows = TypeVar("Rows", pl.DataFrame, pl.LazyFrame)


class RunConfig(dg.Config):
    """Configuration of a run of an asset."""

    reprocess: bool = False
    """Process all rows of the partitions again, not only the due ones. The tag `reprocess` does the same."""
    wallets: list[str] = Field(
        [],
        description="Only these wallets, where there is any; silver/tracked_whales tracks those that it does "
        "not know yet. The tag `wallets` does the same, with addresses separated by commas.",
    )


@dataclass(frozen=True)
class RunScope:
    """The scope of one step; all steps of one `budget` share its credits."""

    run_id: str
    step: str
    budget: str
    as_of: datetime
    shards: tuple[str, ...] | None
    reprocess: bool
    policy: DuePolicy
    log: dg.DagsterLogManager
    wallets: tuple[str, ...] = ()

    @classmethod
    def of(cls, context: dg.AssetExecutionContext, settings: Settings, take: RunConfig) -> Self:
        """The scope of the step in `context`; the run's tags win over the settings.

        Failure for a run of the job for chosen wallets that names none: it would be one about all.
        """
        tags = context.run.tags
        wallets = tuple(take.wallets) or _named(tags.get(WALLETS_TAG, ""))
        if not wallets and context.run.job_name == WALLET_JOB:
            raise dg.Failure(
                f"No wallet is named: give the run the tag `{WALLETS_TAG}`, with addresses and commas between.",
                allow_retries=False,
            )
        moment = tags.get(AS_OF_TAG)
        return cls(
            run_id=context.run.run_id,
            step=context.op_execution_context.op_def.name,
            budget=tags.get(DRAIN_TAG, context.run.run_id),
            as_of=datetime.fromisoformat(moment) if moment else settings.now(),
            shards=_shards(context),
            reprocess=take.reprocess or tags.get(REPROCESS_TAG, "").lower() in {"true", "1", "yes"},
            policy=due_policy(settings),
            log=context.log,
            wallets=wallets,
        )

    def due(self, cursor: Cursor, table: pl.LazyFrame) -> pl.DataFrame:
        """The rows of `table` that are due in this run's shards, most urgent first."""
        return cursor.due_rows(
            # A ranking is of all wallets.
            table if cursor.shard is None else self.of_wallets(table),
            shards=self.shards,
            as_of=self.as_of,
            policy=self.policy,
            reprocess=self.reprocess,
        ).collect()

    def of_wallets(self, table: pl.LazyFrame) -> pl.LazyFrame:
        """The rows of the wallets that the run is about."""
        if not self.wallets or "wallet_address" not in table.collect_schema():
            return table
        return table.filter(pl.col("wallet_address").is_in(self.wallets))

    def in_shards(self, rows: Rows) -> Rows:
        """Those of `rows` whose `wallet_shard` is one of this run's."""
        if self.shards is None:
            return rows
        return rows.filter(pl.col("wallet_shard").is_in(self.shards))

    def due_by_shard(
        self, cursor: Cursor, table: pl.LazyFrame
    ) -> Iterator[tuple[str, pl.DataFrame]]:
        """The due rows, a frame per shard; logs it where there is nothing to do."""
        return by_shard(self.due_or_say(cursor, table), str(cursor.shard))

    def due_or_say(self, cursor: Cursor, table: pl.LazyFrame) -> pl.DataFrame:
        """As `due`; logs it where there is nothing to do."""
        due = self.due(cursor, table)
        if not due.height:
            self.log.info(f"Nothing is due in {cursor.contract.name} for {cursor.consumer}.")
        return due


def by_shard(rows: pl.DataFrame, shard: str) -> Iterator[tuple[str, pl.DataFrame]]:
    """The rows of each shard, which the column `shard` names, in the order in which shards first come."""
    for of_shard in rows.partition_by(shard, maintain_order=True):
        yield of_shard[shard][0], of_shard


def _named(wallets: str) -> tuple[str, ...]:
    return tuple(filter(None, (wallet.strip() for wallet in wallets.split(","))))


def _shards(context: dg.AssetExecutionContext) -> tuple[str, ...] | None:
    if context.has_partition_key or context.has_partition_key_range:
        return tuple(context.partition_keys)
    return None
