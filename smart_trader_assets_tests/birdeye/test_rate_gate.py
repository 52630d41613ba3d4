"""The gate never lets more pass in a second than it may, whoever asks."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from itertools import pairwise
from pathlib import Path

import pytest

from smart_trader_assets.birdeye import CallerBugError, RateGate, rate_gate
from smart_trader_assets.birdeye.rate_gate import RATE
from smart_trader_assets.state import database
from smart_trader_assets.state.database import SqliteFile
from smart_trader_assets.state.errors import StateError
from smart_trader_assets.state.shared_state import SharedState
from smart_trader_assets_tests.birdeye.neighbours import take_turns
from smart_trader_assets_tests.support.states import state_at


def turns_of(gate: RateGate, count: int) -> list[int]:
    async def run() -> list[int]:
        return await asyncio.gather(*(gate.acquire() for _ in range(count)))

    return asyncio.run(run())


def assert_within(turns: list[int], rate: int) -> None:
    turns = sorted(turns)
    spans = [later - first for first, later in zip(turns, turns[rate:], strict=False)]
    assert min(spans) > 1000


def test_two_processes_together_stay_within_the_rate(place: str) -> None:
    rate, count = 40, 50
    context = multiprocessing.get_context("spawn")
    start, handed_in = context.Barrier(2), context.Queue()
    arguments = (place, rate, count, start, handed_in)
    processes = [context.Process(target=take_turns, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    first, second = handed_in.get(timeout=30), handed_in.get(timeout=30)
    for process in processes:
        process.join()
    assert len(first) == len(second) == count
    assert max(min(first), min(second)) < min(max(first), max(second)), "they ran side by side"
    assert_within(first + second, rate)


def test_a_gate_in_this_process_keeps_the_rate_and_an_even_pace() -> None:
    turns = turns_of(RateGate(SqliteFile(None, durable=False), requests_per_second=50), 80)
    assert_within(turns, 50)
    assert min(later - first for first, later in pairwise(turns)) >= 17


def test_a_restart_remembers_who_has_passed(place: str) -> None:
    turns = []
    for _ in range(3):
        gate = RateGate(state_at(place).database(RATE, durable=False), requests_per_second=4)
        turns += turns_of(gate, 2)
        gate.close()
    assert_within(turns, 4)


def test_rates_below_one_a_second_are_kept() -> None:
    (window,) = rate_gate.rates_for(0.5)
    assert (window.limit, window.interval) == (1, 2030)
    (window,) = rate_gate.rates_for(1)
    assert (window.limit, window.interval) == (1, 1030)


@pytest.mark.parametrize("rate", [0, -1, 1001, float("nan")])
def test_a_rate_that_makes_no_sense_is_refused(rate: float) -> None:
    with pytest.raises(CallerBugError, match=str(rate)):
        RateGate(SqliteFile(None, durable=False), requests_per_second=rate)


def test_a_hold_stops_everybody_and_a_shorter_one_does_not_lift_it(
    shared_state: SharedState,
) -> None:
    gates = [
        RateGate(shared_state.database(RATE, durable=False), requests_per_second=100)
        for _ in range(2)
    ]
    (before,) = turns_of(gates[0], 1)
    asyncio.run(gates[0].hold(0.3))
    asyncio.run(gates[1].hold(0.1))
    (after,) = turns_of(gates[1], 1)
    assert after - before >= 300


def test_a_request_that_left_late_counts_from_then(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = RateGate(SqliteFile(None, durable=False), requests_per_second=2)
    real = time.time_ns
    (turn,) = turns_of(gate, 1)
    monkeypatch.setattr(database, "time_ns", lambda: real() + 300 * 10**6)
    asyncio.run(gate.postpone(turn))
    following = turns_of(gate, 2)
    assert following[1] - turn > 1300


def test_a_clock_that_was_wrong_does_not_block_the_gate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "rate.sqlite"
    with monkeypatch.context() as tomorrow:
        ahead = time.time_ns() + 86_400 * 10**9
        tomorrow.setattr(database, "time_ns", lambda: ahead)
        turns_of(RateGate(SqliteFile(path, durable=False), requests_per_second=1), 1)

    async def pass_soon() -> None:
        await asyncio.wait_for(
            RateGate(SqliteFile(path, durable=False), requests_per_second=1).acquire(), timeout=5
        )

    asyncio.run(pass_soon())


def test_a_clock_that_is_set_back_a_little_lets_nobody_pass_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = RateGate(SqliteFile(None, durable=False), requests_per_second=2)
    real = time.time_ns
    turns = turns_of(gate, 2)
    monkeypatch.setattr(database, "time_ns", lambda: real() - 400 * 10**6)
    turns += turns_of(gate, 2)
    assert_within(turns, 2)


def test_a_file_that_is_no_state_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rate.sqlite"
    path.write_text("this is no database, it only lies where one should" * 20)
    with pytest.raises(StateError, match=r"rate\.sqlite"):
        RateGate(SqliteFile(path, durable=False), requests_per_second=1)
