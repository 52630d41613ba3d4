"""However a history is cut into walks, every row is read in the end, and no more is claimed before."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_trader_assets.transforms.swap_history import (
    OVERLAP_SECONDS,
    History,
    Walk,
    advance,
    next_walk,
)

START = 1_700_000_000
HOUR = 3600


@dataclass(frozen=True)
class Swap:
    """A swap at the second `at`, which the service shows from the second `seen_from` on."""

    at: int
    seen_from: int


@dataclass
class Wallet:
    """A wallet's swaps as a service shows them, and what a reader has made of them.

    Of the seconds in `unreadable` the service never shows all rows.
    """

    swaps: set[Swap] = field(default_factory=set)
    unreadable: frozenset[int] = frozenset()
    read: set[Swap] = field(default_factory=set)
    history: History = field(default_factory=History)

    def fetch(self, now: int, budget: int) -> Walk:
        """One walk at the second `now`, of at most `budget` seconds with rows; at least one."""
        walk = next_walk(self.history, now)
        floor = walk.floor or 1
        shown = [s for s in self.swaps if s.seen_from <= now and floor <= s.at < walk.before]
        seconds = sorted({swap.at for swap in shown}, reverse=True)
        taken = set(seconds[:budget])
        self.read |= {s for s in shown if s.at in taken and s.at not in self.unreadable}
        self.history = advance(
            self.history,
            walk,
            resume_before=min(taken) if len(seconds) > budget else None,
            oldest=min(taken, default=None),
            truncated=bool(taken & self.unreadable),
        )
        return walk

    def fetch_to_the_end(self, now: int, budget: int) -> int:
        """Walks until nothing is left to go on with; how many it took."""
        for count in range(1, 1_000):
            self.fetch(now, budget)
            if self.history.resume_before is None:
                return count
        raise AssertionError(f"the walks do not end: {self.history}")

    def unread(self, *, since: int, until: int) -> set[Swap]:
        return {s for s in self.swaps - self.read if since <= s.at <= until}


# Seconds far apart and close together; a service shows a row up to an hour late.
gaps = st.one_of(st.integers(0, 5), st.integers(0, 2 * HOUR), st.integers(0, 3 * 24 * HOUR))
delays = st.one_of(st.just(0), st.integers(0, HOUR))
budgets = st.integers(1, 4)


@st.composite
def turns(draw: st.DrawFn) -> tuple[list[Swap], list[tuple[int, int]]]:
    """Swaps of the past and of the times between, and the fetches: each a second and a budget."""
    moment = START
    swaps, fetches = [], []
    for _ in range(draw(st.integers(1, 12))):
        for _ in range(draw(st.integers(0, 4))):
            moment += draw(gaps)
            swaps.append(Swap(moment, moment + draw(delays)))
        moment += draw(gaps)
        fetches.append((moment, draw(budgets)))
    return swaps, fetches


@settings(max_examples=250, deadline=None)
@given(turns=turns(), last_budget=budgets)
def test_every_row_is_read_in_the_end_and_no_more_is_claimed_before(
    turns: tuple[list[Swap], list[tuple[int, int]]], last_budget: int
) -> None:
    swaps, fetches = turns
    wallet = Wallet(set(swaps))
    for now, budget in fetches:
        before = wallet.history
        wallet.fetch(now, budget)
        known = wallet.history
        assert known.fetched_to is not None
        assert known.fetched_from is not None
        assert known.fetched_to >= (before.fetched_to or 0)
        # Rows of the last hour may still be on their way; the next walk reads that hour again.
        settled = known.fetched_to - OVERLAP_SECONDS
        since = 0 if known.history_complete else known.fetched_from
        assert wallet.unread(since=since, until=settled) == set()
        assert known.history_complete == (known.resume_before is None)

    end = max([now for now, _ in fetches] + [swap.seen_from for swap in swaps]) + HOUR
    wallet.fetch_to_the_end(end, last_budget)
    wallet.fetch_to_the_end(end + HOUR, last_budget)

    assert wallet.read == set(swaps)
    assert wallet.history.history_complete
    assert wallet.history.resume_before is None
    assert wallet.history.fetched_to == end + HOUR


@settings(max_examples=120, deadline=None)
@given(turns=turns())
def test_a_history_with_a_second_that_cannot_be_read_is_never_complete_again(
    turns: tuple[list[Swap], list[tuple[int, int]]],
) -> None:
    swaps, fetches = turns
    seconds = sorted({swap.at for swap in swaps})
    lost = seconds[len(seconds) // 2 :][:1]
    wallet = Wallet(set(swaps), unreadable=frozenset(lost))
    met = False
    for now, budget in fetches:
        walk = wallet.fetch(now, budget)
        read_down_to = wallet.history.resume_before or walk.floor or 0
        shown = any(s.at in lost and s.seen_from <= now for s in swaps)
        met = met or (shown and read_down_to <= lost[0] < walk.before)
        assert (wallet.history.fetched_from is None) == met
        assert not (met and wallet.history.history_complete)


@given(now=st.integers(START, START + HOUR), budget=budgets)
def test_a_wallet_without_swaps_is_known_whole(now: int, budget: int) -> None:
    wallet = Wallet()
    wallet.fetch(now, budget)
    assert wallet.history == History(fetched_from=now, fetched_to=now, history_complete=True)


def test_a_first_walk_goes_down_from_now_to_the_first_swap() -> None:
    assert next_walk(History(), 1_000) == Walk(before=1_001, floor=None, top=1_000)


def test_a_refresh_reads_the_last_hour_again() -> None:
    known = History(fetched_from=10, fetched_to=5_000, history_complete=True)
    assert next_walk(known, 9_000) == Walk(before=9_001, floor=5_000 - HOUR, top=9_000)


def test_a_first_walk_that_ran_out_goes_on_below_and_keeps_its_top() -> None:
    walk = next_walk(History(), 1_000)
    part = advance(History(), walk, resume_before=700, oldest=700, truncated=False)
    assert part == History(fetched_from=700, fetched_to=1_000, resume_before=700, resume_to=1_000)
    rest = next_walk(part, 50_000)
    assert rest == Walk(before=700, floor=None, top=1_000)
    whole = advance(part, rest, resume_before=None, oldest=300, truncated=False)
    assert whole == History(fetched_from=300, fetched_to=1_000, history_complete=True)


def test_a_refresh_that_ran_out_claims_nothing_of_the_gap_until_it_is_closed() -> None:
    known = History(fetched_from=10, fetched_to=5_000, history_complete=True)
    walk = next_walk(known, 90_000)
    gap = advance(known, walk, resume_before=80_000, oldest=80_000, truncated=False)
    assert (gap.fetched_from, gap.fetched_to, gap.history_complete) == (10, 5_000, False)
    rest = next_walk(gap, 100_000)
    assert rest == Walk(before=80_000, floor=5_000 - HOUR, top=90_000)
    closed = advance(gap, rest, resume_before=None, oldest=1_500, truncated=False)
    assert closed == History(fetched_from=10, fetched_to=90_000, history_complete=True)


def test_a_clock_that_jumped_back_takes_nothing_back() -> None:
    known = History(fetched_from=10, fetched_to=5_000, history_complete=True)
    walk = next_walk(known, 4_000)
    assert advance(known, walk, resume_before=None, oldest=None, truncated=False) == known


@pytest.mark.parametrize("part", ["first", "last"])
def test_rows_that_one_part_of_a_walk_could_not_read_are_missing_for_good(part: str) -> None:
    wallet = Wallet(
        {Swap(at, at) for at in (100, 200, 300)},
        unreadable=frozenset({300 if part == "first" else 100}),
    )
    wallet.fetch_to_the_end(10_000, budget=1)
    assert (wallet.history.fetched_from, wallet.history.history_complete) == (None, False)
    wallet.swaps |= {Swap(at, at) for at in (20_000, 20_001)}
    assert wallet.fetch_to_the_end(30_000, budget=1) == 2
    assert (wallet.history.fetched_to, wallet.history.history_complete) == (30_000, False)
