"""Wallet profit, first in, first out: pure functions from frames to frames.

`compute_wallet_pnl` is the whole way. Its stages stand alone: `screen_swaps` finds the rows to
set aside, `netted_trades` turns rows into trades, `fifo` trades into lots and disposals,
`wallet_metrics` those into the table, and `explain_wallet` shows one wallet's way through them,
`lot_evidence` that of many.
"""

from smart_trader_assets.pnl.cash import DEFAULT_CASH_MINTS
from smart_trader_assets.pnl.columns import ALL_TOKENS, WALLET_PNL_SCHEMA
from smart_trader_assets.pnl.engine import compute_wallet_pnl
from smart_trader_assets.pnl.explain import (
    LotEvidence,
    WalletExplanation,
    explain_wallet,
    lot_evidence,
)
from smart_trader_assets.pnl.lots import Ledger, fifo
from smart_trader_assets.pnl.metrics import wallet_metrics
from smart_trader_assets.pnl.swap_screening import screen_swaps
from smart_trader_assets.pnl.trades import Trades, netted_trades

__all__ = [
    "ALL_TOKENS",
    "DEFAULT_CASH_MINTS",
    "WALLET_PNL_SCHEMA",
    "Ledger",
    "LotEvidence",
    "Trades",
    "WalletExplanation",
    "compute_wallet_pnl",
    "explain_wallet",
    "fifo",
    "lot_evidence",
    "netted_trades",
    "screen_swaps",
    "wallet_metrics",
]
