"""The trades of all wallets by token and by time, and what copying each wallet would have earned by them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg
import polars as pl

from smart_trader_assets.assets.declare import medallion_assets
from smart_trader_assets.assets.scope import RunConfig, RunScope
from smart_trader_assets.assets.wallet_pnl import WALLETS_AT_ONCE
from smart_trader_assets.delta.batch import Batch, Batches, ReplaceScope
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.pnl import fifo, netted_trades
from smart_trader_assets.pnl.ageing import midnight
from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets.pnl.columns import is_portfolio
from smart_trader_assets.pnl.trades import Trades
from smart_trader_assets.ranking import RankingRules
from smart_trader_assets.ranking.copied_lots import lot_parts, token_trades, traded_prices
from smart_trader_assets.ranking.copied_returns import (
    bets_to_copy,
    copied_returns,
    copying_edition,
    wallet_fingerprints,
)
from smart_trader_assets.ranking.late_prices import CopyRules
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import (
    COPY_RESULTS,
    RECENT_TRADES,
    TOKEN_TRADES,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
)
from smart_trader_assets.tables.pnl_inputs import swaps_of
from smart_trader_assets.thresholds import cash_mints, pnl_assumptions, ranking_rules

UNSETTLED = "swaps that were not counted yet"
_NO_BETS = "no bets"
_TRADES = "token_trades"
_RECENT = "recent_trades"
_RESULTS = "copy_results"
_TRANSACTION = ("wallet_address", "tx_hash")

# Two runs, perhaps of two machines, or one that began long before the other, differ by no more than this.
_CLOCKS_APART = timedelta(days=2)

# The longest window of gold/token_signals, and those two days.
RECENT_DAYS = 9


def copying_assets(declared: Settings) -> dg.AssetsDefinition:
    """The assets of silver/token_trades, silver/recent_trades and gold/copy_results: one step, since whose
    results have to be made again follows from which trades are new.

    A wallet is due where its own numbers are others than those that its rows were made from, and where a trade
    has come that may show what its copier would have paid. The results of all due wallets are one commit, which
    is what makes their trades old: whatever dies before, all of it is done again.
    """

    @medallion_assets(
        "copying",
        {
            _TRADES: (
                TOKEN_TRADES,
                "The netted trades of all wallets, in the order of their tokens: what a token was traded at, "
                "and by whom. Trades that are new to the PnL are added.",
            ),
            _RECENT: (
                RECENT_TRADES,
                "Those of the last nine days: what is asked about the present need not look through the past.",
            ),
            _RESULTS: (
                COPY_RESULTS,
                "Prices each wallet's bets by the first trade that anybody in the tables made after a delay. "
                "Where nobody traded within ten minutes the price is unknown. No request is made for it.",
            ),
        },
        settings=declared,
        inputs={"wallet_pnl": WALLET_PNL},
        all_partitions_of=("wallet_pnl",),
        beside=(TRANSACTIONS, TRACKED_WHALES),
        together=True,
    )
    def copying(
        context: dg.AssetExecutionContext,
        config: RunConfig,
        wallet_pnl: pl.LazyFrame,
        settings: dg.ResourceParam[Settings],
        lake: LakeResource,
    ) -> Iterator[dg.Output[Batches]]:
        work = _Copying.of(RunScope.of(context, settings, config), wallet_pnl, settings, lake)
        if not work.due.height:
            work.scope.log.info("No wallet's numbers have changed since it was last copied.")
        yield dg.Output(Batches(work.new_trades()), _TRADES)
        yield dg.Output(Batches(work.recent_trades()), _RECENT)
        yield dg.Output(Batches(work.results()), _RESULTS)

    return copying


@dataclass
class _Copying:
    """One run's work. `due`: wallet_address, wallet_shard, as_of, based_on, and `since`, the time of the
    numbers that its rows were made from (null where all of its trades are to be looked at: a wallet without
    rows, or with rows by other rules of PnL or of copying, or from swaps that were not all counted);
    `unsettled`: wallets whose swaps are not all counted, so that their numbers and their trades may not be of
    one time; `bets`: `bets_to_copy` of all wallets; `fresh`: token_address and block_unix_time of the trades
    that are new; `recent`: rows of silver/recent_trades among them; `netted`: the trades of all due wallets,
    where they are few enough to be kept until they are copied."""

    scope: RunScope
    store: DeltaStore
    rules: RankingRules
    cash: dict[str, float | None]
    assumptions: Assumptions
    wallets: pl.DataFrame
    bets: pl.DataFrame
    due: pl.DataFrame
    unsettled: pl.Series
    fresh: list[pl.DataFrame]
    recent: list[pl.DataFrame]
    netted: Trades | None = None

    @classmethod
    def of(
        cls, scope: RunScope, wallet_pnl: pl.LazyFrame, settings: Settings, lake: LakeResource
    ) -> "_Copying":
        rules = ranking_rules(settings)
        whales = None if lake.source == "replay" else lake.store.scan(TRACKED_WHALES)
        bets = bets_to_copy(wallet_pnl, rules, tracked_whales=whales)
        made = (
            lake.store.scan(COPY_RESULTS)
            .group_by("wallet_address")
            .agg(made_from=pl.col("based_on").first(), since=pl.col("as_of").first())
            .collect()
        )
        wallets = (
            wallet_pnl.filter(is_portfolio())
            .select("wallet_address", "wallet_shard", "as_of", pl.col("pnl_rules").fill_null(""))
            .collect()
            .join(wallet_fingerprints(bets, rules), on="wallet_address", how="left")
            .join(made, on="wallet_address", how="left")
            # Whose bets have all turned out to be none has rows that are none any more.
            .filter(pl.col("based_on").is_not_null() | pl.col("made_from").is_not_null())
            .with_columns(
                based_on=pl.concat_str(
                    "pnl_rules", pl.col("based_on").fill_null(_NO_BETS), separator=" "
                )
            )
        )
        unsettled = (
            lake.store.scan(TRANSACTIONS)
            .filter(~pl.col("processed_for_pnl"))
            .select(pl.col("wallet_address").unique())
            .collect()
            .to_series()
        )
        settled = wallets.filter(~pl.col("wallet_address").is_in(unsettled.to_list()))
        due = settled.filter(
            pl.lit(scope.reprocess) | pl.col("based_on").ne_missing(pl.col("made_from"))
        )
        by_these_rules = pl.col("made_from").str.starts_with(
            pl.col("pnl_rules") + pl.lit(f" {copying_edition(rules)}-")
        )
        due = due.with_columns(
            since=pl.when(by_these_rules & ~pl.lit(scope.reprocess)).then("since")
        )
        return cls(
            scope=scope,
            store=lake.store,
            rules=rules,
            cash=cash_mints(settings),
            assumptions=pnl_assumptions(settings),
            wallets=wallets.drop("pnl_rules", "made_from", "since"),
            bets=bets,
            due=due.drop("made_from", "pnl_rules").sort("wallet_shard", "wallet_address"),
            unsettled=unsettled,
            fresh=[],
            recent=[],
        )

    def new_trades(self) -> Iterator[Batch]:
        """What the due wallets have traded since their rows were made, and what they have not; notes it as
        `fresh`."""
        for chosen in self.due.iter_slices(WALLETS_AT_ONCE):
            swaps = self._swaps(chosen)
            looked_at = _looked_at(swaps, chosen)
            if looked_at.is_empty():
                continue
            # Of whole histories: what SOL was worth may be known by another of the wallet's transactions.
            traded = self._netted(swaps)
            if chosen.height == self.due.height:
                self.netted = traded
            held = self._held(swaps, looked_at)
            known = _known(token_trades(traded).join(looked_at, on=_TRANSACTION), held)
            # All that was looked at: a run that died may have written it to the other table alone.
            recent = known.filter(pl.col("block_unix_time") >= self._recent_since)
            self.recent.append(recent.drop("is_new"))
            news = _news(known, held)
            if news.is_empty():
                continue
            self.fresh.append(news.select("token_address", "block_unix_time"))
            yield Batch(rows=news, is_part=True, metrics={"trades_new": news.height})

    def recent_trades(self) -> Iterator[Batch]:
        """Those of the new trades that are recent; what is so no longer goes."""
        if self.store.files(RECENT_TRADES).is_empty():
            # An older root has trades that were written before there was this table.
            held = self.store.scan(TOKEN_TRADES).filter(
                pl.col("block_unix_time") >= self._recent_since
            )
            found = held.select(column.name for column in RECENT_TRADES.columns).collect()
            self.recent = [] if found.is_empty() else [found]
        if not self.recent:
            return
        yield Batch(
            rows=pl.concat(self.recent),
            replaces=ReplaceScope("block_unix_time", below=self._recent_since),
            is_part=True,
        )

    @property
    def _recent_since(self) -> int:
        """Unix seconds, of a midnight: what is old goes once a day."""
        return int((midnight(self.scope.as_of) - timedelta(days=RECENT_DAYS)).timestamp())

    def results(self) -> Iterator[Batch]:
        """The rows of all due wallets, in one commit."""
        affected = self._affected()
        due = self.due.select(self.wallets.columns)
        chosen = pl.concat([due, affected])
        if chosen.is_empty():
            return
        parts = []
        for some in (*due.iter_slices(WALLETS_AT_ONCE), *affected.iter_slices(WALLETS_AT_ONCE)):
            results = copied_returns(
                *self._inputs(some),
                self.bets.join(some, on="wallet_address", how="semi"),
                self.rules,
            )
            parts.append(results.join(some.drop("wallet_shard"), on="wallet_address", how="left"))
        yield Batch(
            rows=pl.concat(parts),
            replaces=ReplaceScope("wallet_address", tuple(chosen["wallet_address"])),
            is_part=True,
            metrics={"wallets_copied": chosen.height, "wallets_priced_anew": affected.height},
        )

    def _affected(self) -> pl.DataFrame:
        """The other wallets with a trade for whose copier a fresh one may show the price."""
        copying = self.rules.copying
        fresh = pl.concat(self.fresh) if self.fresh else None
        if fresh is None or self.due.height == self.wallets.height:
            return self.wallets.clear()
        begin, end = _reach(copying)
        times = fresh.select(
            first=pl.col("block_unix_time").min() - end,
            last=pl.col("block_unix_time").max() - begin,
        ).row(0)
        held = (
            self.store.scan(TOKEN_TRADES)
            .filter(
                pl.col("token_address").is_in(fresh["token_address"].unique().to_list())
                & pl.col("block_unix_time").is_between(*times)
                & (pl.col("quantity") != 0)
            )
            .select("token_address", "wallet_address", "block_unix_time")
            .collect()
        )
        reached = held.with_columns(at=pl.col("block_unix_time") + begin).sort("at")
        reached = reached.join_asof(
            fresh.unique()
            .select("token_address", at="block_unix_time", seen=pl.lit(value=True))
            .sort("at"),
            on="at",
            by="token_address",
            strategy="forward",
            tolerance=end - begin,
            check_sortedness=False,
        ).filter(pl.col("seen"))
        return (
            self.wallets.join(reached, on="wallet_address", how="semi")
            .join(self.due, on="wallet_address", how="anti")
            # Rows that are made while swaps wait to be counted are made again once they are.
            .with_columns(
                based_on=pl.when(pl.col("wallet_address").is_in(self.unsettled.to_list()))
                .then(pl.lit(UNSETTLED))
                .otherwise("based_on")
            )
            .sort("wallet_shard", "wallet_address")
        )

    def _inputs(self, chosen: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """`PARTS` of the chosen wallets, and `TRADED_PRICES` of what they traded."""
        kept, self.netted = self.netted, None
        traded = kept or self._netted(self._swaps(chosen))
        parts = lot_parts(traded, fifo(traded.trades, traded.rollovers))
        tokens = parts["token_address"].unique().to_list()
        of_tokens = self.store.scan(TOKEN_TRADES).filter(pl.col("token_address").is_in(tokens))
        return parts, traded_prices(of_tokens)

    def _swaps(self, chosen: pl.DataFrame) -> pl.DataFrame:
        """The counted swaps of the chosen wallets."""
        counted = self.store.scan(TRANSACTIONS).filter(pl.col("processed_for_pnl"))
        return swaps_of(
            counted,
            chosen["wallet_address"].to_list(),
            shards=chosen["wallet_shard"].unique().to_list(),
            as_of=self.scope.as_of,
        )

    def _netted(self, swaps: pl.DataFrame) -> Trades:
        return netted_trades(
            swaps, as_of=self.scope.as_of, cash_mints=self.cash, assumptions=self.assumptions
        )

    def _held(self, swaps: pl.DataFrame, looked_at: pl.DataFrame) -> pl.DataFrame:
        """The rows of silver/token_trades of the transactions that are looked at, with their `is_new`."""
        looked_in = swaps.join(looked_at, on=_TRANSACTION, how="semi")
        first, last = looked_in["block_unix_time"].min(), looked_in["block_unix_time"].max()
        tokens = pl.concat([looked_in["base_address"], looked_in["quote_address"]]).unique()
        return (
            self.store.scan(TOKEN_TRADES)
            .filter(
                pl.col("token_address").is_in(tokens.to_list())
                & pl.col("block_unix_time").is_between(first, last)
                & pl.col("wallet_address").is_in(looked_at["wallet_address"].unique().to_list())
            )
            .select(column.name for column in TOKEN_TRADES.columns)
            .collect()
            .join(looked_at, on=_TRANSACTION)
        )


def _looked_at(swaps: pl.DataFrame, chosen: pl.DataFrame) -> pl.DataFrame:
    """wallet_address and tx_hash of what was counted since the chosen wallets were last copied, and shortly
    before; `is_new`: whether since then. Times of runs do not say for certain which came first: what was
    counted before is news where the table does not hold it."""
    known = pl.col("since").is_null()
    return (
        swaps.join(chosen.select("wallet_address", "since"), on="wallet_address")
        .filter(known | (pl.col("pnl_processed_at") >= pl.col("since") - _CLOCKS_APART))
        .group_by(_TRANSACTION)
        .agg(is_new=(known | (pl.col("pnl_processed_at") >= pl.col("since"))).any())
    )


def _known(rows: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """The trades of the transactions that are looked at, and with a quantity of zero those that the table holds
    and that what is now known of their transaction denies; all with `is_new`."""
    unpriced = dict.fromkeys(("value_usd", "price", "price_sol"), pl.lit(None, dtype=pl.Float64))
    denied = held.join(rows, on=list(TOKEN_TRADES.key), how="anti")
    denied = denied.with_columns(quantity=pl.lit(0.0), **unpriced)
    return pl.concat([rows, denied.select(rows.columns)])


def _news(known: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """What of it is new, and what the table does not hold as it is known.

    What is new is written even where the table holds it: a run that died may have written it there, and its
    news nowhere else.
    """
    content = [name for name in known.columns if name != "is_new"]
    missing = known.filter(~pl.col("is_new")).join(held, on=content, how="anti", nulls_equal=True)
    return pl.concat([known.filter("is_new"), missing]).select(content)


def _reach(rules: CopyRules) -> tuple[int, int]:
    """Seconds after a trade in which another one may show a copier's price: the first and the last."""
    return min(rules.copy_delays), max(rules.copy_delays) + rules.window
