"""Cash: the mints that traders pay with. Cash never forms a position and carries no PnL.

Two kinds exist. A stable coin counts at its peg, exactly. SOL, which has no peg, counts at its
price in the transaction itself.
"""

from collections.abc import Collection, Mapping
from typing import Final

from smart_trader_assets.pnl.errors import CashMintsError

WRAPPED_SOL: Final = "So11111111111111111111111111111111111111112"
NATIVE_SOL: Final = "So11111111111111111111111111111111111111111"
USDC: Final = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
USDT: Final = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"

DEFAULT_CASH_MINTS: Final[Mapping[str, float | None]] = {WRAPPED_SOL: None, USDC: 1.0, USDT: 1.0}
"""Mint -> USD per whole coin, or None where the transaction's own price applies."""

KNOWN_DECIMALS: Final[Mapping[str, int]] = {WRAPPED_SOL: 9, USDC: 6, USDT: 6}
"""Decimals that are beyond doubt: an error in one of them would move every trade's money."""


def cash_pegs(cash_mints: Collection[str] | Mapping[str, float | None]) -> dict[str, float | None]:
    """Mint -> peg, with both addresses of SOL folded into the wrapped one.

    A mapping states each peg. Of a plain collection, SOL is priced by the transaction and every
    other mint is a stable coin worth 1 USD.

    Raises `CashMintsError` for a bare string and for a peg that is not a positive number.
    """
    if isinstance(cash_mints, str):
        raise CashMintsError(
            f"`cash_mints` is the single string {cash_mints!r}: pass a collection of mint addresses."
        )
    if isinstance(cash_mints, Mapping):
        stated = dict(cash_mints)
    else:
        sol = (WRAPPED_SOL, NATIVE_SOL)
        stated = {mint: None if mint in sol else 1.0 for mint in cash_mints}
    pegs: dict[str, float | None] = {}
    for mint, peg in stated.items():
        if peg is not None and not 0.0 < peg < float("inf"):
            raise CashMintsError(
                f"cash mint {mint} has the peg {peg!r}: pass USD above 0, or None."
            )
        pegs[WRAPPED_SOL if mint == NATIVE_SOL else mint] = peg
    return pegs
