"""The subcommands that repair: rows put back to their first state, tables brought up to date."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

import typer

from smart_trader_assets.cli.options import Data, chosen_settings, cli_errors
from smart_trader_assets.cli.terminal import reset_table
from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.sources import settings_of_root
from smart_trader_assets.tables.reset import Choice, carry_out, plan_reset
from smart_trader_assets.tables.upgrade import carry_out_upgrade, plan_upgrade

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
    with cli_errors() as console:
        store = make_lake(settings_of_root(chosen_settings(data))).store
        plan = plan_reset(
            store,
            Choice(
                table=table,
                tokens=tuple(token or ()),
                wallets=tuple(wallet or ()),
                shards=tuple(shard or ()),
                days=tuple(moment.date() for moment in day or ()),
                states=tuple(state or ()),
                failed=failed,
                refetch=refetch,
            ),
        )
        console.print(reset_table(plan, console.width))
        console.print(plan.consequence)
        if not yes:
            console.print("Nothing was changed: add --yes to do it.")
            return
        done = carry_out(store, plan, CommitInfo(f"reset-{uuid.uuid4()}", "reset"))
        console.print(f"{done} rows are back in their first state.")


def upgrade(data: Data = None, yes: Yes = False) -> None:
    """Add the columns that are new since an older root was made; existing rows stay as they are.

    Shows what would be added; does it with --yes. A table that differs in anything else is refused.
    """
    with cli_errors() as console:
        store = make_lake(settings_of_root(chosen_settings(data))).unchecked_store
        plans = plan_upgrade(store)
        for plan in plans:
            console.print(f"{plan}", highlight=False, soft_wrap=True)
        if not plans:
            console.print("Every table is up to date.")
            return
        if not yes:
            console.print("Nothing was changed: add --yes to add it.")
            return
        stamp = CommitInfo(f"upgrade-{uuid.uuid4()}", "upgrade")
        for plan in plans:
            carry_out_upgrade(store, plan, stamp)
        console.print("The tables are up to date. The new columns are empty in the existing rows.")
