from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.delta.contract import AUDIT
from smart_trader_assets.delta.tables import SMART_TRADERS, WALLET_PNL
from smart_trader_assets.ranking import RankingRules, Tier, rank_traders

AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
RULES = RankingRules()
PNL_SCHEMA = {
    name: dtype
    for name, dtype in WALLET_PNL.schema.items()
    if name not in {column.name for column in AUDIT}
}


def portfolio(wallet: str, **measures: Any) -> dict[str, Any]:
    return {
        "wallet_address": wallet,
        "token_address": "ALL_TOKENS",
        "window": "all",
        "wallet_shard": "00",
        "total_pnl": 20_000.0,
        "realized_pnl": 15_000.0,
        "unrealized_pnl": 5_000.0,
        "roi": 60.0,
        "win_rate": 50.0,
        "win_count": 10,
        "closing_count": 20,
        "coverage": 90.0,
        "history_complete": True,
        "unmarked_tokens": 0,
        "unpriced_count": 0,
        "as_of": AS_OF,
        "processed_for_gold": False,
        **measures,
    }


def token(wallet: str, mint: str, pnl: float | None, **measures: Any) -> dict[str, Any]:
    return portfolio(wallet, token_address=mint, total_pnl=pnl, **measures)


def ranked(
    *rows: dict[str, Any],
    rules: RankingRules = RULES,
    token_symbols: dict[str, str] | None = None,
) -> pl.DataFrame:
    return rank_traders(
        pl.DataFrame(list(rows), schema=PNL_SCHEMA), rules=rules, token_symbols=token_symbols
    )


def tier_of(**measures: Any) -> Any:
    rows = ranked(portfolio("ann", **measures))
    return None if rows.is_empty() else rows["tier"].item()


@pytest.mark.parametrize("rows", [[], [portfolio("ann")]])
def test_columns_are_the_tables_columns(rows):
    expected = {column.name: column.dtype for column in SMART_TRADERS.columns}
    assert dict(ranked(*rows).schema) == expected


def test_a_trader_carries_the_measures_of_its_whole_portfolio():
    row = ranked(
        portfolio("ann", trade_count=44, profit_factor=3.0, first_transaction=AS_OF),
        portfolio("ann", window="30d", trade_count=4, total_pnl=None),
        token("ann", "mint-a", 12.0, trade_count=40),
        token("ann", "mint-b", 13.0, trade_count=4),
        token("ann", "mint-b", 13.0, window="7d"),
    ).row(0, named=True)
    measures = ("total_pnl", "realized_pnl", "roi", "win_rate", "coverage", "closing_count")
    assert tuple(row[name] for name in measures) == (20_000.0, 15_000.0, 60.0, 50.0, 90.0, 20)
    assert (row["trade_count"], row["profit_factor"], row["first_transaction"], row["as_of"]) == (
        44,
        3.0,
        AS_OF,
        AS_OF,
    )
    assert row["token_count"] == 2


def test_without_token_rows_the_number_of_tokens_is_unknown():
    assert ranked(portfolio("ann"))["token_count"].item() is None


def test_a_wallet_with_windows_or_tokens_only_is_not_ranked():
    assert ranked(portfolio("ann", window="90d"), token("bob", "mint", 1e6)).is_empty()


@pytest.mark.parametrize(
    ("pnl", "roi", "win_rate", "tier"),
    [
        (10_000.0, 50.0, 30.0, "ELITE"),
        (9_999.99, 50.0, 30.0, "STRONG"),
        (10_000.0, 49.9, 30.0, "STRONG"),
        (10_000.0, 50.0, 29.9, "STRONG"),
        (1_000.0, 20.0, 20.0, "STRONG"),
        (999.0, 90.0, 90.0, "PROMISING"),
        (100.0, 10.0, 10.0, "PROMISING"),
        (1e9, 9.9, 90.0, "QUALIFIED"),
        (99.0, 90.0, 90.0, "QUALIFIED"),
        (0.01, -5.0, 0.0, "QUALIFIED"),
        (1e9, None, None, "QUALIFIED"),
        (0.0, 90.0, 90.0, None),
        (-1.0, 90.0, 90.0, None),
    ],
)
def test_a_tier_asks_for_pnl_roi_and_win_rate_at_once(pnl, roi, win_rate, tier):
    assert tier_of(total_pnl=pnl, roi=roi, win_rate=win_rate) == tier


@pytest.mark.parametrize(
    ("coverage", "tier"), [(60.0, "ELITE"), (59.9, None), (0.0, None), (None, None)]
)
def test_without_enough_coverage_nobody_is_ranked(coverage, tier):
    assert tier_of(coverage=coverage) == tier


@pytest.mark.parametrize(
    ("total", "realized", "tier"),
    [
        (None, 15_000.0, "ELITE"),
        (None, -1.0, None),
        (-1.0, 15_000.0, None),
        (150.0, -9.0, "PROMISING"),
    ],
)
def test_realized_pnl_stands_in_only_where_the_total_is_unknown(total, realized, tier):
    assert tier_of(total_pnl=total, realized_pnl=realized) == tier


def test_ranks_go_by_tier_then_score_then_pnl_then_address():
    rows = ranked(
        portfolio("strong", total_pnl=5_000.0, closing_count=500, coverage=100.0),
        portfolio("elite-b", closing_count=5),
        portfolio("elite-a", closing_count=5),
        portfolio("elite-best"),
        portfolio("qualified", total_pnl=5.0, win_rate=95.0),
    )
    assert rows.select("wallet_address", "tier", "overall_rank", "tier_rank").rows() == [
        ("elite-best", "ELITE", 1, 1),
        ("elite-a", "ELITE", 2, 2),
        ("elite-b", "ELITE", 3, 3),
        ("strong", "STRONG", 4, 1),
        ("qualified", "QUALIFIED", 5, 1),
    ]
    scores = dict(rows.select("wallet_address", "score").rows())
    assert scores["strong"] > scores["elite-best"] > scores["elite-a"] == scores["elite-b"]


def test_equal_scores_rank_by_pnl():
    # No closing trade is evidence of nothing: both score 0.
    rows = ranked(
        portfolio("ann", total_pnl=20_000.0, closing_count=0),
        portfolio("bob", total_pnl=30_000.0, closing_count=0),
    )
    assert rows.select("wallet_address", "score").rows() == [("bob", 0.0), ("ann", 0.0)]


def test_the_score_is_half_of_everything_at_the_half_way_marks():
    row = portfolio(
        "ann", total_pnl=10_000.0, roi=50.0, win_rate=50.0, coverage=100.0, closing_count=5
    )
    assert ranked(row)["score"].item() == pytest.approx(25.0)


def test_what_is_unknown_or_negative_adds_nothing_to_the_score():
    # 0.4 x 10,000 / 20,000 alone, at full coverage and half of the evidence.
    for absent in (None, -80.0):
        row = portfolio(
            "ann", total_pnl=10_000.0, roi=absent, win_rate=None, coverage=100.0, closing_count=5
        )
        assert ranked(row)["score"].item() == pytest.approx(10.0)


MEASURES = st.fixed_dictionaries(
    {
        "total_pnl": st.floats(0.01, 1e9),
        "roi": st.none() | st.floats(-100, 1e6),
        "win_rate": st.none() | st.floats(0, 100),
        "coverage": st.floats(60, 100),
        "closing_count": st.integers(0, 10_000),
    }
)
MORE = {"total_pnl": 1e6, "roi": 1e3, "win_rate": 100.0, "coverage": 100.0, "closing_count": 10**5}


@given(MEASURES, st.sampled_from(sorted(MORE)))
def test_more_of_anything_good_never_lowers_the_score(measures, better):
    more = {**measures, better: max(measures[better] or 0, MORE[better])}
    rows = ranked(portfolio("less", **measures), portfolio("more", **more))
    score = dict(rows.select("wallet_address", "score").rows())
    assert 0 <= score["less"] <= score["more"] <= 100


@given(st.lists(MEASURES, min_size=1, max_size=8), st.randoms())
def test_ranks_are_complete_and_do_not_depend_on_the_order_of_rows(wallets, random):
    rows = [portfolio(f"wallet-{n}", **measures) for n, measures in enumerate(wallets)]
    first = ranked(*rows)
    random.shuffle(rows)
    assert ranked(*rows).equals(first)
    assert first["overall_rank"].to_list() == list(range(1, len(rows) + 1))
    order = ["ELITE", "STRONG", "PROMISING", "QUALIFIED"]
    places = [order.index(tier) for tier in first["tier"]]
    assert places == sorted(places)
    for (_,), tier in first.group_by("tier"):
        assert tier["tier_rank"].to_list() == list(range(1, tier.height + 1))


def test_the_rules_can_be_set():
    rules = RankingRules(min_coverage=10, tiers=(Tier("GOOD", 1.0, 1.0, 1.0),))
    rows = ranked(portfolio("ann", coverage=10.0), portfolio("bob", roi=0.5), rules=rules)
    assert rows.select("wallet_address", "tier").rows() == [
        ("ann", "GOOD"),
        ("bob", "QUALIFIED"),
    ]


def reasons(*rows: dict[str, Any], **symbols: str) -> list[str]:
    found: list[str] = ranked(*rows, token_symbols=symbols)["reasons"].to_list()[0]
    return found


def test_reasons_say_what_the_rank_rests_on():
    assert reasons(
        portfolio("ann"), token("ann", "mint-a", 100.0), token("ann", "mint-b", 12_345.678)
    ) == [
        "Total PnL of 20,000.00 USD, of which 15,000.00 USD realized.",
        "ROI of 60.0 % on what the sold tokens had cost.",
        "10 wins in 20 closing trades: 50.0 %.",
        "Best of 2 tokens: mint-b with 12,345.67 USD.",
        "The basis of 90.0 % of what was sold is known.",
    ]


def test_reasons_call_a_token_by_its_symbol_where_it_has_one():
    rows = [portfolio("ann"), token("ann", "bonk", 7.0)]
    assert "Best of 1 token: BONK with 7.00 USD." in reasons(*rows, bonk=" BONK ")
    assert "Best of 1 token: bonk with 7.00 USD." in reasons(*rows, bonk="  ")


def test_reasons_say_what_the_numbers_do_not_know():
    assert reasons(
        portfolio(
            "ann",
            total_pnl=None,
            unrealized_pnl=None,
            roi=None,
            win_rate=None,
            unmarked_tokens=1,
            unpriced_count=1_200,
            history_complete=False,
        )
    ) == [
        "Realized PnL of 15,000.00 USD, standing in for the total: "
        "nothing that is held has a known price.",
        "The basis of 90.0 % of what was sold is known.",
        "The worth of 1 held token is unknown and not counted.",
        "The worth of 1,200 trades is unknown and not counted.",
        "The history is not known back to the first trade.",
    ]


def test_a_token_without_profit_is_no_merit():
    assert not any("Best of" in reason for reason in reasons(portfolio("a"), token("a", "m", -1.0)))
