"""Which units of which lot each disposal took: one row a (disposal, lot) pair."""

import polars as pl

from smart_trader_assets.pnl.lots import Ledger


def lot_matches(ledger: Ledger) -> pl.DataFrame:
    """A ledger -> position, disposal and lot (row indices into the ledger's frames), quantity and
    cost (Int128), in the order of the line.

    The ends of lots and of disposals cut the line of all units into segments. Each belongs to the
    lot that ends next and, unless it is still held, to the disposal that ends next.
    """
    cuts = _cuts(ledger)
    segments = cuts.with_columns(
        pl.col("lot", "disposal").backward_fill(),
        begin=pl.col("end").shift(1, fill_value=0),
        quantity=pl.col("end") - pl.col("end").shift(1, fill_value=0),
        cost=pl.col("cost_end") - pl.col("cost_end").shift(1, fill_value=0),
    ).filter((pl.col("quantity") > 0) & pl.col("disposal").is_not_null())
    before = ledger.disposals["before"].gather(segments["disposal"])
    consumed = segments.filter(segments["begin"] >= before)
    return consumed.select(
        "disposal",
        "lot",
        "quantity",
        "cost",
        position=ledger.disposals["position"].gather(consumed["disposal"]),
    )


def _cuts(ledger: Ledger) -> pl.DataFrame:
    lots = ledger.lots.select("end", "cost_end").with_row_index("lot")
    disposals = ledger.disposals.select("end", "cost_end", "matched").with_row_index("disposal")
    disposals = disposals.filter(pl.col("matched") > 0)
    nothing = pl.lit(None, dtype=pl.UInt32)
    columns = ("end", "cost_end", "lot", "disposal")
    return (
        lots.with_columns(disposal=nothing)
        .select(columns)
        .set_sorted("end")
        .merge_sorted(
            disposals.with_columns(lot=nothing).select(columns).set_sorted("end"), key="end"
        )
    )
