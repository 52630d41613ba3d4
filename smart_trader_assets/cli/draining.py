"""What `smart-trader run` does and tells once it has greeted."""

from __future__ import annotations

from dagster import DagsterExecutionInterruptedError
from rich.console import Console
from rich.markup import escape

from smart_trader_assets.automation.forecast import forecast
from smart_trader_assets.automation.home import instance_of
from smart_trader_assets.cli.forecast_lines import first_line
from smart_trader_assets.cli.terminal import ProgressWatcher, print_outcome
from smart_trader_assets.cli.waiting import waiting_told
from smart_trader_assets.delta.location import place
from smart_trader_assets.drain import Drain, DrainReport
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.ranking import members_of, with_hands
from smart_trader_assets.report.page_file import page_is_current, write_page
from smart_trader_assets.report.page_place import page_of
from smart_trader_assets.report.report_data import PageRules
from smart_trader_assets.report.words import with_copied_deciding
from smart_trader_assets.settings import LIVE_URL, Settings
from smart_trader_assets.sources import open_source
from smart_trader_assets.tables.catalog import SMART_TRADERS, WALLET_CLUSTERS
from smart_trader_assets.tables.queue import read_queue
from smart_trader_assets.thresholds import due_policy, ranking_rules


def drain_and_tell(chosen: Settings, console: Console, *, top: int) -> None:
    """Drain the root of the `chosen` settings; print clock, progress, the first `top` of the ranking, the page.

    KeyboardInterrupt where the user stops a run. What the drain raises is the caller's to tell.
    """
    with open_source(chosen) as (settings, _, stand_in):
        for remark in stand_in.remarks() if stand_in else ():
            console.print(f"[yellow]![/] {escape(remark)}", soft_wrap=True)
        now = f"{settings.now():%Y-%m-%d %H:%M:%S}"
        console.print(f"As of {now} UTC.", highlight=False, soft_wrap=True)
        if settings.resolved_source == "live" and settings.birdeye_base_url != LIVE_URL:
            console.print(
                "[yellow]![/] This root counts as live, though BirdEye itself is not asked: for a stand-in, "
                "set SMART_TRADER_SOURCE=sandbox and another root.",
                soft_wrap=True,
            )
        if settings.resolved_source == "live":
            known = forecast(settings, make_lake(settings).store)
            console.print(first_line(known), highlight=False, soft_wrap=True)
        report = _drain(settings, console)
    lake = make_lake(settings)
    store = lake.store
    hands = members_of(store.scan(WALLET_CLUSTERS).collect())
    traders = with_copied_deciding(
        with_hands(store.scan(SMART_TRADERS).collect(), hands), ranking_rules(settings).copying
    )
    queue = read_queue(store, as_of=settings.now(), policy=due_policy(settings))
    print_outcome(console, report, traders, queue, root=place(store.root), top=top)
    page = page_of(lake)
    if not page_is_current(lake, page):
        write_page(
            lake,
            page,
            rules=PageRules.of(settings),
        )
    console.print(f"Report: {escape(page.place)}", highlight=False, soft_wrap=True)


def _drain(settings: Settings, console: Console) -> DrainReport:
    watcher = ProgressWatcher(console)
    with instance_of(settings) as instance, waiting_told(console):
        try:
            return Drain(settings, instance, watcher, writes_page=True).run()
        except DagsterExecutionInterruptedError:  # how a run at work takes a Ctrl-C
            raise KeyboardInterrupt from None
        finally:
            watcher.close()
