"""Generated trades of a market with groups of one hand, copiers, and crowds that chase the same coins."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from random import Random

import polars as pl

from smart_trader_assets.ranking import (
    CoTradingRules,
    co_trading,
    members_of,
    with_clusters,
)

DAYS = 60
DAY = 86_400
LAUNCH = 600


@dataclass
class PlantedMarket:
    """`trades`: token_address, wallet_address, block_unix_time, quantity; the groups that were planted, and
    who copies whom."""

    trades: pl.DataFrame
    groups: list[list[str]] = field(default_factory=list)
    copiers: dict[str, str] = field(default_factory=dict)

    @property
    def planted_pairs(self) -> set[frozenset[str]]:
        """Any two wallets of one group."""
        return _any_two(self.groups)

    @property
    def wallets(self) -> pl.Series:
        return self.trades["wallet_address"].unique().sort()


def planted_market(
    seed: int,
    *,
    groups: int = 6,
    copiers: int = 8,
    independents: int = 180,
    chasers: int = 40,
    listeners: int = 30,
    tokens: int = 250,
) -> PlantedMarket:
    """Everybody trades popular tokens more; `chasers` are at launches within twenty seconds, `listeners` follow
    the same calls within as many."""
    random = Random(seed)
    launches = [random.randrange(DAYS * DAY) for _ in range(tokens)]
    weights = [1 / (rank + 10) for rank in range(tokens)]
    events: list[tuple[str, str, int]] = []

    def moment(token: int) -> int:
        if random.random() < 0.3:
            return launches[token] + int(random.expovariate(1 / LAUNCH))
        return launches[token] + random.randrange(10 * DAY)

    def chosen(count: int) -> list[int]:
        return list(dict.fromkeys(random.choices(range(tokens), weights, k=count)))

    own: dict[str, list[tuple[int, int]]] = {}
    for number in range(independents):
        wallet = f"independent {number:03}"
        own[wallet] = [
            (token, moment(token))
            for token in chosen(random.randrange(15, 60))
            for _ in range(random.randrange(1, 4))
        ]
    for number in range(chasers):
        wallet = f"chaser {number:02}"
        own[wallet] = [
            # Half of them at the launch itself, half where it moves on to an exchange.
            (token, launches[token] + 10_800 * (number % 2) + random.randrange(20))
            for token in chosen(random.randrange(30, 90))
        ]
    calls = [(token, moment(token)) for token in chosen(60)]
    for number in range(listeners):
        own[f"listener {number:02}"] = [
            (token, at + random.randrange(20)) for token, at in calls if random.random() < 0.5
        ] + [(token, moment(token)) for token in chosen(10)]
    planted = []
    for group in range(groups):
        members = [f"group {group} of {member}" for member in range(5)]
        planted.append(members)
        for token in chosen(random.randrange(25, 45)):
            for begun in (moment(token), moment(token) + 3_600):
                for member in members:
                    if random.random() < 0.75:
                        own.setdefault(member, []).append((token, begun + random.randrange(8)))
        for member in members:
            own[member] += [(token, moment(token)) for token in chosen(random.randrange(3, 12))]
    following = {}
    for number in range(copiers):
        copier, leader = f"copier {number:02}", f"independent {number // 2:03}"
        following[copier] = leader
        own[copier] = [
            (token, at + random.randrange(2, 9))
            for token, at in own[leader]
            if random.random() < 0.7
        ]
    for wallet, trades in own.items():
        events += [(f"token {token:03}", wallet, at) for token, at in trades]
    frame = pl.DataFrame(
        events, schema=["token_address", "wallet_address", "block_unix_time"], orient="row"
    ).with_columns(quantity=1.0)
    return PlantedMarket(frame, planted, following)


def pairs_of(market: PlantedMarket) -> pl.DataFrame:
    """The pairs beyond chance, with their clusters."""
    rules = CoTradingRules()
    return with_clusters(co_trading(market.trades.lazy(), market.wallets, rules).pairs, rules)


def found_groups(pairs: pl.DataFrame) -> set[frozenset[str]]:
    """Any two wallets that are in one cluster."""
    groups = members_of(pairs).group_by("cluster_id").agg("wallet_address")["wallet_address"]
    return _any_two(groups.to_list())


def _any_two(groups: list[list[str]]) -> set[frozenset[str]]:
    return {frozenset(two) for group in groups for two in itertools.combinations(group, 2)}
