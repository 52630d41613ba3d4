"""A run that is killed loses nothing and doubles nothing: the next run ends where it would have ended."""

from pathlib import Path

import pytest

from smart_trader_assets_tests.support.killing import Undisturbed
from smart_trader_assets_tests.support.made_once import MadeOnce
from smart_trader_assets_tests.support.tiny_market import write_tiny_market


@pytest.fixture(scope="session")
def undisturbed(made_once: MadeOnce) -> Undisturbed:
    def make(folder: Path) -> Undisturbed:
        return Undisturbed(write_tiny_market(folder / "rows"), folder / "root")

    return made_once("undisturbed", make)[1]


# The share of the writes that are done when the run dies, from the making of the tables to the ranking.
@pytest.mark.parametrize(
    ("moment", "done"),
    [
        ("before", 0.1),
        ("after", 0.45),
    ],
)
def test_a_killed_run_and_the_next_one_end_like_an_undisturbed_run(
    undisturbed, tmp_path, moment, done
):
    number = 1 + int(done * (undisturbed.writes - 1))
    undisturbed.assert_survives(tmp_path / "root", moment, number)
