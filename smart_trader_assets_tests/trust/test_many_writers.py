"""Eight processes at once on fewer shards, a compaction beside them: every row once, settled once.

The same on an object store takes minutes: `python -m smart_trader_assets_tests.trust.many_writers`.
"""

from __future__ import annotations

from smart_trader_assets_tests.trust.many_writers import WRITERS, Scene, play


def test_eight_processes_lose_and_double_nothing(tmp_path):
    outcome = play(Scene(shards=2, rounds=1, rows=3), str(tmp_path / "root"), {})
    assert outcome.rows == WRITERS * 3 + 2 * 3
    assert sum(one.lost for one in outcome.told) > 0
