"""First in, first out: trades -> what each sell disposed of, and what is still held.

In time order, let B and S be the quantities of a position bought and sold so far. A sell
that finds less than it takes leaves nothing behind, so that of all that was sold
M = S - max(0, S - B, and every earlier such excess) was matched to lots. Sells consume lots from
the oldest on, so a sell consumed exactly the units from M before it to M after it on the line of
all units ever bought, and its cost is C(M after) - C(M before), where C(u) is the cost of the first
u units on that line. The lines of all positions are laid end to end, in one frame.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

from smart_trader_assets.pnl.exact import multiply_divide, whole
from smart_trader_assets.pnl.segments import ends, running_peak, running_sum, starts

_NOTHING: Final = pl.Series([0], dtype=pl.Int128)


@dataclass(frozen=True)
class Ledger:
    """The lots and disposals of all positions, each sorted by (position, tx).

    `position` numbers the (wallet, mint) pairs in ascending order. Quantities and money are Int128. `end` is
    where, on the line of all units bought, a lot ends, and up to where a disposal consumed.

    trades: the trades with `position`, sorted by (position, tx)
    lots: position, block_unix_time, block_number, tx, quantity, cost (0 where unknown), known,
      end, cost_end (cost of all units up to `end`), known_end (units of known basis up to there)
    disposals: position, wallet, tx, block_unix_time, block_number, quantity, value (null where
      unpriced), before, end, cost_end, matched (units taken from lots), known_matched (of those,
      from lots of known basis), matched_cost, matched_value (the part of `value` that known_matched
      has of quantity), bought_time, bought_block (of the position's newest buy before it)
    positions: position, wallet, mint, decimals, open_quantity, open_cost (lots of known basis),
      open_unknown (units of unknown basis)
    """

    trades: pl.DataFrame
    lots: pl.DataFrame
    disposals: pl.DataFrame
    positions: pl.DataFrame


def fifo(trades: pl.DataFrame) -> Ledger:
    """The `Ledger` of trades with: tx, wallet, mint, block_unix_time, block_number, decimals,
    quantity (signed Int128 raw units), value (Int128 money, null where unpriced)."""
    trades = _by_position(trades)
    line = _line(trades)
    lots = line.filter(pl.col("bought") > 0).select(
        "position",
        "block_unix_time",
        "block_number",
        "tx",
        "known",
        "cost",
        quantity="bought",
        end="line",
        cost_end="cost_line",
        known_end="known_line",
    )
    spans = _spans(line)
    disposals = _disposals(line, lots, spans)
    return Ledger(trades, lots, disposals, _positions(spans, disposals))


def _by_position(trades: pl.DataFrame) -> pl.DataFrame:
    """Sorted by (wallet, mint, tx), packed into one integer, with `position`."""
    mints, transactions = _span(trades["mint"]), _span(trades["tx"])
    fits = _span(trades["wallet"]) * mints * transactions < 2**63
    width = pl.Int64 if fits else pl.Int128
    pair = pl.col("wallet").cast(width) * mints + pl.col("mint")
    key = trades.select(pair * transactions + pl.col("tx")).to_series()
    trades = trades.select(pl.all().gather(key.arg_sort()))
    return trades.with_columns(position=trades.select(pair).to_series().rle_id())


def _span(codes: pl.Series) -> int:
    return int(codes.max()) + 1 if codes.len() else 1  # type: ignore[arg-type]


def _line(trades: pl.DataFrame) -> pl.DataFrame:
    """Trades in order -> with what each adds to the line (`bought`, `cost`, `known`), the line's
    length, cost and known units after it, `consumed`, up to where sells have eaten it, and time and
    block of the newest buy (of an earlier position, where the position has none yet)."""
    quantity, priced = pl.col("quantity"), pl.col("value").is_not_null()
    is_buy = pl.when(quantity > 0)
    bought = is_buy.then(quantity).otherwise(whole(0))
    line = (
        trades.lazy()
        .drop("valuation", strict=False)
        .with_columns(
            bought=bought,
            known=priced,
            bought_time=is_buy.then("block_unix_time").forward_fill(),
            # A block that is null must not be filled with the one of an older buy.
            bought_block=is_buy.then(pl.col("block_number").fill_null(-1)).forward_fill(),
        )
        .with_columns(
            cost=pl.when((quantity > 0) & priced).then("value").otherwise(whole(0)),
            known_bought=pl.when("known").then("bought").otherwise(whole(0)),
        )
        .with_columns(
            line=pl.col("bought").cum_sum(),
            cost_line=pl.col("cost").cum_sum(),
            known_line=pl.col("known_bought").cum_sum(),
        )
        .collect()
    )
    # S - B, the excess of what was sold over what was bought, falls and rises by the quantity.
    excess = running_sum(_NOTHING - line["quantity"], starts(line["position"]))
    unmatched = running_peak(excess, line["position"])
    # M = S - unmatched, laid on the line of all positions.
    return line.with_columns(consumed=line["line"] + excess - unmatched)


def _spans(line: pl.DataFrame) -> pl.DataFrame:
    """One row per position: where on the line it begins and ends, with cost and known units there."""
    begin = line.filter(starts(line["position"])).select(
        "position",
        "wallet",
        "mint",
        "decimals",
        begin=pl.col("line") - pl.col("bought"),
        begin_cost=pl.col("cost_line") - pl.col("cost"),
        begin_known=pl.col("known_line") - pl.col("known_bought"),
    )
    last = line.filter(ends(line["position"])).select(
        last="line", last_cost="cost_line", last_known="known_line"
    )
    return pl.concat([begin, last], how="horizontal")


def _disposals(line: pl.DataFrame, lots: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    sells = (
        line.lazy()
        .filter(pl.col("quantity") < 0)
        .select(
            "position",
            "wallet",
            "tx",
            "block_unix_time",
            "block_number",
            "value",
            "consumed",
            "bought_time",
            "bought_block",
            sold=pl.col("quantity").abs(),
        )
        .collect()
    )
    sells = sells.with_columns(_figures_at(sells["consumed"], lots))
    first_sell = pl.lit(starts(sells["position"]))

    def before(column: str, begin: str) -> pl.Expr:
        at_begin = pl.lit(spans[begin]).gather(pl.col("position"))
        return pl.when(first_sell).then(at_begin).otherwise(pl.col(column).shift(1))

    sells = sells.with_columns(
        before=before("consumed", "begin"),
        matched_cost=pl.col("cost_end") - before("cost_end", "begin_cost"),
        known_matched=pl.col("known_end") - before("known_end", "begin_known"),
    )
    whole_sale = pl.col("known_matched") == pl.col("sold")
    part = multiply_divide(pl.col("value"), pl.col("known_matched"), pl.col("sold"))
    disposals = sells.lazy().select(
        "position",
        "wallet",
        "tx",
        "block_unix_time",
        "block_number",
        "value",
        "before",
        "cost_end",
        "known_end",
        "known_matched",
        "matched_cost",
        "bought_time",
        quantity="sold",
        end="consumed",
        matched=pl.col("consumed") - pl.col("before"),
        matched_value=pl.when(whole_sale).then("value").otherwise(part),
        bought_block=pl.when(pl.col("bought_block") >= 0).then("bought_block"),
    )
    return disposals.collect()


def _figures_at(points: pl.Series, lots: pl.DataFrame) -> pl.DataFrame:
    """Points on the line, ascending -> cost_end and known_end, the cost and the units of known
    basis of all units up to each point."""
    lots = lots.select("end", "quantity", "cost", "known", "cost_end", "known_end")
    lots = lots.set_sorted("end")
    found = (
        pl.DataFrame({"point": points})
        .set_sorted("point")
        .join_asof(lots, left_on="point", right_on="end", strategy="forward", coalesce=False)
    )
    ahead = pl.col("end") - pl.col("point")
    used = multiply_divide(pl.col("cost"), pl.col("quantity") - ahead, pl.col("quantity"))
    # No lot at or after a point: nothing was ever bought.
    figures = found.lazy().select(
        cost_end=(pl.col("cost_end") - pl.col("cost") + used).fill_null(0),
        known_end=(
            pl.col("known_end") - pl.when("known").then(ahead).otherwise(whole(0))
        ).fill_null(0),
    )
    return figures.collect()


def _positions(spans: pl.DataFrame, disposals: pl.DataFrame) -> pl.DataFrame:
    """What lies between the last unit consumed and the last unit bought is still held."""
    consumed = disposals.filter(ends(disposals["position"])).select(
        "position", "end", "cost_end", "known_end"
    )
    held = spans.join(consumed, on="position", how="left", maintain_order="left")
    quantity = pl.col("last") - pl.coalesce("end", "begin")
    known = pl.col("last_known") - pl.coalesce("known_end", "begin_known")
    return held.select(
        "position",
        "wallet",
        "mint",
        "decimals",
        open_quantity=known,
        open_cost=pl.col("last_cost") - pl.coalesce("cost_end", "begin_cost"),
        open_unknown=quantity - known,
    )


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
