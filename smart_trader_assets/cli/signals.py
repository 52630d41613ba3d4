"""`smart-trader token`: what the ranked traders buy, sell and hold."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import polars as pl
import typer
from rich.console import Console

from smart_trader_assets import text
from smart_trader_assets.cli.fitted_table import Column, Line, fitted_table
from smart_trader_assets.cli.options import Data, chosen_settings, cli_errors
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.report.exports import json_text
from smart_trader_assets.report.token_view import TokenView, read_signals, token_view
from smart_trader_assets.report.words import tier_word
from smart_trader_assets.sources import settings_of_root
from smart_trader_assets.text import short, short_mint
from smart_trader_assets.thresholds import signal_rules

_MOST_TOKENS = 20
_MOST_ROWS = 25


class Window(StrEnum):
    """A window of gold/token_signals."""

    DAY = "24h"
    WEEK = "7d"


def token(
    mint: Annotated[
        str | None,
        typer.Argument(
            metavar="[MINT]",
            help="Mint, how it begins, or a symbol; without it, what they bought most.",
            show_default=False,
        ),
    ] = None,
    data: Data = None,
    window: Annotated[
        Window | None,
        typer.Option(
            help="Of the list; by default the last day, or the last week where nobody bought that day."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All rows, not the first.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show what the ranked traders buy, sell and hold now; of one token, the trades behind it."""
    with cli_errors() as console:
        settings = settings_of_root(chosen_settings(data))
        store = make_lake(settings).store
        if mint is not None:
            view = token_view(store, mint, rules=signal_rules(settings))
            if as_json:
                typer.echo(json_text(view.as_json()))
                return
            _show_token(console, view, most=None if everything else _MOST_ROWS)
            return
        chosen, signals = window or Window.DAY, read_signals(store, window or Window.DAY)
        if window is None and not signals["traders_bought"].sum():
            chosen, signals = Window.WEEK, read_signals(store, Window.WEEK)
        if as_json:
            typer.echo(json_text({"window": chosen.value, "tokens": signals.to_dicts()}))
            return
        _show_list(console, signals, chosen, most=None if everything else _MOST_TOKENS)


def _show_list(console: Console, signals: pl.DataFrame, window: str, most: int | None) -> None:
    if signals.is_empty():
        console.print(
            "No ranked wallet holds or has traded anything that is known here: `smart-trader run` looks for "
            "some.",
            highlight=False,
            soft_wrap=True,
        )
        return
    traded = signals.filter(
        pl.sum_horizontal("traders_bought", "traders_sold", "unproven_bought", "unproven_sold") > 0
    )
    if traded.is_empty():
        console.print(
            f"No ranked wallet has traded in the {_words(window)} before {_as_of(signals)} UTC; "
            f"{text.plural(signals.height, 'token')} held.",
            highlight=False,
        )
        return
    proven = traded.filter(pl.sum_horizontal("traders_bought", "traders_sold") > 0)
    listed = traded if most is None or proven.is_empty() else proven
    shown = listed.slice(0, most)
    columns = [
        Column("token", shortens=True),
        Column("bought", number=True),
        Column("sold", number=True),
        Column("hold", number=True),
        Column("net flow", number=True),
        Column("they paid", number=True, spare=True),
        Column("now", number=True, spare=True),
        Column("since", number=True),
        Column("unproven bought", number=True, spare=True),
        Column("last trade, UTC", spare=True),
    ]
    lines = [
        Line(
            (
                short_mint(row["token_address"], row["symbol"]),
                _by_tier(row, "bought"),
                _by_tier(row, "sold"),
                _by_tier(row, "holding"),
                text.usd(row["net_flow_usd"]),
                text.price(row["entry_price"]),
                text.price(row["mark_price"]),
                text.percent(row["entry_return"]),
                text.count(row["unproven_bought"]),
                text.moment(row["last_trade_at"]),
            )
        )
        for row in shown.iter_rows(named=True)
    ]
    as_of = _as_of(signals)
    title = (
        f"What the traders of proven tiers bought in the last {_words(window)}, as of {as_of} UTC"
    )
    console.print(
        fitted_table(title, columns, lines, width=console.width, tells_what_is_left_out=True)
    )
    _tell_rest(console, shown, listed)
    if others := traded.height - listed.height:
        console.print(
            f"{text.plural(others, 'token')} more, traded by unproven wallets alone: --all shows all.",
            highlight=False,
        )
    console.print(
        "One vote a trader, and one for all who hang together; the best tier is told in brackets. "
        "`smart-trader token MINT` lists the trades.",
        highlight=False,
        soft_wrap=True,
    )


def _tell_rest(
    console: Console, shown: pl.DataFrame, rows: pl.DataFrame, which: str = "first"
) -> None:
    """That not all `rows` are shown, where it is so."""
    if rows.height > shown.height:
        console.print(f"The {which} {shown.height} of {rows.height:,}: --all shows the others.")


def _as_of(signals: pl.DataFrame) -> str:
    return text.moment(signals["as_of"].max())  # type: ignore[arg-type]


def _tier(row: dict[str, Any]) -> str:
    """A tier, and whose vote the trade belongs to where that is another wallet's."""
    other = row["hand_rank"]
    return tier_word(row["tier"]) + (f", vote of #{other}" if other is not None else "")


def _words(window: str) -> str:
    return {"24h": "24 hours", "7d": "7 days"}[window]


def _by_tier(row: dict[str, Any], deed: str) -> str:
    """`3 (2 ELITE)`: all of the proven tiers, and how many of them are of the best."""
    elite = row[f"elite_{deed}"]
    return f"{row[f'traders_{deed}']}" + (f" ({elite} ELITE)" if elite else "")


def _show_token(console: Console, view: TokenView, most: int | None) -> None:
    name = f"{view.symbol} {view.token_address}" if view.symbol else view.token_address
    # A symbol is anybody's text.
    console.print(name, markup=False, highlight=False, soft_wrap=True)
    columns = [
        Column("window"),
        Column("bought", number=True),
        Column("sold", number=True),
        Column("hold", number=True),
        Column("unproven: bought, sold, hold", number=True, spare=True),
        Column("net flow", number=True),
        Column("they paid", number=True),
        Column("now", number=True),
        Column("since", number=True),
        Column("price of, UTC", spare=True),
        Column("without a price", number=True, spare=True),
    ]
    lines = [
        Line(
            (
                f"last {_words(row['window'])}",
                _by_tier(row, "bought"),
                _by_tier(row, "sold"),
                _by_tier(row, "holding"),
                ", ".join(str(row[f"unproven_{deed}"]) for deed in ("bought", "sold", "holding")),
                text.usd(row["net_flow_usd"]),
                text.price(row["entry_price"]),
                text.price(row["mark_price"]),
                text.percent(row["entry_return"]),
                text.moment(row["marked_at"]),
                text.count(row["unpriced_trades"]),
            )
        )
        for row in view.signals.iter_rows(named=True)
    ]
    as_of = _as_of(view.signals)
    console.print(fitted_table(f"Traders, as of {as_of} UTC", columns, lines, width=console.width))
    _show_trades(console, view.trades, most)
    _show_holders(console, view.holders, most)


def _show_trades(console: Console, trades: pl.DataFrame, most: int | None) -> None:
    if trades.is_empty():
        console.print("No ranked trader has traded it in the last 7 days.")
        return
    shown = trades.slice(0, most)
    columns = [
        Column("when, UTC"),
        Column("trader"),
        Column("rank", number=True),
        Column("tier"),
        Column("did"),
        Column("quantity", number=True, spare=True),
        Column("for", number=True),
        Column("price", number=True),
        Column("transaction", spare=True),
    ]
    lines = [
        Line(
            (
                text.moment(row["traded_at"]),
                short(row["wallet_address"]),
                f"#{row['overall_rank']}",
                _tier(row),
                row["side"],
                text.quantity(row["quantity"]),
                text.usd(row["value_usd"]),
                text.price(row["price"]),
                short(row["tx_hash"]),
            )
        )
        for row in shown.iter_rows(named=True)
    ]
    title = f"Trades of ranked wallets in the last 7 days: {trades.height:,}"
    console.print(fitted_table(title, columns, lines, width=console.width))
    _tell_rest(console, shown, trades, which="newest")


def _show_holders(console: Console, holders: pl.DataFrame, most: int | None) -> None:
    if holders.is_empty():
        console.print("No ranked trader holds it.")
        return
    shown = holders.slice(0, most)
    columns = [
        Column("trader"),
        Column("rank", number=True),
        Column("tier"),
        Column("quantity", number=True, spare=True),
        Column("paid", number=True),
        Column("entry", number=True),
        Column("worth", number=True),
        Column("unrealized", number=True),
        Column("last trade, UTC", spare=True),
    ]
    lines = [
        Line(
            (
                short(row["wallet_address"]),
                f"#{row['overall_rank']}",
                tier_word(row["tier"]),
                text.quantity(row["quantity"]),
                text.usd(row["cost"]),
                text.price(row["entry_price"]),
                text.usd(row["value"]),
                text.usd(row["unrealized_pnl"]),
                text.moment(row["last_trade_at"]),
            )
        )
        for row in shown.iter_rows(named=True)
    ]
    title = f"Ranked wallets that hold it: {holders.height:,}"
    console.print(fitted_table(title, columns, lines, width=console.width))
    _tell_rest(console, shown, holders)
