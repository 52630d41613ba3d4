"""A root whose ranked traders have bought, sold and hold: three of them, and two tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from smart_trader_assets.delta.batch import Batch, ReplaceScope
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.settings import load_settings
from smart_trader_assets.signals import SignalRules, token_signals
from smart_trader_assets.tables.catalog import (
    POSITIONS,
    RECENT_TRADES,
    SMART_TRADERS,
    TOKEN_SIGNALS,
)
from smart_trader_assets_tests.support.samples import (
    NOW,
    STAMP,
    Row,
    frame,
    position,
    token_trade,
    trader,
)
from smart_trader_assets_tests.support.tiny_market import CAT, DOG, wallet

__all__ = ["CAT", "DOG", "NOW", "RANKED", "make_signals", "open_root"]

RANKED = [wallet(name) for name in ("first", "second", "third")]
_STRANGER = wallet("stranger")
_HOUR = 3_600


def _trade(number: int, who: str, mint: str, usd: float, hours_ago: float, **row: Any) -> Row:
    quantity = usd / 2
    columns = {
        "wallet_address": who,
        "token_address": mint,
        "block_unix_time": int(NOW.timestamp() - hours_ago * _HOUR),
        "quantity": quantity,
        "value_usd": abs(usd),
        "price": 2.0,
    }
    return token_trade(f"tx {number}", **columns | row)


def open_root(root: Path) -> DeltaStore:
    """The root with empty tables."""
    settings = {"source": "sandbox", "root": str(root), "sandbox_anchor": NOW, "as_of": NOW}
    return make_lake(load_settings(settings)).store


def make_signals(root: Path) -> DeltaStore:
    """The root, as the ranking would have written it."""
    store = open_root(root)
    first, second, third = RANKED
    traders = [
        trader(who, tier=tier, overall_rank=rank)
        for rank, (who, tier) in enumerate(
            zip(RANKED, ("ELITE", "STRONG", "QUALIFIED"), strict=True), start=1
        )
    ]
    trades = [
        _trade(1, first, CAT, 40.0, 1),
        _trade(2, second, CAT, -5.0, 50),
        _trade(3, third, CAT, 7.0, 2),
        _trade(4, _STRANGER, CAT, 70.0, 0.5, price=3.0),
        _trade(5, first, CAT, 0.5, 3),
        _trade(6, third, DOG, 9.0, 4),
        _trade(7, first, CAT, 11.0, 24 * 8),
    ]
    held = [
        position(first, token_address=CAT, cost=40.0, quantity=20.0, entry_price=2.0),
        position(second, token_address=CAT, cost=5.0, quantity=5.0, tier="STRONG", overall_rank=2),
    ]
    _put(store, SMART_TRADERS, traders)
    _put(store, RECENT_TRADES, trades)
    _put(store, POSITIONS, held)
    signals = token_signals(
        store.scan(RECENT_TRADES),
        store.scan(POSITIONS).collect(),
        store.scan(SMART_TRADERS).collect(),
        as_of=NOW,
        rules=SignalRules(),
    )
    symbols = {CAT: "CAT", DOG: "[red]DOG[/]"}
    named = signals.with_columns(symbol=signals["token_address"].replace_strict(symbols))
    store.write(TOKEN_SIGNALS, Batch(named, replaces=ReplaceScope()), STAMP)
    return store


def _put(store: DeltaStore, contract: TableContract, rows: list[Row]) -> None:
    store.write(contract, Batch(frame(contract, rows)), STAMP)
