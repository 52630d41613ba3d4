"""The gold tables: one classification of every wallet, and what the ranked ones hold and trade, in one step."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import dagster as dg
import polars as pl

from smart_trader_assets.assets.declare import medallion_assets
from smart_trader_assets.assets.pools import pool_addresses
from smart_trader_assets.assets.scope import RunConfig, RunScope
from smart_trader_assets.delta.batch import Batch, ReplaceScope, Settlement
from smart_trader_assets.delta.contract import TIME, VERSION
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.pnl.cash import NATIVE_SOL
from smart_trader_assets.pnl.swap_rows import time_of
from smart_trader_assets.ranking import (
    QUALIFIED,
    RankingRules,
    members_of,
    rank_wallets,
    tier_changes,
)
from smart_trader_assets.ranking.classification import Classification
from smart_trader_assets.ranking.co_trading import lately
from smart_trader_assets.ranking.funding import Funding, funded_pairs, funders_to_read
from smart_trader_assets.ranking.promise import SHOWN_AT_ONCE
from smart_trader_assets.settings import Settings
from smart_trader_assets.signals import positions, token_signals
from smart_trader_assets.state.shared_state import state_of
from smart_trader_assets.tables.catalog import (
    CLASSIFIED_WALLETS,
    COPY_RESULTS,
    POSITIONS,
    RECENT_TRADES,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKEN_SIGNALS,
    TOKEN_TRADES,
    TOKENS,
    TRACED_WALLETS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    TRANSFERS,
    WALLET_CLUSTERS,
    WALLET_PNL,
)
from smart_trader_assets.tables.cursors import (
    FUNDER,
    PNL_TO_RANK,
    RANKED,
    TRANSFERS_TO_RANK,
)
from smart_trader_assets.tables.transitions import (
    pnl_ranked,
    transfers_ranked,
    whales_judged_anew,
)
from smart_trader_assets.text import named_mint
from smart_trader_assets.thresholds import cash_mints, ranking_rules, signal_rules
from smart_trader_assets.transforms.shards import with_shard

# What a settlement names a row by, and what says why it is due.
_SETTLED = (*WALLET_PNL.key, *WALLET_PNL.partition_by, "gold_rules", VERSION)

_CLASSIFIED = "classified_wallets"
_CHANGES = "tier_changes"
_CLUSTERS = "wallet_clusters"
_POSITIONS = "positions"
_SIGNALS = "token_signals"
_TRACED = "traced_wallets"
_TRADERS = "smart_traders"


def smart_traders_assets(declared: Settings) -> dg.AssetsDefinition:
    """The assets of gold/smart_traders, and of what follows from it: gold/classified_wallets,
    gold/tier_changes, gold/positions, gold/token_signals and silver/traced_wallets.

    The ranking comes last, since its batch settles the PnL rows: whatever dies before, the rows are still
    due, the classification is made again, and what was already written of it stays as it is.
    """

    @medallion_assets(
        "classification",
        {
            _CLASSIFIED: (
                CLASSIFIED_WALLETS,
                "Separates what is not a trader (pools, arbitrageurs, bots, launch insiders, sellers of what "
                "was transferred in, ...) and what has not shown enough. Every wallet with PnL is either here "
                "or ranked.",
            ),
            _CHANGES: (
                TIER_CHANGES,
                "Compares each ranking with each wallet's last recorded tier. Rows are only ever added.",
            ),
            _CLUSTERS: (
                WALLET_CLUSTERS,
                "Looks for ranked wallets that trade the same tokens within seconds of each other, more often "
                "than a token's own crowd would, or that one purse has funded: they have one vote in "
                "gold/token_signals, and those that one hand seems to lead have one rank. Who earns by what "
                "its own company pays is no trader.",
            ),
            _POSITIONS: (
                POSITIONS,
                "What the ranked traders hold, from the open lots of silver/wallet_pnl.",
            ),
            _SIGNALS: (
                TOKEN_SIGNALS,
                "Counts by token how many of them bought and sold it in the last day and week, and hold it; "
                "one vote a trader, and one for all whom one hand leads. Each row is the sum of rows of "
                "silver/recent_trades and gold/positions: `smart-trader token MINT` lists them.",
            ),
            _TRACED: (
                TRACED_WALLETS,
                "Takes up the ranked wallets whose transfers are to be looked at, and who has sent cash to "
                "several of them. Rows are only ever added.",
            ),
            _TRADERS: (
                SMART_TRADERS,
                "Ranks the wallets that nothing excludes by what a copier who stakes the same on each bet "
                "could expect, at least: smart traders, and below them the unproven (QUALIFIED). A wallet that "
                "is excluded leaves with the next run.",
            ),
        },
        settings=declared,
        inputs={
            "wallet_pnl": WALLET_PNL,
            "tracked_tokens": TRACKED_TOKENS,
        },
        all_partitions_of=("wallet_pnl", "tracked_tokens"),
        beside=(
            TRANSACTIONS,
            TRACKED_WHALES,
            TOKENS,
            COPY_RESULTS,
            RECENT_TRADES,
            TOKEN_TRADES,
        ),
    )
    def classification(
        context: dg.AssetExecutionContext,
        config: RunConfig,
        wallet_pnl: pl.LazyFrame,
        tracked_tokens: pl.LazyFrame,
        settings: dg.ResourceParam[Settings],
        lake: LakeResource,
    ) -> Iterator[dg.Output[list[Batch]]]:
        scope = RunScope.of(context, settings, config)
        batches = _Ranking(scope, wallet_pnl, tracked_tokens, settings, lake).batches()
        for output in (
            _CLASSIFIED,
            _CHANGES,
            _CLUSTERS,
            _POSITIONS,
            _SIGNALS,
            _TRACED,
            _TRADERS,
        ):
            if output in context.op_execution_context.selected_output_names:
                yield dg.Output(batches.get(output, []), output)

    return classification


@dataclass(frozen=True)
class _Ranking:
    """What one run ranks, by what."""

    scope: RunScope
    wallet_pnl: pl.LazyFrame
    tracked_tokens: pl.LazyFrame
    settings: Settings
    lake: LakeResource

    @cached_property
    def _rules(self) -> RankingRules:
        return ranking_rules(self.settings)

    def batches(self) -> dict[str, list[Batch]]:
        """By output; where nothing is due only what goes on with time."""
        store = self.lake.store
        due = self.scope.due(PNL_TO_RANK, self.wallet_pnl.select(_SETTLED))
        # What is processed anew has to have been fetched; and this before the transfers are read, since a fetch
        # writes them before it says so.
        told = self.scope.due(TRANSFERS_TO_RANK, store.scan(TRACED_WALLETS)).filter(
            pl.col("transfers_status").is_in(TRANSFERS_TO_RANK.due)
        )
        funding = self._funding()
        if due.height:
            return self._ranked(due, told, funding)
        ranked = (
            store.scan(SMART_TRADERS).select("wallet_address", "tier", "overall_rank").collect()
        )
        clusters = store.scan(WALLET_CLUSTERS).collect()
        if told.height and self._joins_others(funding, ranked, clusters):
            return self._ranked(due, told, funding)
        self.scope.log.info("No wallet's numbers have changed since the last ranking.")
        seen = Batch(settles=(transfers_ranked(told, at=self.scope.as_of),))
        return {
            **self._present(ranked, clusters, is_part=bool(told.height)),
            _TRACED: [Batch(rows=self._newly_traced(ranked, funding), is_part=bool(told.height))],
            _TRADERS: [seen] if told.height else [],
        }

    def _funding(self) -> Funding:
        """Who has sent cash to whom, by what earlier rankings had asked for: no dependency, it would be a
        circle."""
        cash = {NATIVE_SOL, *cash_mints(self.settings)}
        return Funding.of(self.lake.store.scan(TRANSFERS), cash, self._rules.funding)

    def _joins_others(self, funding: Funding, ranked: pl.DataFrame, clusters: pl.DataFrame) -> bool:
        """Whether by the transfers other wallets have one purse than the last ranking knew."""
        wallets = ranked["wallet_address"]
        found = funded_pairs(funding, wallets, self._rules.funding)
        both = ("wallet_address", "other_address")
        among = pl.col(*both).is_in(wallets.implode())
        known = clusters.filter(pl.col("funder_address").is_not_null() & pl.all_horizontal(among))
        return set(found.rows()) != set(
            known.with_columns(
                wallet_address=pl.min_horizontal(both), other_address=pl.max_horizontal(both)
            )
            .select(found.columns)
            .rows()
        )

    def _ranked(
        self, due: pl.DataFrame, told: pl.DataFrame, funding: Funding
    ) -> dict[str, list[Batch]]:
        """Everything anew, since the rows that are `due` have changed, or transfers of wallets are `told`."""
        scope, store, rules = self.scope, self.lake.store, self._rules
        classified = rank_wallets(
            self.wallet_pnl,
            rules=rules,
            as_of=scope.as_of,
            pools=pool_addresses(store, state_of(self.settings)),
            token_symbols=_names(self.tracked_tokens),
            tracked_whales=None if self.lake.source == "replay" else store.scan(TRACKED_WHALES),
            listed=_listings(store.scan(TOKENS)),
            copied=store.scan(COPY_RESULTS),
            trades=store.scan(TOKEN_TRADES).filter(lately(scope.as_of, rules.company)),
            funding=funding,
        )
        changes = tier_changes(
            store.scan(TIER_CHANGES).select("wallet_address", "change_number", "to_tier").collect(),
            classified.traders,
            classified.excluded,
            rules=rules,
            due=due,
            at=scope.as_of,
        )
        clusters = classified.company.with_columns(as_of=pl.lit(scope.as_of).cast(TIME))
        unproven = classified.traders.filter(pl.col("tier") == QUALIFIED).height
        metrics = {
            "smart_traders": classified.traders.height - unproven,
            "wallets_unproven": unproven,
            "wallets_excluded": classified.excluded.height,
            "tiers_changed": changes.height,
            "clusters_found": clusters["cluster_id"].drop_nulls().n_unique(),
        }
        ranked = Batch(
            rows=classified.traders,
            replaces=ReplaceScope(),
            settles=(
                *self._judged_anew(classified, due),
                pnl_ranked(due, at=scope.as_of, rules=rules.edition),
                transfers_ranked(told, at=scope.as_of),
            ),
            metrics=metrics,
        )
        return {
            _CLASSIFIED: [Batch(rows=classified.excluded, replaces=ReplaceScope(), is_part=True)],
            _CHANGES: [Batch(rows=changes, is_part=True)],
            _CLUSTERS: [Batch(rows=clusters, replaces=ReplaceScope(), is_part=True)],
            **self._present(classified.traders, clusters, is_part=True),
            _TRACED: [Batch(rows=self._newly_traced(classified.traders, funding), is_part=True)],
            _TRADERS: [ranked],
        }

    def _judged_anew(self, classified: Classification, due: pl.DataFrame) -> Iterator[Settlement]:
        """By other rules than before a wallet may be a trader whose class had kept it from being fetched."""
        if due.filter(pl.col("gold_rules") != self._rules.edition).is_empty():
            return
        excluded = classified.excluded.filter(~pl.col("wallet_class").is_in(SHOWN_AT_ONCE))
        address = pl.col("wallet_address")
        traders = pl.concat([classified.traders.select(address), excluded.select(address)])
        yield whales_judged_anew(self.lake.store.scan(TRACKED_WHALES), traders)

    def _newly_traced(self, traders: pl.DataFrame, funding: Funding) -> pl.DataFrame:
        """Rows of those whose transfers are to be looked at from now on."""
        known = self.lake.store.scan(TRACED_WALLETS).select("wallet_address").collect()
        if not self.settings.traces_transfers:
            traders = traders.clear()
        ranked = traders.select(
            "wallet_address", role=pl.lit(RANKED), traced_rank="overall_rank"
        ).join(known, on="wallet_address", how="anti")
        both = pl.concat([known, ranked.select("wallet_address")])["wallet_address"]
        funders = funders_to_read(funding, traders, both).select(
            "wallet_address", pl.lit(FUNDER).alias("role"), "traced_rank"
        )
        found = pl.concat([ranked, funders]).with_columns(
            traced_since=pl.lit(self.scope.as_of).cast(TIME)
        )
        return with_shard(found, "wallet_address", "wallet_shard", self.settings.wallet_shards)

    def _present(
        self, traders: pl.DataFrame, clusters: pl.DataFrame, *, is_part: bool = False
    ) -> dict[str, list[Batch]]:
        """What the ranked `traders` hold and trade; `is_part` of a ranking that settles its rows."""
        rules = signal_rules(self.settings)
        held = positions(self.wallet_pnl, traders, rules=rules)
        signals = token_signals(
            self.lake.store.scan(RECENT_TRADES),
            held,
            traders,
            as_of=self.scope.as_of,
            rules=rules,
            hands=members_of(clusters, by="vote_id"),
        )
        symbols = self.tracked_tokens.select("token_address", "symbol").collect()
        named = signals.join(symbols, on="token_address", how="left")
        return {
            output: [Batch(rows=rows, replaces=ReplaceScope(), is_part=is_part)]
            for output, rows in ((_POSITIONS, held), (_SIGNALS, named))
        }


def _listings(tokens: pl.LazyFrame) -> pl.LazyFrame:
    """When tokens were listed, as far as the source says it."""
    return tokens.filter(pl.col("recent_listing_time").is_not_null()).select(
        "token_address", listed_at=time_of(pl.col("recent_listing_time"))
    )


def _names(tracked_tokens: pl.LazyFrame) -> dict[str, str]:
    """The symbols of the tracked tokens; others are named by their mint."""
    listed = tracked_tokens.select("token_address", "symbol").collect()
    return {mint: named_mint(mint, symbol) for mint, symbol in listed.iter_rows()}
