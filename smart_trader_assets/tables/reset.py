"""Reset: chosen rows go back to the first state, so that they are done again.

Whole wallets at a time: a wallet's rows move together, so choosing one of them chooses all. The reset is
a settlement like any other, by key and version, and shows in the rows' audit trail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from smart_trader_assets.delta.batch import CommitInfo, Settlement
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.errors import LakeError
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import NOTIFICATIONS, TRACKED_WHALES
from smart_trader_assets.tables.cursor import Cursor
from smart_trader_assets.tables.cursors import CURSORS
from smart_trader_assets.tables.ops import STARTED
from smart_trader_assets.transforms.swap_history import HISTORY_COLUMNS

OPERATION = "RESET"

# What was learned stays, whatever state a row is in; what describes the state that it leaves is cleared.
_KNOWN_OF_TOKENS = ("whale_fetched_at", "whale_count")


# Since when a receiver is told is no work.
_OF_WORK = {NOTIFICATIONS.name: pl.col("kind") != STARTED}


class ResetError(LakeError):
    """A reset that names a table or a state that does not exist, or chooses nothing."""


@dataclass(frozen=True)
class Choice:
    """Which rows of `table` to reset; empty fields do not restrict.

    `failed` selects every failing row (waiting for another attempt, or past the last); `refetch` also
    clears what is known of the wallets' histories, so that they are fetched again from the present down.
    """

    table: str
    tokens: tuple[str, ...] = ()
    wallets: tuple[str, ...] = ()
    shards: tuple[str, ...] = ()
    days: tuple[date, ...] = ()
    states: tuple[str, ...] = ()
    failed: bool = False
    refetch: bool = False

    @property
    def is_narrowed(self) -> bool:
        """Whether anything restricts it: without, all rows of the table are meant."""
        return self.failed or any((self.tokens, self.wallets, self.shards, self.days, self.states))


@dataclass(frozen=True)
class Plan:
    """What a reset would do: the rows as they stand, and what follows from it in words."""

    cursor: Cursor
    choice: Choice
    rows: pl.DataFrame = field(repr=False)

    @property
    def by_state(self) -> dict[str, int]:
        """How many of the rows are in which state."""
        counted = self.rows.group_by(self.cursor.state_column).len().sort(self.cursor.state_column)
        return {str(state): count for state, count in counted.iter_rows()}

    @property
    def consequence(self) -> str:
        """What will happen to the rows next."""
        again = f"{self.cursor.consumer} will process these {self.rows.height} rows again in its next run"
        return again + (
            ", and fetch their wallets' histories again." if self.choice.refetch else "."
        )


def resettable() -> dict[str, Cursor]:
    """The tables that have a state, and the cursor that reads it."""
    return {cursor.contract.name: cursor for cursor in CURSORS if cursor.column is not None}


def plan_reset(store: DeltaStore, choice: Choice) -> Plan:
    """The rows that `choice` means; ResetError where it names what does not exist or chooses nothing."""
    cursor = resettable().get(choice.table)
    if cursor is None:
        raise ResetError(
            f"{choice.table!r} is not a table with a state to reset; those are {', '.join(resettable())}."
        )
    rows = store.scan(cursor.contract)
    for condition in _conditions(cursor, choice):
        rows = rows.filter(condition)
    chosen = rows.collect()
    if "wallet_shard" in cursor.contract.schema:
        chosen = _whole_wallets(store, cursor.contract, chosen)
    if not chosen.height:
        raise ResetError(f"{_none_of(choice)} `smart-trader state` shows what is there.")
    return Plan(cursor, choice, chosen)


def carry_out(store: DeltaStore, plan: Plan, stamp: CommitInfo) -> int:
    """Put the planned rows back to the first state; returns how many had not changed since the plan."""
    contract, column = plan.cursor.contract, plan.cursor.state_column
    state = contract.state(column)
    kept = _KNOWN_OF_TOKENS if plan.choice.refetch else (*_KNOWN_OF_TOKENS, *HISTORY_COLUMNS)
    sets: dict[str, object] = {
        **{name: None for name in state.companions if name not in kept},
        **plan.cursor.cleared_trouble(),
        column: state.initial,
    }
    settled = 0
    for part in plan.rows.partition_by(contract.partition_by or (contract.key[0],)):
        settled += store.settle(
            # Told of rows that are in their first state already, too: somebody else may have put them there,
            # on a way that only a reset may go. True and false may become each other at any time.
            Settlement.of(
                contract,
                part,
                operation=OPERATION,
                sets=sets,
                is_told=isinstance(state.initial, str),
            ),
            stamp,
        )
    return settled


def _conditions(cursor: Cursor, choice: Choice) -> list[pl.Expr]:
    contract = cursor.contract
    conditions = [rows_of_work] if (rows_of_work := _OF_WORK.get(contract.name)) is not None else []
    for name, values in (("token_address", choice.tokens), ("wallet_address", choice.wallets)):
        if values:
            conditions.append(_column(contract, name).is_in(values))
    if choice.shards:
        conditions.append(_column(contract, _shard(cursor)).is_in(choice.shards))
    if choice.days:
        day = next((n for n in ("snapshot_date", "fetched_on") if n in contract.schema), "")
        conditions.append(_column(contract, day).is_in(choice.days))
    if choice.states:
        conditions.append(pl.col(cursor.state_column).is_in(_states(cursor, choice.states)))
    if choice.failed:
        if cursor.retry is None:
            raise ResetError(
                f"{contract.name} does not record failures: choose by state or by key."
            )
        conditions.append(pl.col(cursor.state_column).is_in([cursor.retry, cursor.failed]))
    if choice.refetch and contract is not TRACKED_WHALES:
        raise ResetError(f"Only {TRACKED_WHALES.name} holds histories that can be fetched again.")
    return conditions


def _shard(cursor: Cursor) -> str:
    return cursor.shard or cursor.contract.dagster_partition or ""


def _column(contract: TableContract, name: str) -> pl.Expr:
    if name not in contract.schema:
        raise ResetError(
            f"{contract.name} has no {name or 'such partition'}: choose its rows by {', '.join(contract.key)}."
        )
    return pl.col(name)


def _states(cursor: Cursor, names: Sequence[str]) -> list[str | bool]:
    allowed = {
        str(value).lower(): value for value in cursor.contract.state(cursor.state_column).values
    }
    strange = [name for name in names if name.lower() not in allowed]
    if strange:
        raise ResetError(
            f"{cursor.contract.name}.{cursor.state_column} is never {', '.join(strange)}: "
            f"it is {', '.join(allowed)}."
        )
    return [allowed[name.lower()] for name in names]


def _whole_wallets(
    store: DeltaStore, contract: TableContract, chosen: pl.DataFrame
) -> pl.DataFrame:
    wallets = chosen.select("wallet_shard", "wallet_address").unique()
    return (
        store.scan(contract)
        .filter(
            pl.col("wallet_shard").is_in(wallets["wallet_shard"].unique().to_list())
            & pl.col("wallet_address").is_in(wallets["wallet_address"].to_list())
        )
        .collect()
    )


def _none_of(choice: Choice) -> str:
    """That no row was chosen, and by what: one sentence."""
    named = [
        f"{name} = {', '.join(map(str, values))}"
        for name, values in vars(choice).items()
        if values and isinstance(values, tuple)
    ]
    matching = f" with {'; '.join(named)}" if named else ""
    if choice.failed:
        return f"No row of {choice.table}{matching} is failing."
    if named:
        return f"Nothing in {choice.table} matches: {'; '.join(named)}."
    return f"{choice.table} has no rows."
