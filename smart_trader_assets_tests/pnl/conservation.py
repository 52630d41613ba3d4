"""The identities of the ledger: of units and of money nothing is made and nothing lost, to the last unit."""

from datetime import datetime

import polars as pl

from smart_trader_assets.pnl import fifo, netted_trades
from smart_trader_assets.pnl.lots import Ledger, lot_matches


def assert_conserved(swaps: pl.DataFrame, as_of: datetime) -> None:
    traded = netted_trades(swaps, as_of=as_of)
    ledger = fifo(traded.trades, traded.rollovers)
    assert_units_conserved(ledger)
    assert_money_conserved(ledger, traded.rollovers)
    assert_proceeds_split(ledger)
    assert_lots_taken(ledger)


def assert_units_conserved(ledger: Ledger) -> None:
    """Bought and sold beyond all lots = sold and open, of each position."""
    quantity = pl.col("quantity")
    traded = ledger.trades.group_by("position").agg(
        bought=quantity.filter(quantity > 0).sum(), sold=quantity.filter(quantity < 0).sum().abs()
    )
    beyond = ledger.disposals.group_by("position").agg(beyond=(quantity - pl.col("matched")).sum())
    books = ledger.positions.join(traded, on="position").join(beyond, on="position", how="left")
    held = pl.col("open_quantity") + pl.col("open_unknown")
    balance = pl.col("bought") + pl.col("beyond").fill_null(0) - pl.col("sold") - held
    assert books.height == ledger.positions.height
    assert books.select((balance == 0).all()).item()
    assert books.select((pl.min_horizontal("open_quantity", "open_unknown") >= 0).all()).item()
    closed = books.filter(pl.col("open_quantity") == 0)
    assert (closed["open_cost"] == 0).all()


def assert_money_conserved(ledger: Ledger, rollovers: pl.DataFrame) -> None:
    """Matched, open and lost cost = what was paid in purchases and in rollovers, of each wallet."""
    paid, cash = pl.col("value").filter(pl.col("quantity") > 0), pl.col("cash")
    wallet_of = ledger.trades.select("tx", "wallet").unique()
    in_rollovers = rollovers.select("tx", "cash").unique().join(wallet_of, on="tx")
    sums = [
        ledger.trades.group_by("wallet").agg(paid=paid.sum()),
        in_rollovers.group_by("wallet").agg(paid_beside=cash.filter(cash < 0).sum().abs()),
        ledger.disposals.group_by("wallet").agg(pl.col("matched_cost", "lost_cost").sum()),
        ledger.positions.group_by("wallet").agg(pl.col("open_cost").sum()),
    ]
    books = ledger.trades.select("wallet").unique()
    for each in sums:
        books = books.join(each, on="wallet", how="left")
    spent = pl.sum_horizontal("matched_cost", "lost_cost", "open_cost")
    received = pl.sum_horizontal("paid", "paid_beside")
    assert books.select((spent == received).all()).item(), books


def assert_proceeds_split(ledger: Ledger) -> None:
    """What was received = what is matched, of unknown basis and unmatched, of each disposal."""
    parts = pl.sum_horizontal("matched_value", "unknown_value", "unmatched_value")
    sold = ledger.disposals.filter(pl.col("value").is_not_null())
    assert sold.select((parts == pl.col("value")).all()).item()
    assert sold.select(
        (pl.min_horizontal("matched_value", "unknown_value", "unmatched_value") >= 0).all()
    ).item()


def assert_lots_taken(ledger: Ledger) -> None:
    """The units and the cost that a disposal took are those of the lots that it took them from."""
    matches = lot_matches(ledger)
    known = ledger.lots["known"].gather(matches["lot"])
    by_disposal = (
        matches.with_columns(known=known)
        .group_by("disposal")
        .agg(
            units=pl.col("quantity").sum(),
            known_units=pl.col("quantity").filter("known").sum(),
            lot_cost=pl.col("cost").sum(),
        )
    )
    books = (
        ledger.disposals.with_row_index("disposal")
        .join(by_disposal, on="disposal", how="left")
        .with_columns(pl.col("units", "known_units", "lot_cost").fill_null(0))
    )
    for told, found in (
        ("matched", "units"),
        ("known_matched", "known_units"),
        ("taken_cost", "lot_cost"),
    ):
        assert books[told].equals(books[found]), told
