"""Swap rows to trades by the letter of the rules, in plain Python over exact fractions.

Slow and literal: one wallet, one transaction, one row at a time, for sound rows only.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

SOL = "So11111111111111111111111111111111111111112"
NATIVE = "So11111111111111111111111111111111111111111"
PEGS: dict[str, float | None] = {
    SOL: None,
    "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v": 1.0,
    "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB": 1.0,
}
Row = Mapping[str, Any]


@dataclass
class Trade:
    order: tuple[Any, ...]
    time: int
    block: int | None
    tx: str
    mint: str
    decimals: int
    quantity: int
    value: Fraction | None


def exact(number: float) -> Fraction:
    """The decimal number that a float is written as."""
    return Fraction(repr(float(number)))


def units_of(row: Row, leg: str) -> int:
    text = str(row[f"{leg}_change_amount"])
    number = Fraction(text)
    if number.denominator == 1:
        return int(number)
    ui_amount, decimals = row[f"{leg}_ui_change_amount"], row[f"{leg}_decimals"]
    units: int = round(ui_amount * 10**decimals)
    return units


def sound(price: float | None) -> Fraction | None:
    return exact(price) if price is not None and 0 < price < float("inf") else None


def order_of(row: Row) -> tuple[Any, ...]:
    fields = (row["block_unix_time"], row["block_number"], row["ins_index"], row["inner_ins_index"])
    return tuple(-1 if field is None else field for field in fields)


def transactions(rows: Iterable[Row], as_of: datetime) -> dict[str, dict[str, list[Row]]]:
    """Wallet -> tx_hash -> rows, one a swap_id."""
    wallets: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    seen = set()
    for row in rows:
        late = row["block_unix_time"] > as_of.timestamp()
        if row["swap_id"] in seen or row["tx_type"] != "swap" or late:
            continue
        seen.add(row["swap_id"])
        wallets[row["wallet_address"]][row["tx_hash"]].append(row)
    return wallets


@dataclass
class Moved:
    net: int
    gross: int
    decimals: int
    priced: int
    priced_value: Fraction
    volume: Fraction | None

    @property
    def price_value(self) -> Fraction | None:
        return self.priced_value / self.priced * abs(self.net) if self.priced else None


def movements(rows: list[Row], pegs: Mapping[str, float | None]) -> dict[str, Moved]:
    moved: dict[str, Moved] = {}
    for row in rows:
        volume = sound(row["volume_usd"])
        for leg in ("base", "quote"):
            mint = SOL if row[f"{leg}_address"] == NATIVE else row[f"{leg}_address"]
            units = units_of(row, leg)
            price = sound(row[f"{leg}_price"]) or sound(row[f"{leg}_nearest_price"])
            if (peg := pegs.get(mint)) is not None:
                price = exact(peg)
            decimals = row[f"{leg}_decimals"]
            one = moved.setdefault(mint, Moved(0, 0, decimals, 0, Fraction(0), Fraction(0)))
            one.net += units
            one.gross += abs(units)
            if price is not None:
                one.priced += abs(units)
                one.priced_value += abs(units) * price / 10**decimals
            known = one.volume is not None and volume is not None
            one.volume = one.volume + volume if known else None  # type: ignore[operator]
    for one in moved.values():
        if abs(one.net) * 10**9 <= one.gross:
            one.net = 0
        if abs(one.net) != one.gross:
            one.volume = None
    return moved


def total(values: Iterable[Fraction | None]) -> Fraction:
    return sum((value for value in values if value is not None), Fraction(0))


def settle(
    cash: Fraction, out: dict[str, Moved], into: dict[str, Moved]
) -> dict[str, Fraction | None]:
    """Rule by rule, what each mint that moved was worth."""
    own = {
        mint: one.price_value if one.price_value is not None else one.volume
        for mint, one in (out | into).items()
    }
    taking, giving = (into, out) if cash <= 0 else (out, into)
    if cash == 0 and len(out) == len(into) == 1:
        (left,), (came,) = out.values(), into.values()
        volume = left.volume if left.volume is not None else came.volume
        if volume is not None:
            return dict.fromkeys(own, volume)
    if not taking:
        return own
    unknown_taking = [mint for mint in taking if own[mint] is None]
    unknown_giving = [mint for mint in giving if own[mint] is None]
    worth = abs(cash) + total(own[mint] for mint in giving)
    known_taking = total(own[mint] for mint in taking)
    values = dict(own)
    if not unknown_giving and worth > 0:
        if len(taking) == 1:
            values[next(iter(taking))] = worth
        elif not unknown_taking:
            for mint in taking:
                values[mint] = worth * own[mint] / known_taking  # type: ignore[operator]
        elif len(unknown_taking) == 1 and worth > known_taking:
            values[unknown_taking[0]] = worth - known_taking
    elif len(unknown_giving) == 1 and not unknown_taking and known_taking > worth:
        values[unknown_giving[0]] = known_taking - worth
    return values


def trades_of(
    wallet: Mapping[str, list[Row]], pegs: Mapping[str, float | None]
) -> tuple[list[Trade], list[tuple[int, Fraction | None]]]:
    trades: list[Trade] = []
    arbitrages: list[tuple[int, Fraction | None]] = []
    for tx, rows in wallet.items():
        first = min(rows, key=order_of)
        moved = movements(rows, pegs)
        cash_moves = {m: one for m, one in moved.items() if m in pegs and one.net}
        known = all(one.price_value is not None for one in cash_moves.values())
        cash = total(
            (1 if one.net > 0 else -1) * (one.price_value or Fraction(0))
            for one in cash_moves.values()
        )
        positions = {m: one for m, one in moved.items() if m not in pegs}
        out = {m: one for m, one in positions.items() if one.net < 0}
        into = {m: one for m, one in positions.items() if one.net > 0}
        if not out and not into:
            if positions:
                arbitrages.append((first["block_unix_time"], cash if known else None))
            continue
        values = settle(cash if known else Fraction(0), out, into)
        trades += (
            Trade(
                order=(*order_of(first), tx),
                time=first["block_unix_time"],
                block=first["block_number"],
                tx=tx,
                mint=mint,
                decimals=one.decimals,
                quantity=one.net,
                value=values[mint],
            )
            for mint, one in (out | into).items()
        )
    return sorted(trades, key=lambda trade: trade.order), arbitrages
