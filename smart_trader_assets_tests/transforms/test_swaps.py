import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from itertools import permutations
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.tables.catalog import TRANSACTIONS
from smart_trader_assets.transforms.shards import shard_of
from smart_trader_assets.transforms.swap_identity import one_spelling
from smart_trader_assets.transforms.swaps import SwapIdentityError, transaction_rows
from smart_trader_assets.transforms.values import NaiveTimeError
from smart_trader_assets_tests.support.command import RECORDED_ROWS

SOL = "So11111111111111111111111111111111111111112"
MINT = "9BB6NFEcjBCtnNLFko2FqVQBq8HHM13kCyYcdQbgpump"
FETCHED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROW_SCHEMA = {
    column.name: column.dtype
    for column in TRANSACTIONS.columns
    if column.name not in TRANSACTIONS.state_columns
}


def leg(mint: str, change: object, **fields: Any) -> dict[str, Any]:
    return {"address": mint, "change_amount": change, **fields}


def swap(tx_hash: str = "tx", second: int = 1_750_000_000, **fields: Any) -> dict[str, Any]:
    return {
        "tx_hash": tx_hash,
        "block_unix_time": second,
        "owner": "wallet",
        "address": "pool",
        "ins_index": 2,
        "inner_ins_index": None,
        "base": leg(SOL, -1_000_000_000),
        "quote": leg(MINT, 250_000_000),
        **fields,
    }


def rows_of(items: list[dict[str, Any]], wallet: str = "wallet") -> pl.DataFrame:
    return transaction_rows({wallet: items}, fetched_at=FETCHED_AT, wallet_shards=16)


def ids_of(items: list[dict[str, Any]]) -> list[str]:
    return rows_of(items)["swap_id"].to_list()


def test_a_swap_becomes_one_row_with_its_legs_flattened():
    base = leg(
        SOL,
        -1_000_000_000,
        symbol="SOL",
        decimals=9,
        amount="1000000000",
        type="transfer",
        type_swap="from",
        ui_amount=1,
        price=Decimal("150.25"),
        nearest_price="150.5",
        ui_change_amount=-1,
        is_scaled_ui_token=False,
        multiplier=None,
    )
    item = swap(
        source="raydium",
        tx_type="swap",
        block_number="352543068",
        volume_usd=Decimal("150.25"),
        volume=1,
        signers=["wallet", "relayer"],
        interacted_program_id="program",
        base=base,
        base_price=Decimal("150.25"),
    )
    row = rows_of([item]).row(0, named=True)
    del row["swap_id"]
    assert {name: value for name, value in row.items() if value is not None} == {
        "wallet_address": "wallet",
        "wallet_shard": shard_of("wallet", 16),
        "tx_hash": "tx",
        "block_unix_time": 1_750_000_000,
        "owner": "wallet",
        "source": "raydium",
        "tx_type": "swap",
        "address": "pool",
        "block_number": 352543068,
        "volume_usd": 150.25,
        "volume": 1.0,
        "ins_index": 2,
        "signers": ["wallet", "relayer"],
        "interacted_program_id": "program",
        "base_symbol": "SOL",
        "base_decimals": 9,
        "base_address": SOL,
        "base_amount": "1000000000",
        "base_type": "transfer",
        "base_type_swap": "from",
        "base_ui_amount": 1.0,
        "base_price": 150.25,
        "base_nearest_price": 150.5,
        "base_change_amount": "-1000000000",
        "base_ui_change_amount": -1.0,
        "base_is_scaled_ui_token": False,
        "quote_address": MINT,
        "quote_change_amount": "250000000",
        "fetched_at": FETCHED_AT,
    }


def test_raw_amounts_keep_their_text_whatever_they_came_as():
    amounts = [2**70, "340282366920938463463374607431768211455", Decimal("123456789.1250"), None]
    rows = rows_of([swap(base=leg(SOL, amount, amount=amount)) for amount in amounts])
    expected = [str(2**70), "340282366920938463463374607431768211455", "123456789.1250", None]
    assert rows["base_change_amount"].to_list() == expected
    assert rows["base_amount"].to_list() == expected


def test_what_is_missing_or_of_another_type_is_null_and_harms_no_neighbour():
    broken = {
        "tx_hash": "tx2",
        "block_unix_time": "1750000001",
        "volume_usd": float("nan"),
        "ins_index": "first",
        "signers": "wallet",
        "base": None,
        "quote": {"price": "cheap", "decimals": 6.5},
    }
    rows = rows_of([broken, swap()])
    known = {name for name, value in rows.row(0, named=True).items() if value is not None}
    pipeline = {"swap_id", "wallet_address", "wallet_shard", "fetched_at"}
    assert known == {"tx_hash", "block_unix_time"} | pipeline
    assert rows.row(1, named=True)["quote_change_amount"] == "250000000"


@pytest.mark.parametrize("items", [[], [{"tx_hash": "tx", "block_unix_time": 1}]])
def test_columns_are_the_tables_columns_even_without_values(items):
    rows = rows_of(items)
    assert (dict(rows.schema), rows.height) == (ROW_SCHEMA, len(items))


@pytest.mark.parametrize("absent", [{"tx_hash": None}, {"tx_hash": ""}, {"block_unix_time": "?"}])
def test_a_row_without_identity_is_refused_by_name(absent):
    column = next(iter(absent))
    with pytest.raises(SwapIdentityError, match=f"row 1 of wallet wallet has no usable {column}"):
        rows_of([swap(), swap(**absent)])


def test_wallets_that_are_read_together_have_the_rows_that_each_has_alone():
    histories = {"ann": [swap(), swap(owner=None)], "bob": [], "cid": [swap(owner=None), swap()]}
    together = transaction_rows(histories, fetched_at=FETCHED_AT, wallet_shards=16)
    alone = pl.concat(rows_of(items, wallet) for wallet, items in histories.items())
    assert together.equals(alone)


def test_a_naive_time_is_refused():
    with pytest.raises(NaiveTimeError):
        transaction_rows(
            {"wallet": []},
            fetched_at=datetime(2026, 3, 1),  # noqa: DTZ001
            wallet_shards=16,
        )


@pytest.mark.parametrize(
    "other",
    [
        {"tx_hash": "tx2"},
        {"address": "pool2"},
        {"base": leg(MINT, -1_000_000_000)},
        {"quote": leg(SOL, 250_000_000)},
        {"base": leg(SOL, -1_000_000_001)},
        {"quote": leg(MINT, 250_000_001)},
    ],
)
def test_each_part_of_the_identity_tells_rows_apart(other):
    assert ids_of([swap()]) != ids_of([swap(**other)])


def test_a_row_of_another_wallet_is_another_row():
    assert rows_of([swap()])["swap_id"][0] != rows_of([swap()], wallet="other")["swap_id"][0]


@pytest.mark.parametrize(
    "later",
    [
        {"ins_index": 5, "inner_ins_index": 1},
        {"ins_index": None},
        {"owner": None},
        {"volume_usd": 5.0},
        {"base": leg(SOL, "-1000000000", price=2.0, symbol="SOL")},
    ],
)
def test_what_the_source_fills_in_or_revises_leaves_the_id_alone(later):
    assert ids_of([swap(**later)]) == ids_of([swap()])


@pytest.mark.parametrize(
    "spellings",
    [
        [Decimal("-17.50"), Decimal("-17.5"), "-17.5", -17.5, Decimal("-1.75E+1")],
        [100, "100", "100.0", 100.0, "1e2", Decimal("1E+2"), "0100"],
        [0, "0", "-0", 0.0, "0.00"],
        [10**22, 1e22, "1e22", "10000000000000000000000.0"],
    ],
)
def test_one_amount_in_several_spellings_is_one_row(spellings):
    assert len({ids_of([swap(base=leg(SOL, amount))])[0] for amount in spellings}) == 1


@pytest.mark.parametrize("amount", ["1e1000000", "-1E+999999999", "1e-9999999", "NaN", "x", ""])
def test_an_amount_beyond_all_bounds_stops_no_row(amount):
    assert len(ids_of([swap(base=leg(SOL, amount)), swap()])) == 2


@given(st.decimals(min_value=-(10**30), max_value=10**30, places=9), st.integers(0, 3))
def test_a_spelling_is_a_fixed_point_and_loses_no_value(amount, zeros):
    spelled = one_spelling(str(amount)) or ""
    assert one_spelling(spelled) == spelled
    assert one_spelling(f"{amount:f}" + "0" * zeros) == spelled
    assert Decimal(spelled) == amount


def test_identical_fills_of_a_transaction_have_ids_of_their_own():
    assert len(set(ids_of([swap(), swap(), swap()]))) == 3
    assert len(set(ids_of([swap(address=None), swap(address="")]))) == 2


def test_no_order_of_arrival_exchanges_two_identical_fills():
    fills = [
        swap(ins_index=7, volume_usd=1.0),
        swap(ins_index=2, volume_usd=2.0),
        swap(ins_index=None, volume_usd=3.0),
        swap(ins_index=None, volume_usd=4.0),
    ]
    ids = {volume: swap_id for swap_id, volume in zip(ids_of(fills), (1, 2, 3, 4), strict=True)}
    for order in permutations(range(4)):
        shuffled = ids_of([fills[place] for place in order])
        assert [ids[place + 1] for place in order] == shuffled


def test_an_id_is_what_tables_already_hold():
    assert ids_of([swap()]) == ["8aa8f73ca42b6217a2f634816a034293"]


SECONDS = st.integers(min_value=1, max_value=5)


def pages_of(items: list[dict[str, Any]], cuts: set[int]) -> list[list[dict[str, Any]]]:
    """The items, newest first, cut before each of the seconds given."""
    pages: dict[int, list[dict[str, Any]]] = {}
    for item in items:
        pages.setdefault(sum(cut > item["block_unix_time"] for cut in cuts), []).append(item)
    return list(pages.values())


@given(st.lists(st.tuples(SECONDS, st.sampled_from("ab"), st.integers(1, 2))), st.sets(SECONDS))
def test_pages_of_whole_seconds_give_the_same_ids_however_they_are_cut(history, cuts):
    items = [
        swap(tx_hash=f"{second}{name}", second=second, base=leg(SOL, -amount))
        for second, name, amount in sorted(history, reverse=True)
    ]
    in_pages = [swap_id for page in pages_of(items, cuts) for swap_id in ids_of(page)]
    assert in_pages == ids_of(items)
    assert len(set(in_pages)) == len(items)


def recorded(wallet: str) -> list[dict[str, Any]]:
    path = RECORDED_ROWS / f"{wallet}.jsonl"
    if not path.exists():
        pytest.skip("the recorded swap rows do not lie beside the project")
    return [json.loads(line, parse_float=Decimal) for line in path.read_text().splitlines()]


def test_recorded_histories_lose_no_row_and_no_digit():
    files = sorted(RECORDED_ROWS.glob("*.jsonl"))
    if not files:
        pytest.skip("the recorded swap rows do not lie beside the project")
    ids: Counter[str] = Counter()
    count = 0
    for file in files:
        items = recorded(file.stem)
        rows = rows_of(items, wallet=file.stem)
        assert dict(rows.schema) == ROW_SCHEMA
        for side in ("base", "quote"):
            as_sent = [str(item[side]["change_amount"]) for item in items]
            assert rows[f"{side}_change_amount"].to_list() == as_sent
            assert rows[f"{side}_price"].to_list() == [
                None if item[side]["price"] is None else float(item[side]["price"])
                for item in items
            ]
        assert rows["signers"].to_list() == [item["signers"] for item in items]
        ids.update(rows["swap_id"])
        count += len(items)
    assert len(ids) == count == 4_237
    assert max(ids.values()) == 1


def test_a_recorded_sell_reads_as_it_was_sent():
    wallet = "5ngDQ3vMT7GHeFvXP5GLX79t6fqG2t15kyQTtst9zFdw"
    sold = rows_of(recorded(wallet), wallet=wallet).filter(
        (pl.col("quote_symbol") == "MASHA") & pl.col("quote_change_amount").str.starts_with("-")
    )
    assert sold.select(
        "block_unix_time", "quote_change_amount", "base_change_amount", "volume_usd"
    ).rows() == [(1753031562, "-288631655632", "18166962957", 3286.517069152907)]
