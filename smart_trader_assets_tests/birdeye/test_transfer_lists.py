"""The transfers of a wallet: one POST, leniently read."""

import asyncio
from typing import Any

import pytest

from smart_trader_assets.birdeye import (
    FormatChangedError,
    InvalidResponseError,
    ServerError,
    Spend,
    TransferList,
)
from smart_trader_assets_tests.birdeye.conftest import MakeClient
from smart_trader_assets_tests.birdeye.scripted_server import Answer

ITEM = {"unix_time": 1_769_904_000, "token_address": "m", "from_address": "a", "to_address": "b"}


def ask(make_client: MakeClient, **options: Any) -> TransferList:
    async def run() -> TransferList:
        async with make_client(**options) as client:
            return await client.wallet_transfers("WALLET")

    return asyncio.run(run())


def listed(data: Any) -> Answer:
    return Answer(body={"success": True, "data": data})


def test_it_is_posted_and_its_price_is_booked(server, make_client, ledger):
    server.script(listed([ITEM]))
    found = ask(make_client)
    assert (found.items, found.is_whole, found.rejected) == ([ITEM], True, [])
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/wallet/v2/transfer")
    assert (request.parameters, request.body) == ({}, {"wallet": "WALLET", "limit": 100})
    assert ledger.meter("run", run_budget=None).spent == {"wallet_transfers": Spend(1, 10)}


@pytest.mark.parametrize("data", [[ITEM, ITEM], {"items": [ITEM, ITEM]}], ids=["list", "items"])
def test_a_full_answer_is_not_the_whole_history(server, make_client, data):
    server.script(listed(data))
    assert not ask(make_client, page_size=2).is_whole
    assert ask(make_client, page_size=3).is_whole


def test_a_broken_item_is_left_out_and_the_history_not_called_whole(server, make_client):
    server.script(listed([ITEM, ITEM | {"to_address": None}, "transfer"]))
    found = ask(make_client)
    assert (found.items, found.is_whole, len(found.rejected)) == ([ITEM], False, 2)


def test_a_format_that_has_changed_is_told(server, make_client):
    server.script(listed([{"sender": "a"}]))
    with pytest.raises(FormatChangedError, match="/wallet/v2/transfer for wallet WALLET"):
        ask(make_client)
    server.script(listed({"transfers": []}))
    with pytest.raises(InvalidResponseError, match="POST /wallet/v2/transfer for wallet WALLET"):
        ask(make_client)


def test_a_failure_is_tried_again_and_names_the_question(server, make_client):
    server.script(Answer(503, {"success": False, "message": "busy"}))
    with pytest.raises(
        ServerError, match="POST /wallet/v2/transfer for wallet WALLET was answered"
    ):
        ask(make_client)
    assert len(server.requests) == 2
