"""What fetching will cost, before a credit is spent: this run, a day and a month, by endpoint.

Everything is reckoned from the settings, the ledger and the tables' logs; no request is made.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from smart_trader_assets.assets.economy import HOLDERS_SHARE, for_holders, snapshot_cost
from smart_trader_assets.assets.fetch_plan import (
    DAYS_OF_MONTH,
    Evidence,
    most_followed,
    refreshes_a_day,
)
from smart_trader_assets.birdeye import PAGE_SIZE, Budget
from smart_trader_assets.birdeye.session import BirdEyeAccess
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.settings import PLANS, Settings
from smart_trader_assets.tables.catalog import CANDIDATES, TOKENS, TRACED_WALLETS, TRACKED_WHALES
from smart_trader_assets.tables.cursors import (
    TOKENS_TO_FETCH,
    WALLETS_TO_TRACE,
    WHALES_TO_FETCH,
)
from smart_trader_assets.tables.freshness import snapshot_is_fresh, stale_lists
from smart_trader_assets.tables.root import promised_tables
from smart_trader_assets.thresholds import due_policy


@dataclass(frozen=True, slots=True)
class Cost:
    """Credits at one endpoint: of the next run, of a usual day and of a month, at most."""

    endpoint: str
    run: int
    day: int
    month: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What fetching will cost, and what the plan allows. None: no bound.

    `used` and `left` are of the cycle, which ends at `ends`; `today` is what may be spent on this UTC day, of
    which `spent_today` is; `next_run` is what the next run may spend by all bounds, its own among them.
    `followed` wallets are on the watch list or have a tier, and `kept_fresh` is how
    many the plan keeps as fresh as the settings ask; `first_pages_a_day` is how many new wallets may be
    looked at, `waiting` the rows of wallets that are due.
    """

    plan: str
    a_month: int | None
    used: int
    left: int | None
    ends: datetime
    today: int | None
    spent_today: int
    next_run: int | None
    costs: tuple[Cost, ...]
    followed: int
    kept_fresh: int | None
    first_pages_a_day: int | None
    waiting: int
    advice: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return {**asdict(self), "ends": self.ends.isoformat()}


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What waits in the root, by the tables' logs: whether a snapshot and how many lists are due, rows of
    tokens and of wallets that are, of wallets to trace and of traced ones, whether any wallet is known, and how
    many are followed. Of a root that is yet to be made: everything that comes first.
    """

    snapshot: bool
    lists: int
    tokens: int = 0
    wallets: int = 0
    traced: int = 0
    known_traced: int = 0
    knows_tokens: bool = False
    knows_wallets: bool = False
    followed: int = 0

    @classmethod
    def of(cls, settings: Settings, store: DeltaStore) -> _Waiting:
        """As the root stands."""
        if promised_tables(store) is None:
            return cls(snapshot=True, lists=len(settings.candidate_lists))
        as_of, policy = settings.now(), due_policy(settings)
        tokens, wallets, traced = (
            sum(cursor.due_counts(store, as_of=as_of, policy=policy).values())
            for cursor in (TOKENS_TO_FETCH, WHALES_TO_FETCH, WALLETS_TO_TRACE)
        )
        return cls(
            snapshot=not snapshot_is_fresh(store.scan(TOKENS), settings, as_of),
            lists=len(stale_lists(store.scan(CANDIDATES), settings, as_of)),
            tokens=tokens,
            wallets=wallets,
            traced=traced,
            known_traced=int(store.row_counts(TRACED_WALLETS)["rows"].sum() or 0),
            knows_tokens=bool(store.row_counts(TOKENS)["rows"].sum()),
            knows_wallets=bool(store.row_counts(TRACKED_WHALES)["rows"].sum()),
            followed=len(Evidence.read(store).followed),
        )


def forecast(settings: Settings, store: DeltaStore) -> Forecast:
    """The forecast of the root's next run, as of the settings' clock."""
    page = settings.prices["trader_txs"]
    access = BirdEyeAccess(settings)
    budget, next_run = access.budget(), access.left()
    waiting = _Waiting.of(settings, store)
    followed = waiting.followed
    kept = most_followed(settings, budget.of_cycle)
    daily = _fixed_costs(settings)
    if settings.traces_transfers:
        each = settings.prices["wallet_transfers"]
        daily["wallet_transfers"] = round(
            max(followed, waiting.known_traced) * each / settings.trace_refresh_days
        )
    following = round(
        min(followed, followed if kept is None else kept) * refreshes_a_day(settings) * page
    )
    shares = [budget.of_cycle // DAYS_OF_MONTH if budget.of_cycle is not None else None]
    shares.append(settings.credits_per_day if isinstance(settings.credits_per_day, int) else None)
    a_day = min((share for share in shares if share is not None), default=None)
    spare = None if a_day is None else max(0, a_day - sum(daily.values()) - following)
    run = _next_run(settings, store, waiting, next_run)
    costs = tuple(
        Cost(name, run[name], day, DAYS_OF_MONTH * day)
        for name, day in {
            **daily,
            "token_holder": 0,
            "trader_txs": following + (spare or 0),
        }.items()
    )
    return Forecast(
        plan=settings.plan,
        a_month=budget.of_cycle,
        used=budget.spent,
        left=None if budget.of_cycle is None else max(0, budget.of_cycle - budget.spent),
        ends=budget.cycle.ends,
        today=budget.of_today,
        spent_today=budget.spent_today,
        next_run=next_run,
        costs=costs,
        followed=followed,
        kept_fresh=kept,
        first_pages_a_day=None if spare is None else spare // page,
        waiting=waiting.wallets,
        advice=tuple(_advice(settings, followed, kept, budget)),
    )


def _fixed_costs(settings: Settings) -> dict[str, int]:
    """Credits a day of what is read whatever is known."""
    prices = settings.prices
    a_day = _times_a_day(settings.snapshot_cron)
    snapshots = min(a_day, 24 / settings.snapshot_hours) if settings.snapshot_hours else a_day
    lists = len(settings.candidate_lists)
    reads = min(a_day, 24 / settings.candidate_hours) if settings.candidate_hours else a_day
    return {
        "credits": prices["credits"] * 24 if settings.read_account else 0,
        "token_list": round(snapshot_cost(settings) * snapshots),
        "gainers_losers": round(prices["gainers_losers"] * lists * reads),
    }


def _times_a_day(cron: str) -> float:
    """How often a cron expression comes around, the mean over a month."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    times = dg.TimeWindowPartitionsDefinition(
        start=begin, fmt="%Y-%m-%d %H:%M", cron_schedule=cron, timezone="UTC"
    )
    keys = times.get_partition_keys(current_time=begin + timedelta(days=DAYS_OF_MONTH + 1))
    return len(keys) / DAYS_OF_MONTH


def _next_run(
    settings: Settings, store: DeltaStore, waiting: _Waiting, left: int | None
) -> dict[str, int]:
    prices = settings.prices
    asked = {
        "credits": prices["credits"] if settings.read_account else 0,
        "token_list": snapshot_cost(settings) if waiting.snapshot else 0,
        "gainers_losers": prices["gainers_losers"] * waiting.lists,
    }
    run: dict[str, int] = {}
    rest = left
    for name, cost in asked.items():
        run[name] = cost if rest is None else min(cost, rest)
        rest = None if rest is None else rest - run[name]
    # What a first snapshot and its lists will name is not known yet.
    tokens = waiting.tokens if waiting.knows_tokens else settings.list_tokens
    holders = tokens * prices["token_holder"] * -(-settings.holders_per_token // PAGE_SIZE)
    if waiting.knows_tokens:
        allowed = for_holders(store, settings, rest) if holders else None
        holders = holders if allowed is None else min(holders, allowed.credits)
    elif rest is not None:
        holders = min(holders, int(rest * HOLDERS_SHARE))
    run["token_holder"] = holders
    named = PAGE_SIZE * waiting.lists
    pages = waiting.wallets * settings.swap_pages_per_run + named * settings.swap_pages_first
    swaps = pages * prices["trader_txs"]
    if not waiting.knows_wallets:
        swaps = max(swaps, rest or 0)
    run["trader_txs"] = swaps if rest is None else min(swaps, max(0, rest - run["token_holder"]))
    tracing = waiting.traced * prices["wallet_transfers"]
    spent = sum(run.values())
    run["wallet_transfers"] = tracing if left is None else min(tracing, max(0, left - spent))
    return run


def _advice(settings: Settings, followed: int, kept: int | None, budget: Budget) -> list[str]:
    advice = []
    if kept is not None and followed > kept:
        own = PLANS[settings.plan].credits_per_month
        larger = [name for name, plan in PLANS.items() if plan.credits_per_month > own]
        hours = settings.wallet_refresh_hours * followed / max(1, kept)
        advice.append(
            f"{followed} wallets are followed, and {kept} can be kept fresh: set "
            f"SMART_TRADER_WALLET_REFRESH_HOURS to {hours:.0f}"
            + (f", or take a larger plan ({larger[0]})." if larger else ".")
        )
    page = settings.prices["trader_txs"]
    if budget.of_cycle is not None and budget.of_cycle - budget.spent < page:
        advice.append(
            "The credits of the cycle are spent: the next run fetches nothing before "
            f"{budget.cycle.ends:%Y-%m-%d}."
        )
    elif budget.left is not None and budget.left < page:
        advice.append(
            "The credits of today are spent: the next run fetches nothing before 00:00 UTC. "
            "SMART_TRADER_CREDITS_PER_DAY=none spends those of the whole cycle at once."
        )
    return advice
