"""Every check of every table: what it looks for, and what to do when it fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from smart_trader_assets.checks import rules
from smart_trader_assets.delta.contract import OPERATION, TableContract
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.pnl.columns import ALL_TOKENS, WINDOWS
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
    WHALES,
)
from smart_trader_assets.tables.cursors import CURSORS
from smart_trader_assets.tables.mirrors import parted_mirrors
from smart_trader_assets.tables.reset import OPERATION as RESET
from smart_trader_assets.tables.reset import resettable
from smart_trader_assets.transforms.candidates import PLACES


@dataclass(frozen=True)
class Look:
    """What one check reads: `rows` of the table of `contract`, touched since `since`, or (None) all of a
    partition; the other tables in `store`, and the settings of the run."""

    store: DeltaStore
    contract: TableContract
    rows: pl.LazyFrame
    since: datetime | None
    settings: Settings


Find = Callable[[Look], pl.DataFrame]
"""Returns what breaks the rule."""

_BY_HAND = timedelta(days=1)

_COMPUTED_AGAIN = (
    "`smart-trader reset bronze/transactions --wallet ADDRESS --yes` makes the next run "
    "compute the wallet again."
)

_PARENTS: tuple[tuple[TableContract, str, TableContract], ...] = (
    (TRACKED_TOKENS, "token_address", TOKENS),
    (WHALES, "token_address", TRACKED_TOKENS),
    (TRACKED_WHALES, "token_address", TRACKED_TOKENS),
    (TRANSACTIONS, "wallet_address", TRACKED_WHALES),
    (WALLET_PNL, "wallet_address", TRACKED_WHALES),
    (SMART_TRADERS, "wallet_address", WALLET_PNL),
)


_PLACES = list(PLACES.values())


@dataclass(frozen=True)
class Check:
    """One check of one table; `remedy` is a sentence that says what makes it pass again.

    What is found by one with `is_fault` False is worth knowing and nobody's fault: it passes, and tells.
    """

    contract: TableContract
    name: str
    description: str
    find: Find
    remedy: str
    blocking: bool = True
    is_fault: bool = True


def all_checks() -> list[Check]:
    """Every check, in the order of the tables."""
    return [
        *(check for contract in ALL_TABLES for check in _of_every_table(contract)),
        *(_references(*parent) for parent in _PARENTS),
        Check(
            TOKENS,
            "liquidity_is_plausible",
            "No listed token claims far more liquidity than it is worth.",
            lambda look: rules.implausible_liquidity(look.rows.collect()),
            "Raise track_min_liquidity, or accept the token: the list is the source's.",
            blocking=False,
            is_fault=False,
        ),
        Check(
            TRANSACTIONS,
            "prices_agree",
            "The two legs of a swap are worth about the same.",
            lambda look: rules.disagreeing_prices(look.rows.collect()),
            "`smart-trader explain WALLET` shows which trades depend on it: the leg in cash counts.",
            blocking=False,
            is_fault=False,
        ),
        Check(
            TRANSACTIONS,
            "no_row_is_set_aside",
            "Rows that break the contract are set aside with their reason; this check shows them.",
            lambda look: (
                look.rows.filter(pl.col("set_aside_reason").is_not_null())
                .select("swap_id", fault="set_aside_reason")
                .collect()
            ),
            "It blocks nothing: these rows and their transactions are not in the numbers.",
            blocking=False,
            is_fault=False,
        ),
        Check(
            WALLET_PNL,
            "identities_hold",
            "Realized is proceeds less cost, the total is realized and unrealized, counts nest.",
            lambda look: rules.broken_identities(look.rows.collect()),
            _COMPUTED_AGAIN,
        ),
        Check(
            WALLET_PNL,
            "portfolios_add_up",
            "A portfolio is the sum of its tokens, and a narrow window holds no more than a wide one.",
            _portfolios,
            _COMPUTED_AGAIN,
        ),
        Check(
            TRACKED_TOKENS,
            "listings_mirror_it",
            "No listing in bronze/tokens says that a token's whales are yet to be fetched when they were.",
            lambda look: rules.parted_listings(
                parted_mirrors(look.store.scan(TOKENS), look.rows.select(_MIRRORED))
            ),
            "It blocks nothing: the next run of silver/tracked_tokens or bronze/whales puts it right.",
            blocking=False,
        ),
        Check(
            WALLET_PNL,
            "numbers_are_current",
            "A wallet's numbers are made from all of its swaps that count as processed.",
            _stale_numbers,
            _COMPUTED_AGAIN,
        ),
        Check(
            SMART_TRADERS,
            "ranking_is_current",
            "A ranked wallet shows the numbers of silver/wallet_pnl.",
            lambda look: rules.stale_ranking(look.rows.collect(), _ranked_portfolios(look)),
            "`smart-trader reset silver/wallet_pnl --wallet ADDRESS --yes` makes the next run rank anew.",
        ),
        Check(
            SMART_TRADERS,
            "tiers_were_told",
            "The last row of gold/tier_changes led each ranked wallet to the tier that it has.",
            _untold_tiers,
            "It blocks nothing: the next run that makes both tables tells the change.",
            blocking=False,
        ),
        Check(
            WALLET_PNL,
            "sales_are_covered",
            "Most of what a wallet sold has a known basis.",
            lambda look: rules.poorly_covered(
                look.rows.collect(), min_coverage=look.settings.min_coverage
            ),
            "There is nothing to do: what was transferred in has no known basis, and counts for nobody.",
            blocking=False,
            is_fault=False,
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
    put_back = (
        f"`smart-trader reset {contract.name} {_choice(contract)} --yes` puts the rows back to their first "
        "state."
        if contract.name in resettable()
        else "Restore the table to a version before."
    )
    checks = [
        Check(
            contract,
            "keys_are_unique",
            "No key occurs twice.",
            _doubled_keys,
            "Delete the surplus rows, or restore the table to a version without them.",
        )
    ]
    if contract.states:
        checks += [
            Check(
                contract,
                "states_are_sound",
                "Every state is one that the contract allows, and none is done without its time.",
                lambda look: rules.unsound_states(look.rows.collect(), look.contract, times),
                put_back,
            )
        ]
    if any(state.moves for state in contract.states):
        checks.append(
            Check(
                contract,
                "states_move_as_they_may",
                "No state made a transition that the contract does not allow, by the change data feed; a row "
                "that was reset since counts as fixed.",
                _moves,
                put_back,
            )
        )
    return checks


def _choice(contract: TableContract) -> str:
    """The options that narrow a reset of the table to the rows that were found."""
    for column, option in (
        ("wallet_address", "--wallet ADDRESS"),
        ("token_address", "--token MINT"),
    ):
        if column in contract.schema:
            return option
    return "--failed"


def _doubled_keys(look: Look) -> pl.DataFrame:
    """Touched rows are compared with all rows of their partitions, within the bounds of their time."""
    contract, rows = look.contract, look.rows
    key = list(contract.key)
    if look.since is None:
        return rules.doubled_keys(rows.select(key).collect(), key)
    bounds = [name for name in (contract.dagster_partition, contract.time_bound) if name]
    touched = rows.select(*key, *(name for name in bounds if name not in key)).collect()
    held = look.store.scan(contract)
    if contract.dagster_partition is not None:
        partitions = touched[contract.dagster_partition].unique().to_list()
        held = held.filter(pl.col(contract.dagster_partition).is_in(partitions))
    if contract.time_bound is not None:
        times = touched[contract.time_bound]
        held = held.filter(pl.col(contract.time_bound).is_between(times.min(), times.max()))
    same = held.select(key).join(touched.lazy().select(key).unique(), on=key, how="semi")
    return rules.doubled_keys(same.collect(), key)


def _moves(look: Look) -> pl.DataFrame:
    contract, key = look.contract, list(look.contract.key)
    changed = look.store.changes(contract, since=look.since or datetime.now(UTC) - _BY_HAND)
    changed = changed.join(look.rows.select(key).collect(), on=key, how="semi")
    after = changed.filter(pl.col("_change_type") == "update_postimage")
    resets = (
        after.filter(pl.col(OPERATION) == RESET)
        .group_by(key)
        .agg(pl.col("_commit_version").max().alias("reset_in"))
    )
    open_moves = after.join(resets, on=key, how="left").filter(
        (pl.col("_commit_version") > pl.col("reset_in")).fill_null(value=True)
    )
    before = changed.filter(pl.col("_change_type") == "update_preimage")
    faults = []
    for state in (state for state in contract.states if state.moves):
        state_text = pl.col(state.column).cast(pl.String)
        both = before.select(*key, "_commit_version", before=state_text).join(
            open_moves.select(*key, "_commit_version", after=state_text),
            on=[*key, "_commit_version"],
            nulls_equal=True,
        )
        faults.append(rules.forbidden_moves(both, key, state))
    return pl.concat(faults)


def _references(child: TableContract, column: str, parent: TableContract) -> Check:
    def find(look: Look) -> pl.DataFrame:
        # A candidate is a whale of no token.
        named = look.rows.select(column).filter(~pl.col(column).is_in(_PLACES)).unique().collect()
        known = (
            look.store.scan(parent)
            .filter(pl.col(column).is_in(named[column].to_list()))
            .select(column)
            .unique()
            .collect()
        )
        return rules.orphans(named, column, known, parent.name)

    return Check(
        child,
        f"{column}_is_known",
        f"Every {column} is in {parent.name}.",
        find,
        f"Restore {parent.name} to a version that has them, or delete the rows that name them.",
    )


_MIRRORED = ("token_address", "token_shard", "whale_fetch_status", "whale_fetched_at")


def _stale_numbers(look: Look) -> pl.DataFrame:
    """Whole histories of the wallets, since a count can only be compared with all rows."""
    numbers = look.rows.select("wallet_shard", "wallet_address", "swaps_counted", "as_of").collect()
    swaps = (
        look.store.scan(TRANSACTIONS)
        .filter(
            pl.col("wallet_shard").is_in(numbers["wallet_shard"].unique().to_list())
            & pl.col("wallet_address").is_in(numbers["wallet_address"].unique().to_list())
        )
        .select("wallet_address", "block_unix_time", "processed_for_pnl", "set_aside_reason")
    )
    return rules.stale_numbers(numbers, swaps.collect())


def _ranked_portfolios(look: Look) -> pl.DataFrame:
    """The portfolios of the ranked wallets that the ranking has seen."""
    wallets = look.rows.select("wallet_address").collect()["wallet_address"].to_list()
    return (
        look.store.scan(WALLET_PNL)
        .filter(
            pl.col("wallet_address").is_in(wallets)
            & (pl.col("token_address") == ALL_TOKENS)
            & (pl.col("window") == WINDOWS[0])
            & pl.col("processed_for_gold")
        )
        .collect()
    )


def _untold_tiers(look: Look) -> pl.DataFrame:
    seen = _ranked_portfolios(look)
    ranked = look.rows.collect().join(seen, on="wallet_address", how="semi")
    wallets = ranked["wallet_address"].to_list()
    changes = look.store.scan(TIER_CHANGES).filter(pl.col("wallet_address").is_in(wallets))
    return rules.disagreeing_tiers(ranked, changes.collect())


def _portfolios(look: Look) -> pl.DataFrame:
    """Whole wallets, since a portfolio can only be compared with all of its tokens."""
    wallets = look.rows.select("wallet_shard", "wallet_address").unique().collect()
    whole = look.store.scan(look.contract).filter(
        pl.col("wallet_shard").is_in(wallets["wallet_shard"].unique().to_list())
        & pl.col("wallet_address").is_in(wallets["wallet_address"].to_list())
    )
    return rules.broken_sums(whole.collect())
