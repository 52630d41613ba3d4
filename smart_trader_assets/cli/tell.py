"""`smart-trader notify`: messages to where people read, by hand and tried out."""

from __future__ import annotations

import json
import logging
import uuid
from datetime import UTC, datetime
from typing import Annotated

import polars as pl
import typer
from rich.console import Console
from rich.markup import escape

from smart_trader_assets.assets.messages import due_news, outlook_of
from smart_trader_assets.automation.home import instance_of
from smart_trader_assets.cli.options import Data, chosen_settings, cli_errors
from smart_trader_assets.drain import Drain, DrainReport
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.notify import (
    NotificationError,
    Receiver,
    ReceiverError,
    receivers_of,
)
from smart_trader_assets.settings import Settings
from smart_trader_assets.sources import settings_of_root
from smart_trader_assets.tables.ops import STARTED
from smart_trader_assets.text import plural
from smart_trader_assets.thresholds import due_policy


def notify(
    data: Data = None,
    test: Annotated[
        bool, typer.Option("--test", help="Send a message to each receiver, and nothing else.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be told now; send and write nothing."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --dry-run: as JSON.")] = False,
) -> None:
    """Tell what is news: tier changes, signals, trades of ELITE wallets, trouble, a daily digest.

    `smart-trader run` and the sensors do it by themselves where SMART_TRADER_NOTIFY_URLS says where to;
    docs/notifications.md has Telegram, Discord and Slack step by step.
    """
    with cli_errors() as console:
        settings = chosen_settings(data)
        receivers = receivers_of(settings.notify_urls)
        if not receivers:
            raise NotificationError(
                "Nobody is told anything: set SMART_TRADER_NOTIFY_URLS to where messages go, such as "
                "tgram://BOT_TOKEN/CHAT_ID. docs/notifications.md shows how."
            )
        if test:
            _try_out(settings, console, receivers)
            return
        settings = settings_of_root(settings)
        if dry_run:
            _show(settings, console, receivers, as_json=as_json)
            return
        with instance_of(settings) as instance:
            _tell_outcome(console, Drain(settings, instance).tell(), receivers)


def _try_out(settings: Settings, console: Console, receivers: tuple[Receiver, ...]) -> None:
    """Exit code 1 where any of them does not take it."""
    number = uuid.uuid4().hex[:8]
    failed = 0
    for receiver in receivers:
        try:
            receiver.send(
                "A test of smart-trader",
                f"Messages arrive here. Test {number}, {datetime.now(UTC):%d %b %H:%M} UTC",
                timeout=settings.notify_timeout_seconds,
            )
        except ReceiverError as error:
            failed += 1
            console.print(f"[red]✗[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        else:
            console.print(
                f"[green]✓[/] {receiver.name} ({receiver.service}) took test {number}.",
                highlight=False,
                soft_wrap=True,
            )
    if failed:
        raise typer.Exit(1)


def _show(
    settings: Settings, console: Console, receivers: tuple[Receiver, ...], *, as_json: bool
) -> None:
    lake, now = make_lake(settings), settings.now()
    with instance_of(settings) as instance:
        outlook = outlook_of(instance, settings, lake, as_of=now, log=logging.getLogger(__name__))
    columns = ["happened_at", "receiver", "kind", "title", "body"]
    found = outlook.new_rows([receiver.name for receiver in receivers])
    due = due_news(lake.store, now=now, policy=due_policy(settings))
    begins = found.filter(pl.col("kind") == STARTED)["receiver"].to_list()
    rows = pl.concat([due.select(columns), found.filter(pl.col("kind") != STARTED).select(columns)])
    if as_json:
        typer.echo(json.dumps({"begins": begins, "due": rows.to_dicts()}, indent=2, default=str))
        return
    for receiver in begins:
        console.print(f"{receiver} would be told what happens from now on.", highlight=False)
    for row in rows.sort("happened_at").iter_rows(named=True):
        console.print(
            f"[bold]{escape(row['title'])}[/] [dim]{row['happened_at']:%d %b %H:%M}, to {row['receiver']}[/]",
            highlight=False,
            soft_wrap=True,
        )
        console.print(escape(row["body"] or ""), highlight=False, soft_wrap=True)
    console.print(f"{plural(rows.height, 'message')} would be due. Nothing was sent.")


def _tell_outcome(console: Console, report: DrainReport, receivers: tuple[Receiver, ...]) -> None:
    told = {
        "sent": report.total("messages_sent"),
        "held back": report.total("news_held_back"),
        "not taken": report.total("messages_failed"),
    }
    names = ", ".join(receiver.name for receiver in receivers)
    console.print(
        f"{told['sent']} sent to {names}; {told['held back']} held back, {told['not taken']} not taken."
        + (" `smart-trader state` shows why." if told["not taken"] else ""),
        highlight=False,
        soft_wrap=True,
    )
    if told["not taken"]:
        raise typer.Exit(1)
