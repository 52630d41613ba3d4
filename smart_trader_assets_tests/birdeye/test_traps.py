"""What a source does that is not an error, and yet is not what it seems."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from smart_trader_assets.birdeye import (
    BirdEyeClient,
    CreditLedger,
    FormatChangedError,
    HolderList,
    NotFoundError,
    PlanError,
    RankedList,
    RateGate,
    RedirectedError,
    ServerError,
    Spend,
    SwapHistory,
    TokenListFilters,
)
from smart_trader_assets.birdeye.client import UNKNOWN_AT_FIRST, UNKNOWN_OF_SUSPECT
from smart_trader_assets.sandbox import Fault, FaultKind, GeneratedMarket, SandboxServer
from smart_trader_assets.state.database import SqliteFile
from smart_trader_assets_tests.birdeye.conftest import MakeClient
from smart_trader_assets_tests.birdeye.scripted_server import (
    Answer,
    Recorded,
    ScriptedServer,
    items,
)
from smart_trader_assets_tests.birdeye.swap_service import row


def holder(number: int) -> dict[str, Any]:
    return {"owner": f"o{number}", "token_account": f"a{number}", "amount": "1"}


def holders(client: BirdEyeClient, top: int = 300) -> HolderList:
    async def run() -> HolderList:
        async with client:
            return await client.token_holders("MINT", top=top)

    return asyncio.run(run())


def swaps(client: BirdEyeClient, max_pages: int = 9) -> SwapHistory:
    async def run() -> SwapHistory:
        async with client:
            return await client.trader_swaps("w", before=1000, floor=None, max_pages=max_pages)

    return asyncio.run(run())


@pytest.mark.parametrize("name", ["has_next", "hasNext"])
def test_a_short_page_with_more_behind_it_is_not_the_last(server, make_client, name):
    server.script(items(holder(1), holder(2), **{name: True}), items(holder(3), **{name: False}))
    assert len(holders(make_client()).items) == 3
    server.script(
        items(row(9, "a"), row(8, "b"), **{name: True}),
        items(row(8, "b"), row(7, "c"), **{name: False}),
    )
    found = swaps(make_client())
    assert [item["tx_hash"] for item in found.items] == ["a", "b", "c"]
    assert found.complete


def test_a_history_that_promises_more_and_gives_nothing_is_never_complete(server, make_client):
    server.script(items(row(9, "a"), row(8, "b"), has_next=True), items(has_next=True))
    found = swaps(make_client())
    assert not found.complete
    assert (found.resume_before, [item["tx_hash"] for item in found.items]) == (9, ["a"])
    assert isinstance(found.stopped_by, ServerError)


def test_one_second_on_a_short_page_may_go_on_and_is_not_called_whole(server, make_client):
    server.script(items(row(9, "a"), has_next=True), items(has_next=False))
    found = swaps(make_client())
    assert (len(found.items), found.truncated_seconds) == (1, [9])


def test_what_a_short_page_left_out_comes_with_the_next_one(server, make_client):
    everybody = [holder(number) for number in range(250)]

    def answer(asked: Recorded) -> Answer:
        offset = int(asked.parameters["offset"])
        page = everybody[offset : offset + 100]
        short = page[:50] if offset == 0 else page
        return items(*short, has_next=offset + len(short) < len(everybody))

    server.respond = answer
    found = holders(make_client())
    assert [item["owner"] for item in found.items] == [item["owner"] for item in everybody]
    assert (found.pages, found.rejected) == (3, [])


def test_a_list_in_crumbs_is_read_no_further_than_twice_its_price_and_says_so(server, make_client):
    server.respond = lambda asked: items(holder(int(asked.parameters["offset"])), has_next=True)
    found = holders(make_client(), top=300)
    assert len(found.items) == found.pages == 6
    (told,) = found.rejected
    assert "it is read no further" in told.reason


def test_a_list_that_ignores_the_offset_is_read_no_further_and_says_so(server, make_client):
    server.script(items(*map(holder, range(100))))
    found = holders(make_client())
    assert len(found.items) == 100
    assert len(server.requests) == 2
    (told,) = found.rejected
    assert "may ignore `offset`" in told.reason


def test_where_nothing_can_be_read_the_format_has_changed(server, make_client):
    in_milliseconds = row(5, "a") | {"block_unix_time": 1_700_000_000_000}
    server.script(items(in_milliseconds))
    with pytest.raises(FormatChangedError, match=r"block_unix_time.*format has changed") as caught:
        swaps(make_client())
    assert caught.value.endpoint == "/trader/txs/seek_by_time"
    server.script(items({"holder": "o", "amount": "1"}))
    with pytest.raises(FormatChangedError, match="owner"):
        holders(make_client())
    assert len(server.requests) == 2

    async def listed(client: BirdEyeClient) -> None:
        async with client:
            await client.token_list(TokenListFilters(), limit=5)

    server.script(items({"address": "m", "decimals": "six"}))
    with pytest.raises(FormatChangedError, match="decimals"):
        asyncio.run(listed(make_client()))


def test_a_full_page_of_which_nothing_can_be_read_says_so_too(server, make_client):
    page = [row(5, f"t{n}") | {"block_unix_time": 1_700_000_000_000} for n in range(100)]
    server.script(items(*page, has_next=True))
    with pytest.raises(FormatChangedError, match=r"block_unix_time.*format has changed") as caught:
        swaps(make_client())
    assert caught.value.endpoint == "/trader/txs/seek_by_time"


def test_the_wallet_endpoints_have_a_rate_of_their_own(server, make_client):
    turns: list[str] = []

    class Counted(RateGate):
        async def acquire(self) -> int:
            turns.append("turn")
            return await super().acquire()

    server.respond = lambda asked: items(holder(1)) if "holder" in asked.path else items()
    of_wallets = Counted(SqliteFile(None, durable=False), requests_per_second=1000)

    async def run(client: BirdEyeClient) -> None:
        async with client:
            await client.token_holders("m", top=5)
            assert turns == []
            await client.wallet_transfers("w")

    asyncio.run(run(make_client(wallet_gate=of_wallets)))
    assert turns == ["turn"]


def test_a_redirect_names_the_place_and_the_setting_and_is_not_followed(server, make_client):
    server.script(Answer(301, b"", {"location": "https://elsewhere.example/api"}))
    with pytest.raises(RedirectedError, match=r"elsewhere\.example.*BIRDEYE_BASE_URL"):
        swaps(make_client())
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("suspects", "most"),
    [(frozenset(), UNKNOWN_AT_FIRST), (frozenset({"/defi/v3/token/holder"}), UNKNOWN_OF_SUSPECT)],
)
def test_where_nobody_is_known_from_the_beginning_it_is_the_plan(
    server, make_client, suspects, most
):
    """Sooner where the endpoint knew nobody when it was last asked; one may be unknown for its own sake."""
    server.script(Answer(404, {"success": False, "message": "Not found"}))

    async def run(client: BirdEyeClient) -> None:
        async with client:
            for number in range(most - 1):
                with pytest.raises(NotFoundError):
                    await client.token_holders(f"m{number}", top=5)
            with pytest.raises(PlanError, match=r"/defi/v3/token/holder.*plan"):
                await client.token_holders("m", top=5)

    asyncio.run(run(make_client(suspects=suspects)))


def test_an_endpoint_that_has_answered_is_in_the_plan_whatever_follows(server, make_client):
    def respond(request: Recorded) -> Answer:
        known = request.parameters["address"] == "known"
        return items(holder(1)) if known else Answer(404, {"success": False, "message": "?"})

    server.respond = respond

    async def run(client: BirdEyeClient) -> None:
        async with client:
            await client.token_holders("known", top=5)
            for number in range(2 * UNKNOWN_AT_FIRST):
                with pytest.raises(NotFoundError):
                    await client.token_holders(f"m{number}", top=5)

    asyncio.run(run(make_client()))


def test_a_list_of_ranked_traders_that_refuses_a_hundred_gives_ten(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    def respond(request: Recorded) -> Answer:
        if request.parameters["limit"] != "10":
            return Answer(400, {"success": False, "message": "limit should be in range 1 to 10"})
        return items({"address": "a", "pnl": 1.0}, {"pnl": 2.0})

    server.respond = respond

    async def run() -> RankedList:
        async with make_client() as client:
            return await client.ranked_traders("1W")

    found = asyncio.run(run())
    assert [item["address"] for item in found.items] == ["a"]
    assert len(found.rejected) == 1
    assert [request.parameters["type"] for request in server.requests] == ["1W", "1W"]


def test_an_answer_that_drips_ends_as_one_that_does_not_come(tmp_path):
    """Between two bytes nobody waits longer than the timeout, and yet the answer would take a minute."""
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with SandboxServer(GeneratedMarket(1, now, wallets=30), clock=lambda: now) as service:
        service.faults.add(Fault(FaultKind.DRIP, seconds=0.05, times=None))
        ledger = CreditLedger(
            SqliteFile(tmp_path / "ledger.sqlite", durable=False), month_budget=None
        )
        client = BirdEyeClient(
            base_url=service.base_url,
            api_key=SecretStr("key"),
            gate=RateGate(SqliteFile(None, durable=False), requests_per_second=1000),
            meter=ledger.meter("run", run_budget=None),
            attempts=1,
            timeout=0.3,
        )
        with pytest.raises(ServerError, match=r"was not answered to the end within 0\.9 s"):
            holders(client)
        # The answer had begun: the account has paid for it.
        assert ledger.of_run("run") == {"token_holder": Spend(requests=1, credits=50)}
        ledger.close()
