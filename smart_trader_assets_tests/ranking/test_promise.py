"""What a credit is expected to bring, and how pages are shared out."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.ranking.promise import KNOWN, PageRules, planned_pages, with_promise

LIMITED = PageRules(first=1, most=10, all=20, following=None)


def known(wallet: str, **columns: Any) -> dict[str, Any]:
    nothing = {
        "wallet_address": wallet,
        "origin": "leaderboard",
        "is_watched": False,
        "holding_usd": None,
        "is_read": False,
        "is_going_on": False,
        "swaps": None,
        "place": None,
        "confidence": None,
        "wallet_class": None,
    }
    return nothing | columns


def read(wallet: str, confidence: float | None, swaps: int = 99, **columns: Any) -> dict[str, Any]:
    """One whose first pages are read, and whose walk has to go on."""
    going_on = {"is_read": True, "is_going_on": True, "swaps": swaps, "confidence": confidence}
    return known(wallet, **going_on | columns)


def ordered(*wallets: dict[str, Any]) -> list[str]:
    return with_promise(pl.DataFrame(wallets, schema=KNOWN))["wallet_address"].to_list()


def pages(rules: PageRules, *wallets: dict[str, Any]) -> dict[str, int]:
    return dict(planned_pages(with_promise(pl.DataFrame(wallets, schema=KNOWN)), rules).iter_rows())


def test_whom_the_user_watches_comes_first_then_the_tiers_then_what_promises_most():
    assert ordered(
        known("listed"),
        known("holder", origin="holder", holding_usd=5_000.0),
        known("rich holder", origin="holder", holding_usd=500_000.0),
        read("second", 99.0, place=2),
        read("first", 90.0, place=1),
        read("doubtful", 20.0),
        read("likely", 95.0),
        known("mine", origin="watchlist", is_watched=True),
        read("excluded", None, wallet_class="UNPROFITABLE"),
        read("untested", None, wallet_class="UNTESTED", swaps=10),
    ) == [
        "mine",
        "first",
        "second",
        "likely",
        "listed",
        "untested",
        "rich holder",
        "holder",
        "doubtful",
        "excluded",
    ]


def test_a_long_history_promises_less_a_page_and_a_whole_one_little():
    assert ordered(read("long", 90.0, swaps=2_000), read("short", 90.0)) == ["short", "long"]
    assert ordered(
        read("whole", 60.0, is_going_on=False),
        read("in part", 60.0),
    ) == ["in part", "whole"]


def test_without_a_limit_everybody_gets_what_he_may_have():
    rules = PageRules(first=1, most=10, all=None, following=None)
    assert pages(rules, known("new"), read("old", 50.0)) == {"new": 1, "old": 10}


def test_twelve_endless_wallets_take_nothing_from_twenty_small_ones():
    endless = [read(f"endless {n}", 50.0, swaps=5_000) for n in range(12)]
    small = [known(f"small {n}") for n in range(20)]
    first = pages(LIMITED, *endless, *small)
    assert first == {f"small {n}": 1 for n in range(20)}
    # New ones or not: none has more than its share while others wait.
    second = pages(PageRules(1, 10, 24, None), *endless)
    assert second == {f"endless {n}": 2 for n in range(12)}


def test_following_takes_no_more_than_its_part():
    followed = [read(f"{n}", 99.0, place=n, is_going_on=False) for n in range(1, 9)]
    plan = pages(PageRules(first=1, most=10, all=6, following=4), *followed, known("new"))
    assert plan == {"1": 1, "2": 1, "3": 1, "4": 1, "new": 1, "5": 1}
    # What following may take is shared by those who are followed, and is taken by nobody else.
    plan = pages(PageRules(first=1, most=10, all=9, following=8), *followed[:2], known("new"))
    assert plan == {"1": 4, "2": 4, "new": 1}


@given(
    st.lists(
        st.builds(
            lambda n, confidence, swaps, going_on, is_read: read(
                f"{n}", confidence, swaps, is_going_on=going_on and is_read, is_read=is_read
            ),
            st.integers(0, 10**6),
            st.none() | st.floats(0, 100),
            st.none() | st.integers(0, 10**4),
            st.booleans(),
            st.booleans(),
        ),
        unique_by=lambda row: row["wallet_address"],
    ),
    st.integers(0, 60),
    st.integers(1, 5),
)
def test_no_page_more_is_planned_than_there_is_and_none_is_left_while_others_wait(
    rows, all_, first
):
    plan = pages(PageRules(first, 10, all_, None), *rows)
    assert sum(plan.values()) <= all_
    assert all(count >= 1 for count in plan.values())
    if len(plan) < len(rows):
        assert sum(plan.values()) == all_


def test_every_promise_is_a_probability():
    frame = with_promise(
        pl.DataFrame(
            [known("a"), read("b", 100.0), read("c", 0.0), known("d", origin="holder")],
            schema=KNOWN,
        )
    )
    assert frame["promise"].is_between(0, 1).all()
    assert frame["promise"].max() == pytest.approx(0.1 / 0.9 * 99 / (1 + 0.1 / 0.9 * 99))
