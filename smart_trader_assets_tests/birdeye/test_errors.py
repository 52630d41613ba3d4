"""Every way in which BirdEye refuses is told by its own error, naming what it hit."""

from __future__ import annotations

import asyncio
import pickle
import socket

import pytest
from pydantic import SecretStr

from smart_trader_assets.birdeye import (
    ApiUnreachableError,
    BadRequestError,
    BirdEyeClient,
    BirdEyeError,
    BlockedError,
    BudgetSpentError,
    CallerBugError,
    CreditLedger,
    CreditsSpentError,
    EntityFetchError,
    InvalidKeyError,
    InvalidResponseError,
    MissingKeyError,
    NotFoundError,
    PlanError,
    RateLimitedError,
    ServerError,
    ServiceOutageError,
    StopFetchingError,
    SwapHistory,
)
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets_tests.birdeye.conftest import MakeClient
from smart_trader_assets_tests.birdeye.scripted_server import Answer, ScriptedServer, items
from smart_trader_assets_tests.birdeye.swap_service import SwapService, rows_at

PATH = "/trader/txs/seek_by_time"


def failure(status: int, message: str) -> Answer:
    return Answer(status, {"success": False, "message": message})


async def swaps_of(client: BirdEyeClient, wallet: str = "WALLET") -> SwapHistory:
    return await client.trader_swaps(wallet, before=1000, floor=None, max_pages=5)


def fetch(client: BirdEyeClient) -> SwapHistory:
    async def run() -> SwapHistory:
        async with client:
            return await swaps_of(client)

    return asyncio.run(run())


REFUSALS = [
    (failure(400, "before_time is invalid"), BadRequestError, 1),
    (failure(400, "Compute units usage limit exceeded"), CreditsSpentError, 1),
    (failure(200, "Compute units usage limit exceeded"), CreditsSpentError, 1),
    (failure(401, "Unauthorized"), InvalidKeyError, 1),
    (failure(401, "API key suspended or lacks sufficient permissions"), PlanError, 1),
    (failure(403, "Forbidden"), BlockedError, 1),
    (failure(404, "wallet not found"), NotFoundError, 1),
    (failure(410, "gone"), BadRequestError, 1),
    (failure(422, "send one of before_time and after_time"), CallerBugError, 1),
    (failure(429, "Too many requests"), RateLimitedError, 2),
    (failure(500, "oops"), ServerError, 2),
    (Answer(503, b"<html>Service Unavailable</html>"), ServerError, 2),
    (failure(200, "something went wrong"), ServerError, 2),
    (Answer(200, b'{"success": true, "data": {"ite'), InvalidResponseError, 2),
    (Answer(200, b"[" * 100_000), InvalidResponseError, 2),
    (Answer(200, b"1" * 5000), InvalidResponseError, 2),
    (Answer(200, b"\xff\xfe\xfd"), InvalidResponseError, 2),
    (Answer(200, {"data": {"items": []}}), InvalidResponseError, 2),
    (Answer(200, {"success": True, "data": None}), InvalidResponseError, 2),
    (Answer(200, {"success": True, "data": {"items": None}}), InvalidResponseError, 2),
    (Answer(200, {"success": True, "data": {}}, cut=True), ServerError, 2),
    (Answer(silent=True), ServerError, 2),
]


@pytest.mark.parametrize(("answer", "expected", "requests"), REFUSALS)
def test_each_refusal_is_its_own_error_and_only_passing_trouble_is_tried_again(
    server: ScriptedServer,
    make_client: MakeClient,
    answer: Answer,
    expected: type[BirdEyeError],
    requests: int,
) -> None:
    server.script(answer)
    with pytest.raises(BirdEyeError) as caught:
        fetch(make_client(timeout=0.2))
    assert type(caught.value) is expected
    assert isinstance(caught.value, SmartTraderError)
    assert len(server.requests) == requests
    assert caught.value.endpoint == PATH
    assert caught.value.entity == "wallet WALLET"
    assert PATH in str(caught.value)
    assert "wallet WALLET" in str(caught.value)
    if not (answer.silent or answer.cut):
        assert caught.value.status == answer.status
        assert str(answer.status) in str(caught.value)


def test_errors_part_into_those_that_stop_the_run_and_those_of_one_entity() -> None:
    stopping = {
        MissingKeyError, InvalidKeyError, PlanError, BlockedError, CreditsSpentError,
        BudgetSpentError, ApiUnreachableError, ServiceOutageError,
    }  # fmt: skip
    of_one_entity = {
        NotFoundError, BadRequestError, CallerBugError, RateLimitedError, ServerError,
        InvalidResponseError,
    }  # fmt: skip
    assert all(issubclass(error, StopFetchingError) for error in stopping)
    assert all(issubclass(error, EntityFetchError) for error in of_one_entity)
    assert not any(issubclass(error, StopFetchingError) for error in of_one_entity)


def test_an_error_survives_the_way_between_processes() -> None:
    error = RateLimitedError("slow down", endpoint=PATH, entity="w", status=429, retry_after=7)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(copy), copy.endpoint, copy.status, copy.retry_after) == ("slow down", PATH, 429, 7)


def test_no_connection_stops_the_run_and_names_the_base_url(make_client: MakeClient) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        with pytest.raises(ApiUnreachableError, match=url):
            fetch(make_client(base_url=url))


def test_a_server_without_tls_behind_https_is_unreachable(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    with pytest.raises(ApiUnreachableError):
        fetch(make_client(base_url=server.url.replace("http:", "https:")))


@pytest.mark.parametrize("url", ["", "birdeye.so", "ftp://birdeye.so", "http://", "http://[::"])
def test_a_base_url_that_is_none_is_refused_at_once(make_client: MakeClient, url: str) -> None:
    with pytest.raises(ApiUnreachableError, match="base URL"):
        make_client(base_url=url)


@pytest.mark.parametrize("key", ["", "   ", "\n"])
def test_without_a_key_nothing_starts(make_client: MakeClient, key: str) -> None:
    with pytest.raises(MissingKeyError, match="BIRDEYE_API_KEY"):
        make_client(api_key=SecretStr(key))


@pytest.mark.parametrize("key", ["abc\ndef", "schlüssel", "two words"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(
    make_client: MakeClient, key: str
) -> None:
    with pytest.raises(InvalidKeyError) as caught:
        make_client(api_key=SecretStr(key))
    assert key not in str(caught.value)


def test_entities_failing_in_a_row_are_an_outage(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    server.script(Answer(500))

    async def run() -> list[str]:
        kinds = []
        async with make_client(outage_after=3, attempts=1) as client:
            for wallet in "abcd":
                try:
                    await swaps_of(client, wallet)
                except BirdEyeError as error:
                    kinds.append(type(error).__name__)
        return kinds

    outage = "ServiceOutageError"
    assert asyncio.run(run()) == ["ServerError", "ServerError", outage, outage]


@pytest.mark.parametrize("between", [items(), Answer(404)])
def test_an_entity_that_is_answered_ends_the_row_of_failures(
    server: ScriptedServer, make_client: MakeClient, between: Answer
) -> None:
    answers = [Answer(500), between, Answer(500)]
    server.script(*answers)

    async def run() -> None:
        async with make_client(outage_after=2, attempts=1) as client:
            with pytest.raises(ServerError):
                await swaps_of(client)
            if between.status == 404:
                with pytest.raises(NotFoundError):
                    await swaps_of(client)
            else:
                await swaps_of(client)
            with pytest.raises(ServerError):
                await swaps_of(client)

    asyncio.run(run())


def test_pages_that_were_read_are_kept_when_a_later_page_fails(
    server: ScriptedServer, make_client: MakeClient, ledger: CreditLedger
) -> None:
    server.respond = SwapService(rows_at(range(1, 8)))
    meter = ledger.meter("short", run_budget=24)
    history = fetch(make_client(page_size=3, meter=meter))
    assert [row["block_unix_time"] for row in history.items] == [7, 6, 5, 4]
    assert history.resume_before == 4
    assert not history.complete
    assert isinstance(history.stopped_by, BudgetSpentError)
    with pytest.raises(BudgetSpentError):
        fetch(make_client(page_size=3, meter=meter))
    assert len(server.requests) == 2


@pytest.mark.parametrize("wrong", [{"before": 0}, {"max_pages": 0}])
def test_a_call_that_makes_no_sense_is_not_sent(
    server: ScriptedServer, make_client: MakeClient, wrong: dict[str, int]
) -> None:
    async def run() -> None:
        arguments = {"before": 10, "max_pages": 1} | wrong
        async with make_client() as client:
            await client.trader_swaps("w", floor=None, **arguments)

    with pytest.raises(CallerBugError, match=next(iter(wrong))):
        asyncio.run(run())
    assert server.requests == []
