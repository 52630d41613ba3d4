"""A market of chosen size, quick to serve: what a real run of the same size would be asked for.

    python -m smart_trader_assets_tests.benchmarks.sized_market --size real

serves it on loopback until it is stopped; the first line of its output is its address. It runs in a
process of its own, so that neither its work nor its memory is taken for the pipeline's.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from random import Random
from typing import Final

from solders.keypair import Keypair
from solders.pubkey import Pubkey

from smart_trader_assets.pnl.cash import USDC
from smart_trader_assets.sandbox import MintPrice, SwapItem, serve

_MODULE: Final = "smart_trader_assets_tests.benchmarks.sized_market"
NOW: Final = datetime(2025, 8, 1, 12, tzinfo=UTC)
LATER: Final = NOW + timedelta(hours=2)
_SPAN: Final = timedelta(days=150)
_PRICE: Final = 0.5
_SYMBOL: Final = "TOK"
_FIRST_LATE: Final = 1_000_000


@dataclass(frozen=True)
class MarketSize:
    """tokens; holder rows over all of them; wallets that hold; traders among those; their swaps.

    `late_tokens` more are listed after NOW, each with ten holders of its own who have 20 swaps each.
    """

    tokens: int
    holder_rows: int
    wallets: int
    traders: int
    swaps: int
    late_tokens: int = 0


REAL: Final = MarketSize(52, 4_700, 3_863, 2_357, 65_079)
SIZES: Final = {
    "real": REAL,
    "small": MarketSize(10, 300, 250, 150, 3_000, late_tokens=5),
    "large": MarketSize(80, 8_000, 6_000, 4_000, 60_000, late_tokens=5),
}
LATE_HOLDERS: Final = 10
LATE_SWAPS: Final = 20


def _wallet(number: int) -> str:
    seed = sha256(f"wallet {number}".encode()).digest()
    return str(Keypair.from_seed(seed).pubkey())


def _mint(number: int) -> str:
    return str(Pubkey(sha256(f"mint {number}".encode()).digest()))


def _numbers(known: int, late: int) -> list[int]:
    """Who come late are the same in a market of any size, and so is the work that they bring."""
    return [*range(known), *range(_FIRST_LATE, _FIRST_LATE + late)]


class SizedMarket:
    """A MarketSource of exactly so many rows, which depend on the size alone."""

    def __init__(self, size: MarketSize) -> None:
        self.size = size
        late_wallets = size.late_tokens * LATE_HOLDERS
        self._mints = [_mint(number) for number in _numbers(size.tokens, size.late_tokens)]
        self._wallets = [_wallet(number) for number in _numbers(size.wallets, late_wallets)]
        self._number_of = {address: number for number, address in enumerate(self._wallets)}
        self._place_of = {address: place for place, address in enumerate(self._mints)}

    @cached_property
    def _held(self) -> list[list[int]]:
        """By token: the numbers of its holders. Every wallet holds one; the rest is spread."""
        size = self.size
        held: list[list[int]] = [[] for _ in self._mints]
        for row in range(size.holder_rows):
            wallet = row % size.wallets
            held[(wallet * 7 + row // size.wallets) % size.tokens].append(wallet)
        for late in range(size.late_tokens):
            first = size.wallets + late * LATE_HOLDERS
            held[size.tokens + late] = list(range(first, first + LATE_HOLDERS))
        return held

    @cached_property
    def _swaps_of(self) -> list[int]:
        """By wallet: how many swaps it has; the k-th trader about 1/k of the busiest one's."""
        size = self.size
        weights = [1 / (rank + 20) for rank in range(size.traders)]
        scale = (size.swaps - size.traders) / sum(weights)
        counts = [1 + int(weight * scale) for weight in weights]
        for rank in range(size.swaps - sum(counts)):
            counts[rank % size.traders] += 1
        idle = [0] * (size.wallets - size.traders)
        return counts + idle + [LATE_SWAPS] * (size.late_tokens * LATE_HOLDERS)

    def tokens(self, now: datetime) -> list[dict[str, object]]:
        """All listings, each of which passes the usual filters."""
        listed = len(self._mints) if now >= LATER else self.size.tokens
        return [
            _listing(mint, rank, len(self._held[rank]), now)
            for rank, mint in enumerate(self._mints[:listed])
        ]

    def holders(self, mint: str, now: datetime) -> list[dict[str, object]]:
        """The accounts of a mint, each worth a little less than the one before."""
        place = self._place_of.get(mint)
        if place is None or (place >= self.size.tokens and now < LATER):
            return []
        holders = self._held[place]
        return [
            {
                "amount": str((100_000 - rank) * 10**6),
                "decimals": 6,
                "mint": mint,
                "owner": self._wallets[number],
                "token_account": str(Pubkey(sha256(f"{mint} {number}".encode()).digest())),
                "ui_amount": float(100_000 - rank),
                "is_scaled_ui_token": False,
                "multiplier": None,
            }
            for rank, number in enumerate(holders)
        ]

    def swaps(self, wallet: str) -> Sequence[SwapItem]:
        """The wallet's swaps, newest first: it buys its tokens and sells parts of them."""
        number = self._number_of.get(wallet)
        if number is None:
            return []
        random, count = Random(number), self._swaps_of[number]
        newest = NOW - timedelta(hours=1 + random.random())
        step = _SPAN.total_seconds() / (count + 1)
        items = []
        for place in range(count):
            time = int(newest.timestamp() - place * step)
            mint = self._mints[(number + random.randrange(6)) % self.size.tokens]
            quantity = random.uniform(10, 1000) * random.choice((1, 1, -1))
            price = _PRICE * random.uniform(0.5, 2.0)
            items.append(SwapItem(time, "swap", _row(wallet, mint, quantity, price, time, place)))
        return items

    @property
    def wallets(self) -> Sequence[str]:
        """Those who have traded from the start: the leaders of the market are among them."""
        return self._wallets[: self.size.wallets]

    def transfers(self, wallet: str, now: datetime) -> list[dict[str, object]]:  # noqa: ARG002
        """None."""
        return []

    def price(self, mint: str, now: datetime) -> MintPrice | None:
        """One price for all, one of a dollar for cash."""
        if mint == USDC:
            return MintPrice(1.0, int(now.timestamp()), 1e9)
        return MintPrice(_PRICE, int(now.timestamp()), 1e6) if mint in self._place_of else None


def _listing(mint: str, rank: int, holders: int, now: datetime) -> dict[str, object]:
    hours = (1, 2, 4, 8, 24)
    return {
        "address": mint,
        "name": f"{_SYMBOL}{rank}",
        "symbol": f"{_SYMBOL}{rank}",
        "decimals": 6,
        "liquidity": 1_000_000.0 + 1_000 * rank,
        "last_trade_unix_time": int(now.timestamp()),
        "price": _PRICE,
        "holder": holders,
        **{f"volume_{hour}h_usd": 60_000.0 * hour for hour in hours},
        **{f"price_change_{hour}h_percent": 25.0 for hour in hours},
        **{f"trade_{hour}h_count": 100 * hour for hour in hours},
    }


def _row(wallet: str, mint: str, quantity: float, price: float, time: int, place: int) -> str:
    cash = -quantity * price
    return json.dumps(
        {
            "base": _leg(mint, _SYMBOL, quantity, price),
            "quote": _leg(USDC, "USDC", cash, 1.0),
            "base_price": price,
            "quote_price": 1.0,
            "tx_hash": sha256(f"{wallet} {place}".encode()).hexdigest(),
            "source": "raydium",
            "block_unix_time": time,
            "tx_type": "swap",
            "address": "58oQChx4yWmvKdwLLZzBi4ChoCc2fqCUWBkwMihLYQo2",
            "owner": wallet,
            "block_number": time * 5 // 2,
            "volume_usd": abs(cash),
            "volume": abs(quantity),
            "ins_index": 1,
            "inner_ins_index": 0,
            "signers": [wallet],
            "interacted_program_id": None,
        }
    )


def _leg(mint: str, symbol: str, quantity: float, price: float) -> dict[str, object]:
    raw = round(quantity * 10**6)
    return {
        "symbol": symbol,
        "decimals": 6,
        "address": mint,
        "amount": abs(raw),
        "type": "transfer",
        "type_swap": "to" if quantity > 0 else "from",
        "ui_amount": abs(raw) / 10**6,
        "price": price,
        "nearest_price": price,
        "change_amount": raw,
        "ui_change_amount": raw / 10**6,
    }


@contextmanager
def served(size: str, now: datetime) -> Iterator[str]:
    """The address of a market of `size`, whose clock stands at `now`, while the block lasts."""
    command = [sys.executable, "-m", _MODULE, "--size", size, "--now", now.isoformat()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="real")
    parser.add_argument("--now", type=datetime.fromisoformat, default=NOW)
    asked = parser.parse_args()
    market = SizedMarket(SIZES[asked.size])
    serve(market, clock=lambda: asked.now, port=0, on_start=lambda url: print(url, flush=True))


if __name__ == "__main__":
    main()
