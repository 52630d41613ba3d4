"""What an explanation shows of trades, and of rollovers: where the cost that they moved went."""

import polars as pl

from smart_trader_assets.pnl.aggregates import network_fee
from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets.pnl.decoding import hash_of, tokens_of, with_addresses
from smart_trader_assets.pnl.exact import quotient, to_usd, whole
from smart_trader_assets.pnl.lots import Ledger
from smart_trader_assets.pnl.swap_rows import time_of
from smart_trader_assets.pnl.trades import Trades
from smart_trader_assets.pnl.valuation import ROLLOVER

BUY, SELL = "buy", "sell"
_DAYS_A_SECOND = 1 / 86_400
_ROLLED = pl.col("valuation") == ROLLOVER


def trade_rows(traded: Trades, ledger: Ledger, assumptions: Assumptions) -> pl.DataFrame:
    """All trades in the order of wallet and time: wallet_address, and `WalletExplanation.trades`."""
    received = ledger.disposals.filter(_ROLLED).select("position", "tx", received="value")
    trades = ledger.trades.select(
        "position",
        "tx",
        "block_unix_time",
        "quantity",
        "value",
        "value_sol",
        "valuation",
        "sol_price",
    ).join(received, on=["position", "tx"], how="left")
    for_cash = to_usd(pl.coalesce("value", "received")).fill_null(0.0)
    side = pl.when(pl.col("quantity") > 0).then(pl.lit(BUY)).otherwise(pl.lit(SELL))
    return (
        with_addresses(trades, traded, ledger)
        .sort("tx", "token_address")
        .select(
            "wallet_address",
            "token_address",
            time=time_of(pl.col("block_unix_time")),
            tx_hash=hash_of(traded, "tx"),
            side=side,
            quantity=tokens_of("quantity").abs(),
            value=to_usd(pl.col("value")),
            value_sol=to_usd(pl.col("value_sol")),
            valuation="valuation",
            sol_price="sol_price",
            fee=to_usd(network_fee(assumptions))
            + for_cash * (assumptions.trading_fee_percent / 100),
        )
    )


def rollover_rows(traded: Trades, ledger: Ledger) -> pl.DataFrame:
    """All tokens that moved in rollovers, what left before what came: wallet_address, and
    `WalletExplanation.rollovers`."""
    cash = traded.rollovers.unique("tx").select("tx", cash="cash")
    moved = pl.concat([_outgoing(ledger), _incoming(ledger)], how="diagonal").join(cash, on="tx")
    incoming = pl.col("side") == BUY
    paid = to_usd(pl.max_horizontal(whole(0) - pl.col("cash"), whole(0)))
    cost = pl.col("cost_in").sum().over("tx", "side")
    part = (
        pl.when(cost > 0)
        .then(quotient(pl.col("cost_in"), cost))
        .otherwise(quotient(pl.lit(1), pl.len().over("tx", "side")))
    )
    return (
        with_addresses(moved, traded, ledger)
        .sort("tx", "side", "token_address", descending=[False, True, False])
        .select(
            "wallet_address",
            "token_address",
            time=time_of(pl.col("block_unix_time")),
            tx_hash=hash_of(traded, "tx"),
            side="side",
            quantity=tokens_of("quantity"),
            cost_out="cost_out",
            received="received",
            returned="returned",
            gain="gain",
            lost_cost="lost_cost",
            paid=pl.when(incoming).then(paid * part),
            cost_in="cost_in",
            cost_in_sol="cost_in_sol",
            gain_sol="gain_sol",
            age_days=pl.col("age") * _DAYS_A_SECOND,
            basis_known="basis_known",
        )
    )


def _outgoing(ledger: Ledger) -> pl.DataFrame:
    """What left: its cost is known as far as it took lots of known basis; its basis where all that left did."""
    out = ledger.disposals.filter(_ROLLED)
    return out.select(
        "position",
        "tx",
        "block_unix_time",
        "quantity",
        side=pl.lit(SELL),
        cost_out=pl.when(pl.col("known_matched") > 0).then(to_usd(pl.col("taken_cost"))),
        received=to_usd(pl.col("value")),
        returned=to_usd(pl.col("matched_cost")),
        gain=to_usd(pl.col("matched_value") - pl.col("matched_cost")),
        lost_cost=to_usd(pl.col("lost_cost")),
        gain_sol=to_usd(pl.col("matched_value_sol") - pl.col("matched_cost_sol")),
        basis_known=(pl.col("known_matched") == pl.col("quantity")).all().over("tx"),
    )


def _incoming(ledger: Ledger) -> pl.DataFrame:
    return ledger.lots.filter(_ROLLED).select(
        "position",
        "tx",
        "block_unix_time",
        "quantity",
        "age",
        side=pl.lit(BUY),
        cost_in=pl.when("known").then(to_usd(pl.col("cost"))),
        cost_in_sol=pl.when("sol_known").then(to_usd(pl.col("cost_sol"))),
        basis_known="known",
    )
