"""What the command shows: progress, the leaderboard, the queue."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from smart_trader_assets.cli.fitted_table import Column, Line, fitted_table
from smart_trader_assets.delta.contract import OPERATION, VERSION
from smart_trader_assets.drain import DrainReport, Step, Watcher
from smart_trader_assets.ranking import RankingRules
from smart_trader_assets.ranking.backtest import Backtest
from smart_trader_assets.ranking.forward import FEWEST
from smart_trader_assets.report.words import copied_words, hand_words, ranking_words, tier_word
from smart_trader_assets.tables.queue import Queue
from smart_trader_assets.tables.reset import Plan
from smart_trader_assets.text import moment, percent, short, usd

_POLL_SECONDS = 0.5
_TELL_SECONDS = 30

# Below it, whole addresses would leave no room for the columns that a ranking is read for.
_WIDTH_FOR_ADDRESSES = 140

# An address, or one of those that a key is made of.
_ADDRESS = re.compile(r"[0-9A-Za-z]{32,}")

_DID = {
    "tokens_tracked": "tracked",
    "tokens_rejected": "rejected",
    "tokens_fetched": "tokens fetched",
    "tokens_in_trouble": "tokens failing",
    "whales_taken_over": "whales",
    "whales_excluded": "whales excluded",
    "wallets_fetched": "wallets fetched",
    "wallets_in_trouble": "wallets failing",
    "wallets_to_go_on": "wallets to continue",
    "items_rejected": "items that cannot be read",
    "lists_refused": "lists refused",
    "wallets_computed": "wallets computed",
    "wallets_traced": "wallets traced",
    "wallets_shown": "wallets shown",
    "swaps_set_aside": "swaps set aside",
    "smart_traders": "smart traders",
    "wallets_unproven": "unproven",
    "wallets_excluded": "excluded",
    "tiers_changed": "tier changes",
    "rows_inserted": "new rows",
    "rows_updated": "rows changed",
    "rows_deleted": "rows deleted",
}


class ProgressWatcher(Watcher):
    """Shows each asset run as a bar of due rows that shrinks as batches are settled."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("[bold]{task.description:<26}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._stop = threading.Event()
        self._poller: threading.Thread | None = None
        self._task: TaskID | None = None

    def begins(self, asset: str, due: int | None, count: Callable[[], int]) -> None:
        """Show the bar, and check from time to time how many rows are left."""
        if self._console.is_terminal:
            self._progress.start()
            self._task = self._progress.add_task(asset, total=due)
        if due:
            self._stop.clear()
            follow = self._poll if self._console.is_terminal else partial(self._tell, asset)
            self._poller = threading.Thread(target=follow, args=(due, count), daemon=True)
            self._poller.start()

    def _poll(self, due: int, count: Callable[[], int]) -> None:
        while not self._stop.wait(_POLL_SECONDS):
            left = count()
            if self._task is not None:
                self._progress.update(self._task, completed=max(0, due - left))

    def _tell(self, asset: str, due: int, count: Callable[[], int]) -> None:
        """A line from time to time, where no bar can be shown."""
        while not self._stop.wait(_TELL_SECONDS):
            self._console.print(
                f"  {asset:<26} {count():,} of {due:,} rows are still due",
                highlight=False,
                soft_wrap=True,
            )

    def ends(self, step: Step) -> None:
        """Remove the bar and leave a line that says what was done."""
        self.close()
        did = [
            f"{int(step.metrics[f]):,} {label}" for f, label in _DID.items() if step.metrics.get(f)
        ]
        self._console.print(
            f"[green]✓[/] {step.asset:<26} [dim]{step.seconds:5.1f} s[/]  "
            + (", ".join(did) or "nothing new"),
            highlight=False,
            soft_wrap=True,
        )

    def close(self) -> None:
        """Stop checking, remove the bar."""
        self._stop.set()
        if self._poller is not None:
            self._poller.join()
            self._poller = None
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
            self._progress.stop()


def leaderboard(traders: pl.DataFrame, top: int, width: int) -> Table:
    """The best `top` rows of gold/smart_traders, with as many columns as fit into `width`."""
    rows = traders.sort("overall_rank").head(top).to_dicts()
    if width < _WIDTH_FOR_ADDRESSES:
        rows = [{**row, "wallet_address": short(row["wallet_address"])} for row in rows]
    cut = f", {len(rows)} of {traders.height} shown" if len(rows) < traders.height else ""
    return fitted_table(
        f"{ranking_words(traders)}{cut}",
        [Column(name, number=name not in {"wallet", "tier"}) for name in _LEADERBOARD],
        [Line([format_value(row) for format_value in _LEADERBOARD.values()]) for row in rows],
        width=width,
        tells_what_is_left_out=True,
    )


# In order of importance: the last ones are dropped first where there is no room.
_LEADERBOARD: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "#": lambda row: str(row["overall_rank"]),
    "wallet": lambda row: str(row["wallet_address"]),
    "tier": lambda row: " ".join(
        filter(None, (tier_word(row["tier"]), hand_words(row.get("hand_rank"))))
    ),
    "conservative PnL": lambda row: usd(row["conservative_pnl"]),
    "confidence": lambda row: percent(row["skill_confidence"]),
    "a bet, at least": lambda row: percent(row["return_floor"]),
    "copied": copied_words,
    "bets won": lambda row: percent(row["bet_win_rate"]),
    "ROI": lambda row: percent(row["roi"]),
    "realized": lambda row: usd(row["realized_pnl"]),
    "score": lambda row: f"{row['score']:.1f}",
    "coverage": lambda row: percent(row["coverage"]),
    "sells": lambda row: str(row["closing_count"]),
    "tokens": lambda row: str(row["token_count"]),
}


def outcomes_table(backtest: Backtest, width: int) -> Table:
    """What each tier of an earlier ranking earned afterwards."""
    names = ("wallets", "active", "wins", "PnL", "median", "ROI", "in profit")
    return fitted_table(
        f"Ranked as of {backtest.at:%Y-%m-%d}, realized from then to {backtest.until:%Y-%m-%d}",
        [Column("tier"), *(Column(name, number=True) for name in names)],
        [
            Line(
                (
                    row["tier"],
                    str(row["wallets"]),
                    str(row["active"]),
                    percent(row["win_rate"]),
                    usd(row["realized_pnl"]),
                    usd(row["median_pnl"]),
                    percent(row["roi"]),
                    percent(row["profitable"]),
                )
            )
            for row in backtest.tiers.iter_rows(named=True)
        ],
        width=width,
    )


def copied_table(backtest: Backtest, rules: RankingRules, width: int) -> Table:
    """What copying each group of an earlier ranking earned afterwards, late and at cost."""
    numbers = (
        Column("wallets", number=True, spare=True),
        Column("priced wallets", number=True),
        Column("priced bets", number=True),
        Column("of the bets", number=True, spare=True),
        Column("a bet", number=True),
        Column("95 % interval", number=True),
        Column("wallets that earned", number=True, spare=True),
    )
    return fitted_table(
        f"Copied from then on, {rules.copying.copy_delay} s late, at "
        f"{rules.skill.copy_cost_percent:g} % a round trip",
        [Column("whom"), *numbers],
        [
            Line(
                (
                    row["group"],
                    str(row["wallets"]),
                    str(row["priced_wallets"]),
                    f"{row['priced_bets']} of {row['copied_bets']}",
                    percent(row["priced_share"]),
                    percent(row["copied_return"])
                    if row["priced_wallets"] >= FEWEST
                    else f"too few ({percent(row['copied_return'])})",
                    _interval(row["return_from"], row["return_to"]),
                    percent(row["earned"]),
                )
            )
            for row in backtest.copied.iter_rows(named=True)
        ],
        width=width,
    )


def _interval(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return percent(None)
    return f"{percent(low)} to {percent(high)}"


def print_outcome(
    console: Console,
    report: DrainReport,
    traders: pl.DataFrame,
    queue: Queue,
    *,
    root: str,
    top: int,
) -> None:
    """The end of a drain: the ranking, what is failing, what it cost, and where the tables are."""
    console.print()
    if traders.height:
        console.print(leaderboard(traders, top, console.width))
    else:
        console.print("No smart trader yet, and nobody else who is ranked.")
    for trouble in queue.troubles[:10]:
        console.print(
            f"[yellow]![/] {trouble.table} {escape(trouble.entity)}: {trouble.state} after "
            f"{trouble.attempts} attempts: {escape(trouble.last_error)}",
            highlight=False,
            soft_wrap=True,
        )
    if len(queue.troubles) > 10:  # noqa: PLR2004
        console.print(f"[yellow]![/] and {len(queue.troubles) - 10} more: `smart-trader state`")
    for asset, rows in report.stuck.items():
        why = f": {report.waits[asset]}" if asset in report.waits else ""
        console.print(
            f"[yellow]![/] {rows} rows stay due for {asset}{why}", highlight=False, soft_wrap=True
        )
    if report.untold is not None:
        console.print(
            f"[yellow]![/] Nobody was told: {escape(report.untold)}",
            highlight=False,
            soft_wrap=True,
        )
    requests = int(
        sum(v for s in report.steps for f, v in s.metrics.items() if f.startswith("requests "))
    )
    credits_spent = int(
        sum(v for s in report.steps for f, v in s.metrics.items() if f.startswith("credits "))
    )
    console.print(
        f"{_as_of(report, traders)} {requests:,} requests, {credits_spent:,} credits. "
        f"Tables: {escape(root)}",
        highlight=False,
        soft_wrap=True,
    )


def _as_of(report: DrainReport, traders: pl.DataFrame) -> str:
    """The time of the ranking, which is not the run's where the run computed nothing."""
    ranked: Any = traders["as_of"].max()
    if ranked is None:
        return f"As of {report.as_of:%Y-%m-%d %H:%M:%S} UTC."
    ranked_anew = ("wallets_computed", "smart_traders", "wallets_unproven", "wallets_excluded")
    idle = ranked < report.as_of and not any(report.total(counted) for counted in ranked_anew)
    return f"Ranked as of {ranked:%Y-%m-%d %H:%M:%S} UTC{', nothing new since' if idle else ''}."


def queue_tables(queue: Queue, width: int) -> list[Table]:
    """The queue as tables: rows by state, what is due, what is failing."""
    grouped = queue.counts.group_by("table", "column", "state", maintain_order=True).agg(
        pl.col("rows").sum(), pl.col("partition").n_unique().alias("partitions")
    )
    waiting = queue.due.group_by("cursor", "consumer", maintain_order=True).agg(
        pl.col("partition"), pl.col("rows").sum()
    )
    due = [
        Line(
            (
                cursor,
                consumer,
                ", ".join(p or "all" for p in partitions),
                f"{rows:,}",
                f"{queue.oldest[cursor]:%Y-%m-%d %H:%M:%S}",
            )
        )
        for cursor, consumer, partitions, rows in waiting.iter_rows()
    ]
    troubles = [
        Line(
            (
                trouble.table,
                trouble.entity,
                trouble.state,
                str(trouble.attempts),
                moment(trouble.next_attempt_at) if trouble.next_attempt_at else "never",
                trouble.last_error,
            )
        )
        for trouble in queue.troubles
    ]
    tables = [
        fitted_table(
            "Rows by state",
            [*map(Column, ("table", "column", "state")), *_numbers("rows", "partitions")],
            [Line((*map(str, row[:3]), f"{row[3]:,}", str(row[4]))) for row in grouped.iter_rows()],
            width=width,
        ),
        fitted_table(
            "Due now",
            [*map(Column, ("cursor", "asset", "partitions")), *_numbers("rows"), _OLDEST],
            due or [Line(("nothing", "", "", "0", ""))],
            width=width,
        ),
    ]
    if queue.excluded.height:
        why = [Line((t, reason, f"{rows:,}")) for t, reason, rows in queue.excluded.iter_rows()]
        columns = [Column("table"), Column("reason", folds=True), *_numbers("rows")]
        tables.append(fitted_table("Left out", columns, why, width=width))
    if troubles:
        names = ("table", "entity", "state", "attempts", "next attempt", "error")
        folding = [Column(name, folds=name in {"entity", "error"}) for name in names]
        tables.append(fitted_table("Failing", folding, troubles, width=width))
    return tables


_OLDEST = Column("oldest (UTC)", spare=True)


def _numbers(*names: str) -> list[Column]:
    return [Column(name, number=True) for name in names]


def reset_table(plan: Plan, width: int, most: int = 20) -> Table:
    """The rows that a reset means, the first `most` of them; addresses whole where `width` has room."""
    contract = plan.cursor.contract
    names = (*contract.key, plan.cursor.state_column, OPERATION, VERSION)
    rows = [
        Line([_format_cell(value, width) for value in row])
        for row in plan.rows.select(names).head(most).iter_rows()
    ]
    if plan.rows.height > most:
        rows.append(Line([f"and {plan.rows.height - most} more", *([""] * (len(names) - 1))]))
    title = f"{plan.rows.height} rows of {contract.name}"
    return fitted_table(title, [Column(name, folds=True) for name in names], rows, width=width)


def _format_cell(value: object, width: int) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if width < _WIDTH_FOR_ADDRESSES:
        return _ADDRESS.sub(lambda found: short(found[0]), str(value))
    return str(value)
