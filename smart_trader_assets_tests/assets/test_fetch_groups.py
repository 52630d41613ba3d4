"""How much is asked for before anything of it is written."""

from __future__ import annotations

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.assets.fetching import in_groups

MOST = 4
shards = st.dictionaries(st.sampled_from(["00", "01", "02", "03"]), st.integers(0, 11))


@given(shards)
def test_each_is_asked_for_once_in_its_order_and_never_too_many_at_once(
    sizes: dict[str, int],
) -> None:
    asked = {shard: [f"{shard}-{n}" for n in range(size)] for shard, size in sizes.items()}
    groups = list(in_groups(asked.items(), MOST))
    flat = [(shard, one) for group in groups for shard, part in group for one in part]
    assert flat == [(shard, one) for shard, many in asked.items() for one in many]
    counts = [sum(len(part) for _, part in group) for group in groups]
    # All but the last are full.
    assert counts[:-1] == [MOST] * (len(counts) - 1)
    assert all(0 < count <= MOST for count in counts)
    for group in groups:
        assert len({shard for shard, _ in group}) == len(group)
        assert all(len(part) for _, part in group)


def test_frames_are_parted_by_rows() -> None:
    rows = pl.DataFrame({"wallet": ["a", "b", "c"]})
    groups = list(in_groups([("00", rows[:1]), ("01", rows)], 2))
    assert [[(shard, part["wallet"].to_list()) for shard, part in group] for group in groups] == [
        [("00", ["a"]), ("01", ["a"])],
        [("01", ["b", "c"])],
    ]
