"""One recorded swap row: what of it the stand-in has to understand."""

import json
import math
import time as clock
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NoReturn, Self

from smart_trader_assets.sandbox.wire import MAX_UNIX_TIME
from smart_trader_assets.transforms.swap_identity import INDEXES, identity_text
from smart_trader_assets.transforms.values import exact_text, integer, text

LEGS = ("base", "quote")
DAY_SECONDS = 86_400
MAX_DECIMALS = 255  # decimals of a mint are one byte


class BrokenRowError(Exception):
    """A line that is not a swap row; says why."""


@dataclass(frozen=True, slots=True)
class RecordedLeg:
    """A side of a swap; ``price`` is USD a token, None where the row does not tell."""

    mint: str
    symbol: str | None
    decimals: int | None
    price: float | None


@dataclass(frozen=True, slots=True)
class RecordedRow:
    """A swap row and the text that it was recorded as."""

    wallet: str
    block_unix_time: int
    tx_type: str
    source: str | None
    volume_usd: float
    legs: tuple[RecordedLeg, RecordedLeg]
    text: str
    identity: str
    indexes: tuple[int | None, ...]

    def at(self, indexes: Sequence[int | None]) -> Self:
        """The row with these indexes, which it may not have known itself."""
        if tuple(indexes) == self.indexes:
            return self
        item = json.loads(self.text) | dict(zip(INDEXES, indexes, strict=True))
        return replace(self, indexes=tuple(indexes), text=json.dumps(item))


def read_row(line: bytes, *, wallet: str) -> RecordedRow:
    """Understands a line, or raises BrokenRowError.

    A row needs a tx_hash, a block_unix_time, and two legs with a mint and a signed amount.
    ``wallet`` is the owner where the row names none.
    """
    try:
        recorded = line.decode("utf-8-sig").strip()
        item = json.loads(recorded, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise BrokenRowError(f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise BrokenRowError(f"not JSON: {error.msg} at character {error.pos}") from error
    except ValueError as error:
        raise BrokenRowError(f"not JSON that can be read: {error}") from error
    except RecursionError as error:
        raise BrokenRowError("not a swap row: nested too deeply") from error
    if not isinstance(item, dict):
        raise BrokenRowError("not a JSON object")
    if not _text(item, "tx_hash"):
        raise BrokenRowError("tx_hash is missing")
    time = item.get("block_unix_time")
    if type(time) is not int or not 1 <= time <= MAX_UNIX_TIME:  # neither true nor 3.0
        raise BrokenRowError("block_unix_time is missing or no time in seconds")
    if time > clock.time() + DAY_SECONDS:
        # The last row sets the clock of a replay: one slip would move it by centuries.
        when = datetime.fromtimestamp(time, UTC)
        raise BrokenRowError(f"block_unix_time is {when:%Y-%m-%d}, which is yet to come")
    owner = _text(item, "owner") or wallet
    return RecordedRow(
        wallet=owner,
        block_unix_time=time,
        tx_type=_text(item, "tx_type") or "swap",
        source=_text(item, "source"),
        volume_usd=_number(item, "volume_usd") or 0.0,
        legs=(_leg(item, LEGS[0]), _leg(item, LEGS[1])),
        text=recorded,
        identity=_identity(item, owner),
        indexes=tuple(integer(item.get(name)) for name in INDEXES),
    )


def _identity(item: Mapping[str, Any], wallet: str) -> str:
    return identity_text(
        {
            "wallet_address": wallet,
            "tx_hash": item["tx_hash"],
            "address": _text(item, "address"),
            **{f"{leg}_address": _text(item[leg], "address") for leg in LEGS},
            **{f"{leg}_change_amount": exact_text(item[leg].get("change_amount")) for leg in LEGS},
        }
    )


def _leg(item: Mapping[str, object], name: str) -> RecordedLeg:
    leg = item.get(name)
    if not isinstance(leg, dict):
        raise BrokenRowError(f"{name} is missing")
    mint = _text(leg, "address")
    if not mint:
        raise BrokenRowError(f"{name}.address is missing")
    if leg.get("change_amount") is None and leg.get("ui_change_amount") is None:
        raise BrokenRowError(f"{name}.change_amount is missing")
    price, decimals = _number(leg, "price"), leg.get("decimals")
    return RecordedLeg(
        mint=mint,
        symbol=_text(leg, "symbol"),
        decimals=decimals if type(decimals) is int and 0 <= decimals <= MAX_DECIMALS else None,
        price=_number(leg, "nearest_price") if price is None else price,
    )


def _text(fields: Mapping[str, object], name: str) -> str | None:
    return text(fields.get(name)) or None


def _number(fields: Mapping[str, object], name: str) -> float | None:
    value = fields.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    with suppress(OverflowError):  # an int beyond a float's range
        return float(value) if math.isfinite(value) else None
    return None


def _refuse_constant(name: str) -> NoReturn:
    raise BrokenRowError(f"not JSON: {name} is not a number")
