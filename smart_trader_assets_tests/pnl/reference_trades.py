"""Swap rows to what each transaction did, in plain Python over exact fractions.

Slow and literal: one wallet, one transaction, one leg at a time, for sound rows only.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from math import isfinite
from statistics import median
from typing import Any

from smart_trader_assets.transforms.known_addresses import CASH_MINTS, STAKING_MINTS

SOL = "So11111111111111111111111111111111111111112"
NATIVE = "So11111111111111111111111111111111111111111"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
USDT = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
EURC = "HzwqbKZw8HxMN6bF2yFZNrht3c2iXXzpKcFu7uBEDKtr"
PEGS: dict[str, float | None] = {
    **dict.fromkeys([*CASH_MINTS, *STAKING_MINTS]),
    USDC: 1.0,
    USDT: 1.0,
}
del PEGS[NATIVE]
DOLLARS = frozenset(CASH_MINTS) - {SOL, NATIVE, EURC}
SOL_COINS = {SOL, *STAKING_MINTS}
DAY = 86400
OTHER = {"base": "quote", "quote": "base"}
Row = Mapping[str, Any]


@dataclass
class Leg:
    mint: str
    time: int
    decimals: int
    units: int
    price: Fraction | None
    multiplied: bool

    @property
    def amount(self) -> Fraction:
        return Fraction(abs(self.units), 10**self.decimals)


@dataclass
class Move:
    """One mint in one transaction: what is left of all its legs, and its value."""

    mint: str
    decimals: int
    net: int
    value: Fraction | None


@dataclass
class Transaction:
    """`cash` is the net cash in USD, negative where it was paid, None where it has no price.

    `in_sol`: whether most of it was SOL, staked or not.
    """

    tx: str
    order: tuple[Any, ...]
    time: int
    block: int | None
    kind: str
    cash: Fraction | None
    in_sol: bool
    sol_price: Fraction | None
    out: list[Move] = field(default_factory=list)
    into: list[Move] = field(default_factory=list)


@dataclass
class History:
    """A wallet: its transactions in order, and the newest SOL price it has."""

    transactions: list[Transaction]
    newest_sol_price: Fraction | None


def exact(number: float) -> Fraction:
    """The decimal number that a float is written as."""
    return Fraction(repr(float(number)))


def total(values: Iterable[Fraction | int | None]) -> Fraction:
    return sum((Fraction(value) for value in values if value is not None), Fraction(0))


def sound(price: float | None) -> Fraction | None:
    return exact(price) if price is not None and isfinite(price) and price > 0 else None


def mint_of(row: Row, side: str) -> str:
    mint: str = row[f"{side}_address"]
    return SOL if mint == NATIVE else mint


def units_of(row: Row, side: str) -> int:
    number = Fraction(str(row[f"{side}_change_amount"]))
    if number.denominator == 1:
        return int(number)
    ui_amount, decimals = row[f"{side}_ui_change_amount"], row[f"{side}_decimals"]
    units: int = round(ui_amount * 10**decimals)
    return units


def amount_of(row: Row, side: str) -> Fraction:
    return Fraction(abs(units_of(row, side)), 10 ** row[f"{side}_decimals"])


def multiplied(row: Row, side: str) -> bool:
    multiplier = row.get(f"{side}_multiplier")
    if multiplier is None:
        return bool(row.get(f"{side}_is_scaled_ui_token"))
    return bool(multiplier != 1)


def told_price(row: Row, side: str) -> Fraction | None:
    return sound(row[f"{side}_price"]) or sound(row[f"{side}_nearest_price"])


def agree(one: Fraction, other: Fraction) -> bool:
    return max(one, other) <= 2 * min(one, other)


def said_value(row: Row, side: str, dollar: Fraction) -> Fraction | None:
    """What a leg says that its swap was worth."""
    if multiplied(row, side):
        return None
    price = dollar if mint_of(row, side) in DOLLARS else told_price(row, side)
    return None if price is None else price * amount_of(row, side)


def witness(row: Row, side: str, dollar: Fraction) -> Fraction | None:
    """The price of a leg by what else the row tells: its other leg, else its volume."""
    amount = amount_of(row, side)
    value = said_value(row, OTHER[side], dollar) or sound(row["volume_usd"])
    return value / amount if value and amount else None


def cash_price(row: Row, side: str, dollar: Fraction) -> Fraction | None:
    price, nearest = sound(row[f"{side}_price"]), sound(row[f"{side}_nearest_price"])
    if price is None or nearest is None or agree(price, nearest):
        return price or nearest
    judge = witness(row, side, dollar)
    if judge is None:
        return None
    return next((one for one in (price, nearest) if agree(one, judge)), None)


def leg_of(row: Row, side: str, pegs: Mapping[str, float | None], dollar: Fraction) -> Leg:
    mint = mint_of(row, side)
    peg = pegs.get(mint)
    if peg is not None:
        price: Fraction | None = exact(peg)
    elif mint in pegs:
        price = cash_price(row, side, dollar)
    else:
        price = told_price(row, side)
    return Leg(
        mint=mint,
        time=row["block_unix_time"],
        decimals=row[f"{side}_decimals"],
        units=units_of(row, side),
        price=price,
        multiplied=multiplied(row, side),
    )


def correct_far_prices(legs: list[Leg]) -> None:
    """The median of a day either way, where the price of a leg is more than twice off."""
    told = [(leg.time, leg.price) for leg in legs if leg.price is not None]
    prices = [price for _, price in told]
    if not prices or agree(min(prices), max(prices)):
        # Where no two are twice apart, none is twice off a median.
        return
    for leg in legs:
        if leg.price is None:
            continue
        near = [price for time, price in told if abs(time - leg.time) <= DAY]
        if len(near) >= 3 and not agree(leg.price, median(near)):
            leg.price = median(near)


def mean_price(legs: Iterable[Leg]) -> Fraction | None:
    """Over the legs that have a price, weighted by amount."""
    priced = [(leg.amount, leg.price) for leg in legs if leg.price is not None]
    amount = total(amount for amount, _ in priced)
    return total(amount * price for amount, price in priced) / amount if amount else None


def sol_price(own: list[Leg], seconds: Mapping[int, list[Leg]], time: int) -> Fraction | None:
    """Of a transaction's own SOL legs, else of the nearest second with any within a day."""
    price = mean_price(leg for leg in own if leg.mint == SOL)
    if price is not None or not seconds:
        return price
    nearest = min(seconds, key=lambda second: (abs(second - time), second))
    return mean_price(seconds[nearest]) if abs(nearest - time) <= DAY else None


def move_of(legs: list[Leg], price: Fraction | None) -> Move:
    net = sum(leg.units for leg in legs)
    worth = None if price is None else price * abs(net) / 10 ** legs[0].decimals
    return Move(legs[0].mint, legs[0].decimals, net, worth)


def leaves_no_trace(legs: list[Leg], move: Move, hop_usd: Fraction) -> bool:
    """Whether a position mint was but a hop: it came and went, and next to nothing is left."""
    gross = sum(abs(leg.units) for leg in legs)
    both_ways = any(leg.units > 0 for leg in legs) and any(leg.units < 0 for leg in legs)
    cheap = move.value is None or move.value <= hop_usd
    return both_ways and abs(move.net) * 1000 <= gross and cheap


def shares(whole: Fraction, own: Mapping[str, Fraction | None]) -> dict[str, Fraction]:
    """A value shared by several mints, by their own values as far as they have any."""
    known = {mint: value for mint, value in own.items() if value is not None}
    rest = [mint for mint in own if mint not in known]
    sum_known = total(known.values())
    scale = whole / sum_known if known and (not rest or sum_known > whole) else Fraction(1)
    counted = {mint: value * scale for mint, value in known.items()}
    left = whole - total(counted.values())
    return {mint: counted[mint] if mint in counted else left / len(rest) for mint in own}


def kind_of(out: list[Move], into: list[Move], cash: Fraction | None, positions: bool) -> str:
    if not out and not into:
        return "arbitrage" if positions else "conversion"
    if out and into:
        return "rollover"
    paid_for = cash is not None and (cash > 0 if out else cash < 0)
    return "cash" if paid_for else "unpriced"


def place_of(row: Row) -> tuple[Any, ...]:
    fields = (row["block_unix_time"], row["block_number"], row["ins_index"], row["inner_ins_index"])
    return tuple((one is not None, one or 0) for one in fields)


def order_of(tx: str, first: Row, out: list[Move], into: list[Move]) -> tuple[Any, ...]:
    time, block, index, inner_index = place_of(first)
    rank = 1 if out and into else 2 if out else 0
    return (time, block, rank, index, inner_index, tx)


def transaction_of(
    tx: str,
    first: Row,
    legs: list[Leg],
    price_of_sol: Fraction | None,
    pegs: Mapping[str, float | None],
    hop_usd: Fraction,
    dollar: Fraction,
) -> Transaction:
    by_mint: dict[str, list[Leg]] = defaultdict(list)
    for leg in legs:
        by_mint[leg.mint].append(leg)
    cash, moves, positions = [], [], False
    for mint, own in by_mint.items():
        price = mean_price(own)
        if mint in pegs:
            coin = dollar if mint in DOLLARS and price is None else price
            cash.append(move_of(own, coin))
            continue
        positions = True
        move = move_of(own, None if any(leg.multiplied for leg in own) else price)
        if not leaves_no_trace(own, move, hop_usd):
            moves.append(move)
    moved = [move for move in cash if move.net]
    known = [(move.net, move.value) for move in moved if move.value is not None]
    signed = [value if net > 0 else -value for net, value in known]
    net_cash = total(signed) if len(signed) == len(moved) else None
    in_sol = [(move.net, move.value) for move in moved if move.mint in SOL_COINS]
    as_sol = total(-value if net < 0 and value is not None else value for net, value in in_sol)
    out, into = [m for m in moves if m.net < 0], [m for m in moves if m.net > 0]
    return Transaction(
        tx=tx,
        order=order_of(tx, first, out, into),
        time=first["block_unix_time"],
        block=first["block_number"],
        kind=kind_of(out, into, net_cash, positions),
        cash=net_cash,
        in_sol=net_cash is not None and net_cash != 0 and 2 * as_sol / net_cash > 1,
        sol_price=price_of_sol,
        out=out,
        into=into,
    )


def history_of(rows: list[Row], pegs: Mapping[str, float | None], hop_usd: float) -> History:
    dollar = exact(pegs.get(USDC) or 1.0)
    of_tx: dict[str, list[Row]] = defaultdict(list)
    legs: dict[str, list[Leg]] = defaultdict(list)
    for row in rows:
        of_tx[row["tx_hash"]].append(row)
        legs[row["tx_hash"]] += (leg_of(row, side, pegs, dollar) for side in OTHER)
    in_sol = [leg for own in legs.values() for leg in own if leg.mint == SOL]
    correct_far_prices(in_sol)
    seconds: dict[int, list[Leg]] = defaultdict(list)
    for leg in in_sol:
        if leg.price is not None and leg.units:
            seconds[leg.time].append(leg)
    done = []
    for tx, own in of_tx.items():
        first = min(own, key=place_of)
        price = sol_price(legs[tx], seconds, first["block_unix_time"])
        one = transaction_of(tx, first, legs[tx], price, pegs, exact(hop_usd), dollar)
        done.append(one)
    newest = mean_price(seconds[max(seconds)]) if seconds else None
    return History(sorted(done, key=lambda one: one.order), newest)


def wallets_of(rows: Iterable[Row], as_of: datetime) -> dict[str, list[Row]]:
    """The swaps of each wallet up to a time, the last row told of each swap_id."""
    swaps = {
        row["swap_id"]: row
        for row in rows
        if row["tx_type"] == "swap" and row["block_unix_time"] <= as_of.timestamp()
    }
    wallets: dict[str, list[Row]] = defaultdict(list)
    for row in swaps.values():
        wallets[row["wallet_address"]].append(row)
    return wallets
