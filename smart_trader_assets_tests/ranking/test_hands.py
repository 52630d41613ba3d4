"""Wallets that one hand seems to lead have one rank: that of the best of them."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.ranking.hands import with_ranks_by_hand

NOBODY = pl.DataFrame(schema={"wallet_address": pl.String, "cluster_id": pl.String})


def ranking(*wallets: str) -> pl.DataFrame:
    ranks = range(1, len(wallets) + 1)
    return pl.DataFrame(
        {"wallet_address": wallets, "overall_rank": ranks},
        schema={"wallet_address": pl.String, "overall_rank": pl.Int64},
    )


def members(**hands: str) -> pl.DataFrame:
    return pl.DataFrame(list(hands.items()), schema=["wallet_address", "cluster_id"], orient="row")


def test_the_best_of_a_hand_has_the_rank_and_names_the_others():
    told = with_ranks_by_hand(
        ranking("ann", "bob", "cyd", "dan", "eve"), members(bob="x", dan="x", eve="x", gone="x")
    )
    columns = ["wallet_address", "rank_by_hand", "led_by", "siblings"]
    assert told.select(columns).rows() == [
        ("ann", 1, None, []),
        ("bob", 2, None, ["dan", "eve"]),
        ("cyd", 3, None, []),
        ("dan", 2, "bob", ["bob", "eve"]),
        ("eve", 2, "bob", ["bob", "dan"]),
    ]


def test_where_nobody_belongs_together_it_is_the_rank():
    told = with_ranks_by_hand(ranking("ann", "bob"), NOBODY)
    assert told["rank_by_hand"].to_list() == [1, 2]
    assert told["led_by"].to_list() == [None, None]
    assert told["siblings"].to_list() == [[], []]
    assert with_ranks_by_hand(ranking(), NOBODY).is_empty()


@given(st.lists(st.sampled_from(["", "x", "y", "z"]), min_size=1, max_size=12))
def test_hands_are_counted_without_a_gap(hands):
    wallets = [f"w{n:02}" for n in range(len(hands))]
    led = {wallet: hand for wallet, hand in zip(wallets, hands, strict=True) if hand}
    told = with_ranks_by_hand(ranking(*wallets), members(**led) if led else NOBODY)
    bests = told.filter(pl.col("led_by").is_null())
    assert bests["rank_by_hand"].to_list() == list(range(1, bests.height + 1))
    assert bests.height == len(set(led.values())) + hands.count("")
    for row in told.iter_rows(named=True):
        together = {w for w in led if led[w] == led.get(row["wallet_address"])}
        assert set(row["siblings"]) == together - {row["wallet_address"]}
