"""A day of bronze/tokens is a snapshot of its time: the past keeps what it has, and cannot be fetched."""

from datetime import timedelta

from smart_trader_assets.assets.partitions import first_day
from smart_trader_assets.tables.catalog import TOKENS
from smart_trader_assets_tests.support.tiny_market import NOW

TODAY = NOW.date().isoformat()
YESTERDAY = (NOW - timedelta(days=1)).date().isoformat()


def test_a_past_day_keeps_its_rows(drained):
    before = drained.rows(TOKENS)
    tomorrow = NOW + timedelta(days=1)
    assert drained.materialize(TOKENS, TODAY, as_of=tomorrow).success
    assert drained.rows(TOKENS).equals(before)
    assert drained.server.requests.total() == 0


def test_a_past_day_without_a_snapshot_is_skipped_and_says_why(drained, capsys):
    version = drained.store.version(TOKENS)
    result = drained.materialize(TOKENS, YESTERDAY, first_day=YESTERDAY)
    assert result.success
    # It is not counted as made.
    assert result.get_asset_materialization_events() == []
    told = capsys.readouterr().err
    assert f"no snapshot of {YESTERDAY} was taken then" in told
    assert "BirdEye knows only the present" in told
    assert "Materialize today's partition instead" in told
    assert drained.server.requests.total() == 0
    assert drained.store.version(TOKENS) == version


def test_days_begin_with_the_root(drained, tmp_path):
    settings = drained.settings(NOW)
    assert first_day(settings) == NOW.date()
    assert first_day(drained.settings(NOW + timedelta(days=9))) == NOW.date()
    assert first_day(settings.but(first_day=YESTERDAY)).isoformat() == YESTERDAY
    assert first_day(settings.but(root=str(tmp_path / "new"))) == NOW.date()


def test_a_second_snapshot_of_a_day_adds_what_is_new_and_brings_back_what_changed(drained):
    later = NOW + timedelta(hours=2)
    drained.materialize(TOKENS, TODAY, as_of=later)
    rows = drained.rows(TOKENS)
    assert rows.height == 4
    changed = rows.filter(fetched_at=later)
    assert set(changed["tracking_status"]) == {"pending"}
    unchanged = rows.filter(fetched_at=NOW)
    assert set(unchanged["tracking_status"]) == {"tracked"}
