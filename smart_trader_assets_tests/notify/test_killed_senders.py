"""A share of `make prove-messages`."""

from random import Random

from smart_trader_assets_tests.proofs.messages import tell_under_kills


def test_a_sender_that_is_killed_loses_nothing_and_doubles_at_most_one(tmp_path):
    found = tell_under_kills(tmp_path / "root", 30, 6, 1, Random(1))
    assert len(found.told) == 180
    assert found.kills
    assert found.doubled <= found.kills
    assert found.states == {"sent": 180}
