"""What has to wait for credits: asked by the assets before they fetch, and by the sensors before that."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from smart_trader_assets.birdeye import PAGE_SIZE
from smart_trader_assets.birdeye.session import BirdEyeAccess
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import TRANSACTIONS, WHALES
from smart_trader_assets.tables.cursor import Cursor
from smart_trader_assets.tables.cursors import CANDIDATES_TO_TRACK, WHALES_TO_FETCH

HOLDERS_SHARE = 0.2
"""Of what is left to spend: what may go into the holders of tokens at a time."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """How many credits may be spent on the holders of tokens now, and why no more."""

    credits: int
    why: str


def snapshot_cost(settings: Settings) -> int:
    """Credits of a snapshot of the market, all of its pages."""
    return settings.prices["token_list"] * -(-settings.list_tokens // PAGE_SIZE)


def for_holders(store: DeltaStore, settings: Settings, left: int | None) -> Allowed | None:
    """What may be spent on holders out of `left` credits; None: any number.

    A page of holders costs four pages of swaps and brings a hundred wallets, of which most trade little. Where
    first pages decide, wallets that are known already are looked at before others are looked for.
    """
    if left is None:
        return None
    if settings.swap_pages_first >= settings.swap_pages_per_run:
        return Allowed(left, f"{left:,} credits are left to spend now.")
    unread = _unread(store)
    if unread * settings.prices["trader_txs"] >= left:
        waiting = f"{unread:,} rows of wallets that are known wait for their first page"
        return Allowed(0, f"{waiting}, and {left:,} credits are left.")
    page = settings.prices["token_holder"]
    share = min(left, max(page, int(left * HOLDERS_SHARE)))
    return Allowed(share, f"{left:,} credits are left, and most of them are for swaps.")


def holder_costs(tokens: pl.DataFrame, settings: Settings) -> pl.Series:
    """Rows of silver/tracked_tokens -> what the holders of each cost at most."""
    top = settings.holders_per_token
    asked = pl.min_horizontal(pl.lit(top), pl.col("holder").fill_null(top).clip(1))
    pages = (asked / PAGE_SIZE).ceil().cast(pl.Int64)
    return tokens.select(cost=pages * settings.prices["token_holder"]).to_series()


def why_it_waits(
    consumer: str, store: DeltaStore, settings: Settings, left: int | None
) -> str | None:
    """Why a run of `consumer` would fetch nothing now; None where it would."""
    if consumer == WHALES.name and (refused := BirdEyeAccess(settings).refuses("token_holder")):
        return refused
    if left is None:
        return None
    if consumer == TRANSACTIONS.name and left < settings.prices["trader_txs"]:
        return f"{left:,} credits are left to spend now."
    if consumer == WHALES.name:
        allowed = for_holders(store, settings, left)
        if allowed is not None and allowed.credits < settings.prices["token_holder"]:
            return allowed.why
    return None


def _unread(store: DeltaStore) -> int:
    """Rows of wallets that wait to be looked at, by the logs alone."""
    return sum(_due_by_state(store, cursor) for cursor in (WHALES_TO_FETCH, CANDIDATES_TO_TRACK))


def _due_by_state(store: DeltaStore, cursor: Cursor) -> int:
    state = cursor.state_column
    rows = store.row_counts(cursor.contract, state).filter(pl.col(state).is_in(cursor.due))
    return int(rows["rows"].sum() or 0)
