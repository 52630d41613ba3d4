"""A wallet's history is read in whole seconds, nothing lost and nothing doubled."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from smart_trader_assets.birdeye import InvalidResponseError, SwapHistory
from smart_trader_assets_tests.birdeye.conftest import MakeClient
from smart_trader_assets_tests.birdeye.scripted_server import ScriptedServer, items
from smart_trader_assets_tests.birdeye.swap_service import SwapService, row, rows_at
from smart_trader_assets_tests.support.command import RECORDED_ROWS


def walk(
    make_client: MakeClient,
    *,
    before: int = 1000,
    floor: int | None = None,
    max_pages: int = 1000,
    page_size: int = 10,
) -> SwapHistory:
    async def run() -> SwapHistory:
        async with make_client(page_size=page_size) as client:
            return await client.trader_swaps(
                "WALLET", before=before, floor=floor, max_pages=max_pages
            )

    return asyncio.run(run())


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["tx_hash"] for row in rows]


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("has_next", ["has_next", "hasNext", None])
def test_all_pages_come_in_order_whatever_the_server_means_by_before_time(
    server: ScriptedServer, make_client: MakeClient, inclusive: bool, has_next: str | None
) -> None:
    rows = rows_at(second for second in range(1, 41) for _ in range(1 + second % 3))
    server.respond = SwapService(rows, inclusive=inclusive, has_next=has_next)
    history = walk(make_client)
    assert history.items == rows
    assert history.complete
    assert history.resume_before is None
    assert history.pages == len(server.requests)
    assert history.rejected == []
    assert history.truncated_seconds == []


@pytest.mark.parametrize("spelling", ["has_next", "hasNext"])
def test_a_full_page_that_is_the_last_ends_the_history(
    server: ScriptedServer, make_client: MakeClient, spelling: str
) -> None:
    server.respond = SwapService(rows_at(range(1, 11)), has_next=spelling)
    history = walk(make_client)
    assert (len(history.items), history.pages, history.complete) == (10, 1, True)


def test_without_a_word_about_more_only_a_short_page_ends_the_history(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    server.respond = SwapService(rows_at(range(1, 11)), has_next=None)
    history = walk(make_client)
    assert (len(history.items), history.pages, history.complete) == (10, 2, True)


def test_a_wallet_that_never_traded_has_an_empty_complete_history(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    server.respond = SwapService([])
    assert walk(make_client) == SwapHistory([], 1, True, None, [], [])


def test_the_floor_is_included_and_nothing_below_it_is_asked_for_twice(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    rows = rows_at(second for second in range(1, 31) for _ in range(2))
    server.respond = SwapService(rows)
    history = walk(make_client, before=30, floor=24)
    assert history.items == [row for row in rows if 24 <= row["block_unix_time"] < 30]
    assert history.complete
    assert history.pages == 2
    assert walk(make_client, before=24, floor=24) == SwapHistory([], 0, True, None, [], [])


@pytest.mark.parametrize("inclusive", [False, True])
def test_seconds_that_fill_pages_are_read_whole(
    server: ScriptedServer, make_client: MakeClient, inclusive: bool
) -> None:
    rows = rows_at([5] * 3 + [6] * 37 + [7] * 10 + [8] * 20 + [9])
    server.respond = SwapService(rows, inclusive=inclusive)
    history = walk(make_client)
    assert history.items == rows
    assert history.complete


def test_exact_repeats_inside_a_second_all_count(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    fills = [row(6, f"tx{number // 4}") for number in range(40)]
    server.respond = SwapService([row(7, "new"), *fills, row(5, "old")])
    assert names(walk(make_client).items) == ["new", *names(fills), "old"]


def test_a_budget_of_one_page_still_gets_past_a_second_that_fills_pages(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    rows = rows_at([5] * 4 + [6] * 35 + [7] * 12)
    server.respond = SwapService(rows)
    read: list[dict[str, Any]] = []
    before: int | None = 1000
    calls = 0
    while before is not None:
        history = walk(make_client, before=before, max_pages=1)
        assert history.complete == (history.resume_before is None)
        assert history.resume_before is None or history.resume_before < before
        before = history.resume_before
        read += history.items
        calls += 1
    assert read == rows
    assert calls == 2


def test_a_page_budget_says_where_to_go_on(server: ScriptedServer, make_client: MakeClient) -> None:
    rows = rows_at(range(1, 41))
    server.respond = SwapService(rows)
    history = walk(make_client, max_pages=2)
    assert (history.complete, history.resume_before, history.pages) == (False, 23, 2)
    assert history.items == rows[:18]


def test_swaps_that_happen_between_pages_neither_hide_nor_double_others(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    rows = rows_at(second for second in range(1, 41) for _ in range(2))

    def trade_on(service: SwapService) -> None:
        for number in range(7):
            service.insert(row(41 + len(service.rows), f"new {len(service.rows)} {number}"))

    server.respond = SwapService(rows, after_page=trade_on)
    assert walk(make_client).items == rows


def test_a_second_that_grows_while_its_pages_are_read_is_read_anew(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    rows = rows_at([5] * 3 + [6] * 35)
    late = [row(6, "late")]

    def arrive_late(service: SwapService) -> None:
        if late:
            service.insert(late.pop())

    server.respond = SwapService(rows, after_page=arrive_late)
    history = walk(make_client)
    assert names(history.items) == ["late", *names(rows)]
    assert history.truncated_seconds == []


def test_a_second_that_never_stands_still_is_recorded_and_the_walk_goes_on_below(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    older = rows_at([1, 2, 3])

    def never_stop(service: SwapService) -> None:
        service.insert(row(6, f"late {len(service.rows)}"))

    server.respond = SwapService(rows_at([6] * 35) + older, after_page=never_stop)
    history = walk(make_client)
    assert history.truncated_seconds == [6]
    assert history.items[-3:] == older
    assert max(Counter(names(history.items)).values()) == 1


@pytest.mark.parametrize("inclusive", [False, True])
def test_a_second_beyond_the_ceiling_of_offsets_is_recorded_and_the_walk_goes_on_below(
    server: ScriptedServer, make_client: MakeClient, inclusive: bool
) -> None:
    crowd = [row(6, str(number)) for number in range(10_050)]
    older = rows_at([3, 4, 5])
    server.respond = SwapService(crowd + older, inclusive=inclusive)
    history = walk(make_client, page_size=100)
    assert history.truncated_seconds == [6]
    assert history.items == crowd[:10_000] + older
    assert history.complete


def test_items_that_are_no_swaps_are_set_aside_once_and_stop_nothing(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    broken: list[Any] = [
        7,
        None,
        {"tx_hash": "no time"},
        {"tx_hash": "a time of text", "block_unix_time": "12"},
        {"tx_hash": "a time of truth", "block_unix_time": True},
        {"block_unix_time": 12},
        {"tx_hash": "", "block_unix_time": 12},
    ]
    full = [*rows_at([12, 11]), *broken, row(10, "read twice")]
    pages = [items(*full, has_next=True), items(row(10, "read twice"), *broken, has_next=False)]
    server.script(*pages)
    history = walk(make_client)
    assert names(history.items) == ["12-0", "11-1", "read twice"]
    assert len(history.rejected) == len(broken)
    reasons = {rejected.excerpt: rejected.reason for rejected in history.rejected}
    assert reasons["7"] == "not an object but int"
    assert reasons['{"tx_hash": "no time"}'] == "block_unix_time: Field required"
    assert reasons['{"block_unix_time": 12}'] == "tx_hash: Field required"


def test_a_server_that_ignores_before_time_is_not_followed_in_circles(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    server.script(items(*rows_at(range(2000, 2010)), has_next=True))
    with pytest.raises(InvalidResponseError, match="WALLET"):
        walk(make_client)


def test_real_histories_come_through_byte_for_byte(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    if not RECORDED_ROWS.is_dir():
        pytest.skip("recorded swap rows lie outside of the project and are not here")
    for path in sorted(RECORDED_ROWS.glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        server.respond = SwapService(rows)
        history = walk(make_client, before=2_000_000_000, page_size=100)
        as_floats = json.loads(json.dumps(history.items, default=float))
        assert as_floats == rows, path.name
        assert history.complete
