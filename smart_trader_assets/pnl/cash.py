"""Cash: the mints that traders pay with and park in. Cash never forms a position and carries no PnL.

Four kinds exist. USDC and USDT count at their peg, exactly. Every other cash mint counts at its price in the
transaction itself: SOL, whose price is also held against the wallet's others; the other dollar coins, which
count at a dollar where the transaction shows no price; and EURC and the receipts for staked SOL, which do
not.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from smart_trader_assets.pnl.errors import CashMintsError
from smart_trader_assets.transforms.known_addresses import CASH_MINTS, STAKING_MINTS

WRAPPED_SOL: Final = "So11111111111111111111111111111111111111112"
NATIVE_SOL: Final = "So11111111111111111111111111111111111111111"
USDC: Final = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
USDT: Final = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
EURC: Final = "HzwqbKZw8HxMN6bF2yFZNrht3c2iXXzpKcFu7uBEDKtr"

DOLLAR_COINS: Final = frozenset(CASH_MINTS) - {WRAPPED_SOL, NATIVE_SOL, EURC}
"""Pegged to the US dollar, well or badly."""

DEFAULT_CASH_MINTS: Final[Mapping[str, float | None]] = {
    WRAPPED_SOL: None,
    **{mint: None for mint in (*CASH_MINTS, *STAKING_MINTS) if mint != NATIVE_SOL},
    USDC: 1.0,
    USDT: 1.0,
}
"""Mint -> USD per whole coin, or None where the transaction's own price applies."""

KNOWN_DECIMALS: Final[Mapping[str, int]] = {WRAPPED_SOL: 9, USDC: 6, USDT: 6}
"""Decimals that are beyond doubt: an error in one of them would move every trade's money."""

SOL_DECIMALS: Final = KNOWN_DECIMALS[WRAPPED_SOL]


def cash_pegs(cash_mints: Collection[str] | Mapping[str, float | None]) -> dict[str, float | None]:
    """Mint -> peg, with both addresses of SOL folded into the wrapped one.

    A mapping states each peg. Of a plain collection, the known mints count as they do by default, and every
    other at the price in its transaction.

    Raises `CashMintsError` for a bare string and for a peg that is not a positive number.
    """
    if isinstance(cash_mints, str):
        raise CashMintsError(
            f"`cash_mints` is the single string {cash_mints!r}: pass a collection of mint addresses."
        )
    if isinstance(cash_mints, Mapping):
        stated = dict(cash_mints)
    else:
        stated = {mint: DEFAULT_CASH_MINTS.get(mint) for mint in cash_mints}
    pegs: dict[str, float | None] = {}
    for mint, peg in stated.items():
        if peg is not None and not 0.0 < peg < float("inf"):
            raise CashMintsError(
                f"cash mint {mint} has the peg {peg!r}: pass USD above 0, or None."
            )
        pegs[WRAPPED_SOL if mint == NATIVE_SOL else mint] = peg
    return pegs


@dataclass(frozen=True)
class CashTable:
    """What is cash, by mint code: frames are looked up in it instead of being joined with it.

    is_cash, is_sol, near_sol (SOL and the receipts for staked SOL): Boolean; peg: USD per coin, null where the
    transaction's price applies; dollar: what a dollar coin is worth where nobody says otherwise, null for every
    other mint
    """

    is_cash: pl.Series
    is_sol: pl.Series
    near_sol: pl.Series
    peg: pl.Series
    dollar: pl.Series

    @classmethod
    def of(
        cls,
        token_address: pl.Series,
        cash_mints: Collection[str] | Mapping[str, float | None],
    ) -> "CashTable":
        """The table for the mints whose codes are their places in `token_address`."""
        pegs = cash_pegs(cash_mints)
        # The dollar that all coins follow: an amount of money in another unit stays consistent.
        dollar = pegs.get(USDC) or 1.0
        dollars = {mint: dollar for mint in DOLLAR_COINS if mint in pegs}
        is_cash = token_address.is_in(list(pegs))
        return cls(
            is_cash=is_cash,
            is_sol=is_cash & (token_address == WRAPPED_SOL),
            near_sol=is_cash & token_address.is_in([WRAPPED_SOL, *STAKING_MINTS]),
            peg=token_address.replace_strict(pegs, default=None, return_dtype=pl.Float64),
            dollar=token_address.replace_strict(dollars, default=None, return_dtype=pl.Float64),
        )
