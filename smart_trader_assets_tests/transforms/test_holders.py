from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.tables.catalog import TRACKED_WHALES, WHALES
from smart_trader_assets.transforms.holders import (
    RepeatedWalletError,
    born_states,
    holder_rows,
    tracked_whale_rows,
)
from smart_trader_assets.transforms.shards import shard_of
from smart_trader_assets.transforms.values import NaiveTimeError, SourceRows

MINT = "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263"
TOKEN: dict[str, Any] = {
    "token_address": MINT,
    "symbol": "BONK",
    "price": 0.5,
    "decimals": 6,
    "circulating_supply": 1_000.0,
}
FETCHED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def content(table: TableContract) -> dict[str, Any]:
    return {
        column.name: column.dtype
        for column in table.columns
        if column.name not in table.state_columns
    }


def account(owner: Any, amount: Any, address: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"owner": owner, "amount": amount, "token_account": address, "decimals": 6, **fields}


def holders(
    *items: Any,
    token: dict[str, Any] = TOKEN,
    top: int = 300,
    fetched_at: datetime = FETCHED_AT,
) -> SourceRows:
    return holder_rows(
        list(items),
        token=token,
        fetched_at=fetched_at,
        top=top,
        token_shards=4,
        wallet_shards=16,
    )


def test_token_accounts_of_an_owner_are_one_holding():
    rows, rejected = holders(
        account("ann", "1000000", "a1", mint=MINT, is_scaled_ui_token=False, multiplier=None),
        account("bob", "9000000", "b1"),
        account("ann", "24000000", "a2", is_scaled_ui_token=False),
    )
    assert rejected == []
    assert dict(rows.schema) == content(WHALES)
    assert rows["wallet_address"].to_list() == ["ann", "bob"]
    assert rows.row(0, named=True) == {
        "fetched_on": date(2026, 3, 1),
        "token_address": MINT,
        "wallet_address": "ann",
        "token_shard": shard_of(MINT, 4),
        "wallet_shard": shard_of("ann", 16),
        "token_symbol": "BONK",
        "holder_rank": 1,
        "amount": "25000000",
        "decimals": 6,
        "ui_amount": 25.0,
        "token_accounts": ["a2", "a1"],
        "is_scaled_ui_token": False,
        "multiplier": None,
        "holding_share": 2.5,
        "price": 0.5,
        "holding_usd": 12.5,
        "fetched_at": FETCHED_AT,
    }


def test_no_holders_are_no_rows_of_the_same_columns():
    rows = holders().frame
    assert (dict(rows.schema), rows.height) == (content(WHALES), 0)


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(0, 2**128 - 1)), min_size=1, max_size=12
    )
)
def test_sums_are_exact_whatever_their_size(held):
    rows = holders(*(account(owner, str(amount)) for owner, amount in held)).frame
    sums = {owner: sum(a for o, a in held if o == owner) for owner, _ in held}
    assert {row["wallet_address"]: int(row["amount"]) for row in rows.iter_rows(named=True)} == sums
    assert rows["wallet_address"].to_list() == sorted(sums, key=lambda o: (-sums[o], o))
    assert rows["holder_rank"].to_list() == list(range(1, len(sums) + 1))


def test_the_top_is_of_owners_and_not_of_accounts():
    rows = holders(
        account("whale", "60", "w1"),
        account("ann", "70", "a1"),
        account("whale", "60", "w2"),
        account("bob", "80", "b1"),
        top=2,
    ).frame
    assert rows.select("wallet_address", "holder_rank").rows() == [("whale", 1), ("bob", 2)]


def test_equal_holdings_rank_by_owner():
    rows = holders(account("bob", "5"), account("ann", "5")).frame
    assert rows["wallet_address"].to_list() == ["ann", "bob"]


def test_an_account_that_two_pages_brought_counts_once():
    rows = holders(account("ann", "5", "a1"), account("ann", "5", "a1"), account("ann", "1")).frame
    assert rows.select("amount", "token_accounts").rows() == [("6", ["a1"])]


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("text", "is not an object"),
        (account(None, "5"), "has no owner"),
        (account(" ", "5"), "has no owner"),
        (account("eve", None), "has an amount that is not a whole number of raw units: 'None'"),
        (account("eve", "1.5"), "has an amount that is not a whole number of raw units: '1.5'"),
        (account("eve", Decimal("5.5")), "has an amount that is not a whole number of raw units"),
        (account("eve", "-5"), "has an amount that is not a whole number of raw units: '-5'"),
        (account("eve", "9" * 5_000), "has an amount that is not a whole number of raw units"),
        (account("eve", Decimal("1e999999")), "has an amount that is not a whole number"),
        (account("eve", 2.0), "has an amount that is not a whole number of raw units: '2.0'"),
        (account("eve", "5", mint="other"), "is an account of another mint, 'other'"),
    ],
)
def test_a_broken_account_is_named_and_harms_no_neighbour(broken, sentence):
    rows, rejected = holders(account("ann", 7), broken, account("bob", Decimal("8")))
    assert rows.select("wallet_address", "amount").rows() == [("bob", "8"), ("ann", "7")]
    assert len(rejected) == 1
    assert rejected[0].startswith(f"Holder 2 of token {MINT} {sentence}")


@pytest.mark.parametrize("unknown", [None, 0, "n/a", float("nan")])
def test_worth_and_share_are_absent_where_price_or_supply_are(unknown):
    token = {**TOKEN, "price": unknown, "circulating_supply": unknown}
    rows = holders(account("ann", "5000000"), token=token).frame
    assert rows.select("ui_amount", "price", "holding_usd", "holding_share").rows() == [
        (5.0, None, None, None)
    ]


def test_decimals_of_the_token_stand_in_for_those_of_the_account():
    rows = holders(account("ann", "5000000", decimals=None)).frame
    assert rows.select("decimals", "ui_amount").rows() == [(6, 5.0)]


def test_without_decimals_the_shown_amounts_are_summed_and_absent_if_one_is():
    token = {**TOKEN, "decimals": None}
    rows = holders(
        account("ann", "20", decimals=None, ui_amount=2.0),
        account("ann", "10", decimals=None, ui_amount="1.5"),
        account("bob", "5", decimals=None, ui_amount=0.5),
        account("bob", "5", decimals=None, ui_amount=None),
        token=token,
    ).frame
    assert rows["ui_amount"].to_list() == [3.5, None]
    assert rows["holding_usd"].to_list() == [1.75, None]


def test_a_scaled_token_keeps_the_amount_that_the_source_shows():
    rows = holders(
        account("ann", "1000000", ui_amount=1.5, is_scaled_ui_token=True, multiplier=1.5)
    ).frame
    assert rows.select("amount", "ui_amount", "is_scaled_ui_token", "multiplier").rows() == [
        ("1000000", 1.5, True, 1.5)
    ]


def test_several_fetch_days_of_a_whale_are_one_row_with_the_newest_holding():
    fetches = [
        holders(*items, fetched_at=FETCHED_AT + timedelta(days=day)).frame
        for day, items in [
            (1, [account("ann", "3000000")]),
            (0, [account("ann", "9000000"), account("bob", "1000000")]),
        ]
    ]
    whales = tracked_whale_rows(pl.concat(fetches))
    assert dict(whales.schema) == content(TRACKED_WHALES)
    assert whales.select(
        "whale_id", "ui_amount", "holder_rank", "holding_usd", "first_seen_on", "last_seen_on"
    ).rows() == [
        (f"ann_{MINT}", 3.0, 1, 1.5, date(2026, 3, 1), date(2026, 3, 2)),
        (f"bob_{MINT}", 1.0, 2, 0.5, date(2026, 3, 1), date(2026, 3, 1)),
    ]


AS_OF = datetime(2026, 3, 5, tzinfo=UTC)
DAY = timedelta(hours=24)


def histories(**fetched_at: datetime | None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "wallet_address": list(fetched_at),
            "transactions_fetched_at": list(fetched_at.values()),
            "fetched_from": 100,
            "fetched_to": 200,
            "history_complete": False,
            "resume_before": 90,
            "resume_to": None,
            "last_swap_at": 150,
        },
        schema_overrides={"transactions_fetched_at": pl.Datetime("us", "UTC")},
    )


def born(wallets: pl.DataFrame, *addresses: str) -> pl.DataFrame:
    rows = pl.DataFrame({"wallet_address": addresses}, schema={"wallet_address": pl.String})
    return born_states(rows, wallets, as_of=AS_OF, refresh_interval=DAY)


def test_a_whale_of_a_freshly_fetched_wallet_is_born_processed():
    whales = born(
        histories(fresh=AS_OF - DAY, stale=AS_OF - DAY - timedelta(microseconds=1), never=None),
        "stale",
        "fresh",
        "unheard",
        "never",
    )
    assert whales.select("wallet_address", "processing_status").rows() == [
        ("stale", "pending"),
        ("fresh", "processed"),
        ("unheard", "pending"),
        ("never", "pending"),
    ]
    assert whales["attempts"].to_list() == [0, 0, 0, 0]


def test_what_is_known_of_a_wallets_history_is_carried_over():
    whales = born(histories(stale=AS_OF - 2 * DAY), "stale", "unheard")
    assert whales.drop("processing_status", "attempts").rows() == [
        ("stale", AS_OF - 2 * DAY, 100, 200, False, 90, None, 150),
        ("unheard", *[None] * 7),
    ]


def test_born_columns_have_the_tables_types():
    states = born(histories(), "ann").drop("wallet_address")
    assert dict(states.schema) == {
        name: TRACKED_WHALES.column(name).dtype for name in states.columns
    }
    assert set(states.columns) <= TRACKED_WHALES.state_columns


def test_two_histories_of_one_wallet_are_refused():
    wallets = pl.concat([histories(ann=AS_OF), histories(ann=AS_OF - DAY)])
    with pytest.raises(RepeatedWalletError, match="Wallet ann has more than one history"):
        born(wallets, "ann")


def test_naive_times_are_refused():
    naive = datetime(2026, 3, 5)  # noqa: DTZ001
    with pytest.raises(NaiveTimeError):
        holders(fetched_at=naive)
    with pytest.raises(NaiveTimeError):
        born_states(
            pl.DataFrame({"wallet_address": ["ann"]}),
            histories(),
            as_of=naive,
            refresh_interval=DAY,
        )
