"""rp2 matches lots, first in, first out; it refuses to sell more than is held.

Importing it makes a folder of logs where the process stands: import it from a temporary folder.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal, getcontext
from pathlib import Path

from prezzemolo.avl_tree import AVLTree
from rp2.abstract_accounting_method import AbstractAccountingMethod
from rp2.accounting_engine import AccountingEngine
from rp2.configuration import MAX_DATE, MIN_DATE, Configuration
from rp2.gain_loss import GainLoss
from rp2.in_transaction import InTransaction
from rp2.input_data import InputData
from rp2.out_transaction import OutTransaction
from rp2.plugin.accounting_method.fifo import AccountingMethod
from rp2.plugin.country.us import US
from rp2.rp2_decimal import RP2Decimal
from rp2.tax_engine import compute_tax
from rp2.transaction_set import TransactionSet

from smart_trader_assets_tests.pnl.deals import Deal

# Importing rp2 changes the thread's decimal context: this is the one that it computes in.
RP2_CONTEXT = getcontext().copy()

_DECIMALS = 6
_BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
_SETTINGS = """
[general]
assets = X
exchanges = DEX
holders = trader
[in_header]
timestamp = 0
[out_header]
timestamp = 0
[intra_header]
timestamp = 0
"""


def rp2_costs(deals: list[Deal], folder: Path) -> list[Decimal]:
    """The cost that every sale consumed."""
    settings = folder / "rp2.ini"
    settings.write_text(_SETTINGS)
    configuration = Configuration(str(settings), US())
    purchases, sales, transfers = (
        TransactionSet(configuration, kind, "X", MIN_DATE, MAX_DATE)
        for kind in ("IN", "OUT", "INTRA")
    )
    for number, deal in enumerate(deals):
        time = str(_BEGIN + timedelta(seconds=number))
        units = RP2Decimal(str(Decimal(abs(deal.quantity)).scaleb(-_DECIMALS)))
        value = RP2Decimal(str(deal.value))
        price = value / units
        if deal.quantity > 0:
            purchases.add_entry(
                InTransaction(
                    configuration, time, "X", "DEX", "trader", "BUY", price, units,
                    fiat_in_no_fee=value, fiat_in_with_fee=value, row=number + 1,
                )
            )  # fmt: skip
        else:
            sales.add_entry(
                OutTransaction(
                    configuration, time, "X", "DEX", "trader", "SELL", price, units,
                    RP2Decimal("0"), row=number + 1,
                )
            )  # fmt: skip
    methods: AVLTree[int, AbstractAccountingMethod] = AVLTree()
    methods.insert_node(MIN_DATE.year, AccountingMethod())
    computed = compute_tax(
        configuration, AccountingEngine(methods), InputData("X", purchases, sales, transfers)
    )
    costs = {number: Decimal(0) for number, deal in enumerate(deals) if deal.quantity < 0}
    for gain in computed.gain_loss_set:
        assert isinstance(gain, GainLoss)
        costs[gain.taxable_event.row - 1] += Decimal(str(gain.fiat_cost_basis))
    return list(costs.values())
