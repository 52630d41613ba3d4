"""Which wallets a run fetches, and how many pages of each: what the tables know, and what is left to spend."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import polars as pl

from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.pnl.ageing import midnight, next_midnight
from smart_trader_assets.pnl.columns import is_portfolio
from smart_trader_assets.ranking.promise import (
    KNOWN,
    SHOWN_AT_ONCE,
    PageRules,
    planned_pages,
    with_promise,
)
from smart_trader_assets.ranking.tiers import QUALIFIED
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import (
    CANDIDATES,
    CLASSIFIED_WALLETS,
    SMART_TRADERS,
    TRACKED_WHALES,
    WALLET_PNL,
)
from smart_trader_assets.tables.cursors import WHALES_TO_FETCH
from smart_trader_assets.thresholds import due_policy
from smart_trader_assets.transforms.candidates import ASKED, LEADERBOARD, WATCHLIST, watched_wallets
from smart_trader_assets.transforms.holders import HOLDER

# A run reads half of what may be spent and no fewer than these: what it shows decides about the rest.
FEWEST_PAGES = 20
DAYS_OF_MONTH = 30


@dataclass(frozen=True)
class Evidence:
    """What the tables know about wallets: whom the user watches, who is ranked (wallet_address, place where it
    has a tier, confidence), who is excluded (wallet_address, wallet_class, reason), how many swaps count."""

    watched: pl.DataFrame
    ranked: pl.DataFrame
    excluded: pl.DataFrame
    counted: pl.DataFrame

    @classmethod
    def read(cls, store: DeltaStore) -> Evidence:
        """As the tables stand."""
        has_tier = pl.col("tier") != QUALIFIED
        return cls(
            watched=watched_wallets(store.scan(CANDIDATES)).collect(),
            ranked=store.scan(SMART_TRADERS)
            .select(
                "wallet_address",
                place=pl.when(has_tier).then("overall_rank"),
                confidence=pl.col("skill_confidence"),
            )
            .collect(),
            excluded=store.scan(CLASSIFIED_WALLETS)
            .select("wallet_address", "wallet_class", reason=pl.col("reasons").list.first())
            .collect(),
            counted=store.scan(WALLET_PNL)
            .filter(is_portfolio())
            .select("wallet_address", swaps=pl.col("swaps_counted"))
            .collect(),
        )

    @property
    def followed(self) -> list[str]:
        """Whom the user watches, then those with a tier, the best first."""
        tiered = self.ranked.drop_nulls("place").sort("place")
        return list(dict.fromkeys([*self.watched["wallet_address"], *tiered["wallet_address"]]))

    @cached_property
    def shown_to_be_no_traders(self) -> pl.DataFrame:
        """wallet_address and reason of those whose class a first page shows; never one that is watched."""
        return self.excluded.filter(pl.col("wallet_class").is_in(SHOWN_AT_ONCE)).join(
            self.watched, on="wallet_address", how="anti"
        )

    def known(self, whales: pl.DataFrame) -> pl.DataFrame:
        """Due rows of silver/tracked_whales -> `KNOWN`, a row a wallet."""
        best = [WATCHLIST, LEADERBOARD, HOLDER, ASKED]
        origin = pl.col("origin").fill_null(HOLDER)
        return (
            whales.group_by("wallet_address", maintain_order=True)
            .agg(
                origin=origin.sort_by(
                    origin.replace_strict({o: i for i, o in enumerate(best)})
                ).first(),
                holding_usd=pl.col("holding_usd").max(),
                is_read=pl.col("fetched_to").is_not_null().any(),
                is_going_on=pl.col("resume_before").is_not_null().any(),
            )
            .join(self.ranked, on="wallet_address", how="left")
            .join(self.excluded.drop("reason"), on="wallet_address", how="left")
            .join(self.counted, on="wallet_address", how="left")
            .with_columns(
                is_watched=pl.col("wallet_address").is_in(self.watched["wallet_address"].to_list())
            )
            # Whom the user watched once is known for no other reason, and is no better than a holder.
            .with_columns(
                origin=pl.when((pl.col("origin") == WATCHLIST) & ~pl.col("is_watched"))
                .then(pl.lit(HOLDER))
                .otherwise("origin")
            )
            .select(KNOWN.names())
            .cast(KNOWN)
        )


def fall_due_today(
    store: DeltaStore, followed: list[str], settings: Settings, as_of: datetime
) -> pl.DataFrame:
    """Rows of silver/tracked_whales of followed wallets that fall due before the day is over.

    The credits of a day are there when it begins. Whoever is followed is brought up to date with the first of
    them, instead of finding them spent when its hour has come. Once a day: who was fetched today waits for it.
    """
    fetched = store.scan(TRACKED_WHALES).filter(
        (pl.col(WHALES_TO_FETCH.state_column) == WHALES_TO_FETCH.done)
        & (pl.col("transactions_fetched_at") < midnight(as_of))
        & pl.col("wallet_address").is_in(followed)
    )
    return WHALES_TO_FETCH.due_rows(
        fetched, shards=None, as_of=next_midnight(as_of), policy=due_policy(settings)
    ).collect()


def refreshes_a_day(settings: Settings) -> float:
    """Of an active wallet."""
    return 24 / settings.wallet_refresh_hours


def most_followed(settings: Settings, of_cycle: int | None) -> int | None:
    """How many wallets a page a refresh keeps fresh within the part of the credits that following may take."""
    if of_cycle is None:
        return None
    refreshes = DAYS_OF_MONTH * refreshes_a_day(settings)
    return int(of_cycle * settings.follow_share / 100 / (settings.prices["trader_txs"] * refreshes))


def pages_of(
    known: pl.DataFrame, settings: Settings, left: int | None, following: int | None
) -> pl.DataFrame:
    """`KNOWN` -> wallet_address and pages to fetch in this run, by what `left` credits allow."""
    pages = None if left is None else left // settings.prices["trader_txs"]
    if pages is not None:
        pages = min(pages, max(FEWEST_PAGES, pages // 2))
    rules = PageRules(settings.swap_pages_first, settings.swap_pages_per_run, pages, following)
    return planned_pages(with_promise(known), rules)
