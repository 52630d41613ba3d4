"""First in, first out with Python's own deques: what the engine is measured against.

For rows in which every transaction has one cash mint and one position mint once it is netted, as
those of `zipf_swaps` have; whatever the engine does beyond that, this leaves out.
"""

from collections import defaultdict, deque
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import polars as pl

from smart_trader_assets.pnl.cash import DEFAULT_CASH_MINTS

_COLUMNS = (
    "wallet_address",
    "tx_hash",
    "block_unix_time",
    "block_number",
    "ins_index",
    "swap_id",
    *tuple(
        f"{leg}_{name}"
        for leg in ("base", "quote")
        for name in ("address", "decimals", "change_amount", "price")
    ),
)


@dataclass
class Lot:
    """What is left of one purchase; cost in USD a raw unit."""

    time: int
    quantity: int
    cost_a_unit: float


@dataclass(frozen=True)
class Disposal:
    """One sell and what it took from lots."""

    wallet: str
    mint: str
    time: int
    sold: int
    matched: int
    proceeds: float
    cost: float


def python_fifo(rows: pl.DataFrame) -> tuple[list[Disposal], dict[tuple[str, str], deque[Lot]]]:
    """Swap rows -> the disposals of all wallets, and the lots that are still held, by wallet and mint."""
    transactions: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    seen = set()
    for row in rows.select(_COLUMNS).iter_rows(named=True):
        if row["swap_id"] not in seen:
            seen.add(row["swap_id"])
            transactions[row["wallet_address"], row["tx_hash"]].append(row)
    order = itemgetter("block_unix_time", "block_number", "ins_index")
    held: dict[tuple[str, str], deque[Lot]] = defaultdict(deque)
    disposals = []
    for (wallet, _), legs in sorted(
        transactions.items(), key=lambda item: (order(min(item[1], key=order)), item[0])
    ):
        net: dict[str, int] = defaultdict(int)
        cash = 0.0
        for row in legs:
            for leg in ("base", "quote"):
                mint, quantity = row[f"{leg}_address"], int(row[f"{leg}_change_amount"])
                if mint in DEFAULT_CASH_MINTS:
                    peg = DEFAULT_CASH_MINTS[mint]
                    price = row[f"{leg}_price"] if peg is None else peg
                    cash += quantity / 10 ** row[f"{leg}_decimals"] * price
                else:
                    net[mint] += quantity
        time = legs[0]["block_unix_time"]
        for mint, quantity in net.items():
            lots = held[wallet, mint]
            if quantity > 0:
                lots.append(Lot(time, quantity, -cash / quantity))
            elif quantity < 0:
                left, cost = -quantity, 0.0
                while left and lots:
                    lot = lots[0]
                    taken = min(left, lot.quantity)
                    cost += taken * lot.cost_a_unit
                    left -= taken
                    lot.quantity -= taken
                    if not lot.quantity:
                        lots.popleft()
                disposals.append(
                    Disposal(wallet, mint, time, -quantity, -quantity - left, cash, cost)
                )
    return disposals, held
