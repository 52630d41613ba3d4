"""What the engine accepts, and what it refuses with a reason."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.pnl import (
    DEFAULT_CASH_MINTS,
    WALLET_PNL_SCHEMA,
    compute_wallet_pnl,
    explain_wallet,
    screen_swaps,
)
from smart_trader_assets.pnl.errors import (
    CashMintsError,
    ColumnsMissingError,
    NaiveAsOfError,
    UnknownWalletError,
)
from smart_trader_assets_tests.pnl.histories import AS_OF, SCHEMA, WALLET, A, X, frame
from smart_trader_assets_tests.pnl.test_vectors import TWO_LOTS, buy, pnl

SWAPS = frame(TWO_LOTS)
TABLE = compute_wallet_pnl(SWAPS, as_of=AS_OF)


def test_the_table_has_the_columns_of_its_contract_even_where_it_is_empty():
    empty = compute_wallet_pnl(pl.DataFrame(schema=SCHEMA), as_of=AS_OF)
    assert empty.schema == WALLET_PNL_SCHEMA == TABLE.schema
    assert empty.is_empty()


def test_a_lazy_frame_is_as_good():
    assert_frame_equal(compute_wallet_pnl(SWAPS.lazy(), as_of=AS_OF), TABLE)


def test_optional_columns_may_be_missing():
    optional = ["swap_id", "wallet_address", "tx_type", "block_number", "ins_index", "volume_usd"]
    optional += ["inner_ins_index", "base_price", "base_ui_change_amount", "quote_nearest_price"]
    assert_frame_equal(compute_wallet_pnl(SWAPS.drop(optional), as_of=AS_OF), TABLE)


def test_without_swap_id_a_repeated_page_counts_once():
    twice = pl.concat([SWAPS, SWAPS]).drop("swap_id")
    assert_frame_equal(compute_wallet_pnl(twice, as_of=AS_OF), TABLE)


def test_without_swap_id_a_row_in_another_spelling_counts_once_at_its_last_price():
    row = buy("b", 10, 100)
    again = row | {"base_change_amount": f"{row['base_change_amount']}.0"}
    revised = row | {"quote_price": 2.0, "volume_usd": 200.0}
    once = compute_wallet_pnl(frame([revised]).drop("swap_id"), as_of=AS_OF)
    thrice = compute_wallet_pnl(frame([row, again, revised]).drop("swap_id"), as_of=AS_OF)
    assert_frame_equal(thrice, once)


def test_with_swap_id_two_identical_fills_count_twice():
    fills = [buy("b", 1, 1), buy("b", 1, 1) | {"swap_id": "second fill"}]
    assert pnl(*fills, token=X)["open_quantity"] == 2.0


def test_a_raw_amount_may_come_as_a_number():
    numbers = SWAPS.with_columns(pl.col("^.*_change_amount$").cast(pl.Float64).cast(pl.Int64))
    numbers = numbers.with_columns(SWAPS["base_ui_change_amount"], SWAPS["quote_ui_change_amount"])
    assert_frame_equal(compute_wallet_pnl(numbers, as_of=AS_OF), TABLE)


@pytest.mark.parametrize("name", ["tx_hash", "block_unix_time", "base_address", "quote_decimals"])
def test_a_missing_column_is_named(name):
    with pytest.raises(ColumnsMissingError, match=name):
        compute_wallet_pnl(SWAPS.drop(name), as_of=AS_OF)


def test_a_row_needs_its_wallet_or_its_owner():
    with pytest.raises(ColumnsMissingError, match="wallet_address"):
        screen_swaps(SWAPS.drop("wallet_address", "owner"))


def test_as_of_needs_a_time_zone():
    with pytest.raises(NaiveAsOfError, match="time zone"):
        compute_wallet_pnl(SWAPS, as_of=datetime(2025, 7, 1))  # noqa: DTZ001


def test_the_time_zone_of_as_of_changes_nothing():
    east = AS_OF.astimezone(datetime.strptime("+0900", "%z").tzinfo)
    assert_frame_equal(compute_wallet_pnl(SWAPS, as_of=east), TABLE)


@pytest.mark.parametrize("cash", ["one string", {X: -1.0}, {X: float("nan")}])
def test_cash_mints_that_cannot_be_read_are_refused(cash):
    with pytest.raises(CashMintsError):
        compute_wallet_pnl(SWAPS, as_of=AS_OF, cash_mints=cash)


def test_a_plain_collection_of_the_default_cash_mints_means_the_same():
    table = compute_wallet_pnl(SWAPS, as_of=AS_OF, cash_mints=set(DEFAULT_CASH_MINTS))
    assert_frame_equal(table, TABLE)


def test_every_refusal_is_one_of_the_packages_errors():
    with pytest.raises(SmartTraderError):
        compute_wallet_pnl(SWAPS, as_of=AS_OF, marks=pl.DataFrame({"price": [1.0]}))
    with pytest.raises(SmartTraderError):
        compute_wallet_pnl(SWAPS, as_of=AS_OF, histories=pl.DataFrame({"wallet_address": ["w"]}))


def test_completeness_comes_from_the_histories():
    histories = pl.DataFrame({"wallet_address": [WALLET], "history_complete": [False]})
    table = compute_wallet_pnl(SWAPS, as_of=AS_OF, histories=histories)
    assert table["history_complete"].to_list() == [False] * table.height
    assert TABLE["history_complete"].null_count() == TABLE.height


def marks(*rows: tuple[str, float, datetime]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={
            "token_address": pl.String,
            "price": pl.Float64,
            "marked_at": pl.Datetime("us", "UTC"),
        },
        orient="row",
    ).with_columns(source=pl.lit("token_list"))


def marked(*rows: tuple[str, float, datetime]) -> tuple[float, str, float]:
    table = compute_wallet_pnl(SWAPS, as_of=AS_OF, marks=marks(*rows))
    row = table.row(
        by_predicate=(pl.col("token_address") == X) & (pl.col("window") == "all"), named=True
    )
    return row["mark_price"], row["mark_source"], row["unrealized_pnl"]


def test_the_newest_mark_at_or_before_as_of_rules():
    # The last own trade was a sale at 4, seven hours ago; ten are open at a cost of 30.
    hour = timedelta(hours=1)
    assert marked((X, 9.0, AS_OF - 8 * hour)) == (4.0, "own_trade", 10.0)
    assert marked((X, 9.0, AS_OF - 6 * hour)) == (9.0, "token_list", 60.0)
    assert marked((X, 9.0, AS_OF), (X, 5.0, AS_OF - hour)) == (9.0, "token_list", 60.0)
    assert marked((X, 9.0, AS_OF + hour), (A, 8.0, AS_OF)) == (4.0, "own_trade", 10.0)
    assert marked((X, float("nan"), AS_OF), (X, 0.0, AS_OF)) == (4.0, "own_trade", 10.0)


def test_a_portfolio_counts_what_has_no_mark():
    row = pnl(*TWO_LOTS)
    assert (row["unrealized_pnl"], row["total_pnl"], row["unmarked_tokens"]) == (10.0, 40.0, 0)


def test_an_unknown_wallet_cannot_be_explained():
    with pytest.raises(UnknownWalletError, match="nobody"):
        explain_wallet(SWAPS, as_of=AS_OF, wallet="nobody")


def test_as_of_is_stored():
    assert TABLE["as_of"].unique().to_list() == [AS_OF.astimezone(UTC)]
