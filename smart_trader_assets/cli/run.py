"""`smart-trader run`: drains the pipeline once."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from smart_trader_assets.automation.forecast import forecast
from smart_trader_assets.automation.home import instance_of
from smart_trader_assets.cli.forecast_lines import first_line
from smart_trader_assets.cli.options import AsOf, Data, Replay, Sandbox, chosen_settings, cli_errors
from smart_trader_assets.cli.terminal import ProgressWatcher, print_outcome
from smart_trader_assets.cli.waiting import waiting_told
from smart_trader_assets.delta.location import place
from smart_trader_assets.drain import Drain
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.report.page_file import page_is_current, page_path, write_page
from smart_trader_assets.settings import Settings
from smart_trader_assets.sources import open_source
from smart_trader_assets.tables.catalog import SMART_TRADERS
from smart_trader_assets.tables.queue import read_queue
from smart_trader_assets.thresholds import cash_mints, due_policy, pnl_assumptions


def run(
    data: Data = None,
    sandbox: Sandbox = False,
    replay: Replay = None,
    as_of: AsOf = None,
    top: Annotated[int, typer.Option(min=1, help="Length of the leaderboard.")] = 20,
) -> None:
    """Drain the pipeline once: take a snapshot, then do whatever is due until nothing is.

    Without an API key it runs against the built-in stand-in. Running it again fetches and computes only
    what is new or due again.
    """
    with cli_errors() as output:
        settings = chosen_settings(data, sandbox=sandbox, replay=replay, as_of=as_of)
        # Where the log is JSON, standard output is the log's.
        console = Console(stderr=True) if settings.log_format == "json" else output
        watcher = ProgressWatcher(console)
        with open_source(settings) as (settings, _, stand_in):
            for remark in stand_in.remarks() if stand_in else ():
                console.print(f"[yellow]![/] {escape(remark)}", soft_wrap=True)
            console.print(_greeting(settings), highlight=False, soft_wrap=True)
            if settings.resolved_source == "live":
                known = forecast(settings, make_lake(settings).store)
                console.print(first_line(known), highlight=False, soft_wrap=True)
            with instance_of(settings) as instance, waiting_told(console):
                try:
                    report = Drain(settings, instance, watcher, writes_page=True).run()
                finally:
                    watcher.close()
        lake = make_lake(settings)
        store = lake.store
        traders = store.scan(SMART_TRADERS).collect()
        queue = read_queue(store, as_of=settings.now(), policy=due_policy(settings))
        print_outcome(console, report, traders, queue, root=place(store.root), top=top)
        page = page_path(settings)
        if not page_is_current(lake, page):
            write_page(
                lake,
                page,
                cash_mints=cash_mints(settings),
                assumptions=pnl_assumptions(settings),
            )
        console.print(f"Report: {escape(str(page.resolve()))}", highlight=False, soft_wrap=True)


def _greeting(settings: Settings) -> str:
    what = {
        "live": f"BirdEye at {settings.birdeye_base_url}",
        "sandbox": f"an invented market (seed {settings.sandbox_seed}) served over loopback",
        "replay": f"the recorded rows of {settings.replay_folder} served over loopback",
    }[settings.resolved_source]
    return f"Source: {what}. As of {settings.now():%Y-%m-%d %H:%M:%S} UTC."
