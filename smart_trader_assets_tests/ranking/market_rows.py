"""Swap rows of invented markets and of recorded wallets, without a server in between."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import polars as pl

from smart_trader_assets.pnl import compute_wallet_pnl
from smart_trader_assets.sandbox import Character, GeneratedMarket
from smart_trader_assets.transforms.swaps import transaction_rows
from smart_trader_assets_tests.support.command import RECORDED_ROWS

ANCHOR = datetime(2026, 3, 1, 9, tzinfo=UTC)


@dataclass(frozen=True)
class PlantedMarket:
    """A market of which it is known who has skill."""

    market: GeneratedMarket

    @cached_property
    def swaps(self) -> pl.DataFrame:
        """The rows of all wallets up to the market's end."""
        histories = {
            wallet: [json.loads(item.text) for item in self.market.swaps(wallet)]
            for wallet in self.market.wallets
        }
        return _rows(histories)

    def pnl(self, as_of: datetime) -> pl.DataFrame:
        """What the wallets earned up to `as_of`."""
        return compute_wallet_pnl(self.swaps, as_of=as_of)

    def characters(self, wallets: pl.Series) -> list[Character]:
        """Who the wallets are."""
        return [self.market.truth.characters[wallet] for wallet in wallets]


def recorded_swaps() -> pl.DataFrame:
    """The rows of the recorded wallets."""
    return _rows(
        {
            path.stem: [json.loads(line) for line in path.read_text().splitlines()]
            for path in sorted(RECORDED_ROWS.glob("*.jsonl"))
        }
    )


def _rows(histories: dict[str, list[dict[str, object]]]) -> pl.DataFrame:
    return pl.concat(
        transaction_rows({wallet: items}, fetched_at=ANCHOR, wallet_shards=2)
        for wallet, items in histories.items()
        if items
    )
