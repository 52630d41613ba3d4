"""The way to BirdEye for one run: a client made from the settings, driven from synchronous code."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar
from uuid import uuid4

from pydantic import SecretStr

from smart_trader_assets.birdeye import (
    AccountReading,
    ApiUnreachableError,
    BirdEyeClient,
    BlockedError,
    Budget,
    BudgetSpentError,
    CreditLedger,
    CreditMeter,
    EntityFetchError,
    MissingKeyError,
    NotFoundError,
    PlanError,
    RateGate,
    Reconciled,
    RedirectedError,
    ServiceOutageError,
    Spend,
    StateFileError,
    StopFetchingError,
)
from smart_trader_assets.birdeye.circuit_breaker import (
    OpenTimes,
    close_breaker,
    forget_refused,
    note_refused,
    noted_breaker,
    open_breaker,
    read_refused,
    suspects,
)
from smart_trader_assets.birdeye.client import PATHS
from smart_trader_assets.birdeye.errors import without_state_nothing_is_fetched
from smart_trader_assets.birdeye.ledger import LEDGER
from smart_trader_assets.birdeye.rate_gate import RATE, WALLET_RATE
from smart_trader_assets.birdeye.requester import OnAnswer
from smart_trader_assets.delta.stopwatch import Stopwatch
from smart_trader_assets.settings import API_KEY_VARIABLE, LIVE_URL, Settings, SettingsError
from smart_trader_assets.state.database import Database, SqliteFile
from smart_trader_assets.state.errors import StateError
from smart_trader_assets.state.shared_state import SharedState, state_of
from smart_trader_assets.text import content_hash

T = TypeVar("T")
_log = logging.getLogger(__name__)

# The stand-in has no plan to exceed; a rate that is set is kept there too.
_UNTHROTTLED = 1000.0
ACCOUNT_EVERY = timedelta(hours=1)


@dataclass(frozen=True)
class Outcomes(Generic[T]):
    """The results of calls made in parallel, in their order.

    None stands for a call that was given up because of `stopped`, which the caller raises once it has
    handed on what did arrive: what was paid for is not discarded.
    """

    results: list[T | EntityFetchError | None]
    stopped: StopFetchingError | None

    @property
    def is_outage(self) -> bool:
        """Whether the service answered about nobody: many broken entities in a row look like an outage, but
        beside others that were answered."""
        return isinstance(self.stopped, ServiceOutageError) and all(
            result is None or isinstance(result, EntityFetchError) for result in self.results
        )

    def raise_if_stopped(self) -> None:
        """Raise what stopped the calls, if anything did."""
        if self.stopped is not None:
            raise self.stopped


@dataclass(frozen=True)
class FetchSession:
    """An open client and the loop that drives it."""

    client: BirdEyeClient
    meter: CreditMeter
    runner: asyncio.Runner
    state: SharedState
    open_times: OpenTimes
    before: dict[str, Spend]
    """What its run had spent when it was opened."""
    waiting: Stopwatch = field(default_factory=Stopwatch)
    _meters: list[None] = field(default_factory=list)

    def is_unmetered(self) -> bool:
        """Whether nobody has asked so before: who measures first measures from the session's beginning."""
        self._meters.append(None)
        return len(self._meters) == 1

    @property
    def left(self) -> int | None:
        """Credits that may still be spent now; None: any."""
        return self.meter.left

    def affords(self, credits: int) -> bool:
        """Whether so many credits may be spent now."""
        left = self.left
        return left is None or left >= credits

    @property
    def budget(self) -> Budget:
        """How far the account's credits go now."""
        return self.meter.budget

    @contextmanager
    def going_without(self, log: logging.Logger) -> Iterator[None]:
        """What the block fetches may be lacking.

        A spent budget ends it, and so does a plan without its endpoint, which is then left alone for a while.
        Both are logged, and nothing is marked done.
        """
        try:
            yield
        except BudgetSpentError as error:
            log.warning(str(error))
        except PlanError as error:
            with _only_a_hint():
                note_refused(self.state, error, now=self.state.now(), times=self.open_times)
            log.warning(f"Nothing is fetched from there: {error}")

    def fetch(self, call: Coroutine[object, object, T]) -> T:
        """The result of one call."""
        with self.waiting:
            return self.runner.run(call)

    def fetch_all(self, calls: Sequence[Coroutine[object, object, T]]) -> Outcomes[T]:
        """The results of calls made in parallel; an entity's own error is its result.

        An account or service failure gives up what is still under way, at once; a spent budget
        only what was not sent yet. What a walk had read by then is its result.
        """
        with self.waiting:
            return self.runner.run(_side_by_side(calls))


class BirdEyeAccess:
    """Opens sessions by the settings: base URL, key, rate, budgets."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @contextmanager
    def session(
        self,
        budget: str,
        *,
        trips_breaker: bool = True,
        before_request: Callable[[], None] | None = None,
        on_answer: OnAnswer | None = None,
    ) -> Iterator[FetchSession]:
        """A client whose credits count to `budget`; MissingKeyError or SettingsError before any request.

        `before_request` is called when a request is about to leave, and stops the session by raising;
        `on_answer` with every answer.
        Without `trips_breaker` its failures and its success leave the circuit breaker as it is.
        """
        settings = self.settings
        key = self._key()
        state = state_of(settings)
        with without_state_nothing_is_fetched():
            begun_with = noted_breaker(state)
            unanswered = suspects(state)
            throttled = settings.limits("requests_per_second")
            gate = _gate(state, RATE, settings.requests_per_second if throttled else None)
            throttled = settings.limits("wallet_requests_per_minute")
            of_wallets = settings.wallet_requests_per_minute / 60
            wallet_gate = _gate(state, WALLET_RATE, of_wallets if throttled else None)
            ledger = _ledger(settings, state.database(LEDGER, durable=True))
        meter = _meter(ledger, budget, settings)
        client = BirdEyeClient(
            base_url=settings.birdeye_base_url,
            api_key=key,
            gate=gate,
            wallet_gate=wallet_gate,
            meter=meter,
            timeout=settings.request_timeout_seconds,
            attempts=settings.request_attempts,
            concurrency=settings.request_concurrency,
            backoff_seconds=settings.request_backoff_seconds,
            prices=settings.prices,
            before_request=before_request,
            on_answer=on_answer,
            suspects=unanswered,
        )
        before = meter.spent
        try:
            with (
                _breaker_trips(settings) if trips_breaker else nullcontext(),
                asyncio.Runner() as runner,
            ):
                runner.run(client.__aenter__())
                try:
                    times = open_times(settings)
                    session = FetchSession(client, meter, runner, state, times, before)
                    self._read_account(session, ledger)
                    yield session
                finally:
                    runner.run(client.__aexit__(None, None, None))
            if trips_breaker and meter.spent != before:
                with _only_a_hint():
                    close_breaker(state, begun_with)
        finally:
            with _only_a_hint():
                forget_refused(state, client.answered)
            ledger.close()
            wallet_gate.close()
            gate.close()

    def _read_account(self, session: FetchSession, ledger: CreditLedger) -> None:
        """Ask the account what it has used and has left, once a run and at most once an hour; nobody depends on
        the answer."""
        settings = self.settings
        if not (settings.read_account and settings.resolved_source == "live"):
            return
        now, last = settings.now(), ledger.last_asked()
        if last is not None:
            run_id, at = last
            if run_id == session.meter.run_id or timedelta() <= now - at < ACCOUNT_EVERY:
                return
        try:
            reading = session.fetch(session.client.account())
        except (
            EntityFetchError,
            PlanError,
            BlockedError,
            BudgetSpentError,
            ApiUnreachableError,  # what is asked next tries several times, and tells
            RedirectedError,
        ):
            reading = None
        ledger.reconcile(session.meter.run_id, reading, at=now)

    def take_down(self, run_id: str, reading: AccountReading) -> None:
        """Reconcile the ledger with what the account has just said to the run `run_id`."""
        with self._book() as ledger:
            ledger.reconcile(run_id, reading, at=self.settings.now())

    def spent_this_month(self) -> dict[str, Spend]:
        """Requests and credits booked in the account's cycle, by endpoint; empty where none is known."""
        with self._book() as ledger:
            return ledger.by_endpoint(self.settings.now())

    def spent_today(self) -> dict[str, Spend]:
        """Requests and credits booked on the present UTC day, by endpoint."""
        with self._book() as ledger:
            return ledger.of_day(self.settings.now())

    def budget(self) -> Budget:
        """How far the credits go now."""
        with self._book() as ledger:
            return ledger.budget(self.settings.now())

    def left(self, budget: str | None = None) -> int | None:
        """Credits that the run `budget`, or one that is to begin, may still spend now; None: any."""
        with self._book() as ledger:
            return _meter(ledger, budget or str(uuid4()), self.settings).left

    def refuses(self, endpoint: str) -> str | None:
        """Why the plan's endpoint (as the ledger names it) is left alone; None where it is not."""
        state = state_of(self.settings)
        refused = read_refused(state, PATHS[endpoint], now=state.now())
        return None if refused is None else f"Not asked {refused.words}"

    def reconciled(self) -> Reconciled | None:
        """What the account said last of itself."""
        with self._book() as ledger:
            return ledger.last_reading()

    @contextmanager
    def _book(self) -> Iterator[CreditLedger]:
        """The ledger to look into; an empty one where there is none yet, since looking makes no file."""
        with without_state_nothing_is_fetched():
            database = state_of(self.settings).database_if_any(LEDGER)
        ledger = _ledger(self.settings, database)
        try:
            yield ledger
        finally:
            ledger.close()

    def _key(self) -> SecretStr:
        settings = self.settings
        if settings.resolved_source != "live":
            if settings.birdeye_base_url == LIVE_URL:
                raise SettingsError(
                    f"The source is {settings.resolved_source}, but the base URL is BirdEye's own: start the "
                    "stand-in with `smart-trader sandbox` and set SMART_TRADER_BIRDEYE_BASE_URL to its address."
                )
            return settings.birdeye_api_key or SecretStr(settings.resolved_source)
        if settings.birdeye_api_key is None:
            raise MissingKeyError(
                f"No BirdEye key: set {API_KEY_VARIABLE}, or run with --sandbox to try it without one."
            )
        return settings.birdeye_api_key


def _gate(state: SharedState, name: str, requests_per_second: float | None) -> RateGate:
    """The rate limit of that name, shared; None: none that would be felt."""
    if requests_per_second is None:
        return RateGate(SqliteFile(None, durable=False), requests_per_second=_UNTHROTTLED)
    return RateGate(state.database(name, durable=False), requests_per_second=requests_per_second)


def _ledger(settings: Settings, database: Database) -> CreditLedger:
    """The ledger in that database, with the budgets that apply."""
    limits = settings.limits
    month = settings.credits_per_month if limits("credits_per_month") else None
    chosen = "credits_per_month" in settings.model_fields_set
    return CreditLedger(
        database,
        month_budget=month,
        day_budget=settings.credits_per_day if limits("credits_per_day") else None,
        trusts_account=not chosen,
        account=_account(settings),
    )


def _account(settings: Settings) -> str:
    """What tells one account's figures from another's; no key can be made out of it."""
    key = settings.birdeye_api_key
    return content_hash([settings.birdeye_base_url, key.get_secret_value() if key else None])


def _meter(ledger: CreditLedger, budget: str, settings: Settings) -> CreditMeter:
    return ledger.meter(
        budget,
        run_budget=settings.credits_per_run if settings.limits("credits_per_run") else None,
        now=settings.now,
    )


def open_times(settings: Settings) -> OpenTimes:
    """How long each kind of failure keeps the breaker open."""
    return OpenTimes(
        credits=timedelta(hours=settings.park_credits_hours),
        account=timedelta(hours=settings.park_account_hours),
        service=timedelta(minutes=settings.park_service_minutes),
    )


@contextmanager
def _breaker_trips(settings: Settings) -> Iterator[None]:
    """An account or service failure opens the breaker; a session that fetches and ends well closes it."""
    state = state_of(settings)
    try:
        yield
    except StateFileError:
        raise  # the breaker is part of what cannot be used
    except StopFetchingError as error:
        with _only_a_hint():
            if isinstance(error, PlanError):
                note_refused(state, error, now=state.now(), times=open_times(settings))
            open_breaker(state, error, now=state.now(), times=open_times(settings))
        raise


@contextmanager
def _only_a_hint() -> Iterator[None]:
    """What the block notes spares others a request, and nothing depends on it: where it cannot be noted, what
    is under way goes on."""
    try:
        yield
    except (StateError, OSError) as error:
        _log.warning("Not noted for other runs: %s", error)


async def _side_by_side(calls: Sequence[Coroutine[object, object, T]]) -> Outcomes[T]:
    async def outcome(call: Coroutine[object, object, T]) -> T | EntityFetchError:
        try:
            return await call
        except EntityFetchError as error:
            return error

    tasks = [asyncio.ensure_future(outcome(call)) for call in calls]
    if not tasks:
        return Outcomes([], None)
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    # A spent budget refuses requests before they are sent; those under way are paid for and may arrive.
    if not any(isinstance(task.exception(), BudgetSpentError) for task in done):
        for task in pending:
            task.cancel()
    if pending:
        await asyncio.wait(pending)
    stopped: StopFetchingError | None = None
    results: list[T | EntityFetchError | None] = []
    for task in tasks:
        if task.cancelled():
            results.append(None)
            continue
        error = task.exception()
        if error is None:
            results.append(task.result())
        elif isinstance(error, StopFetchingError):
            stopped = stopped or error
            results.append(None)
        else:
            raise error
    if isinstance(stopped, PlanError):
        # An endpoint that knows nobody is the plan's fault, and no wallet's or token's.
        results = [
            None if isinstance(one, NotFoundError) and one.endpoint == stopped.endpoint else one
            for one in results
        ]
    return Outcomes(results, stopped)
