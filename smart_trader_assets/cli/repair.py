"""The subcommands that repair: rows put back to their first state, tables brought up to date."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Annotated

import dagster as dg
import typer
from rich.markup import escape

from smart_trader_assets.assets.economy import holder_costs
from smart_trader_assets.automation.home import CONFIGURATION, home_of, make_home
from smart_trader_assets.automation.live_runs import why_not_now
from smart_trader_assets.cli.options import Data, chosen_settings, cli_errors
from smart_trader_assets.cli.terminal import reset_table
from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.errors import UpgradeError
from smart_trader_assets.drain import alone_on_root
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.settings import Settings
from smart_trader_assets.sources import settings_of_root
from smart_trader_assets.tables.catalog import TRACKED_TOKENS, TRACKED_WHALES
from smart_trader_assets.tables.layouts import carry_out_root_upgrade, plan_root_upgrade
from smart_trader_assets.tables.reset import Choice, Plan, ResetError, carry_out, plan_reset
from smart_trader_assets.text import plural

Yes = Annotated[
    bool,
    typer.Option(
        "--yes", help="Do it; without this option the command only shows what it would do."
    ),
]


def reset(
    table: Annotated[
        str, typer.Argument(help="Table whose rows to reset, for example silver/tracked_tokens.")
    ],
    data: Data = None,
    token: Annotated[list[str] | None, typer.Option(help="Mint; can be repeated.")] = None,
    wallet: Annotated[
        list[str] | None, typer.Option(help="Wallet; its rows move together.")
    ] = None,
    shard: Annotated[list[str] | None, typer.Option(help="Shard, for example 03.")] = None,
    day: Annotated[list[datetime] | None, typer.Option(formats=["%Y-%m-%d"], help="Day.")] = None,
    state: Annotated[list[str] | None, typer.Option(help="State that the rows are in now.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All failing rows.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="All rows of the table.")] = False,
    refetch: Annotated[
        bool,
        typer.Option(
            "--refetch", help="Also forget the wallets' histories, so that they are fetched again."
        ),
    ] = False,
    yes: Yes = False,
) -> None:
    """Put chosen rows back to their first state, so that they are done again.

    Shows the rows and what will happen to them; does it with --yes. The reset shows in the rows' audit trail.
    """
    choice = Choice(
        table=table,
        tokens=tuple(token or ()),
        wallets=tuple(wallet or ()),
        shards=tuple(shard or ()),
        days=tuple(moment.date() for moment in day or ()),
        states=tuple(state or ()),
        failed=failed,
        refetch=refetch,
    )
    if not (choice.is_narrowed or everything):
        raise typer.BadParameter(
            "choose rows with --token, --wallet, --shard, --day, --state or --failed, or all of them with --all"
        )
    with cli_errors() as console:
        settings = settings_of_root(chosen_settings(data))
        store = make_lake(settings).store
        plan = plan_reset(store, choice)
        console.print(reset_table(plan, console.width))
        console.print(plan.consequence)
        for line in _cost_words(plan, settings):
            console.print(line, highlight=False, soft_wrap=True)
        if not yes:
            console.print("Nothing was changed: add --yes to do it.")
            return
        stamp = CommitInfo(f"reset-{uuid.uuid4()}", "reset")
        # What a run takes over from another row of a wallet would undo it.
        with _alone(settings) if refetch else nullcontext():
            done = carry_out(store, plan_reset(store, choice) if refetch else plan, stamp)
        console.print(f"{done} rows are back in their first state.")


def _cost_words(plan: Plan, settings: Settings) -> Iterator[str]:
    """What BirdEye takes for fetching the rows' entities again; nothing where it is not asked."""
    if settings.resolved_source != "live":
        return
    if plan.cursor.contract is TRACKED_TOKENS:
        cost = int(holder_costs(plan.rows, settings).sum())
        yield f"Fetching their holders again costs at most {cost:,} credits."
    elif plan.cursor.contract is TRACKED_WHALES:
        wallets = plan.rows["wallet_address"].n_unique()
        cost = wallets * settings.prices["trader_txs"]
        pages = (
            "all of its pages" if plan.choice.refetch else "further pages where it has traded much"
        )
        yield (
            f"Fetching the swaps of {plural(wallets, 'wallet')} again costs {cost:,} credits for a page of "
            f"each, and {pages}."
        )


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    with alone_on_root(settings), nobody_at_work(settings, ResetError, "reset"):
        yield


def upgrade(data: Data = None, yes: Yes = False) -> None:
    """Bring a root along that an earlier version has made: its rows, their identity, new columns.

    Shows what would be done; does it with --yes, and goes on where it was interrupted. No request is made.
    Switch the automation off before, and let its runs end. A table that differs in anything else is refused.
    """
    with cli_errors() as console:
        settings = chosen_settings(data)
        store = make_lake(settings).unchecked_store
        plan = plan_root_upgrade(store)
        for line in plan.lines():
            console.print(line, highlight=False, soft_wrap=True, markup=False)
        if not plan.is_needed:
            console.print("The root is up to date.")
            return
        if not yes:
            console.print("Nothing was changed: add --yes to do it.")
            return
        stamp = CommitInfo(f"upgrade-{uuid.uuid4()}", "upgrade")
        with (
            alone_on_root(settings),
            nobody_at_work(settings, UpgradeError, "upgrade"),
            console.status("Upgrading") as status,
        ):
            plan = plan_root_upgrade(store)  # as it stands now that nobody else is at work
            carry_out_root_upgrade(
                store, plan, stamp, lambda what: status.update(f"Upgrading {escape(what)}")
            )
        console.print(
            "The root is up to date. New columns are empty in rows until they are written again."
        )


@contextmanager
def nobody_at_work(settings: Settings, error: type[SmartTraderError], doing: str) -> Iterator[None]:
    """The error where Dagster's instance has a run under way, which what is done would get in the way of."""
    home = make_home(settings) if settings.launcher == "celery" else home_of(settings)
    if (home / CONFIGURATION).is_file():
        with dg.DagsterInstance.from_config(str(home)) as instance:
            if why := why_not_now(instance, doing):
                raise error(why)
    yield
