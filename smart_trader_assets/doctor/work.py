"""The state of the work: failing rows, paused fetching, spent budgets."""

from __future__ import annotations

from collections.abc import Iterator

from smart_trader_assets.birdeye.circuit_breaker import current_breaker
from smart_trader_assets.birdeye.session import BirdEyeAccess
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.doctor.findings import Finding, ok, warning
from smart_trader_assets.settings import Settings
from smart_trader_assets.state.shared_state import state_of
from smart_trader_assets.tables.queue import Trouble, read_queue
from smart_trader_assets.tables.root import read_identity
from smart_trader_assets.text import plural
from smart_trader_assets.thresholds import due_policy

_NEARLY_SPENT = 0.9


def queue(settings: Settings, store: DeltaStore) -> Iterator[Finding]:
    """Rows whose work failed for good, and those that wait for another attempt."""
    if read_identity(store) is None:
        return
    seen = read_queue(store, as_of=settings.now(), policy=due_policy(settings))
    failed: dict[str, list[Trouble]] = {}
    for trouble in seen.troubles:
        if trouble.next_attempt_at is None:
            failed.setdefault(trouble.table, []).append(trouble)
    for table, troubles in failed.items():
        yield warning(
            "queue",
            f"{len(troubles)} rows of {table} failed too often, the first with: {troubles[0].last_error}",
            f"`smart-trader state` lists them; `smart-trader reset {table} --failed` tries them again.",
        )
    for asset, items in seen.rejected.items():
        yield warning(
            "answers",
            f"{asset} left out {plural(items, 'item')} of this week's answers that could not be read",
            "The runs' logs quote them; `smart-trader doctor --record DIR` keeps answers for a report.",
        )
    waiting = len(seen.troubles) - sum(map(len, failed.values()))
    yield ok(
        "queue", f"{int(seen.due['rows'].sum() or 0):,} rows are due, {waiting} are tried again"
    )


def budgets(settings: Settings) -> Iterator[Finding]:
    """What the cycle has cost, by the ledger and by the account's own word, and whether fetching is paused."""
    access = BirdEyeAccess(settings)
    now = access.budget()
    spent, most = now.spent, now.of_cycle
    spending = f"{spent:,} credits this month" + (f" of {most:,}" if most is not None else "")
    if now.of_today is not None:
        spending += f"; {now.spent_today:,} today of {now.of_today:,}"
    told = access.reconciled()
    if told and told.difference:
        yield warning(
            "account",
            f"BirdEye said at {told.at:%Y-%m-%d %H:%M} UTC that {told.account.used:,} credits are used, "
            f"{told.difference:+,} against the ledger",
            "Something else uses the account, or a price has changed: SMART_TRADER_CREDIT_PRICES sets it.",
        )
    if most is not None and spent >= _NEARLY_SPENT * most:
        yield warning(
            "credits", spending, "Raise SMART_TRADER_CREDITS_PER_MONTH, or wait for the next month."
        )
    else:
        yield ok("credits", spending)
    if breaker := current_breaker(state_of(settings)):
        yield warning(
            "fetching",
            f"Paused {breaker.words}",
            "Fix the cause; a fetch that succeeds, for example `smart-trader run`, ends the pause at once.",
        )
