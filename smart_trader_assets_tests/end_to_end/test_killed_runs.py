"""A run that is killed loses nothing and doubles nothing: the next run ends where it would have ended."""

import pytest

from smart_trader_assets_tests.support.killing import Undisturbed


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory, tiny_market_folder):
    return Undisturbed(tiny_market_folder, tmp_path_factory.mktemp("undisturbed") / "root")


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
