"""The API key travels in one request header and shows nowhere else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from smart_trader_assets.birdeye import BirdEyeError, HolderList, SwapHistory, TokenListFilters
from smart_trader_assets_tests.birdeye.conftest import API_KEY, MakeClient
from smart_trader_assets_tests.birdeye.scripted_server import Answer, ScriptedServer, items
from smart_trader_assets_tests.birdeye.swap_service import row

ECHO = f"key {API_KEY} is not welcome"
ECHOING_ANSWERS = [
    *(
        Answer(status, {"success": False, "message": ECHO})
        for status in (200, 400, 401, 403, 404, 422, 429, 500)
    ),
    Answer(500, ECHO),
    Answer(200, ECHO),
    Answer(200, {"success": True, "data": ECHO}),
    Answer(200, ECHO, cut=True),
    Answer(silent=True),
]


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def everything_told(error: BaseException) -> str:
    return "\n".join(
        f"{one!s} {one!r} {one.args!r} {vars(one)!r} {getattr(one, 'request', '')!r}"
        for one in chain(error)
    )


@pytest.mark.parametrize("answer", ECHOING_ANSWERS)
def test_no_error_and_no_log_line_tells_the_key_even_where_the_server_echoes_it(
    server: ScriptedServer,
    make_client: MakeClient,
    caplog: pytest.LogCaptureFixture,
    answer: Answer,
) -> None:
    caplog.set_level(logging.DEBUG)
    server.script(answer)

    async def run() -> None:
        async with make_client(timeout=0.1, outage_after=1) as client:
            await client.token_list(TokenListFilters(), limit=1)

    with pytest.raises(BirdEyeError) as caught:
        asyncio.run(run())
    assert API_KEY not in everything_told(caught.value)
    assert not any(hasattr(one, "request") for one in chain(caught.value))
    assert API_KEY not in caplog.text
    assert all(request.headers["x-api-key"] == API_KEY for request in server.requests)


def test_the_request_says_chain_and_format_and_the_url_has_no_key(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    async def run() -> None:
        async with make_client() as client:
            await client.token_holders("MINT", top=1)

    asyncio.run(run())
    (request,) = server.requests
    assert request.headers["x-chain"] == "solana"
    assert request.headers["accept"] == "application/json"
    assert request.parameters == {"address": "MINT", "offset": "0", "limit": "100"}


def test_the_client_and_what_it_rejects_do_not_show_the_key(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    client = make_client()
    assert API_KEY not in f"{client!r} {client!s} {vars(client)!r}"
    broken = f"{'x' * 180}{API_KEY}"
    held = {"owner": "o", "token_account": "a", "amount": "1"}
    server.script(items(broken, row(5, "a")), items(broken, row(5, "a"), held))

    async def run() -> tuple[SwapHistory, HolderList]:
        async with client:
            return (
                await client.trader_swaps("w", before=10, floor=None, max_pages=1),
                await client.token_holders("MINT", top=5),
            )

    history, holders = asyncio.run(run())
    assert len(history.rejected) == 1
    assert len(holders.rejected) == 2
    assert API_KEY[:10] not in repr(history.rejected) + repr(holders.rejected)
