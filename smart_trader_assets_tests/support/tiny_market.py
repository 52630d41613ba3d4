"""A recorded market so small that a reader can hold it in the head.

ANN trades CAT on twelve days, well. BOB buys 10 DOG at 1 and 10 at 3 and sells 10 at 4. CID bought both
CAT and DOG and sold nothing, DEE bought FOX. All of that lies before NOW; an hour after it EVE and CID
buy OWL, which nobody knew before.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from solders.keypair import Keypair
from solders.pubkey import Pubkey

USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
NOW = datetime(2025, 7, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)


def wallet(name: str) -> str:
    """A wallet's address: a public key, on the curve."""
    return str(Keypair.from_seed(sha256(name.encode()).digest()).pubkey())


def mint(name: str) -> str:
    """A token's address."""
    return str(Pubkey(sha256(f"mint {name}".encode()).digest()))


ANN, BOB, CID, DEE, EVE = map(wallet, ("ann", "bob", "cid", "dee", "eve"))
CAT, DOG, FOX, OWL = map(mint, ("cat", "dog", "fox", "owl"))
POOL = mint("pool")
VAULT = next(
    address
    for address in (mint(f"vault {n}") for n in range(100))
    if not Pubkey.from_string(address).is_on_curve()
)
"""An address that a program derived: no key signs for it."""
SYMBOLS = {CAT: "CAT", DOG: "DOG", FOX: "FOX", OWL: "OWL", USDC: "USDC"}
FIRST_WALLETS = frozenset({ANN, BOB, CID, DEE})
FIRST_MINTS = frozenset({CAT, DOG, FOX})


def swap(owner: str, token: str, quantity: float, price: float, at: datetime) -> dict[str, Any]:
    """A raw row: `quantity` of `token` bought with USDC, or sold for it where it is negative."""
    cash = -quantity * price
    legs = {
        "base": _leg(token, quantity, price),
        "quote": _leg(USDC, cash, 1.0),
    }
    told = f"{owner} {token} {quantity} {price} {at.isoformat()}"
    second = int(at.timestamp())
    return {
        **legs,
        "base_price": price,
        "quote_price": 1.0,
        "tx_hash": sha256(told.encode()).hexdigest(),
        "source": "raydium",
        "block_unix_time": second,
        "tx_type": "swap",
        "address": POOL,
        "owner": owner,
        "block_number": second // 2,
        "volume_usd": abs(cash),
        "volume": abs(quantity),
        "ins_index": 1,
        "inner_ins_index": 0,
        "signers": [owner],
        "interacted_program_id": None,
    }


def _leg(token: str, quantity: float, price: float) -> dict[str, Any]:
    raw = round(quantity * 10**6)
    return {
        "symbol": SYMBOLS[token],
        "decimals": 6,
        "address": token,
        "amount": abs(raw),
        "type": "transfer",
        "type_swap": "to" if quantity > 0 else "from",
        "ui_amount": abs(quantity),
        "price": price,
        "nearest_price": price,
        "change_amount": raw,
        "ui_change_amount": quantity,
    }


def tiny_market_rows() -> list[dict[str, Any]]:
    """Every row of the tiny_market, those after NOW too."""
    rows = []
    for day in range(12):
        morning = NOW - timedelta(days=13 - day)
        rows.append(swap(ANN, CAT, 1000, 1.0, morning))
        rows.append(swap(ANN, CAT, -1000, 1.4 + 0.1 * (day % 5), morning + timedelta(hours=5)))
    rows += [
        swap(BOB, DOG, 10, 1.0, NOW - timedelta(days=9)),
        swap(BOB, DOG, 10, 3.0, NOW - timedelta(days=8)),
        swap(BOB, DOG, -10, 4.0, NOW - timedelta(days=7)),
        swap(CID, CAT, 100, 1.0, NOW - timedelta(days=6)),
        swap(CID, DOG, 100, 4.0, NOW - timedelta(days=5)),
        swap(DEE, FOX, 50, 2.0, NOW - timedelta(days=4)),
        swap(EVE, OWL, 500, 0.5, NOW + timedelta(hours=1)),
        swap(CID, OWL, 500, 0.5, NOW + timedelta(hours=1)),
    ]
    return rows


def write_tiny_market(
    folder: Path, revised: Callable[[dict[str, Any]], dict[str, Any]] = lambda row: row
) -> Path:
    """The tiny_market as a folder of recorded rows, a file a wallet, newest first, each as `revised` has it."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = sorted(tiny_market_rows(), key=lambda row: -row["block_unix_time"])
    for owner in {row["owner"] for row in rows}:
        lines = [json.dumps(revised(row)) for row in rows if row["owner"] == owner]
        (folder / f"{owner}.jsonl").write_text("\n".join(lines) + "\n")
    return folder
