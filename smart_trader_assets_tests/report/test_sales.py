"""Sales as a person reads them."""

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from smart_trader_assets.report.sales import sales_of

SOLD = datetime(2025, 7, 1, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")
SCHEMA: dict[str, pl.DataType] = {
    "wallet_address": pl.String(),
    "token_address": pl.String(),
    "sold_at": TIME,
    "sale_tx": pl.String(),
    "purchase_tx": pl.String(),
    "quantity": pl.Float64(),
    "proceeds": pl.Float64(),
    "cost": pl.Float64(),
    "holding_hours": pl.Float64(),
    "result": pl.Float64(),
    "result_sol": pl.Float64(),
    "unmatched_reason": pl.String(),
}


def match(
    purchase: str | None,
    quantity: float,
    proceeds: float | None,
    cost: float | None,
    hours: float | None,
    reason: str | None = None,
    tx: str = "sale",
    result_sol: float | None = None,
) -> tuple[Any, ...]:
    """A row of lot matches; it has a result where it has no reason."""
    result = None
    if reason is None and proceeds is not None and cost is not None:
        result = proceeds - cost
    figures = (quantity, proceeds, cost, hours, result, result_sol)
    return ("wallet", "token", SOLD, tx, purchase, *figures, reason)


def sale_of(*matches: tuple[Any, ...]) -> dict[str, Any]:
    """The one sale of the matches."""
    (sale,) = sales_of(pl.DataFrame(matches, schema=SCHEMA, orient="row")).to_dicts()
    return sale


def test_a_sale_sums_up_the_lots_that_it_took():
    sale = sale_of(match("a", 1.0, 10.0, 2.0, 4.0), match("b", 3.0, 30.0, 6.0, 8.0))
    assert (sale["quantity"], sale["proceeds"], sale["cost"], sale["result"]) == (4, 40, 8, 32)
    assert sale["holding_hours"] == 7  # weighed by cost
    assert (sale["lot_count"], sale["unmatched_share"], sale["unmatched_reason"]) == (2, 0, None)


def test_the_unmatched_part_has_no_result_and_names_its_largest_reason():
    sale = sale_of(
        match("a", 1.0, 10.0, 2.0, 4.0),
        match("b", 2.0, 20.0, None, 5.0, "lot_of_unknown_basis"),
        match(None, 1.0, 10.0, None, None, "no_lot"),
    )
    assert (sale["proceeds"], sale["cost"], sale["result"], sale["holding_hours"]) == (40, 2, 8, 4)
    assert sale["unmatched_share"] == pytest.approx(75)
    assert sale["unmatched_reason"] == "lot_of_unknown_basis"
    assert sale["lot_count"] == 2


def test_a_sale_without_a_price_has_neither_proceeds_nor_result():
    sale = sale_of(match("a", 1.0, None, 2.0, 4.0, "unpriced_sale"))
    assert (sale["proceeds"], sale["cost"], sale["result"], sale["holding_hours"]) == (None,) * 4
    assert sale["unmatched_share"] == 100


def test_a_sale_is_told_in_sol_as_far_as_its_lots_are():
    sale = sale_of(
        match("a", 1.0, 10.0, 2.0, 4.0, result_sol=0.5),
        match("b", 1.0, 10.0, 2.0, 4.0, result_sol=-0.75),
        match(None, 1.0, 10.0, None, None, "no_lot"),
    )
    assert sale["result_sol"] == -0.25
    assert sale_of(match("a", 1.0, 10.0, 2.0, 4.0))["result_sol"] is None


def test_what_moved_on_in_a_rollover_is_no_sale():
    matches = [
        match("a", 1.0, 10.0, 2.0, 4.0),
        match("a", 1.0, None, 2.0, 4.0, "rollover", tx="exchange"),
    ]
    sales = sales_of(pl.DataFrame(matches, schema=SCHEMA, orient="row"))
    assert sales["sale_tx"].to_list() == ["sale"]


def test_sales_come_newest_first():
    frame = pl.DataFrame(
        [match("a", 1.0, 1.0, 1.0, 1.0, tx=tx) for tx in ("one", "two")],
        schema=SCHEMA,
        orient="row",
    ).with_columns(sold_at=pl.Series([SOLD, SOLD.replace(day=2)], dtype=TIME))
    assert sales_of(frame)["sale_tx"].to_list() == ["two", "one"]
