"""Token list and holders: filters, pages, and rows that move while they are read."""

from __future__ import annotations

import asyncio
from typing import Any

from smart_trader_assets.birdeye import (
    CreditLedger,
    HolderList,
    Spend,
    TokenList,
    TokenListFilters,
)
from smart_trader_assets_tests.birdeye.conftest import MakeClient
from smart_trader_assets_tests.birdeye.scripted_server import (
    Answer,
    Recorded,
    ScriptedServer,
    items,
)


def token(number: int, **more: Any) -> dict[str, Any]:
    return {"address": f"mint{number}", "decimals": 6, "liquidity": None, **more}


def holder(number: int, owner: str = "owner") -> dict[str, Any]:
    return {"owner": owner, "token_account": f"account{number}", "amount": str(10**20 - number)}


def serve(server: ScriptedServer, rows: list[Any], *, drift: int = 0) -> None:
    """Serve by offset; `drift` rows appear at the top between two pages."""
    pages = 0

    def respond(request: Recorded) -> Answer:
        nonlocal pages
        offset, limit = (int(request.parameters[name]) for name in ("offset", "limit"))
        assert offset + limit <= 10_000
        start = max(0, offset - drift * pages)
        pages += 1
        return items(*rows[start : start + limit])

    server.respond = respond


def list_tokens(make_client: MakeClient, limit: int, **filters: float) -> TokenList:
    async def run() -> TokenList:
        async with make_client() as client:
            return await client.token_list(TokenListFilters(**filters), limit=limit)

    return asyncio.run(run())


def list_holders(make_client: MakeClient, top: int) -> HolderList:
    async def run() -> HolderList:
        async with make_client() as client:
            return await client.token_holders("MINT", top=top)

    return asyncio.run(run())


def test_filters_are_sent_under_the_names_of_the_api(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    list_tokens(
        make_client,
        1,
        min_liquidity=100_000.0,
        max_liquidity=200_000_000,
        min_volume_1h_usd=50_000,
        min_price_change_24h_percent=20.5,
    )
    assert server.requests[0].path == "/defi/v3/token/list"
    assert server.requests[0].parameters == {
        "sort_by": "liquidity",
        "sort_type": "desc",
        "min_liquidity": "100000",
        "max_liquidity": "200000000",
        "min_volume_1h_usd": "50000",
        "min_price_change_24h_percent": "20.5",
        "offset": "0",
        "limit": "100",
    }


def test_the_list_stops_at_its_limit_or_at_a_short_page(
    server: ScriptedServer, make_client: MakeClient, ledger: CreditLedger
) -> None:
    rows = [token(number, field_of_tomorrow=number) for number in range(250)]
    serve(server, rows)
    assert list_tokens(make_client, 120) == TokenList(rows[:120], 2, [])
    assert list_tokens(make_client, 900) == TokenList(rows, 3, [])
    assert ledger.of_run("run") == {"token_list": Spend(requests=5, credits=500)}


def test_a_token_that_slides_onto_the_next_page_counts_once(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    rows = [token(number) for number in range(300)]
    serve(server, rows, drift=5)
    assert list_tokens(make_client, 200).items == rows[:200]


def test_the_list_never_asks_beyond_the_ceiling_of_offsets(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    server.respond = lambda request: items(
        *(token(int(request.parameters["offset"]) + place) for place in range(100))
    )
    listed = list_tokens(make_client, 20_000)
    assert (len(listed.items), listed.pages) == (10_000, 100)


def test_broken_tokens_are_set_aside_with_a_reason(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    no_decimals = {"address": "mint2"}
    serve(server, [token(1), "token", {"address": None, "decimals": 6}, no_decimals, token(3)])
    listed = list_tokens(make_client, 10)
    assert listed.items == [token(1), token(3)]
    assert [rejected.reason for rejected in listed.rejected] == [
        "not an object but str",
        "address: Input should be a valid string",
        "decimals: Field required",
    ]


def test_holders_are_token_accounts_so_an_owner_may_come_again(
    server: ScriptedServer, make_client: MakeClient, ledger: CreditLedger
) -> None:
    rows = [holder(number, owner=f"owner{number % 40}") for number in range(230)]
    serve(server, rows)
    assert list_holders(make_client, 300) == HolderList(rows, 3, [])
    assert list_holders(make_client, 150).items == rows[:150]
    assert ledger.of_run("run") == {"token_holder": Spend(requests=5, credits=250)}


def test_an_empty_page_ends_the_holders(server: ScriptedServer, make_client: MakeClient) -> None:
    rows = [holder(number) for number in range(100)]
    serve(server, rows)
    assert list_holders(make_client, 300) == HolderList(rows, 2, [])


def test_an_account_that_slides_onto_the_next_page_counts_once(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    rows = [holder(number) for number in range(300)]
    serve(server, rows, drift=3)
    assert list_holders(make_client, 300).items == rows


def test_amounts_that_are_no_raw_units_are_set_aside(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    rows = [{"owner": "o", "amount": amount} for amount in ("12", 12, "1.5", -1, None, "")]
    serve(server, rows)
    holders = list_holders(make_client, 10)
    assert holders.items == rows[:2]
    assert len(holders.rejected) == 4
