"""What the engine accepts, and what it refuses with a reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

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
from smart_trader_assets_tests.pnl.figures import by_token, pnl
from smart_trader_assets_tests.pnl.histories import (
    AS_OF,
    SCHEMA,
    WALLET,
    A,
    B,
    Leg,
    X,
    buy,
    frame,
    roll,
    sell,
    sol,
    swap,
)
from smart_trader_assets_tests.pnl.test_vectors import TWO_LOTS

ROWS: tuple[dict[str, Any], ...] = (
    *TWO_LOTS,
    swap("c1", sol(2, 100.0, 90.0), Leg(A, 10, 20.0), hours_ago=6, volume_usd=200.0),
    roll("r1", (A, 5), (B, 3), hours_ago=5),
    swap("c2", Leg(A, 5), sol(3, 100.0), hours_ago=4),
    sell("s2", 3, 50, B, hours_ago=3),
)
SWAPS = frame(ROWS)
TABLE = compute_wallet_pnl(SWAPS, as_of=AS_OF)
LISTED = pl.DataFrame({"token_address": [X], "price": [9.0], "marked_at": [AS_OF]})


def test_the_table_has_the_columns_of_its_contract_even_where_it_is_empty():
    empty = compute_wallet_pnl(pl.DataFrame(schema=SCHEMA), as_of=AS_OF)
    assert empty.schema == WALLET_PNL_SCHEMA == TABLE.schema
    assert empty.is_empty()


def test_a_lazy_frame_is_as_good():
    assert_frame_equal(compute_wallet_pnl(SWAPS.lazy(), as_of=AS_OF), TABLE)


def test_optional_columns_may_be_missing():
    optional = ["swap_id", "wallet_address", "tx_type", "block_number", "ins_index", "volume_usd"]
    optional += ["inner_ins_index", "base_ui_change_amount", "quote_nearest_price", "address"]
    optional += [f"{leg}_{name}" for leg in ("base", "quote") for name in SHOWN]
    assert_frame_equal(compute_wallet_pnl(SWAPS.drop(optional), as_of=AS_OF), TABLE)
    prices = [f"{leg}_{name}" for leg in ("base", "quote") for name in ("price", "nearest_price")]
    unpriced = compute_wallet_pnl(SWAPS.drop(prices), as_of=AS_OF)
    assert unpriced["unpriced_count"].max() == 2
    of_x = pl.col("token_address") == X
    for name in ("realized_pnl", "open_cost", "total_sold"):
        assert unpriced.filter(of_x)[name].equals(TABLE.filter(of_x)[name])


SHOWN = ("is_scaled_ui_token", "multiplier")


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


@pytest.mark.parametrize("dtype", [pl.Int64, pl.Float64])
def test_a_raw_amount_may_come_as_a_number(dtype):
    raw = ("base_change_amount", "quote_change_amount")
    numbers = SWAPS.with_columns(pl.col(raw).cast(pl.Int64).cast(dtype))
    assert_frame_equal(compute_wallet_pnl(numbers, as_of=AS_OF), TABLE)


def test_any_number_may_come_as_text():
    texts = SWAPS.with_columns(pl.col(pl.Float64, pl.Int64).cast(pl.String))
    assert texts.schema["block_unix_time"] == texts.schema["base_price"] == pl.String
    assert_frame_equal(compute_wallet_pnl(texts, as_of=AS_OF), TABLE)


@pytest.mark.parametrize("spelling", ["-{0}.0", "-{0}.00", "-{0}e0", "-{0}0e-1", "-0{0}"])
def test_a_raw_amount_may_be_spelled_in_many_ways(spelling):
    def spelled(row: dict[str, Any]) -> dict[str, Any]:
        return row | {
            name: spelling.format(row[name].removeprefix("-"))
            for name in ("base_change_amount", "quote_change_amount")
            if row[name].startswith("-")
        }

    table = compute_wallet_pnl(frame(map(spelled, ROWS)), as_of=AS_OF)
    assert_frame_equal(table, TABLE)
    unnamed = frame([*ROWS, *map(spelled, ROWS)]).drop("swap_id")
    assert_frame_equal(compute_wallet_pnl(unnamed, as_of=AS_OF), TABLE)


def test_without_swap_id_rows_of_several_places_are_several():
    fills = [buy("b", 1, 1, inner_ins_index=place) for place in (0, 1, 1)]
    table = by_token(*(row | {"swap_id": None} for row in fills))
    assert (table[X]["open_quantity"], table[X]["buy_count"]) == (2.0, 1)
    unplaced = buy("b", 1, 3, inner_ins_index=None, address="pool") | {"swap_id": None}
    elsewhere = buy("b", 1, 3, inner_ins_index=None, address="pond") | {"swap_id": None}
    assert by_token(unplaced, elsewhere)[X]["open_quantity"] == 2.0


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


def test_of_a_history_that_is_told_twice_only_what_both_say_is_known():
    hour = timedelta(hours=1)
    histories = pl.DataFrame(
        {
            "wallet_address": [WALLET, WALLET],
            "history_complete": [True, False],
            "known_to": [AS_OF - hour, AS_OF - 2 * hour],
        }
    )
    table = compute_wallet_pnl(SWAPS, as_of=AS_OF, histories=histories)
    assert table["history_complete"].unique().to_list() == [False]
    assert table["known_to"].unique().to_list() == [AS_OF - 2 * hour]


@pytest.mark.parametrize("name", ["wallet_address", "history_complete"])
def test_a_column_that_histories_lack_is_named(name):
    histories = pl.DataFrame({"wallet_address": [WALLET], "history_complete": [True]}).drop(name)
    with pytest.raises(ColumnsMissingError, match=name):
        compute_wallet_pnl(SWAPS, as_of=AS_OF, histories=histories)


def test_marks_of_tokens_that_nobody_held_change_nothing():
    others = LISTED.with_columns(token_address=pl.lit("nobody's"))
    assert_frame_equal(compute_wallet_pnl(SWAPS, as_of=AS_OF, marks=others), TABLE)
    assert (
        compute_wallet_pnl(SWAPS, as_of=AS_OF, marks=LISTED)["mark_source"]
        .is_in(["token_list"])
        .any()
    )


def test_an_unknown_wallet_cannot_be_explained():
    with pytest.raises(UnknownWalletError, match="nobody"):
        explain_wallet(SWAPS, as_of=AS_OF, wallet="nobody")


def test_as_of_is_stored():
    assert TABLE["as_of"].unique().to_list() == [AS_OF.astimezone(UTC)]
