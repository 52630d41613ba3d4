"""Does the ranking find skill? Rank as of an earlier day, and measure what each tier earned afterwards,
itself and for somebody who would have copied it.

Nothing after that day reaches the ranking: swaps, the prices that they show, and marks from the token list, are
cut there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.pnl import (
    DEFAULT_CASH_MINTS,
    compute_wallet_pnl,
    fifo,
    netted_trades,
)
from smart_trader_assets.pnl.ageing import midnight
from smart_trader_assets.pnl.assumptions import DEFAULT_ASSUMPTIONS, Assumptions
from smart_trader_assets.pnl.columns import is_portfolio
from smart_trader_assets.ranking import Classification, RankingRules, rank_wallets
from smart_trader_assets.ranking.co_trading import CoTradingRules, lately
from smart_trader_assets.ranking.copied_bets import copied_bets, judged_returns
from smart_trader_assets.ranking.copied_lots import lot_parts, token_trades, traded_prices
from smart_trader_assets.ranking.copied_returns import bets_to_copy, copied_returns
from smart_trader_assets.ranking.forward import (
    TOPS,
    bought_after,
    copied_groups,
    top_name,
    top_wallets,
)
from smart_trader_assets.ranking.late_prices import with_late_prices
from smart_trader_assets.tables.catalog import TOKENS, TRACKED_WHALES, TRANSACTIONS
from smart_trader_assets.tables.market_marks import traded_marks
from smart_trader_assets.tables.pnl_inputs import read_pnl_inputs

HELD_BACK = timedelta(days=30)
"""What is measured, before the last swap, unless a day is given."""
EXCLUDED = "EXCLUDED"
EVERYBODY = "EVERYBODY"

_FLOWS = ("realized_pnl", "matched_cost", "closing_count", "win_count")


class BacktestError(SmartTraderError):
    """There is nothing to rank, or nothing to measure it by."""


@dataclass(frozen=True)
class Backtest:
    """How a ranking as of `at` turned out, by the swaps up to `until`; `tiers` are `tier_outcomes`, `copied` is
    what copying each tier, and the tops of plain leaderboards, earned: `copied_groups`."""

    at: datetime
    until: datetime
    tiers: pl.DataFrame
    copied: pl.DataFrame

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "at": self.at.isoformat(),
            "until": self.until.isoformat(),
            "tiers": self.tiers.to_dicts(),
            "copied": self.copied.to_dicts(),
        }


def backtest(
    store: DeltaStore,
    *,
    rules: RankingRules,
    at: datetime | None = None,
    cash_mints: Mapping[str, float | None] = DEFAULT_CASH_MINTS,
    assumptions: Assumptions = DEFAULT_ASSUMPTIONS,
    recorded: bool = False,
) -> Backtest:
    """Rank the wallets of a root as of `at`, and measure them up to its last swap.

    Their numbers are made with `cash_mints` and `assumptions`, of swaps that were `recorded` or fetched;
    histories count as known up to either time. By default `at` is the start of the day 30 days before the
    last swap. Raises BacktestError where the root has no swaps before it or none after it.
    """
    swaps = store.scan(TRANSACTIONS)
    first, last = (
        swaps.select(first=pl.col("block_unix_time").min(), last=pl.col("block_unix_time").max())
        .collect()
        .row(0)
    )
    if first is None:
        raise BacktestError(
            f"There are no swaps in {store.root}: fill it with `smart-trader run` first."
        )
    begins, ends = (datetime.fromtimestamp(second, UTC) for second in (first, last))
    at = at or midnight(ends - HELD_BACK)
    if not begins < at < ends:
        raise BacktestError(
            f"Nothing can be measured from {at:%Y-%m-%d %H:%M}: the swaps go from {begins:%Y-%m-%d %H:%M} to "
            f"{ends:%Y-%m-%d %H:%M}. Choose a day in between with --at."
        )
    shards = (
        store.row_counts(TRANSACTIONS, "wallet_shard")["wallet_shard"].unique().sort().to_list()
    )
    before, after = (
        _known_as_of(store, shards, moment, cash_mints, assumptions, recorded, rules.company)
        for moment in (at, ends)
    )
    known = swaps.filter(pl.col("block_unix_time") <= int(at.timestamp()))
    pools = known.select(pl.col("address").drop_nulls().unique()).collect()["address"].to_list()
    # What found a wallet, then or later, is no evidence of what it could do before.
    whales = None if recorded else store.scan(TRACKED_WHALES)
    classified = rank_wallets(
        before.pnl,
        rules=rules,
        as_of=at,
        pools=pools,
        tracked_whales=whales,
        copied=copied_returns(
            before.parts,
            before.prices,
            bets_to_copy(before.pnl.lazy(), rules, tracked_whales=whales),
            rules,
        ).lazy(),
        trades=before.trades.lazy(),
    )
    to_copy = bets_to_copy(after.pnl.lazy(), rules, tracked_whales=whales)
    made = copied_bets(
        with_late_prices(
            bought_after(after.parts, int(at.timestamp())),
            after.prices,
            rules.copying.copy_delay,
            rules.copying,
        ),
        to_copy.select("wallet_address", "token_address", "unit_usd", "unit_sol"),
        copy_cost_percent=rules.skill.copy_cost_percent,
    )
    # A bet by which the wallet was found, before or since, was chosen by its outcome.
    judged = to_copy.filter(pl.col("counts").fill_null(value=True)).select(
        "wallet_address", "token_address", "judged_in_sol"
    )
    keys = ["wallet_address", "token_address"]
    bets = judged_returns(made.join(judged, on=keys, maintain_order="left"))
    return Backtest(
        at,
        ends,
        tiers=tier_outcomes(classified, before.pnl, after.pnl, rules=rules),
        copied=copied_groups(
            _copied_groups(classified, before.pnl, rules),
            bets,
            rules=rules.bets,
        ),
    )


def _copied_groups(
    classified: Classification, before: pl.DataFrame, rules: RankingRules
) -> pl.DataFrame:
    """group, wallet_address: tiers, tops, the excluded, everybody."""
    tier_of = _tier_of(classified)
    portfolios = before.filter(is_portfolio())
    return pl.concat(
        [
            *(
                tier_of.filter(pl.col("tier") == tier).select(
                    group="tier", wallet_address="wallet_address"
                )
                for tier in rules.tier_names
            ),
            *(
                top_wallets(portfolios, by).select(
                    pl.lit(top_name(by)).alias("group"), "wallet_address"
                )
                for by in TOPS
            ),
            tier_of.filter(pl.col("tier") == EXCLUDED).select(
                group="tier", wallet_address="wallet_address"
            ),
            tier_of.select(pl.lit(EVERYBODY).alias("group"), "wallet_address"),
        ]
    )


def _tier_of(classified: Classification) -> pl.DataFrame:
    return pl.concat(
        [
            classified.traders.select("wallet_address", "tier"),
            classified.excluded.select("wallet_address", pl.lit(EXCLUDED).alias("tier")),
        ]
    )


def tier_outcomes(
    classified: Classification, before: pl.DataFrame, after: pl.DataFrame, *, rules: RankingRules
) -> pl.DataFrame:
    """What the wallets of each tier of an earlier ranking realized after it.

    In: silver/wallet_pnl rows of the same wallets as of that ranking and as of a later time. Lots are matched
    over the whole history in both, so their difference is exactly what the sells in between realized.

    Out: one row per tier, best first, then the excluded wallets and all wallets: tier, wallets, `active` (with
    a closing trade afterwards), `closing_count`, `win_rate` (% of those), `realized_pnl` (USD),
    `median_pnl` (USD, of an active wallet), `roi` (% of the cost of what was sold), `profitable` (% of the
    active wallets). Null where no wallet was active.
    """
    earned = (
        _tier_of(classified)
        .join(_portfolios(before), on="wallet_address")
        .join(_portfolios(after), on="wallet_address", suffix="_after")
        .select("tier", *(pl.col(f"{name}_after") - pl.col(name) for name in _FLOWS))
        .rename({f"{name}_after": name for name in _FLOWS})
    )
    everybody = earned.with_columns(pl.lit(EVERYBODY).alias("tier"))
    groups = pl.DataFrame({"tier": [*rules.tier_names, EXCLUDED, EVERYBODY]})
    outcomes = pl.concat([earned, everybody]).group_by("tier").agg(*_outcome())
    return groups.join(outcomes, on="tier", how="left", maintain_order="left").with_columns(
        pl.col("wallets", "active", "closing_count").fill_null(0)
    )


def _outcome() -> list[pl.Expr]:
    active = pl.col("closing_count") > 0
    pnl, closings = pl.col("realized_pnl").filter(active), pl.col("closing_count").sum()
    cost = pl.col("matched_cost").sum()
    return [
        pl.len().cast(pl.Int64).alias("wallets"),
        active.sum().cast(pl.Int64).alias("active"),
        closings.alias("closing_count"),
        pl.when(closings > 0).then(100 * pl.col("win_count").sum() / closings).alias("win_rate"),
        pl.when(closings > 0).then(pnl.sum()).alias("realized_pnl"),
        pnl.median().alias("median_pnl"),
        pl.when(cost > 0).then(100 * pl.col("realized_pnl").sum() / cost).alias("roi"),
        (100 * (pnl > 0).mean()).alias("profitable"),
    ]


def _portfolios(pnl: pl.DataFrame) -> pl.DataFrame:
    return pnl.filter(is_portfolio()).select("wallet_address", *_FLOWS)


@dataclass(frozen=True)
class _Known:
    """What is known at a time: rows of silver/wallet_pnl, `PARTS`, `TRADED_PRICES`, and the trades that tell
    who belongs together."""

    pnl: pl.DataFrame
    parts: pl.DataFrame
    prices: pl.DataFrame
    trades: pl.DataFrame


def _known_as_of(
    store: DeltaStore,
    shards: Sequence[str],
    as_of: datetime,
    cash_mints: Mapping[str, float | None],
    assumptions: Assumptions,
    recorded: bool,
    company: CoTradingRules,
) -> _Known:
    """The numbers and the trades of all wallets, a shard at a time."""
    swaps = store.scan(TRANSACTIONS)
    traded = traded_marks(
        swaps,
        as_of=as_of,
        within=timedelta(days=assumptions.mark_life_days),
        cash_mints=cash_mints,
        assumptions=assumptions,
    )
    pnl, parts, prices, trades = [], [], [], []
    for shard in shards:
        in_shard = swaps.filter(pl.col("wallet_shard") == shard)
        inputs = read_pnl_inputs(
            in_shard.select(pl.col("wallet_address").unique()).collect().to_series().to_list(),
            shards=[shard],
            as_of=as_of,
            transactions=swaps,
            tracked_whales=store.scan(TRACKED_WHALES),
            tokens=store.scan(TOKENS),
            traded=traded,
            recorded=recorded,
            known_now=True,
        )
        pnl.append(
            compute_wallet_pnl(
                inputs.swaps,
                as_of=as_of,
                cash_mints=cash_mints,
                marks=inputs.marks,
                histories=inputs.histories,
                assumptions=assumptions,
            )
        )
        netted = netted_trades(
            inputs.swaps, as_of=as_of, cash_mints=cash_mints, assumptions=assumptions
        )
        parts.append(lot_parts(netted, fifo(netted.trades, netted.rollovers)))
        traded_tokens = token_trades(netted)
        prices.append(traded_prices(traded_tokens.lazy()))
        trades.append(
            traded_tokens.filter(lately(as_of, company)).select(
                "token_address", "wallet_address", "block_unix_time", "quantity"
            )
        )
    return _Known(pl.concat(pnl), pl.concat(parts), pl.concat(prices), pl.concat(trades))
