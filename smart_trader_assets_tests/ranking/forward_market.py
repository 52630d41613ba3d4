"""A generated market, ranked at its anchor and copied afterwards at its true prices."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smart_trader_assets.pnl import fifo, netted_trades
from smart_trader_assets.pnl.columns import is_portfolio
from smart_trader_assets.ranking import Classification, RankingRules, rank_wallets
from smart_trader_assets.ranking.co_trading import lately
from smart_trader_assets.ranking.copied_bets import copied_bets
from smart_trader_assets.ranking.copied_lots import lot_parts, token_trades, traded_prices
from smart_trader_assets.ranking.copied_returns import bets_to_copy, copied_returns
from smart_trader_assets.ranking.forward import (
    TOPS,
    bought_after,
    copied_groups,
    top_name,
    top_wallets,
)
from smart_trader_assets.sandbox import SKILLS, Character, GeneratedMarket
from smart_trader_assets.sandbox.generated.odds import MEANS, WIN_RATE, WIN_RATES, Odds
from smart_trader_assets_tests.ranking.market_rows import ANCHOR, PlantedMarket

PROVEN = ("ELITE", "STRONG")
BEST = "ELITE and STRONG"
GRID = 12
"""Steps of a wallet's mean and win rate that the judge tries."""
LUCKY_TO_SKILLED = 20.0


@dataclass(frozen=True)
class ForwardMarket:
    """What is known of one market on the day of the ranking, and what comes out in the days after it."""

    seed: int
    rules: RankingRules
    wallets: int = 500
    history_days: int = 120
    future_days: int = 30
    sol_growth: float = 2.0
    delay: int = 60

    @cached_property
    def planted(self) -> PlantedMarket:
        """The market and its rows."""
        return PlantedMarket(
            GeneratedMarket(
                self.seed,
                ANCHOR,
                wallets=self.wallets,
                history_days=self.history_days,
                future_days=self.future_days,
                sol_growth=self.sol_growth,
            )
        )

    @cached_property
    def pnl(self) -> pl.DataFrame:
        """The numbers on the day of the ranking."""
        return self.planted.pnl(ANCHOR)

    @cached_property
    def trades(self) -> pl.DataFrame:
        """What everybody traded in the last days that tell who trades together."""
        traded = token_trades(netted_trades(self.planted.swaps, as_of=ANCHOR))
        return traded.filter(lately(ANCHOR, self.rules.company))

    @cached_property
    def copied(self) -> pl.DataFrame:
        """What copying everybody would have earned until then, by the trades of all wallets."""
        traded = netted_trades(self.planted.swaps, as_of=ANCHOR)
        return copied_returns(
            lot_parts(traded, fifo(traded.trades, traded.rollovers)),
            traded_prices(token_trades(traded).lazy()),
            bets_to_copy(self.pnl.lazy(), self.rules),
            self.rules,
        )

    @cached_property
    def ranking(self) -> Classification:
        """Whom the numbers of that day name."""
        return rank_wallets(
            self.pnl,
            rules=self.rules,
            as_of=ANCHOR,
            copied=self.copied.lazy(),
            trades=self.trades.lazy(),
        )

    @cached_property
    def groups(self) -> pl.DataFrame:
        """group, wallet_address: the two best tiers, each tier, and the tops of plain leaderboards."""
        traders = self.ranking.traders.select("tier", "wallet_address")
        portfolios = self.pnl.filter(is_portfolio())
        return pl.concat(
            [
                traders.filter(pl.col("tier").is_in(PROVEN)).select(
                    pl.lit(BEST).alias("group"), "wallet_address"
                ),
                traders.rename({"tier": "group"}),
                *(
                    top_wallets(portfolios, by).select(
                        pl.lit(top_name(by)).alias("group"), "wallet_address"
                    )
                    for by in TOPS
                ),
            ]
        )

    @cached_property
    def bets(self) -> pl.DataFrame:
        """Copied bets of everybody after the day, at true prices."""
        end = ANCHOR + timedelta(days=self.future_days)
        traded = netted_trades(self.planted.swaps, as_of=end)
        parts = bought_after(
            lot_parts(traded, fifo(traded.trades, traded.rollovers)), int(ANCHOR.timestamp())
        )
        wanted = {
            *parts.select("token_address", "bought_at").iter_rows(),
            *parts.select("token_address", "left_at").drop_nulls().iter_rows(),
        }
        price = self.planted.market.true_price
        found = pl.DataFrame(
            [(mint, at, price(mint, at + self.delay)) for mint, at in wanted],
            schema={"token_address": pl.String, "at": pl.Int64, "usd": pl.Float64},
            orient="row",
        )
        for side, at in (("entry", "bought_at"), ("exit", "left_at")):
            prices = found.rename({"at": at, "usd": f"{side}_usd"})
            parts = parts.join(
                prices, on=["token_address", at], how="left", maintain_order="left"
            ).with_columns(pl.lit(None, dtype=pl.Float64).alias(f"{side}_sol"))
        last = int(end.timestamp())
        worth = parts.select("wallet_address", "token_address").unique()
        worth = worth.with_columns(
            unit_usd=pl.col("token_address").map_elements(
                lambda mint: price(mint, last), return_dtype=pl.Float64
            ),
            unit_sol=pl.lit(None, dtype=pl.Float64),
        )
        bets = copied_bets(parts, worth, copy_cost_percent=self.rules.skill.copy_cost_percent)
        # A market's true prices are in USD.
        return bets.rename({"usd_return": "copied"})

    @cached_property
    def outcome(self) -> pl.DataFrame:
        """What copying each group earned: `copied_groups`."""
        return copied_groups(self.groups, self.bets)

    @property
    def best(self) -> pl.DataFrame:
        """The traders of the tiers that ask for proof."""
        return self.ranking.traders.filter(pl.col("tier").is_in(PROVEN))

    def named(self, *tiers: str) -> Counter[Character]:
        """Who the wallets of some tiers really are."""
        chosen = self.ranking.traders.filter(pl.col("tier").is_in(tiers))["wallet_address"]
        return Counter(self.planted.characters(chosen))

    @cached_property
    def found_by_a_judge(self) -> set[str]:
        """Whom somebody finds who knows all odds: wallets that are skilled with the confidence that counts as
        proof, by Bayes' rule over the bets that were over on the day of the ranking."""
        return self._found(math.inf)

    @cached_property
    def found_by_a_careful_judge(self) -> set[str]:
        """The same for a judge who, like the ranking, takes every return above the cap for one at the cap."""
        return self._found(self.rules.bets.bet_return_cap / 100)

    def _found(self, cap: float) -> set[str]:
        characters = self.planted.market.truth.characters
        proof = self.rules.proof / 100
        over = self.planted.market.truth.bets.filter(pl.col("left_at") <= ANCHOR.timestamp())
        found = set()
        for (wallet,), bets in over.group_by("wallet_address"):
            returns = bets["bet_return"].to_numpy()
            of_skill = _likelihood(returns, Character.SKILLED, cap)
            of_luck = _likelihood(returns, Character.LUCKY, cap)
            most = max(of_skill, of_luck)
            skill = math.exp(of_skill - most)
            luck = LUCKY_TO_SKILLED * math.exp(of_luck - most)
            if skill / (skill + luck) >= proof and characters[str(wallet)] in SKILLS:
                found.add(str(wallet))
        return found


def _likelihood(returns: NDArray[np.float64], character: Character, cap: float) -> float:
    """The logarithm of how likely the returns are, averaged over what a wallet's odds may be."""
    low, high = MEANS[character]
    least, most = WIN_RATES.get(character, WIN_RATE)
    steps = (np.arange(GRID) + 0.5) / GRID
    each = [
        _log_density(returns, Odds(low + (high - low) * x, least + (most - least) * y), cap)
        for x in steps
        for y in steps
    ]
    top = max(each)
    return top + math.log(sum(math.exp(one - top) for one in each) / len(each))


def _log_density(returns: NDArray[np.float64], odds: Odds, cap: float) -> float:
    above = int((returns >= cap).sum())
    below = sum(math.log(odds.density(one)) for one in returns[returns < cap])
    return below + (above * math.log(odds.at_least(cap)) if above else 0.0)
