"""One position's purchases and sales, as bookkeeping programs are told of them."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Deal:
    """Whole units, bought above 0, sold below; value in USD."""

    quantity: int
    value: Decimal
