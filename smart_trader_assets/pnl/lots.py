"""First in, first out: trades -> what each sell disposed of, and what is still held.

In time order, let B and S be the quantities of a position bought and sold so far. A sell
that finds less than it takes leaves nothing behind, so that of all that was sold
M = S - max(0, S - B, and every earlier such excess) was matched to lots. Sells consume lots from
the oldest on, so a sell consumed exactly the units from M before it to M after it on the line of
all units ever bought, and its cost is C(M after) - C(M before), where C(u) is the cost of the first
u units on that line. The lines of all positions are laid end to end, in one frame.

Which units a sell takes depends on quantities alone. What they cost does not where they came by a rollover:
those costs are found first, for the positions that have any (see `rollovers`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from smart_trader_assets.pnl.exact import multiply_divide, whole
from smart_trader_assets.pnl.moved_basis import MovedBasis, moved_basis
from smart_trader_assets.pnl.segments import ends, running_peak, running_sum, starts

_NOTHING: Final = pl.Series([0], dtype=pl.Int128)


@dataclass(frozen=True)
class Ledger:
    """The lots and disposals of all positions, each sorted by (position, tx).

    `position` numbers the (wallet, mint) pairs in ascending order. Quantities, money and SOL are Int128.
    `end` is where, on the line of all units bought, a lot ends, and up to where a disposal consumed.

    trades: the trades with `position`, sorted by (position, tx)
    lots: position, block_unix_time, block_number, tx, valuation, quantity, known (whether its basis is), cost
      (0 where not known), sol_known, cost_sol (0 where not known), age (seconds that it is older than its
      transaction), and of all units up to `end`: cost_end, known_end (those of known basis), sol_end,
      sol_known_end
    disposals: position, wallet, tx, block_unix_time, block_number, valuation, quantity, before, end, cost_end,
      known_end, sol_end, sol_known_end, matched (units taken from lots), known_matched (of those, from lots of
      known basis), bought_time, bought_block (of the position's newest buy before it), taken_cost (of the lots
      of known basis), value (the cash received, null where unpriced), of which matched_value, unknown_value
      (from lots of unknown basis) and unmatched_value (beyond all lots), matched_cost (what the matched value
      is set against), lost_cost (taken without a result), matched_cost_sol and matched_value_sol (the same in
      SOL, null where either is unknown)
    positions: position, wallet, mint, decimals, open_quantity, open_cost (lots of known basis), open_unknown
      (units of unknown basis), open_sol_known (units of a known cost in SOL), open_cost_sol (their cost)
    """

    trades: pl.DataFrame
    lots: pl.DataFrame
    disposals: pl.DataFrame
    positions: pl.DataFrame


def fifo(trades: pl.DataFrame, rollovers: pl.DataFrame) -> Ledger:
    """The `Ledger` of `Trades.trades` and `Trades.rollovers` (any frame without rows where there are none)."""
    trades = _by_position(trades)
    line = _line(trades)
    moved = moved_basis(trades, line, rollovers)
    lots = _lots(trades, line, moved)
    spans = _spans(trades, line)
    disposals = _disposals(trades, line, lots, moved)
    return Ledger(trades, lots, disposals, _positions(spans, lots))


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
    """Of each trade: `bought`, what it adds to the line; `line`, its length; `consumed`, up to where sells
    have eaten it; `before`, the same before the trade."""
    first = starts(trades["position"])
    bought = trades["quantity"].clip(lower_bound=0)
    line = bought.cum_sum()
    # S - B, the excess of what was sold over what was bought, falls and rises by the quantity.
    excess = running_sum(_NOTHING - trades["quantity"], first)
    unmatched = running_peak(excess, trades["position"])
    # M = S - unmatched, laid on the line of all positions.
    consumed = line + excess - unmatched
    frame = pl.DataFrame({"bought": bought, "line": line, "consumed": consumed, "first": first})
    begin = pl.col("line") - pl.col("bought")
    return frame.select(
        "bought",
        "line",
        "consumed",
        before=pl.when("first").then(begin).otherwise(pl.col("consumed").shift(1)),
    )


def _lots(trades: pl.DataFrame, line: pl.DataFrame, moved: MovedBasis | None) -> pl.DataFrame:
    bought = trades["quantity"] > 0
    lots = trades.filter(bought).select(
        "position",
        "block_unix_time",
        "block_number",
        "tx",
        "valuation",
        "quantity",
        cost="value",
        cost_sol="value_sol",
        age=pl.lit(0.0),
        end=line["line"].filter(bought),
    )
    if moved is not None:
        lots = moved.with_costs(lots, bought)
    lots = lots.with_columns(
        known=pl.col("cost").is_not_null(), sol_known=pl.col("cost_sol").is_not_null()
    ).with_columns(pl.col("cost", "cost_sol").fill_null(0))
    return lots.with_columns(
        cost_end=pl.col("cost").cum_sum(),
        sol_end=pl.col("cost_sol").cum_sum(),
        known_end=_units_where(lots, "known"),
        sol_known_end=_units_where(lots, "sol_known"),
    )


def _units_where(lots: pl.DataFrame, known: str) -> pl.Series:
    """The units bought so far of which something is known: mostly all of them."""
    if lots[known].all():
        return lots["end"]
    return lots.select(pl.when(known).then("quantity").otherwise(whole(0)).cum_sum()).to_series()


_SUMS: Final = ("cost", "known", "sol", "sol_known")
"""What runs along the line: `<name>_end` by lot, by disposal and by the end of a position."""


def _spans(trades: pl.DataFrame, line: pl.DataFrame) -> pl.DataFrame:
    """One row per position: where on the line it begins and ends."""
    first, last = starts(trades["position"]), ends(trades["position"])
    return trades.filter(first).select(
        "position",
        "wallet",
        "mint",
        "decimals",
        begin=line["before"].filter(first),
        end=line["line"].filter(last),
        consumed=line["consumed"].filter(last),
    )


def _disposals(
    trades: pl.DataFrame,
    line: pl.DataFrame,
    lots: pl.DataFrame,
    moved: MovedBasis | None,
) -> pl.DataFrame:
    sold = trades["quantity"] < 0
    sells = trades.filter(sold).select(
        "position",
        "wallet",
        "tx",
        "block_unix_time",
        "block_number",
        "valuation",
        "value",
        "value_sol",
        quantity=_NOTHING - trades["quantity"].filter(sold),
        before=line["before"].filter(sold),
        end=line["consumed"].filter(sold),
    )
    sells = pl.concat(
        [sells, _newest_buys(trades, sold), _figures_at(sells["end"], lots)], how="horizontal"
    )
    first = starts(sells["position"])
    # What a disposal takes begins where the one before it ended.
    begins = _figures_at(sells["before"].filter(first), lots)
    place = first.arg_true()
    taken = {}
    for name in _SUMS:
        upto = sells[f"{name}_end"]
        taken[f"taken_{name}"] = upto - upto.shift(1).scatter(place, begins[f"{name}_end"])
    sells = sells.with_columns(**taken, matched=pl.col("end") - pl.col("before")).rename(
        {"taken_known": "known_matched"}
    )
    settled = _settled(sells)
    if moved is not None:
        settled = moved.settled(settled, sold)
    return settled.drop("value_sol", "taken_sol", "taken_sol_known")


def _newest_buys(trades: pl.DataFrame, sold: pl.Series) -> pl.DataFrame:
    """bought_time and bought_block of the newest buy before each sell (of an earlier position, where the
    position has none yet)."""
    is_buy = pl.when(pl.col("quantity") > 0)
    newest = trades.lazy().select(
        bought_time=is_buy.then("block_unix_time").forward_fill(),
        # A block that is null must not be filled with the one of an older buy.
        bought_block=is_buy.then(pl.col("block_number").fill_null(-1)).forward_fill(),
    )
    return (
        newest.filter(sold)
        .with_columns(bought_block=pl.when(pl.col("bought_block") >= 0).then("bought_block"))
        .collect()
    )


def _settled(sells: pl.DataFrame) -> pl.DataFrame:
    """Adds what became of the cash received and of the cost taken."""
    priced = pl.col("value").is_not_null()
    in_sol = (pl.col("taken_sol_known") == pl.col("known_matched")) & (pl.col("known_matched") > 0)
    sells = sells.with_columns(
        matched_value="value",
        known_value="value",
        sol_value="value_sol",
        matched_cost=pl.when(priced).then("taken_cost").otherwise(whole(0)),
        lost_cost=pl.when(priced).then(whole(0)).otherwise("taken_cost"),
    )
    part = sells["known_matched"] < sells["quantity"]
    if part.any():
        sells = _with_parts(sells, part.arg_true())
    sells = sells.with_columns(
        unknown_value=pl.col("known_value") - pl.col("matched_value"),
        unmatched_value=pl.col("value") - pl.col("known_value"),
        matched_cost_sol=pl.when(in_sol & pl.col("sol_value").is_not_null()).then("taken_sol"),
    ).with_columns(
        matched_value_sol=pl.when(pl.col("matched_cost_sol").is_not_null()).then("sol_value")
    )
    return sells.drop("known_value", "sol_value")


def _with_parts(sells: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    """The value of what was matched, of sells that took more than their lots of known basis."""
    quantity = pl.col("quantity")
    names = ("value", "value_sol", "known_matched", "matched", "quantity")
    parts = (
        sells.select(pl.col(names).gather(rows))
        .lazy()
        .select(
            matched_value=multiply_divide(pl.col("value"), pl.col("known_matched"), quantity),
            known_value=multiply_divide(pl.col("value"), pl.col("matched"), quantity),
            sol_value=multiply_divide(pl.col("value_sol"), pl.col("known_matched"), quantity),
        )
        .collect()
    )
    return sells.with_columns(
        sells[name].scatter(rows, parts[name]).alias(name) for name in parts.columns
    )


def _figures_at(points: pl.Series, lots: pl.DataFrame) -> pl.DataFrame:
    """Points on the line, ascending -> the running sums, over all units up to each point."""
    found = (
        pl.DataFrame({"point": points})
        .set_sorted("point")
        .join_asof(
            lots.select("end").with_row_index("lot").set_sorted("end"),
            left_on="point",
            right_on="end",
            strategy="forward",
            coalesce=False,
        )
    )
    at = lots.select(
        pl.col("quantity", "cost", "cost_sol", "known", "sol_known").gather(found["lot"]),
        *(pl.col(f"{name}_end").gather(found["lot"]) for name in _SUMS),
    ).with_columns(ahead=found["end"] - found["point"])
    used, quantity = pl.col("quantity") - pl.col("ahead"), pl.col("quantity")

    def part(name: str) -> pl.Expr:
        return multiply_divide(pl.col(name), used, quantity)

    def units(name: str) -> pl.Expr:
        return pl.col(f"{name}_end") - pl.when(name).then("ahead").otherwise(whole(0))

    figures = at.lazy().select(
        cost_end=pl.col("cost_end") - pl.col("cost") + part("cost"),
        known_end=units("known"),
        sol_end=pl.col("sol_end") - pl.col("cost_sol") + part("cost_sol"),
        sol_known_end=units("sol_known"),
    )
    # No lot at or after a point: nothing was ever bought.
    return figures.with_columns(pl.all().fill_null(0)).collect()


def _positions(spans: pl.DataFrame, lots: pl.DataFrame) -> pl.DataFrame:
    """What lies between the last unit consumed and the last unit bought is still held."""
    consumed, bought = (_figures_at(spans[name], lots) for name in ("consumed", "end"))
    left = {name: bought[f"{name}_end"] - consumed[f"{name}_end"] for name in _SUMS}
    return spans.select(
        "position",
        "wallet",
        "mint",
        "decimals",
        open_quantity=left["known"],
        open_cost=left["cost"],
        open_unknown=spans["end"] - spans["consumed"] - left["known"],
        open_sol_known=left["sol_known"],
        open_cost_sol=left["sol"],
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


def left_of_lots(
    ledger: Ledger, matches: pl.DataFrame, amounts: Sequence[str] = ("quantity", "cost")
) -> pl.DataFrame:
    """A ledger and its `lot_matches` -> the lots of which something is left, by the row index `lot`, with so
    much of their `amounts` as the matches have left."""
    taken = matches.group_by("lot").agg(pl.col(amounts).sum().name.prefix("taken_"))
    lots = ledger.lots.with_row_index("lot").join(taken, on="lot", how="left")
    left = (
        (pl.col(name) - pl.col(f"taken_{name}").fill_null(whole(0))).alias(name) for name in amounts
    )
    return lots.with_columns(left).filter(pl.col("quantity") > 0)


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
