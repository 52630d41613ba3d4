"""The asset checks: after each run they look at the rows that it touched, and at nothing else.

Asked for by hand, a check looks at the whole table. A failed check is blocking where going on would
spread a wrong number; what it found stands as a table in the UI.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl

from smart_trader_assets.checks import rules
from smart_trader_assets.delta.contract import OPERATION, VERSION, TableContract
from smart_trader_assets.delta.cursors import CURSORS
from smart_trader_assets.delta.reset import OPERATION as RESET
from smart_trader_assets.delta.resource import LakeResource
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.delta.tables import (
    ALL_TABLES,
    SMART_TRADERS,
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
    WHALES,
)

# Looks at rows of a table, touched since a moment or (None) all of them, and gives what breaks the rule.
Find = Callable[[DeltaStore, TableContract, pl.LazyFrame, datetime | None], pl.DataFrame]

_MOST_SHOWN = 50
_BY_HAND = timedelta(days=1)

# File statistics keep milliseconds, and clocks of two machines differ a little.
_MARGIN = timedelta(seconds=2)

_PARENTS: tuple[tuple[TableContract, str, TableContract], ...] = (
    (TRACKED_TOKENS, "token_address", TOKENS),
    (WHALES, "token_address", TRACKED_TOKENS),
    (TRACKED_WHALES, "token_address", TRACKED_TOKENS),
    (TRANSACTIONS, "wallet_address", TRACKED_WHALES),
    (WALLET_PNL, "wallet_address", TRACKED_WHALES),
    (SMART_TRADERS, "wallet_address", WALLET_PNL),
)


@dataclass(frozen=True)
class Check:
    """One check of one table."""

    contract: TableContract
    name: str
    description: str
    find: Find
    blocking: bool = True


def make_checks() -> list[dg.AssetChecksDefinition]:
    """The checks of all tables, a step a table."""
    checks = all_checks()
    return [
        _table_checks(contract, [check for check in checks if check.contract is contract])
        for contract in ALL_TABLES
    ]


def all_checks() -> list[Check]:
    """Every check, in the order of the tables."""
    return [
        *(check for contract in ALL_TABLES for check in _of_every_table(contract)),
        *(_references(*parent) for parent in _PARENTS),
        Check(
            TOKENS,
            "liquidity_is_plausible",
            "No listed token claims far more liquidity than it is worth.",
            lambda _, __, rows, ___: rules.implausible_liquidity(rows.collect()),
            blocking=False,
        ),
        Check(
            TRANSACTIONS,
            "prices_agree",
            "The two legs of a swap are worth about the same.",
            lambda _, __, rows, ___: rules.disagreeing_prices(rows.collect()),
            blocking=False,
        ),
        Check(
            TRANSACTIONS,
            "no_row_is_set_aside",
            "Rows that break the contract are set aside with their reason; here they are seen.",
            lambda _, __, rows, ___: (
                rows.filter(pl.col("set_aside_reason").is_not_null())
                .select("swap_id", fault="set_aside_reason")
                .collect()
            ),
            blocking=False,
        ),
        Check(
            WALLET_PNL,
            "identities_hold",
            "Realized is proceeds less cost, the total is realized and unrealized, counts nest.",
            lambda _, __, rows, ___: rules.broken_identities(rows.collect()),
        ),
        Check(
            WALLET_PNL,
            "portfolios_add_up",
            "A portfolio is the sum of its tokens, and a narrow window holds no more than a wide one.",
            _portfolios,
        ),
        Check(
            WALLET_PNL,
            "sales_are_covered",
            "Most of what a wallet sold has a known basis.",
            lambda _, __, rows, ___: (
                rows.filter(
                    (pl.col("token_address") == "ALL_TOKENS")
                    & (pl.col("window") == "all")
                    & (pl.col("coverage") < 60)  # noqa: PLR2004
                )
                .select(
                    "wallet_address",
                    fault=rules.told("coverage is ", pl.col("coverage").round(1), " %"),
                )
                .collect()
            ),
            blocking=False,
        ),
    ]


def _of_every_table(contract: TableContract) -> list[Check]:
    times = {
        cursor.column: (cursor.done, cursor.done_at)
        for cursor in CURSORS
        if cursor.contract is contract
        and cursor.column is not None
        and cursor.done is not None
        and cursor.done_at is not None
    }
    checks = [
        Check(
            contract,
            "keys_are_unique",
            "No key comes twice.",
            lambda _, c, rows, __: rules.doubled_keys(rows.select(c.key).collect(), c.key),
        )
    ]
    if contract.states:
        checks += [
            Check(
                contract,
                "states_are_sound",
                "Every state is one that the contract allows, and none is done without its time.",
                lambda _, c, rows, __: rules.unsound_states(rows.collect(), c, times),
            )
        ]
    if any(state.moves for state in contract.states):
        checks.append(
            Check(
                contract,
                "states_move_as_they_may",
                "No state took a way that the contract does not know, by the table's change data feed.",
                _moves,
            )
        )
    return checks


def _moves(
    store: DeltaStore, contract: TableContract, _: pl.LazyFrame, since: datetime | None
) -> pl.DataFrame:
    changed = store.changes(contract, since=since or datetime.now(UTC) - _BY_HAND)
    is_key = list(contract.key)
    faults = []
    for state in (state for state in contract.states if state.moves):
        told = pl.col(state.column).cast(pl.String)
        before = changed.filter(pl.col("_change_type") == "update_preimage").select(
            *is_key, "_commit_version", before=told
        )
        after = changed.filter(
            (pl.col("_change_type") == "update_postimage") & (pl.col(OPERATION) != RESET)
        ).select(*is_key, "_commit_version", after=told)
        both = before.join(after, on=[*is_key, "_commit_version"], nulls_equal=True)
        faults.append(rules.forbidden_moves(both, is_key, state))
    return pl.concat(faults)


def _references(child: TableContract, column: str, parent: TableContract) -> Check:
    def find(
        store: DeltaStore, _: TableContract, rows: pl.LazyFrame, __: datetime | None
    ) -> pl.DataFrame:
        named = rows.select(column).unique().collect()
        known = (
            store.scan(parent)
            .filter(pl.col(column).is_in(named[column].to_list()))
            .select(column)
            .unique()
            .collect()
        )
        return rules.orphans(named, column, known, parent.name)

    return Check(
        child,
        f"{column}_is_known",
        f"Every {column} stands in {parent.name}.",
        find,
    )


def _portfolios(
    store: DeltaStore, contract: TableContract, rows: pl.LazyFrame, _: datetime | None
) -> pl.DataFrame:
    """Whole wallets, since a portfolio can only be compared with all of its tokens."""
    wallets = rows.select("wallet_shard", "wallet_address").unique().collect()
    whole = store.scan(contract).filter(
        pl.col("wallet_shard").is_in(wallets["wallet_shard"].unique().to_list())
        & pl.col("wallet_address").is_in(wallets["wallet_address"].to_list())
    )
    return rules.broken_sums(whole.collect())


def _table_checks(contract: TableContract, checks: list[Check]) -> dg.AssetChecksDefinition:
    asset = dg.AssetKey(contract.name.split("/"))

    @dg.multi_asset_check(
        name=f"check_{'_'.join(asset.path)}",
        specs=[
            dg.AssetCheckSpec(
                check.name, asset=asset, description=check.description, blocking=check.blocking
            )
            for check in checks
        ],
        can_subset=True,
    )
    def table_checks(
        context: dg.AssetCheckExecutionContext, lake: LakeResource
    ) -> Iterator[dg.AssetCheckResult]:
        store = lake.store
        since = _run_began(context, asset)
        rows = store.scan(contract)
        if since is not None:
            rows = rows.filter(pl.col(VERSION) >= since - _MARGIN)
        # Read once: what a run touched fits into memory, as it did when it was written.
        rows = rows.collect().lazy()
        for check in checks:
            if dg.AssetCheckKey(asset, check.name) not in context.selected_asset_check_keys:
                continue
            found = check.find(store, contract, rows, since)
            yield dg.AssetCheckResult(
                check_name=check.name,
                asset_key=asset,
                passed=found.is_empty(),
                severity=(
                    dg.AssetCheckSeverity.ERROR if check.blocking else dg.AssetCheckSeverity.WARN
                ),
                description=_told(found),
                metadata=_metadata(found, since),
            )

    return table_checks


def _run_began(context: dg.AssetCheckExecutionContext, asset: dg.AssetKey) -> datetime | None:
    """When the run began, if it has materialized the table; None for checks that run by themselves."""
    newest = context.instance.fetch_materializations(asset, limit=1).records
    record = context.instance.get_run_record_by_id(context.run.run_id)
    if record is None or record.start_time is None:
        return None
    if not newest or newest[0].run_id != context.run.run_id:
        return None
    return datetime.fromtimestamp(record.start_time, UTC)


def _told(found: pl.DataFrame) -> str:
    if found.is_empty():
        return "Nothing found."
    return f"{found.height} found, for example: {found['fault'][0]}"


def _metadata(found: pl.DataFrame, since: datetime | None) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "found": found.height,
        "looked_at": f"rows touched since {since:%Y-%m-%d %H:%M:%S} UTC"
        if since
        else "the whole table",
    }
    if not found.is_empty():
        metadata["rows"] = dg.TableMetadataValue(
            records=[
                dg.TableRecord({name: str(value) for name, value in row.items()})
                for row in found.head(_MOST_SHOWN).iter_rows(named=True)
            ],
            schema=dg.TableSchema(columns=[dg.TableColumn(name) for name in found.columns]),
        )
    return metadata
