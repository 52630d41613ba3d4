"""Reads what the report shows: the ranking, the ranked wallets' numbers, and their lots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import polars as pl

from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.pnl import LotEvidence, lot_evidence
from smart_trader_assets.pnl.assumptions import DEFAULT_ASSUMPTIONS, Assumptions
from smart_trader_assets.pnl.cash import DEFAULT_CASH_MINTS
from smart_trader_assets.pnl.columns import ALL_TOKENS, WINDOWS
from smart_trader_assets.pnl.marks import OWN_TRADE
from smart_trader_assets.ranking import members_of
from smart_trader_assets.ranking.bets import DEFAULT_BETS, BetRules, with_bets
from smart_trader_assets.ranking.discovery import LIST_WINDOW, discoveries
from smart_trader_assets.ranking.late_prices import CopyRules
from smart_trader_assets.report.company import company_of
from smart_trader_assets.report.stored_inputs import stored_histories, stored_marks
from smart_trader_assets.report.token_view import read_signals
from smart_trader_assets.report.whence import received_tokens
from smart_trader_assets.report.words import with_copied_deciding
from smart_trader_assets.settings import Settings
from smart_trader_assets.signals import SIGNAL_WINDOWS, SignalRules, counts
from smart_trader_assets.tables.catalog import (
    CLASSIFIED_WALLETS,
    POSITIONS,
    RECENT_TRADES,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_CLUSTERS,
    WALLET_PNL,
)
from smart_trader_assets.tables.pnl_inputs import read_pnl_inputs
from smart_trader_assets.text import token_symbols
from smart_trader_assets.thresholds import (
    cash_mints,
    pnl_assumptions,
    ranking_rules,
    signal_rules,
)
from smart_trader_assets.transforms.shards import shard_of

MOST_WALLETS = 200
"""Wallets that a page shows by default."""

MOST_CHANGES = 50
MOST_NAMED = 6
"""Traders that are named beside a token."""
_BOUGHT, _SOLD, _HOLDS = range(3)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class PageRules:
    """What the numbers of a page follow: those of its tables."""

    cash_mints: Mapping[str, float | None] = field(default_factory=lambda: DEFAULT_CASH_MINTS)
    assumptions: Assumptions = DEFAULT_ASSUMPTIONS
    bets: BetRules = DEFAULT_BETS
    list_window: timedelta = LIST_WINDOW
    signals: SignalRules = field(default_factory=SignalRules)
    copying: CopyRules = field(default_factory=CopyRules)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings have them."""
        ranking = ranking_rules(settings)
        return cls(
            cash_mints(settings),
            pnl_assumptions(settings),
            ranking.bets,
            ranking.list_window,
            signal_rules(settings),
            ranking.copying,
        )


@dataclass(frozen=True)
class ReportData:
    """One state of the ranking, and what is behind its best wallets.

    traders: gold/smart_traders, best first; all of it
    classified: gold/classified_wallets, the largest profit first; all of it
    tier_changes: the newest of gold/tier_changes, newest first
    pnl: silver/wallet_pnl of the shown wallets, all tokens and windows
    lots: their trades and lots, as of the time that their numbers were calculated for
    symbols: mint to symbol
    portfolios: wallet_address, token_address, window and realized_pnl of all ranked wallets' portfolios
    signals: gold/token_signals, what most have bought first; all of it
    signal_traders: by mint and window rank, wallet and tier: those who bought it first, then who sold and hold
    it, the best of each first
    bets: wallet_address and bet_return of the shown wallets' bets that are evidence
    company: rows of gold/wallet_clusters
    received: rows of `received_tokens` of the shown wallets
    """

    source: str
    source_detail: str
    traders: pl.DataFrame
    classified: pl.DataFrame
    tier_changes: pl.DataFrame
    pnl: pl.DataFrame
    lots: LotEvidence
    symbols: dict[str, str]
    portfolios: pl.DataFrame
    signals: pl.DataFrame
    signal_traders: dict[tuple[str, str], list[tuple[int, str, str]]]
    bets: pl.DataFrame
    company: pl.DataFrame
    received: pl.DataFrame

    @property
    def as_of(self) -> datetime | None:
        """The newest time that a classified wallet's numbers were calculated for; None without any."""
        return pl.concat([self.traders["as_of"], self.classified["as_of"]]).max()  # type: ignore[return-value]

    @property
    def shown(self) -> list[str]:
        """The wallets whose lots were read, best first."""
        own = set(self.pnl["wallet_address"])
        return [wallet for wallet in self.traders["wallet_address"] if wallet in own]


def read_report_data(
    lake: LakeResource,
    *,
    most_wallets: int = MOST_WALLETS,
    rules: PageRules | None = None,
) -> ReportData:
    """The ranking in `lake`, with the lots of the best `most_wallets`.

    Each wallet's lots are read as of the time of its numbers in gold, at the marks of that time and by what
    is taken for granted, so that the sums agree.
    """
    store, rules = lake.store, rules or PageRules()
    signals = read_signals(store)
    traders = with_copied_deciding(
        store.scan(SMART_TRADERS).sort("overall_rank").collect(), rules.copying
    )
    shown = traders.head(most_wallets)
    shards = _shards(shown["wallet_address"].to_list(), lake.wallet_shards)
    pnl = (
        store.scan(WALLET_PNL)
        .filter(
            pl.col("wallet_shard").is_in(shards)
            & pl.col("wallet_address").is_in(shown["wallet_address"].to_list())
        )
        .collect()
    )
    lots, symbols = _lots(lake, shown, pnl, rules)
    profit = pl.coalesce("conservative_pnl", "realized_pnl")
    company = company_of(store, traders["wallet_address"].to_list())
    return ReportData(
        source=lake.source,
        source_detail=lake.identity.detail,
        traders=traders,
        classified=store.scan(CLASSIFIED_WALLETS)
        .sort(profit, "wallet_address", descending=[True, False], nulls_last=True)
        .collect(),
        tier_changes=store.scan(TIER_CHANGES)
        .sort(
            "changed_at",
            "overall_rank",
            "wallet_address",
            descending=[True, False, False],
            nulls_last=True,
        )
        .head(MOST_CHANGES)
        .collect(),
        pnl=pnl,
        lots=lots,
        symbols=symbols,
        portfolios=store.scan(WALLET_PNL)
        .filter(
            (pl.col("token_address") == ALL_TOKENS)
            & pl.col("wallet_address").is_in(traders["wallet_address"].to_list())
        )
        .select("wallet_address", "token_address", "window", "realized_pnl")
        .collect(),
        signals=signals,
        signal_traders=_signal_traders(store, traders, signals, rules.signals),
        bets=_bets(lake, pnl, rules),
        company=company,
        received=received_tokens(store, shown["wallet_address"].to_list(), company),
    )


def _bets(lake: LakeResource, pnl: pl.DataFrame, rules: PageRules) -> pl.DataFrame:
    """What the ranking judges the wallets by."""
    whole = pnl.filter(pl.col("window") == WINDOWS[0])
    is_portfolio = pl.col("token_address") == ALL_TOKENS
    tokens = whole.filter(~is_portfolio).join(
        whole.filter(is_portfolio).select("wallet_address", wallet_paid_in_sol="paid_in_sol"),
        on="wallet_address",
        how="left",
    )
    whales = lake.store.scan(TRACKED_WHALES).filter(
        pl.col("wallet_address").is_in(pnl["wallet_address"].unique().to_list())
    )
    found = discoveries(whales, list_window=rules.list_window) if lake.source != "replay" else None
    return (
        with_bets(tokens.lazy(), rules.bets, found)
        .filter(pl.col("bet_return").is_not_null() & pl.col("counts"))
        .select("wallet_address", "bet_return")
        .collect()
    )


def _signal_traders(
    store: DeltaStore, traders: pl.DataFrame, signals: pl.DataFrame, rules: SignalRules
) -> dict[tuple[str, str], list[tuple[int, str, str]]]:
    """Whom the rows of `signals` count."""
    if signals.is_empty():
        return {}
    as_of: datetime = signals["as_of"].max()  # type: ignore[assignment]
    key = ("token_address", "wallet_address")
    recent = store.scan(RECENT_TRADES)
    held = store.scan(POSITIONS).select(*key, deed=pl.lit(_HOLDS))
    sold = pl.when(pl.col("quantity") < 0).then(_SOLD).otherwise(_BOUGHT)
    hands = members_of(store.scan(WALLET_CLUSTERS).collect(), by="vote_id")
    voter = pl.coalesce("cluster_id", "wallet_address")
    ranked = (
        traders.select("wallet_address", "overall_rank", "tier")
        .join(hands, on="wallet_address", how="left")
        .with_columns(voter=voter)
        .lazy()
    )
    found: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
    for window, length in SIGNAL_WINDOWS.items():
        traded = recent.filter(counts(as_of, length, rules)).select(*key, deed=sold)
        named = (
            pl.concat([traded, held])
            .join(ranked, on="wallet_address")
            .group_by(key)
            .agg(pl.col("deed").min(), pl.col("overall_rank", "tier", "voter").first())
            .sort("deed", "overall_rank")
            # Of those who have one vote the best is named.
            .unique(["token_address", "voter"], keep="first", maintain_order=True)
            .group_by("token_address", maintain_order=True)
            .agg(pl.struct("overall_rank", "wallet_address", "tier").head(MOST_NAMED))
            .collect()
        )
        for mint, those in named.iter_rows():
            found[mint, window] = [
                (one["overall_rank"], one["wallet_address"], one["tier"]) for one in those
            ]
    return found


def _lots(
    lake: LakeResource,
    shown: pl.DataFrame,
    pnl: pl.DataFrame,
    rules: PageRules,
) -> tuple[LotEvidence, dict[str, str]]:
    store = lake.store
    tokens = store.scan(TOKENS)
    parts: list[LotEvidence] = []
    symbols: dict[str, str] = {}
    # An empty ranking has no time of calculation; its one part is empty, with the right columns.
    for as_of, wallets in _calculated_alike(shown, pnl) or [(_LONG_AGO, [])]:
        inputs = read_pnl_inputs(
            wallets,
            shards=_shards(wallets, lake.wallet_shards),
            as_of=as_of,
            transactions=store.scan(TRANSACTIONS),
            tracked_whales=store.scan(TRACKED_WHALES),
            tokens=tokens,
        )
        own = pnl.filter(pl.col("wallet_address").is_in(wallets) & (pl.col("window") == "all"))
        part = lot_evidence(
            inputs.swaps,
            as_of=inputs.as_of,
            cash_mints=rules.cash_mints,
            # Those of the numbers, and no others: the list may have changed since.
            marks=stored_marks(own),
            histories=stored_histories(own),
            assumptions=rules.assumptions,
        )
        parts.append(part)
        mints = part.trades["token_address"].unique().to_list()
        symbols |= token_symbols(mints, tokens=tokens, swaps=inputs.swaps)
    lots = {
        field.name: pl.concat([getattr(part, field.name) for part in parts])
        for field in fields(LotEvidence)
    }
    return LotEvidence(**lots), symbols


def _calculated_alike(shown: pl.DataFrame, pnl: pl.DataFrame) -> list[tuple[datetime, list[str]]]:
    """The shown wallets by the time of their numbers, apart where these know another price of a token."""
    marked = pnl.filter(
        (pl.col("window") == "all")
        & (pl.col("mark_source") != OWN_TRADE)
        & pl.col("marked_at").is_not_null()
    ).select(
        "wallet_address", "token_address", "mark_price", "marked_at", "mark_source", "liquidity"
    )
    marks: dict[str, dict[str, tuple[Any, ...]]] = {}
    for wallet, token, *mark in marked.iter_rows():
        marks.setdefault(wallet, {})[token] = tuple(mark)
    groups: list[tuple[datetime, list[str], dict[str, tuple[Any, ...]]]] = []
    for wallet, as_of in shown.select("wallet_address", "as_of").iter_rows():
        own = marks.get(wallet, {})
        for time, wallets, known in groups:
            if time == as_of and all(known.get(token, mark) == mark for token, mark in own.items()):
                wallets.append(wallet)
                known.update(own)
                break
        else:
            groups.append((as_of, [wallet], dict(own)))
    return [(time, wallets) for time, wallets, _ in groups]


def _shards(wallets: Sequence[str], count: int) -> list[str]:
    return sorted({shard_of(wallet, count) for wallet in wallets})
