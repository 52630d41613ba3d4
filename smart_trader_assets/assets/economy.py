"""What has to wait for credits: asked by the assets before they fetch, and by the sensors before that."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from smart_trader_assets.birdeye import PAGE_SIZE
from smart_trader_assets.birdeye.session import BirdEyeAccess
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import TRACKED_TOKENS, TRANSACTIONS, TRANSFERS, WHALES
from smart_trader_assets.tables.cursor import Cursor
from smart_trader_assets.tables.cursors import CANDIDATES_TO_TRACK, TOKENS_TO_FETCH, WHALES_TO_FETCH
from smart_trader_assets.thresholds import due_policy

HOLDERS_SHARE = 0.2
"""Of what a day may spend: what may go into the holders of tokens, those of one token in any case."""
_REFUSABLE = {WHALES.name: "token_holder", TRANSFERS.name: "wallet_transfers"}
_PAGE_OF = {TRANSACTIONS.name: "trader_txs", TRANSFERS.name: "wallet_transfers"}
_PAGES_UNREAD = 2
_PAGES_GOING_ON = 3


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
    known = _pages_waiting(store)
    if known * settings.prices["trader_txs"] >= left:
        waiting = f"About {known:,} pages of wallets that are known come first"
        return Allowed(0, f"{waiting}, and {left:,} credits are left.")
    token = settings.prices["token_holder"] * -(-settings.holders_per_token // PAGE_SIZE)
    # The day's share is taken once, however many shards and runs it has.
    today = BirdEyeAccess(settings).spent_today()
    gone = sum(one.credits for one in today.values())
    on_holders = today["token_holder"].credits if "token_holder" in today else 0
    share = max(token, int((left + gone) * HOLDERS_SHARE)) - on_holders
    share = max(0, min(left, share))
    return Allowed(share, f"{left:,} credits are left, and most of them are for swaps.")


def holder_costs(tokens: pl.DataFrame, settings: Settings) -> pl.Series:
    """Rows of silver/tracked_tokens -> what the holders of each cost at most."""
    top = settings.holders_per_token
    asked = pl.min_horizontal(pl.lit(top), pl.col("holder").fill_null(top).clip(1))
    pages = (asked / PAGE_SIZE).ceil().cast(pl.Int64)
    return tokens.select(cost=pages * settings.prices["token_holder"]).to_series()


def affordable(tokens: pl.DataFrame, settings: Settings, allowed: Allowed) -> pl.DataFrame:
    """Those rows of silver/tracked_tokens whose holders may be fetched, in their order: each whose cost fits
    into what those before it leave."""
    left, chosen = allowed.credits, []
    for place, cost in enumerate(holder_costs(tokens, settings)):
        if cost <= left:
            left -= cost
            chosen.append(place)
    return tokens[chosen]


def why_it_waits(
    consumer: str, store: DeltaStore, settings: Settings, left: int | None
) -> str | None:
    """Why a run of `consumer` would fetch nothing now; None where it would."""
    endpoint = _REFUSABLE.get(consumer)
    if endpoint is not None and (refused := BirdEyeAccess(settings).refuses(endpoint)):
        return refused
    if left is None:
        return None
    page = _PAGE_OF.get(consumer)
    if page is not None and left < settings.prices[page]:
        return f"{left:,} credits are left to spend now."
    if consumer == WHALES.name:
        allowed = for_holders(store, settings, left)
        if (
            allowed is not None
            and affordable(_due_tokens(store, settings), settings, allowed).is_empty()
        ):
            return allowed.why
    return None


def _due_tokens(store: DeltaStore, settings: Settings) -> pl.DataFrame:
    return TOKENS_TO_FETCH.due_rows(
        store.scan(TRACKED_TOKENS),
        shards=None,
        as_of=settings.now(),
        policy=due_policy(settings),
    ).collect()


def _pages_waiting(store: DeltaStore) -> int:
    """Pages of swaps of known wallets that are due, reckoned: half of the wallets have no second page, and the
    others have several more. Only rows that are due are looked at."""
    due = _due(store, WHALES_TO_FETCH)
    named = _due(store, CANDIDATES_TO_TRACK).select("wallet_address")
    unread = pl.concat([due.filter(pl.col("fetched_to").is_null()).select("wallet_address"), named])
    going_on = due.filter(pl.col("resume_before").is_not_null()).select("wallet_address")
    return sum(
        pages * int(wallets.select(pl.col("wallet_address").n_unique()).collect().item())
        for pages, wallets in ((_PAGES_UNREAD, unread), (_PAGES_GOING_ON, going_on))
    )


def _due(store: DeltaStore, cursor: Cursor) -> pl.LazyFrame:
    return store.scan(cursor.contract).filter(pl.col(cursor.state_column).is_in(cursor.due))
