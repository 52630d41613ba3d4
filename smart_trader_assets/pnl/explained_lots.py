"""What an explanation shows of lots: which disposal took which, and what those still held are worth."""

from datetime import datetime
from typing import Final

import polars as pl

from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets.pnl.decoding import hash_of, tokens_of, with_addresses
from smart_trader_assets.pnl.exact import multiply_divide, quotient, to_usd
from smart_trader_assets.pnl.held import held_positions
from smart_trader_assets.pnl.lots import Ledger, left_of_lots, lot_matches
from smart_trader_assets.pnl.swap_rows import time_of
from smart_trader_assets.pnl.trades import Trades
from smart_trader_assets.pnl.valuation import ROLLOVER

NO_LOT: Final = "no_lot"
UNKNOWN_BASIS: Final = "lot_of_unknown_basis"
UNPRICED_SALE: Final = "unpriced_sale"
MOVED_ON: Final = "rollover"
_HOURS_A_SECOND: Final = 1 / 3_600


def matches_in_both_currencies(ledger: Ledger) -> pl.DataFrame:
    """`lot_matches` with cost_sol (Int128, null where unknown)."""
    matches = lot_matches(ledger)
    lots = ledger.lots.select("cost_sol", "sol_known", whole="quantity")
    lots = lots.select(pl.all().gather(matches["lot"]))
    part = multiply_divide(pl.col("cost_sol"), pl.col("quantity"), pl.col("whole"))
    return (
        pl.concat([matches, lots], how="horizontal")
        .with_columns(cost_sol=pl.when("sol_known").then(part))
        .drop("sol_known", "whole")
    )


def match_rows(traded: Trades, ledger: Ledger, matches: pl.DataFrame) -> pl.DataFrame:
    """All matches, and what disposals took beyond all lots, in the order of wallet and time: wallet_address,
    and `WalletExplanation.lot_matches`. `matches`: of `matches_in_both_currencies`."""
    lots = ledger.lots.select(
        "known", "age", bought_at="block_unix_time", purchase="tx", purchase_valuation="valuation"
    )
    taken = pl.concat(
        [
            matches.select("disposal", "quantity", "cost", "cost_sol"),
            lots.select(pl.all().gather(matches["lot"])),
        ],
        how="horizontal",
    )
    disposals = _disposals(ledger)
    beyond = disposals.select("disposal", quantity=pl.col("sold") - pl.col("matched"))
    rows = pl.concat([taken, beyond.filter(pl.col("quantity") > 0)], how="diagonal")
    rows = with_addresses(rows.join(disposals, on="disposal"), traded, ledger)
    reason = (
        pl.when(pl.col("valuation") == ROLLOVER).then(pl.lit(MOVED_ON))
        .when(pl.col("value").is_null()).then(pl.lit(UNPRICED_SALE))
        .when(pl.col("known").is_null()).then(pl.lit(NO_LOT))
        .when(~pl.col("known")).then(pl.lit(UNKNOWN_BASIS))
    )  # fmt: skip
    since = pl.col("bought_at") - pl.col("age")
    result = pl.col("proceeds") - pl.col("cost")
    result_sol = pl.col("proceeds_sol") - pl.col("cost_sol")
    closed = pl.col("unmatched_reason").is_null()
    rows = rows.sort("tx", "token_address", "disposal", "purchase", nulls_last=True).with_columns(
        unmatched_reason=reason,
        proceeds=_part_of("value"),
        proceeds_sol=_part_of("value_sol"),
        cost=to_usd(pl.when("known").then("cost")),
        cost_sol=to_usd(pl.col("cost_sol")),
    )
    return rows.select(
        "wallet_address",
        "token_address",
        sold_at=time_of(pl.col("block_unix_time")),
        sale_tx=hash_of(traded, "tx"),
        bought_at=time_of(since),
        purchase_tx=hash_of(traded, "purchase"),
        purchase_valuation="purchase_valuation",
        quantity=tokens_of("quantity"),
        proceeds="proceeds",
        cost="cost",
        holding_hours=(pl.col("block_unix_time") - since) * _HOURS_A_SECOND,
        result=pl.when(closed).then(result),
        proceeds_sol="proceeds_sol",
        cost_sol="cost_sol",
        result_sol=pl.when(closed & pl.col("told_in_sol")).then(result_sol),
        unmatched_reason="unmatched_reason",
    )


def _disposals(ledger: Ledger) -> pl.DataFrame:
    """disposal, position, tx, block_unix_time, valuation, sold, matched, value and value_sol (of a sale for
    cash), told_in_sol: whether both ends of it are known in SOL."""
    sales = ledger.trades.select("position", "tx", "value", "value_sol")
    return (
        ledger.disposals.with_row_index("disposal")
        .select(
            "disposal",
            "position",
            "tx",
            "block_unix_time",
            "valuation",
            "matched",
            sold="quantity",
            told_in_sol=pl.col("matched_cost_sol").is_not_null(),
        )
        .join(sales, on=["position", "tx"], maintain_order="left")
    )


def _part_of(value: str) -> pl.Expr:
    """The part of a sale's value that a match has by its quantity, in whole coins."""
    return to_usd(multiply_divide(pl.col(value), pl.col("quantity"), pl.col("sold")))


def open_lot_rows(
    traded: Trades,
    ledger: Ledger,
    matches: pl.DataFrame,
    *,
    marks: pl.DataFrame | None,
    known_to: pl.Series,
    as_of: datetime,
    assumptions: Assumptions,
) -> pl.DataFrame:
    """What the matches left of each lot, in the order of wallet and time: wallet_address, and
    `WalletExplanation.open_lots`. `known_to`: by wallet code, up to when its history is known, null:
    `as_of`."""
    lots = left_of_lots(ledger, matches, ("quantity", "cost", "cost_sol"))
    lots = with_addresses(lots, traded, ledger).sort("tx", "token_address")
    held = held_positions(traded, ledger, marks, known_to, as_of=as_of, assumptions=assumptions)
    held = held.select("position", "open_quantity", *_MARK, "open_value", "conservative_value")
    lots = lots.join(held, on="position", how="left", maintain_order="left")
    # What is of unknown basis is in no total, so that its part is not in the token's worth either.
    part = pl.when("known").then(quotient(tokens_of("quantity"), pl.col("open_quantity")))
    cost, worth = to_usd(pl.when("known").then("cost")), pl.col("open_value") * part
    return lots.select(
        "wallet_address",
        "token_address",
        *_MARK,
        bought_at=time_of(pl.col("block_unix_time") - pl.col("age")),
        purchase_tx=hash_of(traded, "tx"),
        purchase_valuation="valuation",
        quantity=tokens_of("quantity"),
        cost=cost,
        cost_sol=to_usd(pl.when("sol_known").then("cost_sol")),
        open_value=worth,
        unrealized_pnl=worth - cost,
        conservative_value=pl.col("conservative_value") * part,
    ).select(_OPEN_LOT_COLUMNS)


_MARK: Final = (
    "mark_price",
    "marked_at",
    "mark_source",
    "mark_age_days",
    "stale",
    "liquidity",
)
_OPEN_LOT_COLUMNS: Final = (
    "wallet_address",
    "token_address",
    "bought_at",
    "purchase_tx",
    "purchase_valuation",
    "quantity",
    "cost",
    "cost_sol",
    *_MARK,
    "open_value",
    "unrealized_pnl",
    "conservative_value",
)
