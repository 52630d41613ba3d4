"""What makes a swap row the row that it is, whatever the source fills in or revises later.

A row is a wallet's, of one transaction, in one pool, between two mints, by two signed raw amounts. Indexes of
instructions are not part of it, since the source may fill them later; prices are not, since they are revised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Context, Decimal
from hashlib import blake2b
from typing import Any

import polars as pl

IDENTITY = (
    "wallet_address",
    "tx_hash",
    "address",
    "base_address",
    "quote_address",
    "base_change_amount",
    "quote_change_amount",
)
"""The columns of bronze/transactions that a row's `swap_id` is made from."""

INDEXES = ("ins_index", "inner_ins_index")

_AMOUNTS = frozenset({"base_change_amount", "quote_change_amount"})
_SEPARATOR = "\x1f"
_EXACT = Context(prec=100)
_LONGEST_WHOLE = 100


def one_spelling(amount: str | None) -> str | None:
    """A number's text: `1.50`, `15E-1` and `1.5` become one, as do `100`, `100.0` and `1e2`."""
    if amount is None:
        return None
    digits = amount.removeprefix("-")
    if digits.isdecimal() and digits[0] != "0":
        return amount
    try:
        number = Decimal(amount).normalize(_EXACT)
    except ArithmeticError:  # no number, or one beyond all bounds
        return amount
    is_whole = number.is_finite() and number == number.to_integral_value()
    return str(int(number) if is_whole and number.adjusted() < _LONGEST_WHOLE else number)


def identity_text(parts: Mapping[str, str | None]) -> str:
    """One text for the identity whose `IDENTITY` columns have these values."""
    spelled = (one_spelling(parts[name]) if name in _AMOUNTS else parts[name] for name in IDENTITY)
    return _SEPARATOR.join([part or "" for part in spelled])


def numbered_id(identity: str, ordinal: int) -> str:
    """The `swap_id` of the fill of that ordinal, from 0, among those of one identity."""
    return blake2b(f"{identity}{_SEPARATOR}{ordinal}".encode(), digest_size=16).hexdigest()


def swap_ids(rows: pl.DataFrame) -> pl.Series:
    """The `swap_id` of each row: a hash of its identity and its ordinal.

    rows: columns of bronze/transactions, in complete seconds. Fills of one identity get their ordinals in the
    order of their indexes, unknown ones last, and then of everything else, so that no order of arrival
    exchanges two.
    """
    ids = [""] * rows.height
    for identity, places in places_of(identities(rows)).items():
        if len(places) > 1:
            places.sort(key=lambda place: fill_order(rows.row(place, named=True)))
        for ordinal, place in enumerate(places):
            ids[place] = numbered_id(identity, ordinal)
    return pl.Series("swap_id", ids, dtype=pl.String)


def identities(rows: pl.DataFrame) -> Iterable[str]:
    """The identity of each row, as one text; rows: the columns of `IDENTITY`."""
    columns = [
        [one_spelling(value) for value in rows[name]] if name in _AMOUNTS else rows[name].to_list()
        for name in IDENTITY
    ]
    for parts in zip(*columns, strict=True):
        yield _SEPARATOR.join([part or "" for part in parts])


def places_of(texts: Iterable[str]) -> dict[str, list[int]]:
    """The places at which each identity stands, in their order."""
    places: dict[str, list[int]] = {}
    for place, identity in enumerate(texts):
        places.setdefault(identity, []).append(place)
    return places


def fill_order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What puts identical fills into their order: the columns of the source, and nothing of the fetch."""
    indexes = [row.get(name) for name in INDEXES]
    known = [(index is None, index or 0) for index in indexes]
    rest = [repr(row[name]) for name in sorted(row) if name not in {*INDEXES, "fetched_at"}]
    return (*known, *rest)


def are_one_row(one: Sequence[int | None], other: Sequence[int | None]) -> bool:
    """Whether two rows of equal identity are one, by their indexes: unless all are known, and differ."""
    return None in (*one, *other) or tuple(one) == tuple(other)


def agreement(one: Sequence[int | None], other: Sequence[int | None]) -> int:
    """How many known indexes two rows share."""
    return sum(a is not None and a == b for a, b in zip(one, other, strict=True))


def folded(
    indexes: Sequence[Sequence[int | None]],
    *,
    may_be_one: Callable[[int, int], bool] = lambda _, __: True,
) -> list[list[int]]:
    """The rows of one identity, given by their indexes in the order of their delivery, put together.

    Each group is one row, its members in order: the last one holds, and indexes that any of them knows stay.
    `may_be_one` tells apart two rows, by their places, that are several for another reason.
    """
    groups: list[list[int]] = []

    def is_one(place: int, other: int) -> bool:
        return are_one_row(indexes[place], indexes[other]) and may_be_one(place, other)

    # Those that know their place first, so that one that does not joins a row instead of making two of one.
    for place in sorted(range(len(indexes)), key=lambda place: None in indexes[place]):
        same = [group for group in groups if all(is_one(place, other) for other in group)]
        if same:
            known = [last_known([indexes[other] for other in group]) for group in same]
            closest = max(range(len(same)), key=lambda n: agreement(indexes[place], known[n]))
            same[closest].append(place)
        else:
            groups.append([place])
    return [sorted(group) for group in groups]


def fold_repeats(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` without repeats: columns of bronze/transactions, delivered one page after another.

    For rows whose seconds need not be complete: of several rows of one identity the last one holds, with the
    indexes that any of them knows, unless their indexes show that they are several.
    """
    known = rows.select(INDEXES).rows()
    dropped: set[int] = set()
    for places in places_of(identities(rows)).values():
        if len(places) == 1:
            continue
        for group in folded([known[place] for place in places]):
            members = [places[place] for place in group]
            dropped.update(members[:-1])
            known[members[-1]] = last_known([known[member] for member in members])
    if not dropped:
        return rows
    filled = pl.DataFrame(known, schema=dict.fromkeys(INDEXES, pl.Int64), orient="row")
    kept = [place for place in range(rows.height) if place not in dropped]
    return rows.with_columns(filled)[kept]


def last_known(indexes: Sequence[Sequence[int | None]]) -> tuple[int | None, ...]:
    """Of each index the last value that is known."""
    return tuple(
        next((index for index in reversed(values) if index is not None), None)
        for values in zip(*indexes, strict=True)
    )
