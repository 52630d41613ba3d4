"""`smart-trader reset`: rows put back to their first state."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

import typer

from smart_trader_assets.assembly import make_lake
from smart_trader_assets.commands.options import Data, chosen_settings, errors_told
from smart_trader_assets.console import reset_table
from smart_trader_assets.delta.reset import Choice, carry_out, plan_reset
from smart_trader_assets.delta.store import Stamp
from smart_trader_assets.sources import settings_of_root


def reset(
    table: Annotated[
        str, typer.Argument(help="Table whose rows to reset, for example silver/tracked_tokens.")
    ],
    data: Data = None,
    token: Annotated[
        list[str] | None, typer.Option(help="Mint; may be given several times.")
    ] = None,
    wallet: Annotated[
        list[str] | None, typer.Option(help="Wallet; its rows move together.")
    ] = None,
    shard: Annotated[list[str] | None, typer.Option(help="Shard, for example 03.")] = None,
    day: Annotated[list[datetime] | None, typer.Option(formats=["%Y-%m-%d"], help="Day.")] = None,
    state: Annotated[list[str] | None, typer.Option(help="State that the rows are in now.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All rows in trouble.")] = False,
    refetch: Annotated[
        bool,
        typer.Option("--refetch", help="Also forget the wallets' histories: they are read anew."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it only shows.")] = False,
) -> None:
    """Put chosen rows back to their first state, so that they are done again.

    Shows the rows and what will follow; does it with --yes. The reset shows in the rows' audit trail.
    """
    with errors_told() as console:
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
        console.print(reset_table(plan))
        console.print(plan.consequence)
        if not yes:
            console.print("Nothing was changed: --yes does it.")
            return
        done = carry_out(store, plan, Stamp(f"reset-{uuid.uuid4()}", "reset"))
        console.print(f"{done} rows are back in their first state.")
