"""Transactions written as the rows of the swap history, with everything that is odd about them."""

import math
from dataclasses import dataclass
from random import Random

from smart_trader_assets.sandbox.generated.addresses import wallet_address
from smart_trader_assets.sandbox.generated.coins import Coin, Listing, Pool
from smart_trader_assets.sandbox.generated.known_mints import NATIVE_SOL, USDC, USDT, WRAPPED_SOL
from smart_trader_assets.sandbox.generated.venues import JUPITER, STAKE_POOL
from smart_trader_assets.sandbox.source import SwapItem
from smart_trader_assets.sandbox.wire import encode

Item = dict[str, object]

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
    sequence: int = 0
    old: bool = False
    native: bool = False
    priced: bool = True


def write_rows(rng: Random, transaction: Transaction, market_start: int) -> list[SwapItem]:
    """The rows of a transaction; a swap that is there twice becomes two equal rows."""
    signers = _signers(rng, transaction.wallet)
    routed = len(transaction.swaps) > 1 and not transaction.swaps[0].pool.venue.order_book
    items: list[SwapItem] = []
    for index, swap in enumerate(transaction.swaps):
        if index and swap is transaction.swaps[index - 1]:
            items.append(items[-1])
            continue
        item = _item(rng, transaction, swap, market_start)
        _place(rng, item, transaction, swap, index, routed=routed)
        item["signers"] = signers
        item["interacted_program_id"] = JUPITER if routed else swap.pool.venue.program
        if transaction.old:
            for late in ("volume_usd", "block_number", "ins_index", "signers"):
                item.pop(late, None)
        if not transaction.priced:
            item.pop("volume_usd", None)
        items.append(SwapItem(transaction.time, "swap", encode(item)))
    return items


def _item(rng: Random, transaction: Transaction, swap: Swap, market_start: int) -> Item:
    sold = _leg(rng, transaction, swap, swap.sold, -swap.sold_raw)
    bought = _leg(rng, transaction, swap, swap.bought, swap.bought_raw)
    if transaction.native and bought["address"] == WRAPPED_SOL:
        bought["address"] = NATIVE_SOL
    sold_is_base = _sold_is_base(rng, swap)
    base, quote = (sold, bought) if sold_is_base else (bought, sold)
    since = transaction.time - market_start
    return {
        "quote": quote,
        "base": base,
        "base_price": base["price"],
        "quote_price": quote["price"],
        "tx_hash": transaction.signature,
        "source": swap.pool.venue.source,
        "block_unix_time": transaction.time,
        "tx_type": "swap",
        "address": swap.pool.address,
        "owner": transaction.wallet,
        "block_number": FIRST_BLOCK + int(since * BLOCKS_PER_SECOND),
        "volume_usd": _volume_usd(rng, swap, transaction.time),
        "volume": base["ui_amount"],
    }


def _leg(rng: Random, transaction: Transaction, swap: Swap, coin: Coin, change: int) -> Item:
    venue = swap.pool.venue
    raw: int | float = abs(change)
    if venue.order_book and rng.random() < FRACTION:
        # Order books report what floating point makes of an amount: a hair beside the integer.
        raw = math.nextafter(float(raw), math.inf)
    price = nearest = coin.path.at(transaction.time)
    if coin.listing is not Listing.CASH:
        price *= 1.0 + rng.gauss(0.0, 0.002)
        nearest = price * (1.0 + rng.gauss(0.0, 0.001))
        unknown = PRICE_UNKNOWN_IN_OLD_ROWS if transaction.old else PRICE_UNKNOWN
        known = transaction.priced and rng.random() >= unknown
    else:
        known = True
    sign = 1 if change > 0 else -1
    return {
        "symbol": coin.symbol,
        "decimals": coin.decimals,
        "address": coin.mint,
        "amount": str(raw) if venue.raw_as_text else raw,
        "type": _transfer(venue.transfer, venue is STAKE_POOL, coin, sign),
        "type_swap": "to" if change > 0 else "from",
        "ui_amount": raw / coin.unit,
        "price": price if known else None,
        "nearest_price": nearest if transaction.priced else None,
        "change_amount": sign * raw,
        "ui_change_amount": sign * raw / coin.unit,
    }


def _transfer(usual: str, staking: bool, coin: Coin, sign: int) -> str:
    if not staking or coin.listing is not Listing.STAKED_SOL:
        return usual
    return "mintTo" if sign > 0 else "burn"


def _sold_is_base(rng: Random, swap: Swap) -> bool:
    sold, bought = swap.sold, swap.bought
    if sold.listing is not Listing.CASH and bought.listing is not Listing.CASH:
        return rng.random() < EITHER
    if sold.listing is Listing.CASH and bought.listing is Listing.CASH:
        return sold.mint == WRAPPED_SOL or (sold.mint in STABLES and bought.mint in STABLES)
    cash = sold if sold.listing is Listing.CASH else bought
    cash_is_base = rng.random() < (SOL_IS_BASE if cash.mint == WRAPPED_SOL else STABLE_IS_BASE)
    return cash_is_base is (cash is sold)


def _volume_usd(rng: Random, swap: Swap, time: int) -> float:
    for coin, raw in ((swap.sold, swap.sold_raw), (swap.bought, swap.bought_raw)):
        if coin.mint in STABLES and rng.random() < STABLE_VOLUME:
            return raw / coin.unit
    return volume_of(swap, time)


def volume_of(swap: Swap, time: int) -> float:
    """USD of a swap: the cash leg at its price, else what was sold at its price."""
    coin, raw = swap.sold, swap.sold_raw
    if coin.listing is not Listing.CASH and swap.bought.listing is Listing.CASH:
        coin, raw = swap.bought, swap.bought_raw
    return raw / coin.unit * coin.path.at(time)


def _place(
    rng: Random, item: Item, transaction: Transaction, swap: Swap, index: int, *, routed: bool
) -> None:
    if swap.pool.venue.order_book:
        item["inner_ins_index"] = None
        return
    # The order of a wallet's transactions within one second shows in this index alone.
    item["ins_index"] = 1 + transaction.sequence
    inner = index if routed else rng.randint(0, 4)
    item["inner_ins_index"] = None if not routed and rng.random() < INNER_UNKNOWN else inner


def _signers(rng: Random, wallet: str) -> list[str] | None:
    chance = rng.random()
    if chance < SIGNERS_UNKNOWN:
        return None
    if chance < SIGNERS_UNKNOWN + RELAYED:
        return [wallet_address(rng)]
    return [wallet]
