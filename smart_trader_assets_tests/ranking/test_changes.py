from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_trader_assets.ranking import Classification, tier_changes
from smart_trader_assets.tables.catalog import TIER_CHANGES
from smart_trader_assets_tests.ranking.pnl_rows import AS_OF, judged, portfolio, trader
from smart_trader_assets_tests.support.defaults import RANKING

TIERS = RANKING.tier_names
TOLD = {name: TIER_CHANGES.schema[name] for name in ("wallet_address", "change_number", "to_tier")}
NOTHING = pl.DataFrame(schema=TOLD)

PNL = {"ELITE": 20_000.0, "STRONG": 5_000.0, "PROMISING": 500.0, "QUALIFIED": 50.0, None: -1.0}


def ranking(**tiers: str | None) -> Classification:
    """A classification in which each wallet has the tier given; None is kept out."""
    rows = [row for name, tier in tiers.items() for row in trader(name, total_pnl=PNL[tier])]
    return judged(*rows)


def changes(known: pl.DataFrame, **tiers: str | None) -> pl.DataFrame:
    found = ranking(**tiers)
    return tier_changes(known, found.traders, found.excluded, tiers=TIERS, at=AS_OF)


def told(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return frame.select("wallet_address", "change_number", "change", "from_tier", "to_tier").rows()


def test_columns_are_the_tables_columns():
    expected = {column.name: column.dtype for column in TIER_CHANGES.columns}
    assert dict(changes(NOTHING, ann="ELITE").schema) == expected
    assert dict(changes(NOTHING).schema) == expected


def test_arrivals_promotions_demotions_and_departures_are_told_one_row_a_change():
    first = changes(NOTHING, ann="ELITE", bob="QUALIFIED", cat="STRONG", dan="STRONG", eve=None)
    assert told(first) == [
        ("ann", 1, "ARRIVED", None, "ELITE"),
        ("cat", 1, "ARRIVED", None, "STRONG"),
        ("dan", 1, "ARRIVED", None, "STRONG"),
        ("bob", 1, "ARRIVED", None, "QUALIFIED"),
    ]
    second = changes(
        first, ann="ELITE", bob="PROMISING", cat="QUALIFIED", dan=None, eve="PROMISING"
    )
    assert sorted(told(second)) == [
        ("bob", 2, "PROMOTED", "QUALIFIED", "PROMISING"),
        ("cat", 2, "DEMOTED", "STRONG", "QUALIFIED"),
        ("dan", 2, "LEFT", "STRONG", None),
        ("eve", 1, "ARRIVED", None, "PROMISING"),
    ]
    third = changes(
        pl.concat([first, second]), ann="ELITE", bob="PROMISING", cat="QUALIFIED", dan="STRONG"
    )
    assert sorted(told(third)) == [
        ("dan", 3, "ARRIVED", None, "STRONG"),
        ("eve", 2, "LEFT", "PROMISING", None),
    ]


def test_a_departure_says_what_the_wallet_is_now_and_why():
    first = changes(NOTHING, ann="ELITE", bob="ELITE", cat="ELITE")
    found = judged(portfolio("ann", max_trades_per_day=900), *trader("cat"))
    left = tier_changes(
        first, found.traders, found.excluded, tiers=TIERS, at=AS_OF + timedelta(days=1)
    )
    assert left.select("wallet_address", "wallet_class", "total_pnl", "reasons").rows() == [
        (
            "ann",
            "BOT",
            20_000.0,
            ["Up to 900 trades a day, 0.8 on average: more than a person would make."],
        ),
        ("bob", None, None, ["Nothing is known of its trades any longer."]),
    ]
    assert left["changed_at"].unique().to_list() == [AS_OF + timedelta(days=1)]


def test_a_tier_that_the_rules_no_longer_know_counts_as_the_lowest():
    known = pl.DataFrame(
        {"wallet_address": ["ann"], "change_number": [4], "to_tier": ["GOLD"]}, schema=TOLD
    )
    assert told(changes(known, ann="QUALIFIED")) == [("ann", 5, "PROMOTED", "GOLD", "QUALIFIED")]


STATE = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([*TIERS, None]), max_size=4)


@settings(max_examples=30, deadline=None)
@given(st.lists(STATE, min_size=1, max_size=4))
def test_the_last_change_of_each_wallet_is_its_tier_whatever_came_before(states):
    known = NOTHING
    for state in states:
        new = changes(known, **state)
        known = pl.concat([known, new.select(*TOLD)])
        last = known.sort("change_number").group_by("wallet_address").last()
        now = {name: tier for name, tier in state.items() if tier is not None}
        seen = dict(
            last.filter(pl.col("to_tier").is_not_null()).select("wallet_address", "to_tier").rows()
        )
        assert seen == now
        assert changes(known, **state).is_empty()
        assert not known.select("wallet_address", "change_number").is_duplicated().any()


@pytest.mark.parametrize("tier", TIERS)
def test_a_tier_that_stays_is_no_change(tier):
    first = changes(NOTHING, ann=tier)
    assert changes(first, ann=tier).is_empty()
