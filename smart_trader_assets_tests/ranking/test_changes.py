from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
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
    rows = [
        row
        for name, tier in tiers.items()
        for row in trader(name, conservative_pnl=PNL[tier], total_pnl=PNL[tier])
    ]
    return judged(*rows)


def changes(known: pl.DataFrame, **tiers: str | None) -> pl.DataFrame:
    return compared(known, ranking(**tiers), moved(*tiers))


def moved(
    *wallets: str, before: str | None = RANKING.edition, settled: bool = False
) -> pl.DataFrame:
    """Due rows of silver/wallet_pnl: last ranked by the rules `before`; `settled` where only these changed."""
    return pl.DataFrame(
        [(wallet, "ALL_TOKENS", "all", settled, before) for wallet in wallets],
        schema={
            "wallet_address": pl.String,
            "token_address": pl.String,
            "window": pl.String,
            "processed_for_gold": pl.Boolean,
            "gold_rules": pl.String,
        },
        orient="row",
    )


def compared(known: pl.DataFrame, found: Classification, due: pl.DataFrame) -> pl.DataFrame:
    return tier_changes(known, found.traders, found.excluded, rules=RANKING, due=due, at=AS_OF)


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
        first,
        found.traders,
        found.excluded,
        rules=RANKING,
        due=moved("ann", "bob"),
        at=AS_OF + timedelta(days=1),
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


@pytest.mark.parametrize(
    ("due", "cause", "sentence"),
    [
        (moved("ann"), "TRADES", None),
        (
            moved("ann", before="other", settled=True),
            "RULES",
            "The rules of the ranking have changed, not",
        ),
        (
            moved("ann", before=None, settled=True),
            "RULES",
            "The rules of the ranking have changed, not",
        ),
        (
            moved("ann", before="other"),
            "RULES_AND_TRADES",
            "The rules of the ranking have changed, and so",
        ),
        (moved("bob"), "OTHERS", "Its numbers are the same: time has passed, or"),
    ],
)
def test_a_change_says_whether_it_was_the_trader_who_changed(due, cause, sentence):
    first = changes(NOTHING, ann="ELITE")
    assert first["cause"].to_list() == ["TRADES"]
    second = compared(first, ranking(ann="STRONG"), due).row(0, named=True)
    assert (second["cause"], second["ranking_rules"]) == (cause, RANKING.edition)
    if sentence is None:
        assert second["reasons"][0].startswith("Conservative PnL of")
    else:
        assert second["reasons"][0].startswith(sentence)
        assert second["reasons"][1].startswith("Conservative PnL of")


@pytest.mark.parametrize(
    ("due", "cause"),
    [
        # Never ranked, and no rules are known: its trades are new.
        (moved("ann", before=None), "TRADES"),
        # Excluded until now, by these rules or by others.
        (moved("ann"), "TRADES"),
        (moved("ann", before="other", settled=True), "RULES"),
        (moved("ann", before=None, settled=True), "RULES"),
    ],
)
def test_an_arrival_says_so_too(due, cause):
    assert compared(NOTHING, ranking(ann="ELITE"), due)["cause"].to_list() == [cause]


def test_a_new_token_is_no_change_of_rules():
    first = changes(NOTHING, ann="ELITE")
    new_token = moved("ann", before=None).with_columns(token_address=pl.lit("mint"))
    due = pl.concat([moved("ann"), new_token])
    assert compared(first, ranking(ann="STRONG"), due)["cause"].to_list() == ["TRADES"]


STATE = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([*TIERS, None]), max_size=4)


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
