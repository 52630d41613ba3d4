"""Who trades together beyond chance: planted groups are found, crowds and chance are not."""

from __future__ import annotations

import itertools

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from smart_trader_assets.signals import (
    CoTradingRules,
    co_trading_pairs,
    members_of,
    with_clusters,
)
from smart_trader_assets.signals.co_trading import COPIER, CROWD, PAIRS, SIBLINGS
from smart_trader_assets_tests.signals.planted_market import PlantedMarket, planted_market

RULES = CoTradingRules()


def pairs_of(market: PlantedMarket, rules: CoTradingRules = RULES) -> pl.DataFrame:
    return with_clusters(co_trading_pairs(market.trades.lazy(), market.wallets, rules), rules)


def found_groups(pairs: pl.DataFrame) -> set[frozenset[str]]:
    """Pairs of wallets in one cluster."""
    groups = members_of(pairs).group_by("cluster_id").agg("wallet_address")["wallet_address"]
    return {
        frozenset(pair) for group in groups for pair in itertools.combinations(group.to_list(), 2)
    }


def planted_pairs(market: PlantedMarket) -> set[frozenset[str]]:
    return {frozenset(pair) for group in market.groups for pair in itertools.combinations(group, 2)}


# A share; `make prove-clusters` takes twenty of each.
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_planted_groups_are_found_and_nobody_else_and_copiers_are_told_apart(seed):
    market = planted_market(seed)
    pairs = pairs_of(market)
    found, planted = found_groups(pairs), planted_pairs(market)
    assert len(found & planted) >= 0.95 * len(found)
    assert len(found & planted) >= 0.8 * len(planted)
    copying = pairs.filter(pl.col("relation") == COPIER)
    told = set(copying.select("wallet_address", "other_address").rows())
    assert set(market.copiers.items()) <= told
    assert not set(members_of(pairs)["wallet_address"]) & set(market.copiers)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("crowds", [{}, {"chasers": 120, "tokens": 120}, {"listeners": 15}])
def test_without_groups_nobody_belongs_together_however_they_chase_the_same_coins(seed, crowds):
    market = planted_market(1_000 + seed, groups=0, copiers=0, **crowds)
    assert members_of(pairs_of(market)).is_empty()


def test_many_who_follow_the_same_calls_are_a_crowd():
    pairs = pairs_of(planted_market(2, groups=0, copiers=0, listeners=15))
    assert set(pairs["relation"]) <= {CROWD, COPIER}
    assert pairs.filter(pl.col("relation") == CROWD).height > 0


def test_the_order_of_the_rows_and_who_else_is_asked_about_change_nothing():
    market = planted_market(3)
    shuffled = PlantedMarket(market.trades.sample(fraction=1, shuffle=True, seed=1))
    assert_frame_equal(pairs_of(market), pairs_of(shuffled))
    twice = PlantedMarket(pl.concat([market.trades, market.trades.head(500)]))
    assert_frame_equal(pairs_of(market), pairs_of(twice))


def test_a_pair_says_what_it_rests_on():
    market = planted_market(4)
    row = pairs_of(market).filter(pl.col("relation") == SIBLINGS).row(0, named=True)
    one, other = (
        set(market.trades.filter(wallet_address=row[name])["token_address"])
        for name in ("wallet_address", "other_address")
    )
    assert row["tokens_shared"] == len(one & other)
    assert RULES.min_tokens <= row["tokens_together"] <= row["tokens_shared"]
    assert 0 < row["tokens_expected"] < row["tokens_together"]
    looked_at = market.wallets.len() * (market.wallets.len() - 1) / 2
    assert 10 ** row["log10_p"] < 0.01 / looked_at
    assert 0 <= row["median_seconds"] <= RULES.seconds


@pytest.mark.parametrize(
    "market", [planted_market(0).trades.clear(), planted_market(0).trades.head(1)]
)
def test_where_nobody_trades_there_is_no_pair(market):
    found = co_trading_pairs(market.lazy(), market["wallet_address"].unique(), RULES)
    assert found.is_empty()
    assert found.schema == PAIRS
    assert members_of(with_clusters(found, RULES)).is_empty()


def test_who_is_not_asked_about_is_in_the_crowd_and_in_no_pair():
    market = planted_market(5)
    some = market.wallets.filter(~market.wallets.str.starts_with("group 0"))
    pairs = with_clusters(co_trading_pairs(market.trades.lazy(), some, RULES), RULES)
    assert not set(members_of(pairs)["wallet_address"]) & set(market.groups[0])
    assert len(found_groups(pairs) & planted_pairs(market)) >= 0.8 * 50
