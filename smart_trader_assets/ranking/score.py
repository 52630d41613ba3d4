"""The score that orders traders of one tier: how much is certain, and then how certain that is."""

from __future__ import annotations

import polars as pl

_FOR_EQUAL_FLOORS = 1e-9


def score_of() -> pl.Expr:
    """The score, from 0 to 100, 50 where the floor is zero.

    100 G / (1 + G) with G = 1 + floor, what is left of each stake at worst: strictly rising in
    `return_floor`, and where two floors are equal in `skill_confidence`. Profit in USD is not part of it:
    that decides the tier.
    """
    left = 1 + pl.col("return_floor") / 100
    certain = 100 * left / (1 + left)
    return certain + _FOR_EQUAL_FLOORS * pl.col("skill_confidence")
