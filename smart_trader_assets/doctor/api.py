"""The API, asked: is the key accepted, what does the plan include, are the answers what they should be."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from smart_trader_assets.birdeye import (
    PAGE_SIZE,
    AccountReading,
    ApiUnreachableError,
    BirdEyeError,
    CreditsSpentError,
    EntityFetchError,
    FormatChangedError,
    InvalidKeyError,
    MissingKeyError,
    PlanError,
    RedirectedError,
    RejectedItem,
    TokenList,
)
from smart_trader_assets.birdeye.session import BirdEyeAccess, FetchSession
from smart_trader_assets.doctor.findings import Finding, Verdict, broken, ok, warning
from smart_trader_assets.doctor.recorder import AnswerRecorder
from smart_trader_assets.settings import CREDIT_PRICES, Settings
from smart_trader_assets.thresholds import list_filters, token_rules
from smart_trader_assets.transforms.tokens import screen_tokens, snapshot_rows

ASKED: Final = (
    "token_list",
    "gainers_losers",
    "token_holder",
    "trader_txs",
    "wallet_transfers",
    "credits",
)
NEEDED: Final = "trader_txs"
"""Without it there is nothing to rank; what else a plan lacks is done without."""
_FIRST_LIST: Final = "1W"
# An address that BirdEye knows, in case the lists are empty.
_WRAPPED_SOL: Final = "So11111111111111111111111111111111111111112"
# Every endpoint would say the same.
_SAME_EVERYWHERE: Final = (
    InvalidKeyError,
    MissingKeyError,
    CreditsSpentError,
    ApiUnreachableError,
    RedirectedError,
)


def api_cost(prices: Mapping[str, int] = CREDIT_PRICES) -> int:
    """Credits for one request to each endpoint."""
    return sum(prices[endpoint] for endpoint in ASKED)


def api(settings: Settings, record_into: Path | None = None) -> Iterator[Finding]:
    """One request to each endpoint; the answers are kept in the folder `record_into`."""
    recorder = None if record_into is None else AnswerRecorder(record_into, settings)
    access = BirdEyeAccess(settings.but(read_account=False))
    name = f"doctor-{uuid.uuid4().hex[:12]}"
    with access.session(name, trips_breaker=False, on_answer=recorder) as session:
        asks = _Asks(session, settings.prices)
        yield from asks.all_of(settings)
        if asks.account is not None:
            access.take_down(name, asks.account)
    if recorder is not None:
        replay = f"Replay them: `smart-trader run --replay {record_into} --data NEW_DIR`"
        use = replay if recorder.has_swaps else "No swap is among them that could be replayed."
        yield Finding("recorded", Verdict.OK, f"{len(recorder.files)} files in {record_into}", use)


class _Asks:
    """The questions, each about what the answers before it named."""

    def __init__(self, session: FetchSession, prices: Mapping[str, int]) -> None:
        self._session = session
        self._client = session.client
        self._prices = prices
        self._is_over = False
        self.account: AccountReading | None = None

    def all_of(self, settings: Settings) -> Iterator[Finding]:
        """A finding for each endpoint."""
        client = self._client
        listed, finding = self._asked(
            "token_list", lambda: client.token_list(list_filters(settings), limit=PAGE_SIZE)
        )
        yield finding
        if self._is_over:
            return
        lists = settings.candidate_lists or (_FIRST_LIST,)
        ranked, finding = self._asked("gainers_losers", lambda: client.ranked_traders(lists[0]))
        yield finding
        mint = _tracked(listed, settings) or _first(listed, "address") or _WRAPPED_SOL
        held, finding = self._asked("token_holder", lambda: client.token_holders(mint, top=1))
        yield finding
        wallet = _first(ranked, "address") or _first(held, "owner") or mint
        now = int(settings.now().timestamp())
        _, finding = self._asked(
            "trader_txs",
            lambda: client.trader_swaps(wallet, before=now, floor=None, max_pages=1),
        )
        yield finding
        _, finding = self._asked("wallet_transfers", lambda: client.wallet_transfers(wallet))
        yield finding
        account, finding = self._asked("credits", client.account)
        self.account = account
        if account is not None:
            told = f"answers: {account.used:,} credits used, {account.left:,} left"
            finding = ok("api credits", f"{told}{_cycle(account.ends)}")
        elif finding.verdict is Verdict.OK:
            finding = warning(
                "api credits",
                "It answers, but not what is used and left.",
                "The ledger's own count is used; --record keeps the answer for a report.",
            )
        yield finding

    def _asked(
        self, endpoint: str, call: Callable[[], Coroutine[Any, Any, Any]]
    ) -> tuple[Any, Finding]:
        check = f"api {endpoint}"
        try:
            answer = self._session.fetch(call())
        except BirdEyeError as error:  # its message says the remedy
            self._is_over = isinstance(error, _SAME_EVERYWHERE)
            return None, _refused(check, error, is_needed=endpoint == NEEDED)
        rejected: Sequence[RejectedItem] = getattr(answer, "rejected", ())
        if rejected:
            first = rejected[0]
            return answer, warning(
                check,
                f"{len(rejected)} of its items cannot be read, the first ({first.excerpt}): {first.reason}",
                "They are left out. --record keeps the answer for a report.",
            )
        return answer, ok(
            check, f"answers; the plan includes it ({self._prices[endpoint]} credits)"
        )


def _tracked(listed: TokenList | None, settings: Settings) -> str | None:
    """The first listed token that would be tracked: of it a replay asks the holders, too."""
    if listed is None:
        return None
    rows = snapshot_rows(
        listed.items, fetched_at=settings.now(), token_shards=settings.token_shards
    ).frame
    screened = screen_tokens(rows, rules=token_rules(settings))
    taken = screened.filter(pl.col("reject_reason").is_null())["token_address"].to_list()
    return next((one["address"] for one in listed.items if one["address"] in set(taken)), None)


def _refused(check: str, error: BirdEyeError, *, is_needed: bool) -> Finding:
    match error:
        case PlanError() if not is_needed:
            return warning(check, str(error), "Runs do without it.")
        case EntityFetchError() if not isinstance(error, FormatChangedError):
            return warning(check, str(error), "It answers, but not as it should: try again later.")
        case _:
            return broken(check, str(error))


def _first(answer: Any, field: str) -> str | None:
    return answer.items[0].get(field) if answer is not None and answer.items else None


def _cycle(ends: Any) -> str:
    return "" if ends is None else f" until {ends:%Y-%m-%d %H:%M} UTC"


def api_not_asked(prices: Mapping[str, int]) -> Iterator[Finding]:
    """Why the API was not checked."""
    yield ok("api", f"not asked; --api asks each endpoint once, for {api_cost(prices)} credits")
