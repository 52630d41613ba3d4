"""One wallet's numbers, explained: its trades, where rollovers moved their cost, which lot each sale took, and
what is still held."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from smart_trader_assets.pnl.assumptions import DEFAULT_ASSUMPTIONS, Assumptions
from smart_trader_assets.pnl.cash import DEFAULT_CASH_MINTS, NATIVE_SOL, WRAPPED_SOL
from smart_trader_assets.pnl.errors import UnknownWalletError
from smart_trader_assets.pnl.explained_lots import (
    match_rows,
    matches_in_both_currencies,
    open_lot_rows,
)
from smart_trader_assets.pnl.explained_trades import rollover_rows, trade_rows
from smart_trader_assets.pnl.lots import Ledger, fifo
from smart_trader_assets.pnl.metrics import histories_by_wallet, wallet_metrics
from smart_trader_assets.pnl.trades import Trades, netted_trades


@dataclass(frozen=True)
class LotEvidence:
    """The frames of `WalletExplanation` for many wallets, wallet_address in front of each."""

    trades: pl.DataFrame
    rollovers: pl.DataFrame
    lot_matches: pl.DataFrame
    open_lots: pl.DataFrame


@dataclass(frozen=True)
class WalletExplanation:
    """Frames behind one wallet's rows, in time order: money in USD, in SOL where a name ends in `_sol`,
    quantities in whole tokens, null where unknown.

    trades: token_address, time, tx_hash, side (buy or sell), quantity, value and value_sol (of a trade for
      cash), valuation (cash, rollover or unpriced), sol_price (USD per SOL at that time), fee (the whole
      transaction's, as assumed: two tokens of one transaction both show it)
    rollovers: one row per transaction and token that moved in it, what left (side sell) before what came (buy):
      token_address, time, tx_hash, side, quantity, and
      of what left: cost_out (of the lots of known basis that it took), received (its part of the cash
        received), returned (the cost that this paid back), gain (what was received beyond the cost), gain_sol
        (where cash was received), lost_cost (cost without a result, cash paid included)
      of what came: paid (its part of the cash paid), cost_in and cost_in_sol (what its new lot cost), age_days
        (of that lot, when it came)
      basis_known: whether the cost of all that left was known
      In each transaction cost_out + paid = returned + cost_in + lost_cost.
    lot_matches: token_address, sold_at, sale_tx, bought_at (since when the lot is held: one that came by a
      rollover is as old as what it came from), purchase_tx (what made the lot), purchase_valuation, quantity,
      proceeds, cost, holding_hours, result, proceeds_sol, cost_sol, result_sol (where the whole sale is known
      in SOL), unmatched_reason. One row per (disposal, lot), and one for what a disposal took beyond all lots.
      Where a reason is given, there is no result: `no_lot`, `lot_of_unknown_basis`, `unpriced_sale`, `rollover`
    open_lots: token_address, bought_at (as above), purchase_tx, purchase_valuation, quantity, cost, cost_sol,
      mark_price, marked_at, mark_source, mark_age_days, stale (whether the mark is too old to count, or
      absent), liquidity (USD), open_value, unrealized_pnl, conservative_value (the lot's share of its token's,
      by quantity; null for a lot of unknown basis, which is in no total)
    metrics: the wallet's rows of the PnL table

    Per token: realized_pnl is the sum of `result` and `gain`, realized_pnl_sol that of `result_sol` and
    `gain_sol`, matched_cost that of `cost` beside a result and of `returned`, lost_cost that of `cost` of
    unpriced sales and of `lost_cost`, estimated_fees_usd that of `fee`; open_cost, open_value and
    conservative_value are those of the open lots.
    """

    wallet: str
    trades: pl.DataFrame
    rollovers: pl.DataFrame
    lot_matches: pl.DataFrame
    open_lots: pl.DataFrame
    metrics: pl.DataFrame


def explain_wallet(
    swaps: pl.DataFrame | pl.LazyFrame,
    *,
    as_of: datetime,
    wallet: str,
    token: str | None = None,
    cash_mints: Collection[str] | Mapping[str, float | None] = DEFAULT_CASH_MINTS,
    marks: pl.DataFrame | None = None,
    histories: pl.DataFrame | None = None,
    assumptions: Assumptions = DEFAULT_ASSUMPTIONS,
) -> WalletExplanation:
    """The frames behind `compute_wallet_pnl`'s rows of one wallet, and of one `token` if given.

    With `token`, the portfolio rows are left out, and of its rollovers the tokens on the other side are shown
    too.

    Raises `UnknownWalletError` where the wallet has no row, and what `compute_wallet_pnl` raises.
    """
    rows = swaps.lazy()
    names = [n for n in ("wallet_address", "owner") if n in rows.collect_schema().names()]
    if names:
        rows = rows.filter(pl.coalesce(names) == wallet)
    own = rows.collect()
    if own.is_empty():
        raise UnknownWalletError(wallet)
    traded = netted_trades(own, as_of=as_of, cash_mints=cash_mints, assumptions=assumptions)
    ledger = fifo(traded.trades, traded.rollovers)
    known: dict[str, Any] = {"marks": marks, "histories": histories, "assumptions": assumptions}
    frames = vars(_evidence(traded, ledger, as_of=as_of, **known))
    frames = {name: frame.drop("wallet_address") for name, frame in frames.items()}
    frames["metrics"] = wallet_metrics(traded, ledger, as_of=as_of, **known)
    if token is not None:
        token = WRAPPED_SOL if token == NATIVE_SOL else token
        only = pl.col("token_address") == token
        with_it = frames["rollovers"].filter(only)["tx_hash"].implode()
        frames = {
            name: frame.filter(pl.col("tx_hash").is_in(with_it) if name == "rollovers" else only)
            for name, frame in frames.items()
        }
    return WalletExplanation(wallet, **frames)


def lot_evidence(
    swaps: pl.DataFrame | pl.LazyFrame,
    *,
    as_of: datetime,
    cash_mints: Collection[str] | Mapping[str, float | None] = DEFAULT_CASH_MINTS,
    marks: pl.DataFrame | None = None,
    histories: pl.DataFrame | None = None,
    assumptions: Assumptions = DEFAULT_ASSUMPTIONS,
) -> LotEvidence:
    """The trades and lots of all wallets in `swaps` at once; the frames of `explain_wallet`.

    Raises what `compute_wallet_pnl` raises.
    """
    traded = netted_trades(swaps, as_of=as_of, cash_mints=cash_mints, assumptions=assumptions)
    ledger = fifo(traded.trades, traded.rollovers)
    return _evidence(
        traded, ledger, as_of=as_of, marks=marks, histories=histories, assumptions=assumptions
    )


def _evidence(
    traded: Trades,
    ledger: Ledger,
    *,
    as_of: datetime,
    marks: pl.DataFrame | None,
    histories: pl.DataFrame | None,
    assumptions: Assumptions,
) -> LotEvidence:
    matches = matches_in_both_currencies(ledger)
    return LotEvidence(
        trades=trade_rows(traded, ledger, assumptions),
        rollovers=rollover_rows(traded, ledger),
        lot_matches=match_rows(traded, ledger, matches),
        open_lots=open_lot_rows(
            traded,
            ledger,
            matches,
            marks=marks,
            known_to=histories_by_wallet(histories, traded.wallets)["known_to"],
            as_of=as_of,
            assumptions=assumptions,
        ),
    )
