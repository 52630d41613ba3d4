"""A root with wallets whose tokens were named by people who mean harm, and whose histories have gaps.

ANN is ranked: twelve round trips with CAT, a holding of DOG, a sale of OWL that she never bought, and a
sale of more FOX than she had. BOB has sold too little to be ranked. EVE is followed and has no swaps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from smart_trader_assets.delta.batch import Batch, CommitInfo
from smart_trader_assets.delta.contract import TIME, TableContract
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.pnl import compute_wallet_pnl
from smart_trader_assets.ranking import rank_wallets, tier_changes
from smart_trader_assets.tables.catalog import (
    CLASSIFIED_WALLETS,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
)
from smart_trader_assets.tables.transitions import to_screen, whales_screened
from smart_trader_assets.transforms.shards import shard_of
from smart_trader_assets.transforms.swaps import transaction_rows
from smart_trader_assets_tests.support.defaults import POLICY, RANKING
from smart_trader_assets_tests.support.tiny_market import (
    ANN,
    BOB,
    CAT,
    DOG,
    EVE,
    FOX,
    NOW,
    OWL,
    swap,
    tiny_market_rows,
)

SYMBOLS = {
    CAT: '"><img src=x onerror=document.title=1>',
    DOG: "</script><script>document.title=2</script>",
    FOX: '=HYPERLINK("http://evil.example")',
    OWL: "\u202eevil\u2066 \x1b[31m[bold]שלום🦌",
}
MARKED_AT = NOW - timedelta(hours=1)
SHARDS = 4
_STAMP = CommitInfo("run-1", "tests")

RawRow = dict[str, Any]


def hostile_rows() -> list[RawRow]:
    """The raw rows up to NOW."""
    rows = [
        *(row for row in tiny_market_rows() if row["owner"] in {ANN, BOB}),
        swap(ANN, DOG, 20, 2.0, NOW - timedelta(days=3)),
        swap(ANN, OWL, -5, 10.0, NOW - timedelta(days=2)),
        swap(ANN, FOX, 10, 1.0, NOW - timedelta(days=2)),
        swap(ANN, FOX, -15, 2.0, NOW - timedelta(days=1)),
    ]
    for row in rows:
        for leg in ("base", "quote"):
            row[leg]["symbol"] = SYMBOLS.get(row[leg]["address"], row[leg]["symbol"])
    return rows


def make_lake(root: Path) -> LakeResource:
    """The lake of the market's root; made where it does not exist."""
    return LakeResource(
        root=str(root),
        source="replay",
        replay_folder="/nowhere/<i>rows</i>",
        token_shards=2,
        wallet_shards=SHARDS,
        allow_http=False,
    )


def make_market(root: Path) -> LakeResource:
    """The root with the market in it, fetched, computed and ranked as of NOW."""
    lake = make_lake(root)
    add_tokens(lake, {CAT: 1.9, DOG: 2.5})
    follow(lake, [ANN, BOB, EVE])
    add_swaps(lake, hostile_rows())
    rank(lake)
    return lake


def add_tokens(
    lake: LakeResource, prices: Mapping[str, float], *, at: datetime = MARKED_AT
) -> None:
    """A snapshot of the token list, an hour before NOW unless told otherwise; a day has one."""
    rows = [
        {
            "snapshot_date": at.date(),
            "token_address": mint,
            "token_shard": shard_of(mint, 2),
            "symbol": SYMBOLS[mint],
            "price": price,
            "fetched_at": at,
        }
        for mint, price in prices.items()
    ]
    _write(lake, TOKENS, rows, partition=at.date())


def follow(lake: LakeResource, wallets: Iterable[str]) -> None:
    """The wallets as whales of DOG, their histories complete and fetched five days before NOW."""
    for wallet in wallets:
        shard = shard_of(wallet, SHARDS)
        row = {
            "whale_id": f"{wallet}_{DOG}",
            "wallet_address": wallet,
            "token_address": DOG,
            "wallet_shard": shard,
            "first_seen_on": NOW.date(),
            "last_seen_on": NOW.date(),
            "fetched_to": int((NOW - timedelta(days=5)).timestamp()),
            "history_complete": True,
        }
        _write(lake, TRACKED_WHALES, [row], partition=shard)


def exclude(lake: LakeResource, wallet: str, reason: str) -> None:
    """The screening's verdict on a followed wallet."""
    whales = lake.store.scan(TRACKED_WHALES).filter(pl.col("wallet_address") == wallet)
    screened = to_screen(whales.collect()).with_columns(exclude_reason=pl.lit(reason))
    settled = whales_screened(screened, rules="1")
    shard = shard_of(wallet, SHARDS)
    lake.store.write(TRACKED_WHALES, Batch(partition=shard, settles=(settled,)), _STAMP)


def add_swaps(lake: LakeResource, rows: Iterable[RawRow]) -> None:
    """Raw rows into bronze/transactions."""
    by_wallet: dict[str, list[RawRow]] = defaultdict(list)
    for row in rows:
        by_wallet[row["owner"]].append(row)
    for wallet, items in by_wallet.items():
        frame = transaction_rows({wallet: items}, fetched_at=NOW, wallet_shards=SHARDS)
        shard = shard_of(wallet, SHARDS)
        lake.store.write(TRANSACTIONS, Batch(rows=frame, partition=shard), _STAMP)


def exchange(
    owner: str,
    given: tuple[str, float],
    taken: tuple[str, float],
    at: datetime,
    *,
    cash: float = 0.0,
) -> list[RawRow]:
    """One transaction: (mint, quantity) for (mint, quantity), and `cash` received beside it."""
    token, quantity = given
    one = swap(owner, *taken, 1.0, at)
    one["quote"] = swap(owner, token, -quantity, 1.0, at)["base"] | {"price": None}
    rows = [one]
    if cash:
        row = swap(owner, token, -1.0, cash, at) | {"ins_index": 2}
        one["quote"] = swap(owner, token, 1.0 - quantity, 1.0, at)["base"] | {"price": None}
        rows.append(row | {"tx_hash": one["tx_hash"]})
    return rows


def rank(
    lake: LakeResource, *, known_to: datetime | None = None, edition: str | None = POLICY.pnl_rules
) -> None:
    """silver/wallet_pnl and the gold tables from what was fetched, as of NOW; `known_to`: up to when the
    histories are known, `edition`: by which definitions the numbers are said to be made."""
    store = lake.store
    swaps = store.scan(TRANSACTIONS).collect()
    marks = store.scan(TOKENS).select(
        "token_address", "price", marked_at="fetched_at", source=pl.lit("token_list")
    )
    pnl = compute_wallet_pnl(
        swaps,
        as_of=NOW,
        marks=marks.collect(),
        histories=store.scan(TRACKED_WHALES)
        .select("wallet_address", "history_complete", known_to=pl.lit(known_to, dtype=TIME))
        .collect(),
    ).join(swaps.select("wallet_address", "wallet_shard").unique(), on="wallet_address")
    pnl = pnl.with_columns(pnl_rules=pl.lit(edition, dtype=pl.String))
    for (shard,), rows in pnl.partition_by("wallet_shard", as_dict=True).items():
        store.write(WALLET_PNL, Batch(rows=rows, partition=str(shard)), _STAMP)
    judged = rank_wallets(pnl, rules=RANKING, as_of=NOW)
    changes = tier_changes(
        store.scan(TIER_CHANGES).select("wallet_address", "change_number", "to_tier").collect(),
        judged.traders,
        judged.excluded,
        rules=RANKING,
        due=pnl.select(
            "wallet_address",
            "token_address",
            "window",
            processed_for_gold=pl.lit(False),
            gold_rules=pl.lit(None),
        ),
        at=NOW,
    )
    store.write(CLASSIFIED_WALLETS, Batch(rows=judged.excluded), _STAMP)
    store.write(TIER_CHANGES, Batch(rows=changes), _STAMP)
    store.write(SMART_TRADERS, Batch(rows=judged.traders), _STAMP)


def _write(
    lake: LakeResource, contract: TableContract, rows: list[RawRow], *, partition: str | date
) -> None:
    schema = {name: contract.schema[name] for name in rows[0]}
    frame = pl.DataFrame(rows, schema=schema)
    lake.store.write(contract, Batch(rows=frame, partition=partition), _STAMP)
