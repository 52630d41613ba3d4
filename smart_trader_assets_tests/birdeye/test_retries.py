"""Passing trouble is tried again, each attempt is counted, and the server's wishes are honoured."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from smart_trader_assets.birdeye import (
    BudgetSpentError,
    CreditLedger,
    InvalidResponseError,
    RateGate,
    RateLimitedError,
    ServerError,
    Spend,
    requester,
)
from smart_trader_assets.birdeye.client import BirdEyeClient
from smart_trader_assets.birdeye.refusals import retry_after_seconds
from smart_trader_assets.state.database import SqliteFile
from smart_trader_assets_tests.birdeye.conftest import API_KEY, MakeClient
from smart_trader_assets_tests.birdeye.scripted_server import Answer, ScriptedServer, items
from smart_trader_assets_tests.birdeye.swap_service import row


def count_swaps(client: BirdEyeClient) -> int:
    async def run() -> int:
        async with client:
            return len((await client.trader_swaps("w", before=9, floor=None, max_pages=1)).items)

    return asyncio.run(run())


def test_what_comes_after_trouble_is_returned_and_only_it_costs_credits(
    server: ScriptedServer, make_client: MakeClient, ledger: CreditLedger
) -> None:
    server.script(
        Answer(500),
        Answer(429),
        Answer(silent=True),
        Answer(200, b"{"),
        items(row(3, "a")),
    )
    assert count_swaps(make_client(attempts=5, timeout=0.3)) == 1
    # The broken answer came with a 200, for which the server has charged.
    assert ledger.of_run("run") == {"trader_txs": Spend(requests=5, credits=24)}


@pytest.mark.parametrize(
    "broken",
    [
        Answer(200, b"<html>"),
        Answer(cut=True, body="abcd"),
        Answer(200, {"success": False, "message": "Something failed"}),
        Answer(200, {"success": True, "data": {"rows": []}}),
    ],
    ids=["no JSON", "cut", "unsuccessful", "another shape"],
)
def test_an_answer_that_was_charged_and_is_of_no_use_is_booked_and_bought_once_more(
    server: ScriptedServer, make_client: MakeClient, ledger: CreditLedger, broken: Answer
) -> None:
    server.script(broken)
    with pytest.raises(ServerError):
        count_swaps(make_client(attempts=5))
    assert len(server.requests) == 2
    assert ledger.of_run("run") == {"trader_txs": Spend(requests=2, credits=24)}


def test_the_last_attempt_is_the_last(
    server: ScriptedServer, make_client: MakeClient, ledger: CreditLedger
) -> None:
    server.script(Answer(502))
    with pytest.raises(ServerError):
        count_swaps(make_client(attempts=4))
    assert len(server.requests) == 4
    assert ledger.of_run("run") == {"trader_txs": Spend(requests=4, credits=0)}


def test_retry_after_holds_back_everybody_who_uses_the_gate(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    refused_first = [Answer(429, headers={"retry-after": "1"})]
    server.respond = lambda _: refused_first.pop() if refused_first else items()
    gate = RateGate(SqliteFile(None, durable=False), requests_per_second=1000)

    async def run() -> None:
        async with make_client(gate=gate) as client, make_client(gate=gate) as neighbour:
            refused = asyncio.create_task(client.token_holders("A", top=1))
            while refused_first:
                await asyncio.wait([refused], timeout=0.01)
            await asyncio.wait([refused], timeout=0.05)
            await neighbour.token_holders("B", top=1)
            await refused

    asyncio.run(run())
    first, *others = server.requests
    assert sorted(request.parameters["address"] for request in others) == ["A", "B"]
    assert all(request.at - first.at >= 1 for request in others)


def test_a_retry_after_too_long_to_wait_for_ends_the_attempts(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    server.script(Answer(429, headers={"retry-after": "3600"}))
    with pytest.raises(RateLimitedError) as caught:
        count_swaps(make_client())
    assert caught.value.retry_after == 3600
    assert len(server.requests) == 1


def test_retry_after_is_read_as_seconds_or_as_a_date_on_the_servers_clock() -> None:
    now = datetime(2025, 7, 1, 12, tzinfo=UTC)
    date, later = (format_datetime(now + timedelta(seconds=s), usegmt=True) for s in (0, 90))
    assert retry_after_seconds({"retry-after": "7"}) == 7
    assert retry_after_seconds({"retry-after": "1.5"}) == 1.5
    assert retry_after_seconds({"retry-after": later, "date": date}) == 90
    assert retry_after_seconds({"retry-after": date, "date": later}) == 0
    assert retry_after_seconds({"retry-after": "soon"}) is None
    assert retry_after_seconds({}) is None


def test_the_budget_also_stops_attempts_that_cost(
    server: ScriptedServer, make_client: MakeClient, ledger: CreditLedger
) -> None:
    server.script(Answer(200, b"{"))
    with pytest.raises(BudgetSpentError, match="12"):
        count_swaps(make_client(attempts=9, meter=ledger.meter("poor", run_budget=20)))
    assert len(server.requests) == 1


def test_a_broken_body_is_paid_for_and_asked_for_once_more(
    server: ScriptedServer, make_client: MakeClient, ledger: CreditLedger
) -> None:
    server.script(Answer(200, b"{"))
    with pytest.raises(InvalidResponseError):
        count_swaps(make_client(attempts=9))
    assert ledger.of_run("run") == {"trader_txs": Spend(requests=2, credits=24)}


def test_no_more_requests_are_under_way_than_the_concurrency_allows(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    # Nothing is answered, so what has arrived is what is under way.
    server.script(Answer(silent=True))

    async def run() -> None:
        async with make_client(concurrency=3, timeout=0.3, attempts=1) as client:
            waiting = [
                asyncio.create_task(client.token_holders(f"M{number}", top=1))
                for number in range(9)
            ]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            assert len(server.requests) == 3
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(run())


def test_a_cancelled_request_gives_its_credits_back(
    server: ScriptedServer, make_client: MakeClient, ledger: CreditLedger
) -> None:
    server.script(Answer(silent=True))

    async def run() -> None:
        async with make_client() as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.token_holders("M", top=1), timeout=0.1)

    asyncio.run(run())
    assert ledger.of_run("run") == {"token_holder": Spend(requests=1, credits=0)}


def test_only_a_request_that_had_to_connect_first_is_postponed_at_the_gate(
    server: ScriptedServer, make_client: MakeClient
) -> None:
    turns: list[int] = []
    postponed: list[int] = []

    class WatchedGate(RateGate):
        async def acquire(self) -> int:
            turns.append(await super().acquire())
            return turns[-1]

        async def postpone(self, turn: int) -> None:
            postponed.append(turn)
            await super().postpone(turn)

    async def run() -> None:
        async with make_client(
            gate=WatchedGate(SqliteFile(None, durable=False), requests_per_second=100)
        ) as client:
            for mint in "ABC":
                await client.token_holders(mint, top=1)

    asyncio.run(run())
    assert len(turns) == 3
    assert postponed == turns[:1]


def ask(client: BirdEyeClient) -> None:
    async def run() -> None:
        async with client:
            await client.token_holders("MINT", top=1)

    asyncio.run(run())


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.name == requester.WAITING.name]


def test_what_is_waited_for_is_told_with_the_attempt_and_the_end(
    server: ScriptedServer,
    make_client: MakeClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(requester, "PATIENCE_SECONDS", 0.5)
    server.script(Answer(silent=True), items())
    ask(make_client(attempts=3, timeout=2.0))
    waiting, again = told(caplog)
    where = "GET /defi/v3/token/holder for token MINT"
    assert waiting.startswith(
        f"{where} has not been answered for 0.5 s: attempt 1 of 3 is given up at "
    )
    assert again.startswith(f"{where} broke off without an answer")
    assert again.endswith("attempt 2 of 3 follows in 0 s")


def test_why_an_attempt_is_repeated_is_told_without_the_key(
    server: ScriptedServer, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    server.script(Answer(503, {"success": False, "message": f"down {API_KEY}"}), items())
    ask(make_client())
    (line,) = told(caplog)
    assert line.endswith("attempt 2 of 2 follows in 0 s")
    assert API_KEY not in line


def test_who_is_answered_at_once_is_told_nothing(
    server: ScriptedServer, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    server.script(items())
    ask(make_client())
    assert told(caplog) == []
