"""The BirdEye client: token list, holders and swap histories, each by one call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from smart_trader_assets.birdeye.account_reading import AccountReading, account_reading
from smart_trader_assets.birdeye.errors import (
    BadRequestError,
    CallerBugError,
    EntityFetchError,
    NotFoundError,
    PlanError,
    RateLimitedError,
    ServerError,
    ServiceOutageError,
)
from smart_trader_assets.birdeye.ledger import CreditMeter
from smart_trader_assets.birdeye.listings import (
    HolderList,
    RankedList,
    TokenList,
    TokenListFilters,
    TransferList,
    read_list,
)
from smart_trader_assets.birdeye.rate_gate import RateGate
from smart_trader_assets.birdeye.requester import OnAnswer, Parameters, Question, Requester
from smart_trader_assets.birdeye.responses import (
    HolderItem,
    Page,
    RankedTraderItem,
    RawItem,
    RejectedItem,
    TokenItem,
    TransferItem,
    format_changed,
    sift,
    transfers_page,
)
from smart_trader_assets.birdeye.swap_walk import SwapHistory, SwapWalk
from smart_trader_assets.settings import CREDIT_PRICES

PAGE_SIZE = 100

_TOKEN_LIST = ("token_list", "/defi/v3/token/list")
_TOKEN_HOLDER = ("token_holder", "/defi/v3/token/holder")
_TRADER_TXS = ("trader_txs", "/trader/txs/seek_by_time")
_GAINERS_LOSERS = ("gainers_losers", "/trader/gainers-losers")
_TRANSFERS = ("wallet_transfers", "/wallet/v2/transfer")
_CREDITS = ("credits", "/utils/v1/credits")
PATHS = dict([_TOKEN_LIST, _TOKEN_HOLDER, _TRADER_TXS, _GAINERS_LOSERS, _TRANSFERS, _CREDITS])
"""By endpoint, as the ledger names it."""
_SHORT_PAGE = 10
UNKNOWN_AT_FIRST = 10
"""Entities in a row, from the first on, that an endpoint does not know before that is taken for the plan."""
UNKNOWN_OF_SUSPECT = 3
"""The same where the endpoint knew nobody when it was last asked: one may be unknown for its own sake."""


class BirdEyeClient:
    """Reads BirdEye within one rate limit and one budget. An async context manager.

    base_url: where the API is, without a path
    api_key: the account's key; it appears in the request's header and nowhere else
    gate: the rate limit, shared by every process that uses the account
    wallet_gate: that of the wallet endpoints, which holds besides; None for no other
    meter: the budget of this run
    timeout: seconds for connecting, and for each wait for bytes
    attempts: how often a request is sent where the failure may be temporary
    concurrency: requests under way at once; rate x latency is needed to use the whole rate
    backoff_seconds: the first wait between attempts; it doubles, with jitter
    outage_after: this many entities in a row failing by the server's fault, or by its rate limit, are
        an outage
    prices: credits of one request by endpoint (`token_list`, `token_holder`, `trader_txs`)
    page_size: rows per page, 1 to 100
    before_request: called when a request is about to leave; what it raises stops the request and the caller
    on_answer: called with every question and its answer, before it is read
    suspects: paths that knew nobody when they were last asked: there few 404 are taken for the plan

    Every call raises a `StopFetchingError` or an `EntityFetchError`.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: SecretStr,
        gate: RateGate,
        wallet_gate: RateGate | None = None,
        meter: CreditMeter,
        timeout: float = 20.0,
        attempts: int = 5,
        concurrency: int = 16,
        backoff_seconds: float = 1.0,
        outage_after: int = 10,
        prices: Mapping[str, int] = CREDIT_PRICES,
        page_size: int = PAGE_SIZE,
        before_request: Callable[[], None] | None = None,
        on_answer: OnAnswer | None = None,
        suspects: frozenset[str] = frozenset(),
    ) -> None:
        _check_counts(
            attempts=attempts,
            concurrency=concurrency,
            outage_after=outage_after,
            page_size=page_size,
        )
        self._requester = Requester(
            base_url=base_url,
            api_key=api_key,
            gate=gate,
            wallet_gate=wallet_gate,
            meter=meter,
            timeout=timeout,
            attempts=attempts,
            concurrency=concurrency,
            backoff_seconds=backoff_seconds,
            before_request=before_request,
            on_answer=on_answer,
        )
        self._prices = {**CREDIT_PRICES, **prices}
        self._page_size = min(page_size, PAGE_SIZE)
        self._outage_after = outage_after
        self._failed_in_a_row = 0
        self._unknown: Counter[str] = Counter()
        self.answered: set[str] = set()
        """The paths that have answered about anybody."""
        self._suspects = suspects

    async def __aenter__(self) -> Self:
        await self._requester.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._requester.__aexit__(kind, error, trace)

    async def token_list(self, filters: TokenListFilters, *, limit: int) -> TokenList:
        """The `limit` most liquid tokens that pass `filters`."""
        _check_counts(limit=limit)
        return TokenList(
            *await self._list(
                _TOKEN_LIST,
                filters.parameters(),
                "the token list",
                limit=limit,
                key="address",
                model=TokenItem,
            )
        )

    async def token_holders(self, mint: str, *, top: int) -> HolderList:
        """The `top` largest token accounts of `mint`; an owner may have several."""
        _check_counts(top=top)
        return HolderList(
            *await self._list(
                _TOKEN_HOLDER,
                {"address": mint},
                f"token {mint}",
                limit=top,
                key="token_account",
                model=HolderItem,
            )
        )

    async def ranked_traders(self, kind: str) -> RankedList:
        """The first page of the list of traders that gained most over the time `kind`: 100, or the 10 that the
        endpoint gives where it refuses more."""
        sifted = partial(sift, model=RankedTraderItem, redact=self._requester.redact)

        async def page(limit: int) -> Page:
            asked: Parameters = {
                "type": kind,
                "sort_by": "PnL",
                "sort_type": "desc",
                "offset": 0,
                "limit": limit,
            }
            entity = f"the ranked traders of {kind}"
            return await self._requester.page(self._question(_GAINERS_LOSERS, asked, entity))

        with self._watch_for_outage():
            try:
                answer = await page(self._page_size)
            except BadRequestError:
                answer = await page(_SHORT_PAGE)
        kept, refused = sifted(answer.items)
        if answer.items and not kept:
            raise format_changed(
                refused, endpoint=_GAINERS_LOSERS[1], entity=f"the ranked traders of {kind}"
            )
        readable = {id(item) for item in kept}
        places = [place for place, item in enumerate(answer.items, 1) if id(item) in readable]
        return RankedList(kept, places, refused)

    async def wallet_transfers(self, wallet: str) -> TransferList:
        """The newest transfers of `wallet`, in and out, as many as one answer holds."""
        entity = f"wallet {wallet}"
        asked: Parameters = {"wallet": wallet, "limit": self._page_size}
        question = replace(self._question(_TRANSFERS, asked, entity), is_posted=True)
        with self._watch_for_outage():
            page = await self._requester.ask(transfers_page, question)
        self.answered.add(question.path)
        kept, refused = sift(page.items, TransferItem, self._requester.redact)
        if page.items and not kept:
            raise format_changed(refused, endpoint=question.path, entity=entity)
        return TransferList(kept, page.is_last(self._page_size) and not refused, refused)

    async def account(self) -> AccountReading | None:
        """What the account has used and has left; None where the answer does not tell."""
        # Nobody waits for what nobody depends on.
        question = replace(self._question(_CREDITS, {}, "the account"), attempts=1)
        return await self._requester.ask(account_reading, question)

    async def trader_swaps(
        self, wallet: str, *, before: int, floor: int | None, max_pages: int
    ) -> SwapHistory:
        """The swaps of `wallet` before the second `before`, newest first, down to `floor`.

        `before` is exclusive, `floor` inclusive; a floor of None means the wallet's first trade.
        Where `max_pages` ends the walk, `resume_before` of the result is the next call's `before`.
        An error after whole seconds were read does not discard them: it is in `stopped_by`.
        """
        _check_counts(before=before, max_pages=max_pages)

        async def fetch(*, before_time: int, offset: int) -> Page:
            parameters: Parameters = {
                "address": wallet,
                "tx_type": "swap",
                "before_time": before_time,
            }
            return await self._page(_TRADER_TXS, parameters, offset, f"wallet {wallet}")

        walk = SwapWalk(
            fetch,
            page_size=self._page_size,
            before=before,
            floor=floor,
            entity=f"wallet {wallet}",
            endpoint=_TRADER_TXS[1],
            redact=self._requester.redact,
        )
        with self._watch_for_outage():
            return await walk.run(max_pages)

    async def _list(
        self,
        endpoint: tuple[str, str],
        parameters: Parameters,
        entity: str,
        *,
        limit: int,
        key: str,
        model: type[TokenItem | HolderItem],
    ) -> tuple[list[RawItem], int, list[RejectedItem]]:
        """A list that is served by offset: `read_list` of its pages."""

        async def fetch(*, offset: int) -> Page:
            return await self._page(endpoint, parameters, offset, entity)

        with self._watch_for_outage():
            return await read_list(
                fetch,
                partial(sift, model=model, redact=self._requester.redact),
                page_size=self._page_size,
                limit=limit,
                key=key,
                endpoint=endpoint[1],
                entity=entity,
            )

    async def _page(
        self, endpoint: tuple[str, str], parameters: Parameters, offset: int, entity: str
    ) -> Page:
        asked = {**parameters, "offset": offset, "limit": self._page_size}
        page = await self._requester.page(self._question(endpoint, asked, entity))
        self.answered.add(endpoint[1])
        return page

    def _question(self, endpoint: tuple[str, str], parameters: Parameters, entity: str) -> Question:
        name, path = endpoint
        return Question(path, parameters, entity, meter_as=name, credits=self._prices[name])

    def _watch_for_plan(self, error: EntityFetchError) -> None:
        """PlanError where an endpoint has known nobody since the beginning: so some plans refuse it."""
        endpoint = error.endpoint or ""
        if not isinstance(error, NotFoundError) or endpoint in self.answered:
            return
        self._unknown[endpoint] += 1
        most = UNKNOWN_OF_SUSPECT if endpoint in self._suspects else UNKNOWN_AT_FIRST
        if self._unknown[endpoint] >= most:
            raise PlanError(
                f"{endpoint} answered 404 for each of the first tokens or wallets: the plan of the account "
                "seems to lack this endpoint; check the plan.",
                endpoint=endpoint,
                entity=error.entity,
                status=error.status,
            ) from error

    @contextmanager
    def _watch_for_outage(self) -> Iterator[None]:
        """Count entities that failed by the server's fault; one that it answers resets the count."""
        try:
            yield
        except (ServerError, RateLimitedError) as error:
            self._failed_in_a_row += 1
            if self._failed_in_a_row >= self._outage_after:
                raise ServiceOutageError(
                    f"{self._failed_in_a_row} tokens or wallets in a row failed by the server's "
                    f"fault, the last one with: {error} Fetching stops; check BirdEye's status page.",
                    endpoint=error.endpoint,
                    entity=error.entity,
                    status=error.status,
                ) from error
            raise
        except EntityFetchError as error:
            self._failed_in_a_row = 0
            self._watch_for_plan(error)
            raise
        self._failed_in_a_row = 0


def _check_counts(**counts: int) -> None:
    for name, count in counts.items():
        if count < 1:
            raise CallerBugError(f"{name} is {count}, but must be 1 or more.")
