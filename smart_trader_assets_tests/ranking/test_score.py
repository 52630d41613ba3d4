import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.ranking.score import score_of


def score(floor: float, confidence: float = 50.0) -> float:
    frame = pl.DataFrame({"return_floor": [floor], "skill_confidence": [confidence]})
    found: float = frame.select(score_of()).item()
    return found


@pytest.mark.parametrize(
    ("floor", "expected"),
    [(-100.0, 0.0), (-50.0, 100 / 3), (0.0, 50.0), (100.0, 200 / 3), (300.0, 80.0)],
)
def test_the_score_is_what_is_left_of_a_stake_beside_the_stake(floor, expected):
    assert score(floor) == pytest.approx(expected, abs=1e-6)


PERCENT = st.floats(-100, 300)


@given(PERCENT, PERCENT, st.floats(0, 100), st.floats(0, 100))
def test_a_higher_floor_has_the_higher_score_and_of_equal_ones_the_surer(one, other, sure, surer):
    if one > other + 1e-4:
        assert score(one, sure) > score(other, surer)
    if sure > surer + 1e-4:
        assert score(one, sure) > score(one, surer)
