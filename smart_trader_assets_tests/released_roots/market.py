"""The recorded market of the released roots: every state that a row can be in has somebody to be in it.

ANN trades CAT well. BOB trades DOG, holds staked SOL, and one of his rows breaks the contract. FAY cannot be
fetched, and neither can the holders of GNU; GUS and HEN fail once and are tried again. The exchange is not a
trader, HAL has more swaps than one page, IVY and JON come late.
"""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from smart_trader_assets_tests.support.tiny_market import (
    ANN,
    BOB,
    CAT,
    DOG,
    FOX,
    NOW,
    SYMBOLS,
    mint,
    swap,
    wallet,
)

FIRST = NOW
SECOND = NOW + timedelta(hours=2)
THIRD = NOW + timedelta(hours=26)
FOURTH = THIRD + timedelta(hours=1)
DRAINED = NOW + timedelta(days=6)

FAY, GUS, HAL, IVY, JON = map(wallet, ("fay", "gus", "hal", "ivy", "jon"))
GNU, HEN, OWL = map(mint, ("gnu", "hen", "owl"))
STAKED = "J1toso1uCk3RLmjorhTtrVwY9HJ7X8V9yYac6Y7kGCPn"
EXCHANGE = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"
NAMED = SYMBOLS | {GNU: "GNU", HEN: "HEN", OWL: "OWL", STAKED: "jitoSOL"}
SWAPS_OF_HAL = 130


def market_rows() -> list[dict[str, Any]]:
    """Every row, in no particular order."""
    rows = [
        swap(BOB, DOG, 10, 1.0, FIRST - timedelta(days=9)),
        swap(BOB, DOG, 10, 3.0, FIRST - timedelta(days=8)),
        swap(BOB, DOG, -10, 4.0, FIRST - timedelta(days=7)),
        swap(BOB, CAT, 100, 1.0, FIRST - timedelta(days=6)),
        swap(EXCHANGE, CAT, 1000, 1.0, FIRST - timedelta(days=6)),
        swap(FAY, FOX, 50, 2.0, FIRST - timedelta(days=4)),
        swap(FAY, CAT, 50, 1.0, FIRST - timedelta(days=4)),
        _renamed(swap(BOB, CAT, 10, 2.0, FIRST - timedelta(days=3)), GNU),
        _renamed(swap(BOB, CAT, 1, 150.0, FIRST - timedelta(days=3)), STAKED),
        _renamed(swap(JON, CAT, 10, 2.0, FIRST + timedelta(hours=1)), HEN),
        swap(GUS, CAT, 10, 1.5, FIRST + timedelta(hours=1)),
        swap(GUS, DOG, 10, 4.5, FIRST + timedelta(hours=1)),
        _renamed(swap(IVY, CAT, 500, 0.5, SECOND + timedelta(hours=1)), OWL),
        swap(IVY, CAT, 500, 1.7, SECOND + timedelta(hours=2)),
        swap(JON, DOG, 10, 4.0, SECOND + timedelta(hours=2)),
        _renamed(swap(JON, CAT, -5, 3.0, THIRD + timedelta(minutes=30)), HEN),
    ]
    for day in range(12):
        morning = FIRST - timedelta(days=13 - day)
        rows.append(swap(ANN, CAT, 1000, 1.0, morning))
        rows.append(swap(ANN, CAT, -1000, 1.4 + 0.1 * (day % 5), morning + timedelta(hours=5)))
    for number in range(SWAPS_OF_HAL):
        at = SECOND + timedelta(minutes=5 * (number + 1))
        rows.append(swap(HAL, FOX, 10 if number % 2 == 0 else -10, 2.0 + number / 1000, at))
    broken = swap(BOB, CAT, 10, 1.0, FIRST - timedelta(days=2))
    broken["base"]["decimals"] = None
    return [*rows, broken]


def _renamed(row: dict[str, Any], token: str) -> dict[str, Any]:
    """The same swap of another token."""
    base = row["base"] | {"address": token, "symbol": NAMED[token]}
    return row | {"base": base, "tx_hash": f"{token[:8]}{row['tx_hash'][8:]}"}


def write_market(folder: Path) -> Path:
    """The market as recorded rows, a file a wallet, newest first."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = sorted(market_rows(), key=lambda row: -row["block_unix_time"])
    for owner in sorted({row["owner"] for row in rows}):
        lines = [json.dumps(row) for row in rows if row["owner"] == owner]
        (folder / f"{owner}.jsonl").write_text("\n".join(lines) + "\n")
    return folder
