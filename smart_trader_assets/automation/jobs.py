"""The jobs: one for each partitioning, so that `dagster job backfill` works on each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
from dagster import AssetSelection

from smart_trader_assets.assets.keys import REPORT_KEY, WALLET_JOB
from smart_trader_assets.tables.catalog import (
    CANDIDATES,
    CLASSIFIED_WALLETS,
    COPY_RESULTS,
    NOTIFICATIONS,
    POSITIONS,
    RECENT_TRADES,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKEN_SIGNALS,
    TOKEN_TRADES,
    TOKENS,
    TRACED_WALLETS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    TRANSFERS,
    WALLET_CLUSTERS,
    WALLET_PNL,
    WHALES,
)

SNAPSHOT = "snapshot"
CANDIDATE_LISTS = "candidates"

# What copying earned goes into the ranking, and one step classifies all wallets and writes all results: a run
# for the ranking materializes all of them.
_RANKING = (
    TOKEN_TRADES.name,
    RECENT_TRADES.name,
    COPY_RESULTS.name,
    SMART_TRADERS.name,
    CLASSIFIED_WALLETS.name,
    TIER_CHANGES.name,
    WALLET_CLUSTERS.name,
    POSITIONS.name,
    TOKEN_SIGNALS.name,
    TRACED_WALLETS.name,
)

# What works for wallets that are named.
_OF_A_WALLET = (TRACKED_WHALES.name, TRANSACTIONS.name, WALLET_PNL.name)

_JOBS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    SNAPSHOT: ("Takes today's token snapshot.", (TOKENS.name,)),
    CANDIDATE_LISTS: (
        "Reads the lists of ranked traders that are due.",
        (CANDIDATES.name,),
    ),
    "token_side": (
        "Tracks listed tokens and fetches their whales, by token shard.",
        (TRACKED_TOKENS.name, WHALES.name),
    ),
    "wallet_side": (
        "Tracks whales, fetches their swaps and computes their PnL, by wallet shard.",
        _OF_A_WALLET,
    ),
    "ranking": (
        "Prices what copying earned, classifies all wallets as ranked or excluded, records what changed, "
        "finds those that one hand leads, sums up what the ranked ones hold and trade, and writes the report "
        "page.",
        (*_RANKING, REPORT_KEY.to_user_string()),
    ),
    "tracing": (
        "Fetches the transfers of ranked wallets, and of who has sent cash to several, by wallet shard.",
        (TRANSFERS.name,),
    ),
    "messages": (
        "Finds what is news, and sends what is due of it to where people read.",
        (NOTIFICATIONS.name,),
    ),
}

_OF_CHOSEN_WALLETS = (*_OF_A_WALLET, *_RANKING)

ASSETS_OF_JOBS: Mapping[str, frozenset[dg.AssetKey]] = {
    name: frozenset(dg.AssetKey.from_user_string(asset) for asset in assets)
    for name, assets in (
        *((name, assets) for name, (_, assets) in _JOBS.items()),
        # Last: a consumer's own runs belong to another job.
        (WALLET_JOB, _OF_CHOSEN_WALLETS),
    )
}


def assets_of(consumer: str) -> list[dg.AssetKey]:
    """What a run for the asset `consumer` materializes: it, and what belongs to it."""
    tables = _RANKING if consumer == SMART_TRADERS.name else (consumer,)
    return [dg.AssetKey.from_user_string(table) for table in tables]


def run_assets(consumer: str) -> list[dg.AssetKey]:
    """What a run in the background materializes for `consumer`: a ranking comes with its page."""
    return [*assets_of(consumer), *([REPORT_KEY] if consumer == SMART_TRADERS.name else [])]


def job_of(consumer: str) -> str:
    """The name of the job that a run for the asset `consumer` belongs to."""
    key = dg.AssetKey.from_user_string(consumer)
    return next(name for name, assets in ASSETS_OF_JOBS.items() if key in assets)


def make_jobs() -> list[dg.UnresolvedAssetJobDefinition]:
    """Snapshot (days), candidates, token side (token shards), wallet side (wallet shards), ranking; and the one
    for chosen wallets."""
    jobs = [
        dg.define_asset_job(
            name, selection=AssetSelection.assets(*ASSETS_OF_JOBS[name]), description=description
        )
        for name, (description, _) in _JOBS.items()
    ]
    return [*jobs, _wallet_job()]


def only_wallets(assets: Iterable[str], wallets: Iterable[str]) -> dict[str, Any]:
    """The run configuration under which `assets` are about these wallets alone."""
    chosen = {"config": {"wallets": list(wallets)}}
    return {"ops": {asset.replace("/", "__"): chosen for asset in assets}}


def _wallet_job() -> dg.UnresolvedAssetJobDefinition:
    """From an address to its rank: what `smart-trader wallet` does, for the UI."""
    return dg.define_asset_job(
        WALLET_JOB,
        selection=AssetSelection.assets(
            *(dg.AssetKey.from_user_string(asset) for asset in _OF_CHOSEN_WALLETS)
        ),
        description="Tracks the wallets that the run's tag `wallets` names (addresses, separated by commas), "
        "fetches what is missing of their swaps, computes and ranks them. For all wallet shards in one run.",
    )
