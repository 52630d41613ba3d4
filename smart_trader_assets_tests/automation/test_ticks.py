"""What a tick decides: few runs, none where one is live, and a memory that nothing can spoil."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smart_trader_assets.automation.ticks import (
    FORMAT,
    WHOLE,
    Request,
    TickCursor,
    format_due,
    plan_requests,
    width_of,
)
from smart_trader_assets.transforms.shards import shard_keys

counts_of_shards = st.sampled_from([1, 2, 16, 101])


@st.composite
def situations(draw: st.DrawFn) -> tuple[dict[str, int], set[str], list[str], int]:
    """Partitions, the due rows in some of them, those with a live run, and the width of a run."""
    keys = shard_keys(draw(counts_of_shards))
    due = draw(st.dictionaries(st.sampled_from(keys), st.integers(0, 500)))
    live = draw(st.sets(st.sampled_from(keys)))
    width = draw(st.integers(1, 20))
    return due, live, keys, width


def covered(request: Request, keys: list[str]) -> list[str]:
    return keys[keys.index(request.first) : keys.index(request.last) + 1]


@given(situations())
def test_every_due_partition_without_a_live_run_is_covered_exactly_once(situation):
    due, live, keys, width = situation
    requests = plan_requests(due, live, keys, width)
    taken = [key for request in requests for key in covered(request, keys)]
    assert len(taken) == len(set(taken))
    assert {key for key in taken if due.get(key)} == {
        key for key, rows in due.items() if rows and key not in live
    }


@given(situations())
def test_no_partition_with_a_live_run_is_touched_and_no_run_is_wider_than_allowed(situation):
    due, live, keys, width = situation
    for request in plan_requests(due, live, keys, width):
        assert not live & set(covered(request, keys))
        assert len(covered(request, keys)) <= width


@given(situations())
def test_a_run_starts_and_ends_where_rows_are_due_and_tells_how_many(situation):
    due, live, keys, width = situation
    for request in plan_requests(due, live, keys, width):
        assert due[request.first] > 0
        assert due[request.last] > 0
        assert request.rows == sum(due.get(key, 0) for key in covered(request, keys))


def fewest_runs(due: dict[str, int], live: set[str], keys: list[str], width: int) -> int:
    """By trying every end for every run, from the last partition back."""
    best = [0] * (len(keys) + 1)
    for start in range(len(keys) - 1, -1, -1):
        if keys[start] in live or not due.get(keys[start]):
            best[start] = best[start + 1]
            continue
        ends = []
        for end in range(start, min(start + width, len(keys))):
            if keys[end] in live:
                break
            ends.append(1 + best[end + 1])
        best[start] = min(ends)
    return best[0]


@given(situations())
def test_no_plan_needs_fewer_runs(situation):
    assert len(plan_requests(*situation)) == fewest_runs(*situation)


def test_one_run_takes_all_shards_where_nothing_is_in_the_way():
    keys = shard_keys(16)
    due = dict.fromkeys(keys, 10)
    assert plan_requests(due, set(), keys, 16) == [Request("00", "15", 160)]
    assert plan_requests(due, set(), keys, 8) == [
        Request("00", "07", 80),
        Request("08", "15", 80),
    ]
    assert plan_requests(due, {"07"}, keys, 16) == [
        Request("00", "06", 70),
        Request("08", "15", 80),
    ]


def test_an_unpartitioned_asset_is_asked_for_whole():
    assert plan_requests({WHOLE: 3}, set(), (WHOLE,), 16) == [Request(WHOLE, WHOLE, 3)]
    assert plan_requests({WHOLE: 3}, {WHOLE}, (WHOLE,), 16) == []


def test_a_range_is_written_as_people_write_it():
    assert Request("03", "03", 1).partitions == "03"
    assert Request("03", "07", 1).partitions == "03...07"
    assert format_due({"07": 2, "03": 1}) == "03: 1, 07: 2"
    assert format_due({}) == "nothing"


cursors = st.builds(
    TickCursor,
    versions=st.dictionaries(st.text(max_size=20), st.integers(0, 10**9)),
    due=st.integers(-1, 10**9),
    waiting=st.booleans(),
    attempt=st.integers(0, 10**9),
)


@given(cursors)
def test_a_cursor_is_remembered_as_it_was(cursor):
    assert TickCursor.parse(cursor.text()) == cursor


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
spoilt_fields = st.fixed_dictionaries(
    {"format": st.just(FORMAT)},
    optional=dict.fromkeys(("versions", "due", "waiting", "attempt", "else"), any_json),
)


@given(st.none() | st.text() | any_json.map(json.dumps) | spoilt_fields.map(json.dumps))
@example(json.dumps({"format": FORMAT, "versions": {"bronze/tokens": "seven"}}))
@example(json.dumps({"format": FORMAT, "versions": {"bronze/tokens": None}, "due": 0}))
@example(json.dumps({"format": FORMAT, "due": "many"}))
@example(json.dumps({"format": FORMAT, "attempt": True}))
def test_a_garbled_cursor_starts_afresh_or_is_a_sound_one(text):
    cursor = TickCursor.parse(text)
    assert cursor.went_back({"bronze/tokens": 3}) in ([], ["bronze/tokens"])
    assert cursor.nothing_new({"bronze/tokens": 3}) in (True, False)
    assert TickCursor.parse(cursor.text()) == cursor


@pytest.mark.parametrize("format_", [0, FORMAT + 1, "1", None])
def test_a_cursor_of_another_format_starts_afresh(format_):
    told_then = {"format": format_, "versions": {"bronze/tokens": 3}, "due": 0, "waiting": False}
    assert TickCursor.parse(json.dumps(told_then)) == TickCursor()


def test_a_fresh_cursor_never_takes_a_table_for_unchanged():
    assert not TickCursor().nothing_new({})
    assert not TickCursor().nothing_new({"bronze/tokens": 0})


@pytest.mark.parametrize(
    ("due", "waiting", "version", "unchanged"),
    [(0, False, 3, True), (1, False, 3, False), (0, True, 3, False), (0, False, 4, False)],
    ids=["quiet", "rows are due", "rows wait for their time", "a new commit"],
)
def test_a_tick_is_spared_only_where_nothing_can_have_become_due(due, waiting, version, unchanged):
    seen = TickCursor({"bronze/tokens": 3}, due=due, waiting=waiting)
    assert seen.nothing_new({"bronze/tokens": version}) is unchanged


def test_much_work_is_shared_by_as_many_runs_as_may_be_at_work():
    much = {f"{shard:02d}": 1_000 for shard in range(16)}
    keys = list(much)
    assert width_of(much, keys, most=16, at_once=1) == 16
    assert width_of(much, keys, most=16, at_once=2) == 8
    assert width_of(much, keys, most=4, at_once=2) == 4
    assert width_of(much, keys, most=16, at_once=100) == 1
    # Little work is one run's, since a run takes seconds to begin.
    little = dict.fromkeys(much, 60)
    assert width_of(little, keys, most=16, at_once=8) == 16
    assert width_of({"03": 100_000}, keys, most=16, at_once=8) == 1
    # Partitions between those that are due cost nothing, and one range covers them.
    assert width_of({"01": 1, "03": 1}, keys, most=16, at_once=8) == 3
