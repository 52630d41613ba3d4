"""What the tests run in other processes."""

from __future__ import annotations

import asyncio
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from smart_trader_assets.birdeye import BudgetSpentError, CreditLedger, RateGate


def take_turns(
    path: Path, rate: float, count: int, start: Barrier, turns: Queue[list[int]]
) -> None:
    """Take `count` turns at the gate from several tasks, and hand in their times."""
    gate = RateGate(path, requests_per_second=rate)

    async def run() -> list[int]:
        return await asyncio.gather(*(gate.acquire() for _ in range(count)))

    start.wait()
    turns.put(asyncio.run(run()))


def spend_all(
    path: Path, run_id: str, month_budget: int, start: Barrier, spent: Queue[int]
) -> None:
    """Reserve single requests until the month's budget is spent, and hand in their number."""
    meter = CreditLedger(path, month_budget=month_budget).meter(run_id, run_budget=None)
    start.wait()
    reserved = 0
    while True:
        try:
            meter.reserve("trader_txs", 12)
        except BudgetSpentError:
            break
        reserved += 1
    spent.put(reserved)
