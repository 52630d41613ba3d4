"""How much of the allowed rate the client uses, and that it never asks for more.

    python -m smart_trader_assets_tests.benchmarks.bench_client [--size small|full]

At 15 and at 50 requests a second, by one process and by two that share the account, against a server
that takes 200 ms for each answer. The server counts: the rate from first to last request, and the most
requests that any second began with.
"""

import asyncio
import multiprocessing
import tempfile
import time
from bisect import bisect_left
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import httpx
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from smart_trader_assets.birdeye import BirdEyeClient, CreditLedger, RateGate
from smart_trader_assets.sandbox.server import LOOPBACK, listen
from smart_trader_assets.state.database import SqliteFile
from smart_trader_assets_tests.benchmarks.lines import Line, Size, command

_RATES: Final = (15, 50)
_LATENCY_SECONDS: Final = 0.2
_CONCURRENCY: Final = 16
_SECONDS: Final[dict[Size, float]] = {"small": 6, "full": 20}


def _serve(told: Connection) -> None:
    """Serves until told to stop, then hands over when each request came."""
    times: list[float] = []

    async def answer(_: Request) -> JSONResponse:
        times.append(time.monotonic())
        await asyncio.sleep(_LATENCY_SECONDS)
        return JSONResponse({"success": True, "data": {"items": []}})

    async def until_told() -> None:
        listener = listen(0)
        application = Starlette(routes=[Route("/{path:path}", answer)])
        server = uvicorn.Server(uvicorn.Config(application, log_config=None, access_log=False))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        told.send(f"http://{LOOPBACK}:{listener.getsockname()[1]}")
        await asyncio.to_thread(told.recv)
        server.should_exit = True
        await serving

    asyncio.run(until_told())
    told.send(times)


def _ask(url: str, folder: Path, rate: int, requests: int) -> None:
    async def all_of_them() -> None:
        meter = CreditLedger(
            SqliteFile(folder / "credits.sqlite", durable=True), month_budget=None
        ).meter("bench", run_budget=None)
        gate = RateGate(SqliteFile(folder / "rate.sqlite", durable=False), requests_per_second=rate)
        async with BirdEyeClient(
            base_url=url,
            api_key=SecretStr("key-of-the-benchmark"),
            gate=gate,
            meter=meter,
            concurrency=_CONCURRENCY,
        ) as client:
            await asyncio.gather(
                *(
                    client.trader_swaps(f"wallet {number}", before=100, floor=None, max_pages=1)
                    for number in range(requests)
                )
            )

    asyncio.run(all_of_them())


def _measure(rate: int, processes: int, seconds: float) -> tuple[float, int]:
    """Requests a second from the first to the last, and the most that any second had."""
    context = multiprocessing.get_context("spawn")
    told, server_told = context.Pipe()
    server = context.Process(target=_serve, args=(server_told,))
    server.start()
    url = told.recv()
    with tempfile.TemporaryDirectory() as folder:
        share = int(rate * seconds / processes)
        askers = [
            context.Process(target=_ask, args=(url, Path(folder), rate, share))
            for _ in range(processes)
        ]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
    told.send("stop")
    times = sorted(told.recv())
    server.join()
    fullest = max(bisect_left(times, start + 1.0) - place for place, start in enumerate(times))
    return (len(times) - 1) / (times[-1] - times[0]), fullest


def _paused(rate: int, seconds: float) -> float:
    """Requests a second of one request after another, with a pause of 1/rate after each."""
    context = multiprocessing.get_context("spawn")
    told, server_told = context.Pipe()
    server = context.Process(target=_serve, args=(server_told,))
    server.start()
    url = told.recv()
    begun = time.monotonic()
    with httpx.Client(base_url=url) as client:
        for _ in range(int(seconds * rate / (1 + _LATENCY_SECONDS * rate))):
            client.get("/")
            time.sleep(1 / rate)
    took = time.monotonic() - begun
    told.send("stop")
    asked = len(told.recv())
    server.join()
    return asked / took


def measure(size: Size) -> Iterator[Line]:
    """A line a rate and number of processes."""
    seconds = _SECONDS[size]
    for rate in _RATES:
        paused = _paused(rate, seconds)
        for processes in (1, 2):
            reached, fullest = _measure(rate, processes, seconds)
            share = 100 * reached / rate
            yield Line(
                f"Client, {rate} requests a second allowed, 200 ms latency, {processes} process(es)",
                f"{reached:.2f} a second = {share:.1f} %, fullest second {fullest}",
                f"95 to 100 %, no second above {rate}",
                95 <= share <= 100 and fullest <= rate,
                "one after another, with a pause after each",
                f"{paused:.2f} a second = {100 * paused / rate:.0f} %",
            )


if __name__ == "__main__":
    command(__doc__, measure)
