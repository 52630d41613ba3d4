"""Who earns by what a wallet of its own company pays is a wash group's winner, and no trader."""

from __future__ import annotations

from random import Random
from typing import Any

import polars as pl
import pytest

from smart_trader_assets.ranking import CoTradingRules, co_trading, with_clusters
from smart_trader_assets.ranking.co_trading import PAID, WASH
from smart_trader_assets_tests.ranking.pnl_rows import AS_OF, bets, judged, portfolio, token

RULES = CoTradingRules()
NOW = int(AS_OF.timestamp())
STRANGERS = [f"w{number}" for number in range(60)]
DAY = 86_400
Event = tuple[str, str, int, float]


def crowd(random: Random, tokens: int = 40) -> list[Event]:
    """Strangers who buy at any time and sell later."""
    events = []
    for wallet in STRANGERS:
        for mint in random.sample(range(tokens), 12):
            bought = NOW - random.randrange(2 * DAY, 6 * DAY)
            sold = bought + random.randrange(60, DAY)
            events += [
                (f"t{mint}", wallet, bought, 1.0),
                (f"t{mint}", wallet, sold, -1.0),
            ]
    return events


def washed(random: Random, tokens: int = 12, lead: int = 6, part: float = 0.1) -> list[Event]:
    """`front` buys, `payer` buys a part of that dearer minutes later, and `front` sells some seconds after."""
    events = []
    for mint in range(tokens):
        begun = NOW - random.randrange(2 * DAY, 6 * DAY)
        paid = begun + random.randrange(300, 900)
        events += [
            (f"t{mint}", "front", begun, 1.0),
            (f"t{mint}", "payer", paid, part),
            (f"t{mint}", "front", paid + lead, -1.0),
            (f"t{mint}", "payer", paid + random.randrange(600, 5_000), -part),
        ]
    return events


def frame(events: list[Event]) -> pl.LazyFrame:
    columns = ["token_address", "wallet_address", "block_unix_time", "quantity"]
    return pl.DataFrame(events, schema=columns, orient="row").lazy()


def found(events: list[Event], *candidates: str) -> Any:
    return co_trading(frame(events), pl.Series([*candidates, *STRANGERS]), RULES)


def test_the_pair_names_who_is_paid_first_whether_or_not_the_other_is_asked_about():
    events = crowd(Random(1)) + washed(Random(2))
    for candidates in (["front"], ["front", "payer"], ["payer", "front"]):
        together = found(events, *candidates)
        (row,) = together.pairs.to_dicts()
        assert (row["wallet_address"], row["other_address"]) == ("front", "payer")
        assert (row["relation"], row["tokens_together"], row["tokens_paid"]) == (WASH, 12, 12)
        assert together.paid.rows() == sorted(("front", f"t{n}", "payer") for n in range(12))
        clusters = with_clusters(together.pairs, RULES)
        assert clusters["cluster_id"].to_list() == ["front"]


@pytest.mark.parametrize(
    ("lead", "tokens", "part"),
    [(11, 12, 1.0), (6, 4, 1.0), (-4, 12, 1.0), (0, 12, 1.0), (6, 12, 0.09)],
    ids=["later than that", "too few tokens", "sold before the other bought", "at once", "dust"],
)
def test_who_does_not_sell_into_the_others_buys_is_not_paid(lead, tokens, part):
    events = washed(Random(2), tokens, lead, part)
    together = found(crowd(Random(1)) + events, "front", "payer")
    assert WASH not in together.pairs["relation"].to_list()
    assert together.paid.is_empty()
    assert together.paid.schema == PAID


def test_two_that_do_the_same_at_once_are_not_paid_by_each_other():
    """Two bots on one signal: they buy, sell and buy again within seconds of each other."""
    random, events = Random(3), crowd(Random(1))
    for mint in range(15):
        begun = NOW - random.randrange(2 * DAY, 6 * DAY)
        for turn in range(12):
            at = begun + turn * 4
            for wallet in ("one", "two"):
                events.append((f"t{mint}", wallet, at + random.randrange(2), (-1.0) ** turn))
    together = found(events, "one", "two")
    assert together.pairs["relation"].to_list() not in ([], [WASH])
    assert together.paid.is_empty()


def wallet(*paid: float, others: tuple[float, ...] = ()) -> list[dict[str, Any]]:
    """A wallet with such gains on what it sold into a payer's buys, and such on its own."""
    return [
        portfolio("front"),
        *(token("front", f"t{n}", gain) for n, gain in enumerate(paid)),
        *bets("front", *others),
    ]


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        (wallet(*[300.0] * 12), "WASH_GROUP"),
        (wallet(*[300.0] * 12, others=(3_599.0,)), "WASH_GROUP"),
        (wallet(*[300.0] * 12, others=(3_600.0,)), None),
        (wallet(*[300.0] * 12, others=(-9_000.0,) * 3), "WASH_GROUP"),
        (wallet(*[-300.0] * 12, others=(9_000.0,)), None),
    ],
)
def test_a_wallet_is_a_wash_group_where_more_than_half_of_its_gains_are_paid(rows, name):
    trades = frame(crowd(Random(1)) + washed(Random(2)))
    ranking = judged(*rows, *map(portfolio, STRANGERS), trades=trades)
    classes = dict(ranking.excluded.select("wallet_address", "wallet_class").rows())
    assert classes.get("front") == name
    assert ranking.company["relation"].to_list() == [WASH]
    assert "front" in judged(*rows).traders["wallet_address"]
    if name:
        (reason,) = ranking.excluded.filter(wallet_address="front")["reasons"][0].to_list()
        assert "12 tokens that it sold within seconds after 1 wallet had bought" in reason


def test_who_is_excluded_anyway_is_asked_no_company():
    trades = frame(crowd(Random(1)) + washed(Random(2)))
    rows = [portfolio("front", conservative_pnl=-1.0), *wallet(300.0)[1:]]
    ranking = judged(*rows, trades=trades)
    assert ranking.excluded["wallet_class"].to_list() == ["UNPROFITABLE"]
    assert ranking.company.is_empty()
