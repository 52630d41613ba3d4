"""However a history is cut into calls, every row comes once."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smart_trader_assets.birdeye import BirdEyeClient
from smart_trader_assets_tests.birdeye.conftest import MakeClient
from smart_trader_assets_tests.birdeye.scripted_server import ScriptedServer
from smart_trader_assets_tests.birdeye.swap_service import SwapService, rows_at

# Few different seconds, so that ties fill pages and straddle them.
histories = st.lists(st.integers(1, 12), max_size=40).map(rows_at)
budgets = st.lists(st.integers(1, 4), min_size=1, max_size=5)


async def read_in_calls(
    client: BirdEyeClient, *, before: int, floor: int | None, budgets: list[int]
) -> list[dict[str, Any]]:
    """Call with the budgets in turn (the last one repeated) until the history is complete."""
    rows: list[dict[str, Any]] = []
    position: int | None = before
    call = 0
    while position is not None:
        history = await client.trader_swaps(
            "w", before=position, floor=floor, max_pages=budgets[min(call, len(budgets) - 1)]
        )
        assert history.truncated_seconds == []
        resume = history.resume_before
        assert all((resume or 0) <= row["block_unix_time"] < position for row in history.items)
        assert resume is None or resume < position
        rows += history.items
        position = resume
        call += 1
    return rows


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=histories,
    budgets=budgets,
    page_size=st.integers(1, 6),
    before=st.integers(1, 15),
    floor=st.none() | st.integers(0, 14),
    inclusive=st.booleans(),
    has_next=st.sampled_from(["has_next", "hasNext", None]),
)
def test_any_history_in_any_calls_is_the_history_in_one_go(
    server: ScriptedServer,
    make_client: MakeClient,
    *,
    rows: list[dict[str, Any]],
    budgets: list[int],
    page_size: int,
    before: int,
    floor: int | None,
    inclusive: bool,
    has_next: str | None,
) -> None:
    server.respond = SwapService(rows, inclusive=inclusive, has_next=has_next)
    wanted = [row for row in rows if (floor or 0) <= row["block_unix_time"] < before]

    async def run() -> list[dict[str, Any]]:
        async with make_client(page_size=page_size) as client:
            return await read_in_calls(client, before=before, floor=floor, budgets=budgets)

    assert asyncio.run(run()) == wanted
