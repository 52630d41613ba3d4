"""A trade on its way into the swap history: its shape on the chain, and its rows.

The rows have everything that is odd about the real ones.
"""

import math
from dataclasses import dataclass, replace
from random import Random

from smart_trader_assets.sandbox.generated.chain import (
    JUPITER,
    NATIVE_SOL,
    ORDER_BOOK,
    STAKE_POOL,
    USDC,
    USDT,
    WRAPPED_SOL,
    program_address,
    wallet_address,
)
from smart_trader_assets.sandbox.generated.coins import Coin, Listing, Mints, Pool
from smart_trader_assets.sandbox.source import SwapItem
from smart_trader_assets.sandbox.wire import encode

ROUTED = 0.10
SPLIT = 0.08
FILLED = 0.03
FILLS = 3
EXACT_FLOAT = 2**48
"""Above, what is shown of an amount no longer tells its last unit."""

FIRST_BLOCK = 280_000_000
BLOCKS_PER_SECOND = 2.5
STABLES = frozenset({USDC, USDT})

SOL_IS_BASE = 0.62
STABLE_IS_BASE = 0.18
EITHER = 0.5
SIGNERS_UNKNOWN = 0.06
RELAYED = 0.035
PRICE_UNKNOWN = 0.005
PRICE_UNKNOWN_IN_OLD_ROWS = 0.25
INNER_UNKNOWN = 0.68
STABLE_VOLUME = 0.5
FRACTION = 0.4


@dataclass(frozen=True, slots=True)
class Swap:
    """One exchange in one pool, in raw units."""

    sold: Coin
    sold_raw: int
    bought: Coin
    bought_raw: int
    pool: Pool

    def volume(self, time: int) -> float:
        """Its USD: the cash leg at its price, else what was sold at its price."""
        if self.bought.is_cash and not self.sold.is_cash:
            return self.bought.worth(self.bought_raw, time)
        return self.sold.worth(self.sold_raw, time)


class Shapes:
    """Finds pools for trades and cuts them into swaps that sum to the trade exactly."""

    def __init__(self, rng: Random, mints: Mints) -> None:
        self.mints = mints
        self._book = Pool(ORDER_BOOK, program_address(rng), program_address(rng))
        self._stake = Pool(STAKE_POOL, program_address(rng), program_address(rng))

    def pool(self, rng: Random, sold: Coin, bought: Coin) -> Pool:
        """Where two mints are exchanged: staked SOL at its stake pool, others at a coin's pool."""
        if Listing.STAKED_SOL in (sold.listing, bought.listing):
            return self._stake
        return rng.choice((bought if sold.is_cash else sold).pools)

    def any_shape(self, rng: Random, trade: Swap, time: int) -> tuple[Swap, ...]:
        """A shape by chance; staked SOL goes the direct way."""
        if trade.pool is self._stake:
            return (trade,)
        chance = rng.random()
        if chance < ROUTED:
            return self._routed(rng, trade, time)
        if chance < ROUTED + SPLIT:
            return self._split(rng, trade)
        if chance < ROUTED + SPLIT + FILLED and max(trade.sold_raw, trade.bought_raw) < EXACT_FLOAT:
            return self._filled(trade)
        return (trade,)

    def _routed(self, rng: Random, trade: Swap, time: int) -> tuple[Swap, ...]:
        ends = {trade.sold.mint, trade.bought.mint}
        hops = (self.mints.sol, *self.mints.stables, *rng.sample(self.mints.coins, 3))
        hop = rng.choice([coin for coin in hops if coin.mint not in ends])
        raw = max(1, hop.raw_for(trade.sold.worth(trade.sold_raw, time), time))
        into, out_of = self.pool(rng, trade.sold, hop), self.pool(rng, hop, trade.bought)
        return (
            replace(trade, bought=hop, bought_raw=raw, pool=into),
            replace(trade, sold=hop, sold_raw=raw, pool=out_of),
        )

    def _split(self, rng: Random, trade: Swap) -> tuple[Swap, ...]:
        share = rng.uniform(0.2, 0.8)
        sold, bought = int(trade.sold_raw * share), int(trade.bought_raw * share)
        part = replace(trade, sold_raw=sold, bought_raw=bought)
        other = self.pool(rng, trade.sold, trade.bought)
        return part, _rest(trade, replace(part, pool=other))

    def _filled(self, trade: Swap) -> tuple[Swap, ...]:
        sold, bought = trade.sold_raw // FILLS, trade.bought_raw // FILLS
        fill = replace(trade, sold_raw=sold, bought_raw=bought, pool=self._book)
        return (*[fill] * (FILLS - 1), _rest(trade, fill, FILLS - 1))


def _rest(trade: Swap, part: Swap, times: int = 1) -> Swap:
    """What is left of a trade after a part of it was exchanged so many times, in the part's pool."""
    return replace(
        part,
        sold_raw=trade.sold_raw - times * part.sold_raw,
        bought_raw=trade.bought_raw - times * part.bought_raw,
    )


@dataclass(frozen=True, slots=True)
class Transaction:
    """What a wallet did at once.

    ``sequence`` is its place among the wallet's transactions of the same second; ``old`` rows lack
    the fields that came later; ``native`` SOL is what is received; ``priced`` is false where no
    field of a row tells a price.
    """

    wallet: str
    signature: str
    time: int
    swaps: tuple[Swap, ...]
    sequence: int
    old: bool
    native: bool
    priced: bool

    def rows(self, rng: Random, market_start: int) -> list[SwapItem]:
        """Its rows; a swap that is there twice becomes two equal rows."""
        signers = self._signers(rng)
        routed = len(self.swaps) > 1 and not self.swaps[0].pool.venue.order_book
        items: list[SwapItem] = []
        for index, swap in enumerate(self.swaps):
            if index and swap is self.swaps[index - 1]:
                items.append(items[-1])
                continue
            item = self._item(rng, swap, market_start)
            inner = None
            if not swap.pool.venue.order_book:
                # The order of a wallet's transactions within one second shows in this index alone.
                item["ins_index"] = 1 + self.sequence
                inner = index if routed else rng.randint(0, 4)
                if not routed and rng.random() < INNER_UNKNOWN:
                    inner = None
            item["inner_ins_index"] = inner
            item["signers"] = signers
            item["interacted_program_id"] = JUPITER if routed else swap.pool.venue.program
            late = ("volume_usd", "block_number", "ins_index", "signers") if self.old else ()
            for name in (*late, *(() if self.priced else ("volume_usd",))):
                item.pop(name, None)
            items.append(SwapItem(self.time, "swap", encode(item)))
        return items

    def _signers(self, rng: Random) -> list[str] | None:
        chance = rng.random()
        if chance < SIGNERS_UNKNOWN:
            return None
        return [wallet_address(rng) if chance < SIGNERS_UNKNOWN + RELAYED else self.wallet]

    def _item(self, rng: Random, swap: Swap, market_start: int) -> dict[str, object]:
        sold = self._leg(rng, swap, swap.sold, -swap.sold_raw)
        bought = self._leg(rng, swap, swap.bought, swap.bought_raw)
        if self.native and bought["address"] == WRAPPED_SOL:
            bought["address"] = NATIVE_SOL
        base, quote = (sold, bought) if _sold_is_base(rng, swap) else (bought, sold)
        return {
            "quote": quote,
            "base": base,
            "base_price": base["price"],
            "quote_price": quote["price"],
            "tx_hash": self.signature,
            "source": swap.pool.venue.source,
            "block_unix_time": self.time,
            "tx_type": "swap",
            "address": swap.pool.address,
            "owner": self.wallet,
            "block_number": FIRST_BLOCK + int((self.time - market_start) * BLOCKS_PER_SECOND),
            "volume_usd": _volume_usd(rng, swap, self.time),
            "volume": base["ui_amount"],
        }

    def _leg(self, rng: Random, swap: Swap, coin: Coin, change: int) -> dict[str, object]:
        venue = swap.pool.venue
        raw: int | float = abs(change)
        if venue.order_book and rng.random() < FRACTION:
            # Order books report what floating point makes of an amount: a hair beside the integer.
            raw = math.nextafter(float(raw), math.inf)
        price = nearest = coin.path.at(self.time)
        known = True
        if not coin.is_cash:
            price *= 1.0 + rng.gauss(0.0, 0.002)
            nearest = price * (1.0 + rng.gauss(0.0, 0.001))
            unknown = PRICE_UNKNOWN_IN_OLD_ROWS if self.old else PRICE_UNKNOWN
            known = self.priced and rng.random() >= unknown
        sign = 1 if change > 0 else -1
        transfer = venue.transfer
        if venue is STAKE_POOL and coin.listing is Listing.STAKED_SOL:
            transfer = "mintTo" if change > 0 else "burn"
        return {
            "symbol": coin.symbol,
            "decimals": coin.decimals,
            "address": coin.mint,
            "amount": str(raw) if venue.raw_as_text else raw,
            "type": transfer,
            "type_swap": "to" if change > 0 else "from",
            "ui_amount": raw / coin.unit,
            "price": price if known else None,
            "nearest_price": nearest if self.priced else None,
            "change_amount": sign * raw,
            "ui_change_amount": sign * raw / coin.unit,
        }


def _sold_is_base(rng: Random, swap: Swap) -> bool:
    sold, bought = swap.sold, swap.bought
    if sold.is_cash and bought.is_cash:
        return sold.mint == WRAPPED_SOL or {sold.mint, bought.mint} <= STABLES
    if not sold.is_cash and not bought.is_cash:
        return rng.random() < EITHER
    cash = sold if sold.is_cash else bought
    cash_is_base = rng.random() < (SOL_IS_BASE if cash.mint == WRAPPED_SOL else STABLE_IS_BASE)
    return cash_is_base is (cash is sold)


def _volume_usd(rng: Random, swap: Swap, time: int) -> float:
    for coin, raw in ((swap.sold, swap.sold_raw), (swap.bought, swap.bought_raw)):
        if coin.mint in STABLES and rng.random() < STABLE_VOLUME:
            return raw / coin.unit
    return swap.volume(time)
