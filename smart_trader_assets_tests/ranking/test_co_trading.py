"""Who trades together beyond chance: planted groups are found, crowds and chance are not."""

from __future__ import annotations

import itertools
import math
from functools import partial
from random import Random
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from smart_trader_assets.ranking import (
    CoTradingRules,
    co_trading,
    members_of,
    with_clusters,
)
from smart_trader_assets.ranking.co_trading import COPIER, CROWD, PAIRS, SIBLINGS
from smart_trader_assets_tests.ranking.planted_market import (
    PlantedMarket,
    found_groups,
    pairs_of,
    planted_market,
)

RULES = CoTradingRules()


# A share; `make prove-clusters` takes twenty of each.
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_planted_groups_are_found_and_nobody_else_and_copiers_are_told_apart(seed):
    market = planted_market(seed)
    pairs = pairs_of(market)
    found, planted = found_groups(pairs), market.planted_pairs
    assert len(found & planted) >= 0.95 * len(found)
    assert len(found & planted) >= 0.8 * len(planted)
    copying = pairs.filter(pl.col("relation") == COPIER)
    told = set(copying.select("wallet_address", "other_address").rows())
    assert len(set(market.copiers.items()) & told) >= 0.8 * len(market.copiers)
    assert not set(members_of(pairs)["wallet_address"]) & set(market.copiers)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("crowds", [{}, {"chasers": 120, "tokens": 120}, {"listeners": 15}])
def test_without_groups_nobody_belongs_together_however_they_chase_the_same_coins(seed, crowds):
    market = planted_market(1_000 + seed, groups=0, copiers=0, **crowds)
    assert members_of(pairs_of(market)).is_empty()


@pytest.mark.parametrize(("wallets", "relation"), [(12, SIBLINGS), (13, CROWD)])
def test_more_than_twelve_that_hang_together_are_a_crowd_with_one_vote(wallets, relation):
    names = [f"w{number:02}" for number in range(wallets)]
    chain = pl.DataFrame(
        [(one, other, SIBLINGS) for one, other in itertools.pairwise(names)],
        schema=["wallet_address", "other_address", "relation"],
        orient="row",
    )
    pairs = with_clusters(pl.concat([PAIRS.to_frame(), chain], how="diagonal"), RULES)
    assert set(pairs["relation"]) == {relation}
    assert members_of(pairs).height == (wallets if relation == SIBLINGS else 0)
    assert members_of(pairs, by="vote_id").rows() == [(name, "w00") for name in names]


def test_a_copier_has_the_vote_of_whom_it_copies():
    market = planted_market(0)
    voters = dict(members_of(pairs_of(market), by="vote_id").iter_rows())
    together = [
        copier
        for copier, leader in market.copiers.items()
        if voters.get(copier) == voters.get(leader, "")
    ]
    assert len(together) >= 0.8 * len(market.copiers)


def market_of(trades: list[tuple[str, str, float]]) -> PlantedMarket:
    columns = ["token_address", "wallet_address", "block_unix_time"]
    frame = pl.DataFrame(trades, schema=columns, orient="row")
    return PlantedMarket(frame.with_columns(pl.col("block_unix_time").cast(pl.Int64), quantity=1.0))


def alone(random: Random, wallets: int, tokens: int, trades: int, days: float) -> list[Any]:
    """Wallets that trade each of the tokens so often, at any time."""
    return [
        (f"t{token:03}", f"w{wallet:03}", random.uniform(0, days * 86_400))
        for wallet in range(wallets)
        for token in range(tokens)
        for _ in range(trades)
    ]


def selling_all(random: Random) -> list[Any]:
    """Two hundred hold forty tokens each; in ten minutes sixty of them sell everything at once."""
    held = {wallet: random.sample(range(200), 40) for wallet in range(200)}
    events = [
        (f"t{token:03}", f"w{wallet:03}", random.uniform(0, 30 * 86_400))
        for wallet, tokens in held.items()
        for token in tokens
        for _ in range(2)
    ]
    for wallet in range(60):
        at = 31 * 86_400 + random.uniform(0, 600)
        events += [(f"t{t:03}", f"w{wallet:03}", at + random.uniform(0, 10)) for t in held[wallet]]
    return events


def beside_a_market_maker(random: Random) -> list[Any]:
    """Four busy wallets among sixty others in forty tokens, and a bot that trades without end."""
    moment = partial(random.uniform, 0, 10 * 86_400)
    events = []
    for token in range(40):
        casual = random.sample(range(60), 18)
        counts = [
            *((f"c{n}", 3) for n in casual),
            *((f"busy{n}", 150) for n in range(4)),
            ("bot", 5_000),
        ]
        events += [(f"t{token:03}", who, moment()) for who, many in counts for _ in range(many)]
    return events


def following_a_stranger(random: Random) -> list[Any]:
    """Six follow somebody who is not ranked, one to eight seconds later."""
    events = alone(random, 150, 30, 2, 30)
    for token in range(200, 240):
        at = random.uniform(0, 30 * 86_400)
        events += [
            (f"t{token}", f"w{n:03}", at + random.uniform(-9e5, 9e5)) for n in range(100, 140)
        ]
        events += [(f"t{token}", "leader", at)]
        events += [(f"t{token}", f"f{n}", at + random.uniform(1, 8)) for n in range(6)]
    return events


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    "make",
    [
        partial(alone, wallets=9, tokens=30, trades=80, days=3),
        partial(alone, wallets=3, tokens=30, trades=40, days=2),
        selling_all,
        beside_a_market_maker,
        following_a_stranger,
    ],
    ids=["few and busy", "three", "selling all", "market maker", "following a stranger"],
)
def test_innocents_are_no_hand(make, seed):
    market = market_of(make(Random(seed)))
    ranked = market.wallets.filter(market.wallets != "leader")
    pairs = with_clusters(co_trading(market.trades.lazy(), ranked, RULES).pairs, RULES)
    assert members_of(pairs).is_empty()


def test_what_nobody_else_does_is_unlikely_and_not_impossible():
    """A copier whose company is all that ever came close."""
    random = Random(0)
    events = alone(random, 250, 40, 1, 60)
    own = [(token, at) for token, wallet, at in events if wallet == "w000"]
    events += [(token, "copier", at + 3) for token, at in own]
    market = market_of(events)
    (row,) = pairs_of(market).to_dicts()
    assert (row["wallet_address"], row["relation"]) == ("copier", COPIER)
    assert math.isfinite(row["log10_p"])
    assert row["tokens_expected"] > 0


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
    found = co_trading(market.lazy(), market["wallet_address"].unique(), RULES).pairs
    assert found.is_empty()
    assert found.schema == PAIRS
    assert members_of(with_clusters(found, RULES)).is_empty()


def test_who_is_not_asked_about_is_in_the_crowd_and_in_no_pair():
    market = planted_market(5)
    some = market.wallets.filter(~market.wallets.str.starts_with("group 0"))
    pairs = with_clusters(co_trading(market.trades.lazy(), some, RULES).pairs, RULES)
    assert not set(members_of(pairs)["wallet_address"]) & set(market.groups[0])
    assert len(found_groups(pairs) & market.planted_pairs) >= 0.8 * 50
