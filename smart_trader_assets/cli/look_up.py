"""`smart-trader wallet`: any wallet, fetched on demand, down to its verdict and its reasons."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer
from rich.console import Console
from rich.markup import escape

from smart_trader_assets import text
from smart_trader_assets.assets.tracked_whales import looked_at
from smart_trader_assets.automation.home import instance_of
from smart_trader_assets.birdeye import PAGE_SIZE
from smart_trader_assets.birdeye.session import BirdEyeAccess
from smart_trader_assets.cli.addresses import named_addresses
from smart_trader_assets.cli.fitted_table import Column, Line, fitted_table
from smart_trader_assets.cli.options import AsOf, Data, chosen_settings, cli_errors, source_words
from smart_trader_assets.cli.terminal import ProgressWatcher
from smart_trader_assets.cli.waiting import waiting_told
from smart_trader_assets.drain import Drain, DrainReport
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.ranking.late_prices import CopyRules
from smart_trader_assets.report.address_lookup import UnknownAddressError
from smart_trader_assets.report.company import company_words
from smart_trader_assets.report.explanation import ExplainedWallet
from smart_trader_assets.report.explanation import explain as explain_from_tables
from smart_trader_assets.report.exports import json_text
from smart_trader_assets.report.wallet_view import WalletVerdict, read_verdicts
from smart_trader_assets.report.whence import whence_words
from smart_trader_assets.report.words import copied_words, tier_word, with_copied_deciding
from smart_trader_assets.settings import Settings
from smart_trader_assets.sources import open_source, settings_of_root
from smart_trader_assets.tables.catalog import TRACKED_WHALES
from smart_trader_assets.tables.cursors import WHALES_TO_FETCH
from smart_trader_assets.tables.root import read_identity
from smart_trader_assets.thresholds import (
    cash_mints,
    due_policy,
    pnl_assumptions,
    ranking_rules,
)

_ASKS_FROM_PAGES = 50
"""From here on a look-up is only made once its cost is agreed to."""
_NEWEST = 12


class LookUpRefusedError(SmartTraderError):
    """A look-up that was not agreed to, or that the credits do not allow."""


def wallet(
    wallets: Annotated[
        list[str] | None, typer.Argument(metavar="ADDRESS...", show_default=False)
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", help="A file of addresses, one a line; what follows one is a remark."
        ),
    ] = None,
    data: Data = None,
    as_of: AsOf = None,
    pages: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1_000,
            help=f"Pages of {PAGE_SIZE} swaps of a wallet, at most, that this reads further back; "
            "by default swap_pages_per_run.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Agree to what it costs without being asked.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Fetch nothing: what the tables know.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Is this wallet any good? Fetch what is missing of its swaps, compute and rank it, and say why.

    What that costs is told first. A wallet that is asked about is kept like any other one that was found; to
    have it fetched before all others from then on, `smart-trader watch add` it.
    """
    with cli_errors() as console:
        # What goes to standard output as JSON must be the only thing there.
        told = Console(stderr=True) if as_json else console
        settings = _of_root_or_new(chosen_settings(data, as_of=as_of))
        named = named_addresses(told, wallets or (), file)
        if settings.resolved_source != "live":
            told.print(
                f"[yellow]![/] Source: {escape(source_words(settings))}. What is not in it takes "
                "BIRDEYE_API_KEY, and a root of its own.",
                highlight=False,
                soft_wrap=True,
            )
        if not offline:
            with open_source(settings) as (running, _, _):
                _look_up(running, told, named, pages=pages, agreed=yes)
        settings = settings_of_root(settings)
        lake = make_lake(settings)
        verdicts = read_verdicts(lake, named)
        # A table shows no trades.
        laid_open = verdicts[:_NEWEST] if as_json else verdicts[: len(verdicts) == 1]
        explained = {v.wallet: _explained(settings, v) for v in laid_open}
        if as_json:
            rows = [v.as_json() | _trades_json(explained.get(v.wallet)) for v in verdicts]
            typer.echo(json_text({"source": lake.source, "wallets": rows}))
            return
        copying = ranking_rules(settings).copying
        if len(verdicts) > 1:
            _show_table(console, verdicts, copying)
        else:
            _show_one(console, verdicts[0], explained[verdicts[0].wallet], copying)


def _of_root_or_new(settings: Settings) -> Settings:
    """Of the root that is there; a new one is made by the look-up, like by a run."""
    is_new = read_identity(make_lake(settings).unchecked_store) is None
    return settings if is_new else settings_of_root(settings)


def _look_up(
    settings: Settings, console: Console, wallets: Sequence[str], *, pages: int | None, agreed: bool
) -> None:
    """Fetch, compute and rank; what it costs is told first, and asked where it is much."""
    most = pages or settings.swap_pages_per_run
    settings = settings.but(swap_pages_per_run=most, swap_pages_first=most)
    missing = _missing(settings, wallets)
    if missing:
        _tell_cost(settings, console, len(missing), most, agreed=agreed)
    watcher = ProgressWatcher(console)
    with instance_of(settings) as instance, waiting_told(console):
        try:
            report = Drain(settings, instance, watcher).look_up(wallets)
        finally:
            watcher.close()
    _tell_what_was_fetched(console, report)


def _missing(settings: Settings, wallets: Sequence[str]) -> list[str]:
    """Those of whom something is to be fetched: unknown ones, and those that are due."""
    lake = make_lake(settings)
    if read_identity(lake.unchecked_store) is None:
        return list(wallets)
    rows = lake.store.scan(TRACKED_WHALES).filter(pl.col("wallet_address").is_in(list(wallets)))
    due = WHALES_TO_FETCH.due_rows(
        rows, shards=None, as_of=settings.now(), policy=due_policy(settings)
    )
    known = looked_at(lake.store, wallets)
    waiting = set(due.select("wallet_address").collect()["wallet_address"])
    return [wallet for wallet in wallets if wallet not in known or wallet in waiting]


def _tell_cost(
    settings: Settings, console: Console, wallets: int, pages: int, *, agreed: bool
) -> None:
    most = wallets * pages
    credits = most * settings.prices["trader_txs"]
    left = BirdEyeAccess(settings).left("look-up")
    of_left = "" if left is None else f" of {left:,} that may be spent now"
    console.print(
        f"To fetch: {text.plural(wallets, 'wallet')}, at most {text.plural(most, 'page')}, "
        f"{credits:,} credits{of_left}.",
        highlight=False,
        soft_wrap=True,
    )
    if left is not None and left < settings.prices["trader_txs"]:
        raise LookUpRefusedError(
            "No credits are left to spend now: `smart-trader forecast` says when there are. With --offline it "
            "tells what the tables know."
        )
    if most < _ASKS_FROM_PAGES or agreed:
        return
    if not sys.stdin.isatty():
        raise LookUpRefusedError(
            f"That is more than {_ASKS_FROM_PAGES} pages: agree to it with --yes, or read less with --pages."
        )
    if not typer.confirm("Go on?", err=True):
        raise LookUpRefusedError("Nothing was fetched.")


def _tell_what_was_fetched(console: Console, report: DrainReport) -> None:
    fetched = report.total("wallets_fetched")
    requests = sum(
        value
        for step in report.steps
        for name, value in step.metrics.items()
        if name.startswith("requests_")
    )
    if fetched or requests:
        console.print(
            f"Fetched {text.plural(fetched, 'wallet')} with {text.plural(int(requests), 'request')}.",
            highlight=False,
        )
    for why in report.waits.values():
        console.print(f"[yellow]![/] Not all was fetched: {escape(why)}", soft_wrap=True)


def _explained(settings: Settings, verdict: WalletVerdict) -> ExplainedWallet | None:
    """Its trades; None where there is no swap of it."""
    rules = ranking_rules(settings)
    try:
        return explain_from_tables(
            make_lake(settings),
            verdict.wallet,
            as_of=settings.now(),
            cash_mints=cash_mints(settings),
            assumptions=pnl_assumptions(settings),
            bet_rules=rules.bets,
            list_window=rules.list_window,
        )
    except UnknownAddressError:
        return None


def _newest_trades(explained: ExplainedWallet | None) -> pl.DataFrame:
    if explained is None:
        return pl.DataFrame()
    newest = explained.explanation.trades.sort("time", "tx_hash", descending=[True, False])
    return newest.head(_NEWEST)


def _trades_json(explained: ExplainedWallet | None) -> dict[str, Any]:
    return {"latest_trades": _newest_trades(explained).to_dicts()}


def _show_table(console: Console, verdicts: Sequence[WalletVerdict], rules: CopyRules) -> None:
    columns = [
        Column("wallet"),
        Column("verdict", shortens=True),
        Column("rank", number=True),
        Column("confidence", number=True),
        Column("copied", number=True, spare=True),
        Column("conservative PnL", number=True),
        Column("ROI", number=True, spare=True),
        Column("sells won", number=True, spare=True),
        Column("trades", number=True, spare=True),
        Column("history", spare=True),
    ]
    lines = [
        Line(
            (
                text.short(v.wallet),
                _short_verdict(v),
                f"#{v.standing.overall_rank}" if v.standing.overall_rank else text.UNKNOWN,
                text.percent(v.standing.skill_confidence),
                _copied(v, rules),
                text.usd(v.whole.get("conservative_pnl")),
                text.percent(v.whole.get("roi")),
                text.percent(v.whole.get("win_rate")),
                text.count(v.whole.get("trade_count")),
                _history_words(v),
            )
        )
        for v in verdicts
    ]
    console.print(
        fitted_table(
            text.plural(len(verdicts), "wallet"),
            columns,
            lines,
            width=console.width,
            tells_what_is_left_out=True,
        )
    )
    console.print("`smart-trader wallet ADDRESS` tells the reasons.", highlight=False)


def _short_verdict(verdict: WalletVerdict) -> str:
    match verdict.standing.status:
        case "ranked":
            return tier_word(str(verdict.standing.tier))
        case "kept_out":
            return str(verdict.standing.wallet_class)
        case "excluded":
            return " ".join(verdict.standing.reasons)
        case "not_ranked":
            return verdict.headline.removeprefix("Not ranked: ")


def _copied(verdict: WalletVerdict, rules: CopyRules) -> str:
    rows = verdict.copies.filter(pl.col("delay_seconds") == rules.copy_delay)
    if rows.is_empty():
        return text.UNKNOWN
    told = rows.select("copied_return", copied_priced_share="priced_share")
    return copied_words(with_copied_deciding(told, rules).row(0, named=True))


def _history_words(verdict: WalletVerdict) -> str:
    history = verdict.history
    if not history.swaps:
        return text.UNKNOWN
    known = text.plural(history.swaps, "swap")
    return f"{known}, whole" if history.complete else f"{known}, in part"


def _show_one(
    console: Console,
    verdict: WalletVerdict,
    explained: ExplainedWallet | None,
    rules: CopyRules,
) -> None:
    console.print(verdict.wallet, highlight=False, soft_wrap=True)
    console.print(f"[bold]{escape(verdict.headline)}[/]", highlight=False, soft_wrap=True)
    for reason in verdict.standing.reasons:
        # A reason may name a token, whose symbol is anybody's text.
        console.print(f"  {reason}", markup=False, highlight=False, soft_wrap=True)
    symbols = explained.symbols if explained else {}
    for line in _remarks(verdict, symbols, rules):
        console.print(line, highlight=False, soft_wrap=True)
    if not verdict.whole:
        return
    console.print()
    console.print(_windows_table(verdict, console.width))
    if verdict.positions.height:
        console.print(_positions_table(verdict, symbols, console.width))
    else:
        console.print("It holds nothing whose cost is known.")
    trades = _newest_trades(explained)
    if trades.height:
        console.print(_trades_table(trades, symbols, console.width))
    console.print(
        f"Every trade and lot: smart-trader explain {verdict.wallet}",
        highlight=False,
        soft_wrap=True,
    )


def _remarks(verdict: WalletVerdict, symbols: Mapping[str, str], rules: CopyRules) -> list[str]:
    """What copying it would have brought, and how much of it is known."""
    lines = []
    if (copied := _copied(verdict, rules)) != text.UNKNOWN:
        lines.append(f"Copied {rules.copy_delay} s later, at cost, a bet: {copied}.")
    lines += company_words(verdict.pairs, verdict.wallet)
    lines += whence_words(verdict.received, verdict.wallet, symbols)
    history = verdict.history
    if history.goes_on_before is not None:
        lines.append(
            f"Its swaps are known back to {text.moment(history.goes_on_before)} UTC "
            f"({history.swaps:,} of them) and go on before that: the same command reads further, --pages says "
            "how far."
        )
    elif history.swaps:
        known = "its whole history" if history.complete else "not back to its first one"
        lines.append(f"{text.plural(history.swaps, 'swap')}, {known}.")
    if history.last_error is not None:
        again = (
            f"it is tried again from {text.moment(history.next_attempt_at)} UTC on"
            if history.next_attempt_at is not None
            else f"`smart-trader reset {TRACKED_WHALES.name} --wallet {verdict.wallet} --yes` lets it be "
            "tried again"
        )
        lines.append(f"The last fetch failed: {escape(history.last_error)}; {again}.")
    if history.fetched_at is not None:
        lines.append(f"Fetched {text.moment(history.fetched_at)} UTC.")
    return lines


def _windows_table(verdict: WalletVerdict, width: int) -> Any:
    columns = [
        Column("window"),
        Column("conservative PnL", number=True),
        Column("realized", number=True),
        Column("ROI", number=True),
        Column("sells won", number=True),
        Column("closed", number=True, spare=True),
        Column("trades", number=True),
        Column("coverage", number=True),
        Column("held", number=True, spare=True),
    ]
    lines = [
        Line(
            (
                "whole history" if row["window"] == "all" else row["window"],
                text.usd(row["conservative_pnl"]),
                text.usd(row["realized_pnl"]),
                text.percent(row["roi"]),
                text.percent(row["win_rate"]),
                text.count(row["closing_count"]),
                text.count(row["trade_count"]),
                text.percent(row["coverage"]),
                text.duration(row["avg_holding_hours"]),
            )
        )
        for row in verdict.windows.iter_rows(named=True)
    ]
    return fitted_table("By window", columns, lines, width=width)


def _positions_table(verdict: WalletVerdict, symbols: dict[str, str], width: int) -> Any:
    columns = [
        Column("token", shortens=True),
        Column("quantity", number=True, spare=True),
        Column("paid", number=True),
        Column("worth", number=True),
        Column("faded value", number=True),
        Column("unrealized", number=True, spare=True),
        Column("price of, UTC", spare=True),
        Column("last trade, UTC", spare=True),
    ]
    lines = [
        Line(
            (
                text.short_mint(row["token_address"], symbols.get(row["token_address"])),
                text.quantity(row["open_quantity"]),
                text.usd(row["open_cost"]),
                text.usd(row["open_value"]),
                text.usd(row["conservative_value"]),
                text.usd(row["unrealized_pnl"]),
                text.moment(row["marked_at"]),
                text.moment(row["last_transaction"]),
            )
        )
        for row in verdict.positions.head(_NEWEST).iter_rows(named=True)
    ]
    title = f"Holds {text.plural(verdict.positions.height, 'token')}, the dearest first"
    return fitted_table(title, columns, lines, width=width)


def _trades_table(trades: pl.DataFrame, symbols: dict[str, str], width: int) -> Any:
    columns = [
        Column("when, UTC"),
        Column("did"),
        Column("token", shortens=True),
        Column("quantity", number=True, spare=True),
        Column("for", number=True),
        Column("transaction", spare=True),
    ]
    lines = [
        Line(
            (
                text.moment(row["time"]),
                {"buy": "bought", "sell": "sold"}.get(row["side"], row["side"]),
                text.short_mint(row["token_address"], symbols.get(row["token_address"])),
                text.quantity(row["quantity"]),
                text.usd(row["value"]) if row["valuation"] == "cash" else "tokens",
                text.short(row["tx_hash"]),
            )
        )
        for row in trades.iter_rows(named=True)
    ]
    return fitted_table("Latest buys and sells", columns, lines, width=width)
