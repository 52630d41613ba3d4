"""beancount matches lots, first in, first out; it refuses to sell more than is held."""

from datetime import date, timedelta
from decimal import Decimal

from beancount import loader
from beancount.core.data import Transaction
from beancount.core.position import Cost

from smart_trader_assets_tests.pnl.deals import Deal

_BEGIN = date(2024, 1, 1)


def beancount_costs(deals: list[Deal]) -> list[Decimal]:
    """The cost that every sale consumed."""
    lines = [
        'option "booking_method" "FIFO"',
        "2020-01-01 open Assets:Lots",
        "2020-01-01 open Assets:Cash",
        "2020-01-01 open Income:Gains",
    ]
    for number, deal in enumerate(deals):
        day = _BEGIN + timedelta(days=number)
        # With the total cost, beancount divides by the units itself.
        lot = f"{{{{{deal.value} USD}}}}" if deal.quantity > 0 else "{}"
        sign = "-" if deal.quantity > 0 else ""
        lines += [
            f'{day} * "{number}"',
            f"  Assets:Lots  {deal.quantity} TOKEN {lot}",
            f"  Assets:Cash  {sign}{deal.value} USD",
            "  Income:Gains",
        ]
    entries, errors, _ = loader.load_string("\n".join(lines), dedent=False)
    assert not errors, errors[:3]
    booked = (entry for entry in entries if isinstance(entry, Transaction))
    return [
        _consumed(entry) for entry, deal in zip(booked, deals, strict=True) if deal.quantity < 0
    ]


def _consumed(sale: Transaction) -> Decimal:
    cost = Decimal(0)
    for posting in sale.postings:
        if isinstance(posting.cost, Cost) and posting.units and posting.units.number:
            cost -= posting.units.number * posting.cost.number
    return cost
