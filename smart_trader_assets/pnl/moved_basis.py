"""The cost basis that rollovers move, between the frames of the ledger and the arrays of `rollovers`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from smart_trader_assets.pnl.exact import whole
from smart_trader_assets.pnl.rollovers import (
    Incoming,
    Lots,
    Outgoing,
    Rollovers,
    Taken,
    move_basis,
)
from smart_trader_assets.pnl.shares import Codes
from smart_trader_assets.pnl.valuation import CASH, ROLLOVER


@dataclass(frozen=True)
class MovedBasis:
    """What rollovers made of trades, by their `row`; money and SOL are Int128 of 1e-21.

    incoming: row, cost, cost_sol (null where unknown), age (seconds)
    outgoing: row, received, returned, lost, received_sol, returned_sol (null where unknown), known
    """

    incoming: pl.DataFrame
    outgoing: pl.DataFrame

    def with_costs(self, lots: pl.DataFrame, bought: pl.Series) -> pl.DataFrame:
        """The lots of the trades `bought`, with the cost, cost_sol and age of those that came by a rollover."""
        place = (bought.cum_sum() - 1).gather(self.incoming["row"])
        return lots.with_columns(
            lots[name].scatter(place, self.incoming[name]).alias(name)
            for name in ("cost", "cost_sol", "age")
        )

    def settled(self, sells: pl.DataFrame, sold: pl.Series) -> pl.DataFrame:
        """The disposals of the trades `sold`, as if rollovers were unpriced -> with what became of these."""
        rows = self.outgoing
        place = (sold.cum_sum() - 1).gather(rows["row"])
        rolled = rows.with_columns(
            value="received",
            matched_value=pl.when("known").then("received").otherwise(whole(0)),
            unknown_value=whole(0),
            unmatched_value=pl.when("known").then(whole(0)).otherwise("received"),
            matched_cost="returned",
            lost_cost="lost",
            # Where no cash was received there is no disposal to tell in SOL.
            matched_value_sol=pl.when(pl.col("known") & (pl.col("received") > 0)).then(
                "received_sol"
            ),
            matched_cost_sol=pl.when(pl.col("known") & (pl.col("received") > 0)).then(
                "returned_sol"
            ),
        )
        return sells.with_columns(
            sells[name].scatter(place, rolled[name]).alias(name)
            for name in (
                "value",
                "matched_value",
                "unknown_value",
                "unmatched_value",
                "matched_cost",
                "lost_cost",
                "matched_value_sol",
                "matched_cost_sol",
            )
        )


def moved_basis(
    trades: pl.DataFrame, line: pl.DataFrame, rollovers: pl.DataFrame
) -> MovedBasis | None:
    """Trades by position, beside where they stand on the line of all units bought (see `lots`), and
    `Trades.rollovers` -> what was moved; None where nothing rolled over."""
    if rollovers.is_empty():
        return None
    line = pl.concat([trades, line], how="horizontal").with_row_index("row")
    rolled = (
        line.filter(pl.col("valuation") == ROLLOVER)
        .select(
            "row", "position", "tx", "mint", "quantity", "block_unix_time", "before", "consumed"
        )
        .join(rollovers, on=["tx", "mint"])
        .sort("tx", "mint")
        .with_columns(rollover=pl.col("tx").rle_id())
    )
    out, into = rolled.filter(pl.col("quantity") < 0), rolled.filter(pl.col("quantity") > 0)
    # Only in positions out of which something rolled can a cost depend on another.
    touched = pl.col("position").is_in(out["position"].unique().implode())
    lots = line.filter(touched & (pl.col("bought") > 0)).with_row_index("lot")
    made = into.join(lots.select("row", "lot"), on="row", how="left", maintain_order="left")
    taken, lots_taken = _taken(out, lots), _lots(lots)
    outgoing, incoming = _outgoing(out), _incoming(into, made["lot"])
    move_basis(_rollovers(rolled), lots_taken, taken, outgoing, incoming)
    return MovedBasis(
        incoming=into.select(
            "row",
            cost=_amounts(incoming.cost),
            cost_sol=_amounts(incoming.cost_sol),
            age=pl.Series(incoming.age),
        ),
        outgoing=out.select(
            "row",
            received=_amounts(outgoing.received),
            returned=_amounts(outgoing.returned),
            lost=_amounts(outgoing.lost),
            received_sol=_amounts(outgoing.received_sol),
            returned_sol=_amounts(outgoing.returned_sol),
            known=pl.Series(outgoing.known),
        ),
    )


def _rollovers(rolled: pl.DataFrame) -> Rollovers:
    each = rolled.unique("rollover", keep="first", maintain_order=True)
    return Rollovers(
        cash=_objects(each["cash"]),
        cash_sol=_objects(each["cash_sol"]),
        sol_price=each["sol_price"].fill_null(float("nan")).to_numpy(),
        time=each["block_unix_time"].to_numpy(),
    )


def _lots(lots: pl.DataFrame) -> Lots:
    for_cash = lots["valuation"] == CASH
    cost, cost_sol = (
        lots.select(pl.when(for_cash).then(name)).to_series() for name in ("value", "value_sol")
    )
    return Lots(
        quantity=_objects(lots["bought"]),
        time=lots["block_unix_time"].to_numpy(),
        cost=_objects(cost),
        cost_sol=_objects(cost_sol),
        age=np.zeros(lots.height),
    )


def _taken(out: pl.DataFrame, lots: pl.DataFrame) -> Taken:
    """Each disposal's stretch of the line, cut where lots end."""
    ends = lots["line"]
    pieces = (
        out.select(
            "before",
            "consumed",
            first=ends.search_sorted(out["before"], side="right"),
            last=ends.search_sorted(out["consumed"], side="left"),
        )
        .with_row_index("out")
        .filter(pl.col("consumed") > pl.col("before"))
        .with_columns(lot=pl.int_ranges("first", pl.col("last") + 1))
        .explode("lot")
    )
    of_lot = lots.select("line", "bought").select(pl.all().gather(pieces["lot"]))
    begin = of_lot["line"] - of_lot["bought"]
    cut = pieces.select(
        begin=pl.max_horizontal("before", begin) - begin,
        end=pl.min_horizontal("consumed", of_lot["line"]) - begin,
    )
    return Taken(
        out=_codes(pieces["out"]),
        lot=_codes(pieces["lot"]),
        begin=_objects(cut["begin"]),
        end=_objects(cut["end"]),
    )


def _outgoing(out: pl.DataFrame) -> Outgoing:
    def nothing() -> NDArray[Any]:
        return np.zeros(out.height, dtype=object)

    return Outgoing(
        rollover=_codes(out["rollover"]),
        complete=(out["consumed"] - out["before"] == _negated(out["quantity"])).to_numpy(),
        received=nothing(),
        returned=nothing(),
        received_sol=nothing(),
        returned_sol=nothing(),
        lost=nothing(),
        known=np.zeros(out.height, dtype=bool),
    )


def _negated(quantity: pl.Series) -> pl.Series:
    return pl.select(whole(0) - quantity).to_series()


def _incoming(into: pl.DataFrame, lot: pl.Series) -> Incoming:
    return Incoming(
        rollover=_codes(into["rollover"]),
        lot=_codes(lot.cast(pl.Int64).fill_null(-1)),
        own=_objects(into["own"]),
        cost=np.full(into.height, None, dtype=object),
        cost_sol=np.full(into.height, None, dtype=object),
        age=np.zeros(into.height),
    )


def _objects(series: pl.Series) -> NDArray[Any]:
    """Python's whole numbers and None."""
    values = np.empty(series.len(), dtype=object)
    values[:] = series.to_list()
    return values


def _codes(series: pl.Series) -> Codes:
    return series.to_numpy().astype(np.int64)


def _amounts(values: NDArray[Any]) -> pl.Series:
    return pl.Series(values.tolist(), dtype=pl.Int128)
