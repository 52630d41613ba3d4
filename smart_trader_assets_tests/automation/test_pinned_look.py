"""A tick looks at each table once: what is committed meanwhile shows in the next tick."""

import pytest

from smart_trader_assets.delta.errors import TableMissingError
from smart_trader_assets.delta.store import DeltaStore, PinnedStore
from smart_trader_assets.tables.catalog import TOKENS
from smart_trader_assets_tests.support.samples import DAY, token


def test_a_look_stays_at_the_version_that_it_first_saw(automation):
    automation.put(TOKENS, [token("a")], DAY)
    look = PinnedStore(automation.store)
    seen = look.version(TOKENS)
    automation.put(TOKENS, [token("b")], DAY)
    assert look.version(TOKENS) == seen
    assert look.row_counts(TOKENS, "tracking_status").rows() == [("pending", 1)]
    assert look.scan(TOKENS).collect()["token_address"].to_list() == ["a"]

    next_look = PinnedStore(automation.store)
    assert next_look.version(TOKENS) == seen + 1
    assert next_look.row_counts(TOKENS, "tracking_status").rows() == [("pending", 2)]


def test_a_look_at_a_table_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(TableMissingError, match="bronze/tokens is gone"):
        PinnedStore(DeltaStore(str(tmp_path))).version(TOKENS)
