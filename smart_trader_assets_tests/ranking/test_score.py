from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_trader_assets.ranking.score import ScoreRules, score_of
from smart_trader_assets_tests.ranking.pnl_rows import AS_OF

# Everything at its half-way mark: 0.40 / 2 + 0.25 / 2 + 0.15 / 2 + 0.20 / 2 = 1/2.
HALF_WAY = {
    "certainty": 2.0,
    "expected_return": 25.0,
    "profit_factor": 2.0,
    "realized_pnl": 1_000.0,
    "max_drawdown_usd": 1_000.0,
    "win_count": 3,
    "coverage": 100.0,
    "top_token_share": 0.0,
    "last_transaction": AS_OF,
}
SCHEMA: dict[str, Any] = {
    **dict.fromkeys(HALF_WAY, pl.Float64),
    "win_count": pl.Int64,
    "last_transaction": pl.Datetime("us", "UTC"),
}


def score(**measures: Any) -> float:
    frame = pl.DataFrame([HALF_WAY | measures], schema=SCHEMA)
    found: float = frame.select(score_of(ScoreRules(), as_of=AS_OF)).item()
    return found


@pytest.mark.parametrize(
    ("measures", "expected"),
    [
        ({}, 50.0),
        ({"certainty": None}, 30.0),
        ({"certainty": -9.0}, 30.0),
        ({"expected_return": -80.0}, 37.5),
        ({"profit_factor": None}, 57.5),  # nothing was lost
        ({"profit_factor": None, "win_count": 0}, 42.5),  # nothing was won either
        ({"max_drawdown_usd": 0.0}, 60.0),
        ({"realized_pnl": -5.0}, 40.0),
        ({"coverage": 60.0}, 30.0),
        ({"top_token_share": 100.0}, 25.0),
        ({"top_token_share": None}, 25.0),
        ({"last_transaction": AS_OF - timedelta(days=30)}, 25.0),
        ({"last_transaction": AS_OF + timedelta(days=3)}, 50.0),
    ],
)
def test_each_part_of_the_score_weighs_what_it_says(measures, expected):
    assert score(**measures) == pytest.approx(expected)


MEASURES = st.fixed_dictionaries(
    {
        "certainty": st.none() | st.floats(-10, 100),
        "expected_return": st.none() | st.floats(-100, 1e6),
        "profit_factor": st.floats(0, 1e9),
        "realized_pnl": st.floats(-1e9, 1e9),
        "max_drawdown_usd": st.floats(0, 1e9),
        "coverage": st.floats(0, 100),
        "top_token_share": st.none() | st.floats(0, 100),
    }
)
BETTER = {
    "certainty": 100.0,
    "expected_return": 1e6,
    "profit_factor": 1e9,
    "realized_pnl": 1e9,
    "max_drawdown_usd": 0.0,
    "coverage": 100.0,
    "top_token_share": 0.0,
}


@settings(deadline=None)
@given(MEASURES, st.sampled_from(sorted(BETTER)))
def test_more_of_anything_good_never_lowers_the_score(measures, name):
    better = measures | {name: BETTER[name]}
    assert 0 <= score(**measures) <= score(**better) + 1e-9 <= 100 + 1e-9


def test_profit_in_dollars_alone_is_no_merit():
    rich = {"realized_pnl": 1e9, "max_drawdown_usd": 1e9}
    assert score(**rich) == pytest.approx(score())
