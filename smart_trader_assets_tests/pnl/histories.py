"""Swap rows for tests: written by hand, invented at random, or recorded."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
from solders.pubkey import Pubkey

from smart_trader_assets.pnl.cash import NATIVE_SOL, USDC, USDT, WRAPPED_SOL
from smart_trader_assets.transforms.known_addresses import CASH_MINTS, STAKING_MINTS
from smart_trader_assets_tests.support.command import RECORDED_ROWS

AS_OF = datetime(2025, 7, 1, 12, tzinfo=UTC)
DECIMALS = {WRAPPED_SOL: 9, NATIVE_SOL: 9, USDC: 6, USDT: 6}
LEG_FIELDS = (
    "symbol",
    "decimals",
    "address",
    "change_amount",
    "ui_change_amount",
    "price",
    "nearest_price",
    "is_scaled_ui_token",
    "multiplier",
)
ROW_FIELDS = (
    "tx_hash",
    "owner",
    "source",
    "tx_type",
    "address",
    "block_unix_time",
    "block_number",
    "volume_usd",
    "ins_index",
    "inner_ins_index",
)


def mint(name: str) -> str:
    """An address that stands for a name."""
    return str(Pubkey(sha256(name.encode()).digest()))


X, A, B, C = mint("X"), mint("A"), mint("B"), mint("C")
WALLET = mint("wallet")
PYUSD = next(address for address, name in CASH_MINTS.items() if name == "PYUSD")
JITO_SOL = next(address for address, name in STAKING_MINTS.items() if name == "jitoSOL")


@dataclass(frozen=True)
class Leg:
    """`amount` whole tokens; given or taken is said by the swap."""

    mint: str
    amount: float
    price: float | None = None
    nearest_price: float | None = None


def usdc(amount: float) -> Leg:
    return Leg(USDC, amount, 1.0)


def sol(amount: float, price: float | None, nearest_price: float | None = None) -> Leg:
    return Leg(WRAPPED_SOL, amount, price, nearest_price)


def swap(
    tx: str,
    gives: Leg,
    takes: Leg,
    *,
    hours_ago: float = 0.0,
    wallet: str = WALLET,
    ordinal: int = 0,
    given_is_base: bool = True,
    **fields: Any,
) -> dict[str, Any]:
    """One row of `bronze/transactions`."""
    time = int((AS_OF - timedelta(hours=hours_ago)).timestamp())
    row: dict[str, Any] = {
        "swap_id": f"{wallet}/{tx}/{ordinal}",
        "wallet_address": wallet,
        "owner": wallet,
        "tx_hash": tx,
        "tx_type": "swap",
        "block_unix_time": time,
        "block_number": time * 5 // 2,
        "ins_index": ordinal,
        "inner_ins_index": None,
        "volume_usd": None,
    }
    for leg, one, sign in (
        ("base" if given_is_base else "quote", gives, -1),
        ("quote" if given_is_base else "base", takes, 1),
    ):
        decimals = DECIMALS.get(one.mint, 6)
        raw = sign * round(one.amount * 10**decimals)
        row |= {
            f"{leg}_address": one.mint,
            f"{leg}_decimals": decimals,
            f"{leg}_change_amount": str(raw),
            f"{leg}_ui_change_amount": raw / 10**decimals,
            f"{leg}_price": one.price,
            f"{leg}_nearest_price": one.nearest_price,
            f"{leg}_multiplier": None,
        }
    return row | fields


def buy(tx: str, amount: float, price: float, token: str = X, **more: Any) -> dict[str, Any]:
    """For USDC."""
    return swap(tx, usdc(amount * price), Leg(token, amount), **more)


def sell(tx: str, amount: float, price: float, token: str = X, **more: Any) -> dict[str, Any]:
    """For USDC."""
    return swap(tx, Leg(token, amount), usdc(amount * price), **more)


def roll(
    tx: str, gives: tuple[str, float], takes: tuple[str, float], **more: Any
) -> dict[str, Any]:
    """A token for a token, without any price."""
    return swap(tx, Leg(*gives), Leg(*takes), **more)


def beside(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of one transaction, in their order."""
    return [
        row | {"swap_id": f"{row['swap_id']}.{n}", "ins_index": n} for n, row in enumerate(rows)
    ]


SCHEMA = {
    "swap_id": pl.String,
    "wallet_address": pl.String,
    "owner": pl.String,
    "tx_hash": pl.String,
    "tx_type": pl.String,
    "block_unix_time": pl.Int64,
    "block_number": pl.Int64,
    "ins_index": pl.Int64,
    "inner_ins_index": pl.Int64,
    "volume_usd": pl.Float64,
    "address": pl.String,
} | {
    f"{leg}_{name}": dtype
    for leg in ("base", "quote")
    for name, dtype in (
        ("address", pl.String),
        ("decimals", pl.Int64),
        ("change_amount", pl.String),
        ("ui_change_amount", pl.Float64),
        ("price", pl.Float64),
        ("nearest_price", pl.Float64),
        ("is_scaled_ui_token", pl.Boolean),
        ("multiplier", pl.Float64),
    )
}


def frame(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=SCHEMA)


def raw_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a recording as bronze rows, still without `swap_id` and `wallet_address`."""
    for line in path.read_text().splitlines():
        item = json.loads(line)
        row: dict[str, Any] = {name: item.get(name) for name in ROW_FIELDS}
        for leg in ("base", "quote"):
            row |= {f"{leg}_{name}": item[leg].get(name) for name in LEG_FIELDS}
            row[f"{leg}_change_amount"] = str(item[leg]["change_amount"])
        yield row


def recorded_rows() -> list[dict[str, Any]]:
    """The recorded histories as bronze rows, with an ordinal for fills that repeat exactly."""
    rows: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for path in sorted(RECORDED_ROWS.glob("*.jsonl")):
        for row in raw_rows(path):
            key = json.dumps(row, sort_keys=True)
            seen[key] = seen.get(key, -1) + 1
            row["wallet_address"] = path.stem
            row["swap_id"] = sha256(f"{key}{seen[key]}".encode()).hexdigest()
            rows.append({name: row[name] for name in SCHEMA})
    return rows
