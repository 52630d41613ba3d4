"""Purses: who sends to few joins those, an exchange joins nobody, and a sender counts once it was read."""

from dataclasses import replace

import polars as pl
import pytest

from smart_trader_assets.ranking.co_trading import (
    COPIER,
    CROWD,
    PAIRS,
    SIBLINGS,
    CoTradingRules,
)
from smart_trader_assets.ranking.funding import (
    FUNDED,
    Funding,
    FundingRules,
    funded_pairs,
    funders_to_read,
)
from smart_trader_assets.ranking.hands import members_of, with_clusters

SOL = "sol"
RULES = FundingRules(most_recipients=3, most_parties=6)
Sent = tuple[str, str, int]
"""Who sent to whom, at which second."""


def listed(*sent: Sent, of: set[str], token: str = SOL, value: float | None = None) -> pl.LazyFrame:
    """The transfers as the lists of the wallets `of` tell them."""
    return pl.LazyFrame(
        [
            (own, sender, receiver, token, at, value)
            for sender, receiver, at in sent
            for own in (sender, receiver)
            if own in of
        ],
        schema={
            "wallet_address": pl.String,
            "from_address": pl.String,
            "to_address": pl.String,
            "token_address": pl.String,
            "unix_time": pl.Int64,
            "value": pl.Float64,
        },
        orient="row",
    ).unique()


def pairs(transfers: pl.LazyFrame, *wallets: str) -> list[tuple[str, str, str, int]]:
    found = funded_pairs(
        Funding.of(transfers, {SOL}, RULES), pl.Series(wallets, dtype=pl.String), RULES
    )
    return found.select(
        "wallet_address", "other_address", "funder_address", pl.col("funded_at").dt.epoch("s")
    ).rows()


def test_who_has_one_purse_is_a_pair_as_of_the_later_one():
    sent = [("purse", "a", 100), ("purse", "b", 300), ("purse", "b", 900), ("friend", "b", 5)]
    told = listed(*sent, of={"a", "b", "purse", "friend"})
    assert pairs(told, "a", "b") == [("a", "b", "purse", 300)]


def test_a_sender_counts_once_its_own_list_was_read():
    sent = [("purse", "a", 100), ("purse", "b", 300)]
    assert pairs(listed(*sent, of={"a", "b"}), "a", "b") == []
    funding = Funding.of(listed(*sent, of={"a", "b"}), {SOL}, RULES)
    traders = pl.DataFrame({"wallet_address": ["b", "a"], "overall_rank": [4, 7]})
    nobody = pl.Series([], dtype=pl.String)
    assert funders_to_read(funding, traders, nobody).rows() == [("purse", 4)]
    assert funders_to_read(funding, traders, pl.Series(["purse"])).is_empty()


def test_who_has_sent_to_one_alone_is_not_asked_about():
    funding = Funding.of(listed(("purse", "a", 1), of={"a"}), {SOL}, RULES)
    traders = pl.DataFrame({"wallet_address": ["a"], "overall_rank": [1]})
    assert funders_to_read(funding, traders, pl.Series(["a"])).is_empty()


@pytest.mark.parametrize(
    "more",
    [
        [("purse", f"r{n}", n) for n in range(3)],
        [(f"s{n}", "purse", n) for n in range(5)],
    ],
    ids=["it sends to many", "it deals with many"],
)
def test_an_exchange_joins_nobody(more):
    sent = [("purse", "a", 100), ("purse", "b", 300)]
    assert pairs(listed(*sent, *more, of={"a", "b", "purse"}), "a", "b") == []
    assert pairs(listed(*sent, *more[:-2], of={"a", "b", "purse"}), "a", "b") != []


def test_of_a_sender_the_newest_page_tells_whom_it_deals_with():
    """What is read again years later does not add up."""
    rules = replace(RULES, page=4)
    old = [("purse", f"old {n}", n) for n in range(3)]
    new = [("purse", "a", 100), ("purse", "b", 300), ("x", "purse", 400), ("y", "purse", 500)]
    told = listed(*old, *new, of={"a", "b", "purse"})
    found = Funding.of(told, {SOL}, rules)
    assert funded_pairs(found, pl.Series(["a", "b"]), rules)["funder_recipients"].to_list() == [2]
    assert pairs(told, "a", "b") == []


def test_recipients_that_only_their_own_lists_tell_count_too():
    """The newest transfers of a busy sender are a part of what it sent."""
    wallets = ["a", "b", "c", "d"]
    own = listed(("purse", "a", 1), of={"purse"})
    four, three = (
        listed(*[("purse", w, 1) for w in some], of={*some}) for some in (wallets, wallets[:3])
    )
    # Whether all of them are asked about or not.
    assert pairs(pl.concat([four, own]), *wallets) == []
    assert pairs(pl.concat([four, own]), *wallets[:2]) == []
    assert len(pairs(pl.concat([three, own]), *wallets)) == 3


def test_one_wallet_may_be_the_purse_of_another():
    told = listed(("b", "a", 50), of={"a", "b"})
    assert pairs(told, "a", "b") == [("a", "b", "b", 50)]


def test_what_is_sent_directly_says_more_than_a_purse_of_both():
    sent = [("purse", "a", 1), ("purse", "b", 1), ("a", "b", 90)]
    assert pairs(listed(*sent, of={"a", "b", "purse"}), "a", "b") == [("a", "b", "a", 90)]


def test_tokens_and_what_one_sends_to_oneself_are_no_purse():
    sent = [("purse", "a", 1), ("purse", "b", 2)]
    assert pairs(listed(*sent, of={"a", "b", "purse"}, token="coin"), "a", "b") == []
    assert pairs(listed(("a", "a", 1), of={"a"}), "a") == []


def test_dust_is_no_purse_and_makes_no_service():
    sent = [("purse", "a", 1), ("purse", "b", 2)]
    wallets = {"a", "b", "purse"}
    assert pairs(listed(*sent, of=wallets, value=9.99), "a", "b") == []
    dust = listed(*[(f"s{n}", "purse", n) for n in range(90)], of=wallets, value=0.001)
    assert pairs(pl.concat([listed(*sent, of=wallets, value=10.0), dust]), "a", "b") != []


def traded(one: str, other: str, relation: str) -> pl.DataFrame:
    row = {"wallet_address": one, "other_address": other, "relation": relation}
    return pl.DataFrame([row | {"tokens_together": 9}], schema=PAIRS)


def test_a_pair_has_one_row_with_all_that_is_known_of_it():
    told = listed(("purse", "a", 1), ("purse", "b", 2), of={"a", "b", "purse"})
    funded = funded_pairs(Funding.of(told, {SOL}, RULES), pl.Series(["a", "b"]), RULES)
    rules = CoTradingRules()
    alone = with_clusters(pl.DataFrame(schema=PAIRS), rules, funded)
    assert alone.select("relation", "tokens_together", "cluster_id").rows() == [(FUNDED, None, "a")]
    # A copier and whom it copies are two; with one purse they are one.
    copier = with_clusters(traded("b", "a", COPIER), rules)
    assert copier.select("relation", "cluster_id", "vote_id").rows() == [(COPIER, None, "a")]
    both = with_clusters(traded("b", "a", COPIER), rules, funded)
    assert both.select("relation", "tokens_together", "funder_address", "cluster_id").rows() == [
        (COPIER, 9, "purse", "a")
    ]


def test_hands_reach_over_trades_and_purses():
    told = listed(("purse", "b", 1), ("purse", "c", 2), of={"b", "c", "purse"})
    funded = funded_pairs(Funding.of(told, {SOL}, RULES), pl.Series(["b", "c"]), RULES)
    joined = with_clusters(traded("a", "b", SIBLINGS), CoTradingRules(), funded)
    assert members_of(joined).rows() == [("a", "a"), ("b", "a"), ("c", "a")]


def chain(first: int, last: int) -> list[dict[str, object]]:
    """Siblings, each of the next."""
    return [
        {"wallet_address": f"w{n:02}", "other_address": f"w{n + 1:02}", "relation": SIBLINGS}
        for n in range(first, last)
    ]


def test_a_crowd_joins_no_two_purses():
    sent = [("p", "w00", 1), ("p", "y0", 1), ("q", "w13", 1), ("q", "y1", 1)]
    told = listed(*sent, of={"w00", "w13", "y0", "y1", "p", "q"})
    funded = funded_pairs(
        Funding.of(told, {SOL}, RULES), pl.Series(["w00", "w13", "y0", "y1"]), RULES
    )
    joined = with_clusters(pl.DataFrame(chain(0, 13), schema=PAIRS), CoTradingRules(), funded)
    assert joined.group_by("relation").len().sort("relation").rows() == [(CROWD, 13), (FUNDED, 2)]
    assert members_of(joined).rows() == [
        ("w00", "w00"),
        ("y0", "w00"),
        ("w13", "w13"),
        ("y1", "w13"),
    ]


def test_a_purse_of_many_makes_no_crowd_of_one_sibling():
    names = [f"w{n:02}" for n in range(12)]
    told = listed(*[("p", name, 1) for name in names], of={*names, "p"})
    rules = FundingRules()
    funded = funded_pairs(Funding.of(told, {SOL}, rules), pl.Series(names), rules)
    joined = with_clusters(pl.DataFrame(chain(11, 12), schema=PAIRS), CoTradingRules(), funded)
    assert set(joined["relation"]) == {SIBLINGS, FUNDED}
    assert members_of(joined).height == 13
