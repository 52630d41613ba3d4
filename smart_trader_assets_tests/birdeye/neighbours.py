"""What the tests run in other processes."""

from __future__ import annotations

import asyncio
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

from smart_trader_assets.birdeye import BudgetSpentError, CreditLedger, RateGate
from smart_trader_assets.birdeye.ledger import LEDGER
from smart_trader_assets.birdeye.rate_gate import RATE
from smart_trader_assets_tests.support.states import state_at


def take_turns(
    place: str, rate: float, count: int, start: Barrier, turns: Queue[list[int]]
) -> None:
    """Take `count` turns at the gate from several tasks, and hand in their times."""
    gate = RateGate(state_at(place).database(RATE, durable=False), requests_per_second=rate)

    async def run() -> list[int]:
        return await asyncio.gather(*(gate.acquire() for _ in range(count)))

    start.wait()
    turns.put(asyncio.run(run()))


def spend_all(
    place: str, run_id: str, month_budget: int, start: Barrier, spent: Queue[int]
) -> None:
    """Reserve single requests until the month's budget is spent, and hand in their number."""
    meter = CreditLedger(
        state_at(place).database(LEDGER, durable=True), month_budget=month_budget
    ).meter(run_id, run_budget=None)
    start.wait()
    reserved = 0
    while True:
        try:
            meter.reserve("trader_txs", 12)
        except BudgetSpentError:
            break
        reserved += 1
    spent.put(reserved)
