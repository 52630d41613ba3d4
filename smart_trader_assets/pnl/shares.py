"""How one amount is shared among several mints, to the last unit.

Amounts are Python's whole numbers in arrays of objects: such transactions are few, and nothing is too large.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.object_]
"""Whole numbers of any size."""
Codes = NDArray[np.int64]


def shared(amount: Whole, group: Codes, own: NDArray[Any]) -> Whole:
    """The parts of each group's `amount`, one per row; they sum to it exactly.

    amount: by group, 0 or more; group: of each row, ascending; own: the row's own value above 0, or None.

    In proportion to own values. Where any row of a group has none, those that have one take it, scaled down
    where together they exceed the amount, and the others take the rest in equal parts.
    """
    known = is_known(own)
    weight = np.where(known, own, 0)
    weights, unknown = sums(weight, group, len(amount)), counts(~known, group, len(amount))
    proportional = (unknown == 0) | (weights > amount)
    total = np.where(proportional, amount, np.minimum(weights, amount))
    of_known = parts(total, group, weight, weights)
    rest = parts(amount - total, group, np.where(known, 0, 1), unknown)
    both: Whole = of_known + rest
    return both


def parts(amount: Whole, group: Codes, weight: Whole, weights: Whole) -> Whole:
    """Each row's part of its group's `amount` by weight, rounded so that the parts sum to it; where a group
    has no weight, all are 0."""
    if not len(group):
        return np.zeros(0, dtype=object)
    divisor = np.where(weights > 0, weights, 1)[group]
    upto = running(weight, group)
    part: Whole = amount[group] * upto // divisor - amount[group] * (upto - weight) // divisor
    return part


def sums(values: NDArray[Any], group: Codes, groups: int) -> Whole:
    """The sum of the values of each group, whole numbers."""
    total = np.zeros(groups, dtype=object)
    np.add.at(total, group, values)
    return total


def counts(chosen: NDArray[np.bool_], group: Codes, groups: int) -> Whole:
    """How many rows of each group are chosen."""
    return sums(chosen.astype(np.int64).astype(object), group, groups)


def running(values: Whole, group: Codes) -> Whole:
    """The sum of the values of the row's group up to and including it; groups lie one after another."""
    total = np.cumsum(values)
    first = np.flatnonzero(np.diff(group, prepend=-1))
    before = np.concatenate([np.zeros(1, dtype=object), total])[first]
    upto: Whole = total - np.repeat(before, np.diff(np.append(first, len(group))))
    return upto


def is_known(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which values are not None."""
    return np.array([value is not None for value in values], dtype=bool)


def where_known(known: NDArray[np.bool_], values: NDArray[Any]) -> NDArray[Any]:
    """The values, and None where they are not known."""
    found = np.full(len(values), None, dtype=object)
    found[known] = values[known]
    return found
