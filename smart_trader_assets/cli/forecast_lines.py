"""A forecast for people: what may be spent, what it goes into, and what that keeps fresh."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from smart_trader_assets.automation.forecast import Forecast
from smart_trader_assets.cli.fitted_table import Column, Line, fitted_table

_NAMES = {
    "credits": "the account's own figures",
    "token_list": "the list of tokens",
    "gainers_losers": "lists of ranked traders",
    "token_holder": "holders of tokens",
    "trader_txs": "swaps of wallets",
    "wallet_transfers": "transfers of ranked wallets",
}


def first_line(known: Forecast) -> str:
    """What a run may spend: the first line of one."""
    run = sum(cost.run for cost in known.costs)
    this_run = f"This run: at most {run:,}."
    today = None if known.today is None else max(0, known.today - known.spent_today)
    if known.left is None:
        if today is None:
            return f"Credits are not limited. {this_run}"
        return f"{today:,} credits may be spent today. {this_run}"
    of_them = "" if today is None else f", {min(today, known.left):,} of them today"
    return (
        f"{known.left:,} credits are left of {known.a_month:,} until {known.ends:%Y-%m-%d}{of_them}. "
        f"{this_run}"
    )


def forecast_lines(known: Forecast) -> Iterator[str]:
    """In sentences."""
    yield f"Plan {known.plan}. {first_line(known)}"
    if known.kept_fresh is not None:
        yield (
            f"{known.kept_fresh:,} wallets can be kept fresh, {known.followed:,} are followed now; "
            f"{known.first_pages_a_day:,} pages a day are left for others. {known.waiting:,} rows are due."
        )


def costs_table(known: Forecast, width: int) -> Table:
    """Credits by endpoint."""
    lines = [
        Line((_NAMES[cost.endpoint], f"{cost.run:,}", f"{cost.day:,}", f"{cost.month:,}"))
        for cost in known.costs
    ]
    total = [sum(getattr(cost, name) for cost in known.costs) for name in ("run", "day", "month")]
    lines.append(Line(("together", *(f"{figure:,}" for figure in total))))
    columns = [
        Column("credits for"),
        *(Column(name, number=True) for name in ("this run", "a day", "a month")),
    ]
    return fitted_table("At most", columns, lines, width=width)
