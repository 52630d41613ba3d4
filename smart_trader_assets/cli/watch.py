"""`smart-trader watch`: the user's own wallets."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from smart_trader_assets.cli.addresses import named_addresses
from smart_trader_assets.cli.fitted_table import Column, Line, fitted_table
from smart_trader_assets.cli.options import Data, chosen_settings, cli_errors
from smart_trader_assets.delta.batch import Batch, CommitInfo
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.report.words import tier_word
from smart_trader_assets.settings import Settings
from smart_trader_assets.sources import settings_of_root
from smart_trader_assets.tables.catalog import (
    CANDIDATES,
    CLASSIFIED_WALLETS,
    SMART_TRADERS,
    TRACKED_WHALES,
)
from smart_trader_assets.tables.root import read_identity
from smart_trader_assets.tables.transitions import watched_again
from smart_trader_assets.transforms.candidates import watch_rows, watched_wallets
from smart_trader_assets.transforms.shards import shard_of

watch = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Wallets of your own: fetched first, kept fresh, never dropped. Being watched proves nothing; their "
    "verdict is that of any other wallet.",
)

Wallets = Annotated[list[str] | None, typer.Argument(help="Addresses.", show_default=False)]
File = Annotated[
    Path | None,
    typer.Option("--file", help="A file of addresses, one a line; what follows one is a remark."),
]


@watch.command()
def add(wallets: Wallets = None, file: File = None, data: Data = None) -> None:
    """Watch wallets: the next run fetches them before all others."""
    _name(wallets, file, data, watched=True)


@watch.command()
def remove(wallets: Wallets = None, file: File = None, data: Data = None) -> None:
    """Watch wallets no longer. What is known of them stays."""
    _name(wallets, file, data, watched=False)


@watch.command(name="list")
def show(
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show the watched wallets, and what the ranking says of each."""
    with cli_errors() as console:
        store = make_lake(settings_of_root(chosen_settings(data))).store
        ranked = store.scan(SMART_TRADERS).select("wallet_address", "tier", "overall_rank")
        classes = store.scan(CLASSIFIED_WALLETS).select("wallet_address", "wallet_class")
        rows = (
            watched_wallets(store.scan(CANDIDATES))
            .join(ranked, on="wallet_address", how="left")
            .join(classes, on="wallet_address", how="left")
            .sort("wallet_address")
            .collect()
            .to_dicts()
        )
        if as_json:
            typer.echo(json.dumps(rows, indent=2, default=str))
            return
        if not rows:
            console.print("No wallet is watched: `smart-trader watch add ADDRESS` adds one.")
            return
        lines = [
            Line((row["wallet_address"], f"{row['listed_on']}", _verdict(row))) for row in rows
        ]
        columns = [Column("wallet"), Column("since"), Column("verdict")]
        console.print(fitted_table(f"{len(rows)} watched", columns, lines, width=console.width))


def _verdict(row: dict[str, object]) -> str:
    if row["tier"] is not None:
        return f"{tier_word(str(row['tier']))}, #{row['overall_rank']}"
    return str(row["wallet_class"] or "not computed yet")


def _name(wallets: list[str] | None, file: Path | None, data: str | None, *, watched: bool) -> None:
    with cli_errors() as console:
        settings = _of_root_or_new(chosen_settings(data))
        named = named_addresses(console, wallets or (), file)
        store = make_lake(settings).store
        held = set(watched_wallets(store.scan(CANDIDATES)).collect()["wallet_address"])
        stamp = CommitInfo(f"watch-{uuid.uuid4()}", CANDIDATES.name)
        changed = [wallet for wallet in named if (wallet in held) is not watched]
        if changed:
            rows = watch_rows(
                changed, watched=watched, at=settings.now(), wallet_shards=settings.wallet_shards
            )
            store.write(CANDIDATES, Batch(rows), stamp)
        if watched:
            shards = [shard_of(wallet, settings.wallet_shards) for wallet in named]
            of_named = pl.col("wallet_shard").is_in(shards) & pl.col("wallet_address").is_in(named)
            store.settle(watched_again(store.scan(TRACKED_WHALES).filter(of_named)), stamp)
        now = len(held | set(changed) if watched else held - set(changed))
        done = "added" if watched else "removed"
        same = len(named) - len(changed)
        already = f", {same} {'watched already' if watched else 'not watched'}" if same else ""
        console.print(f"{len(changed)} {done}{already}; {now} watched now.", highlight=False)


def _of_root_or_new(settings: Settings) -> Settings:
    """A new root of a live account may begin with the wallets that its first run fetches before all others."""
    is_new = read_identity(make_lake(settings).unchecked_store) is None
    if is_new and settings.resolved_source == "live":
        return settings
    return settings_of_root(settings)
