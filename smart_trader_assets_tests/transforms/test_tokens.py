import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from solders.pubkey import Pubkey

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.tables.catalog import TOKENS, TRACKED_TOKENS
from smart_trader_assets.transforms.known_addresses import (
    CASH_AND_STAKING_MINTS,
    CASH_MINTS,
    STAKING_MINTS,
)
from smart_trader_assets.transforms.shards import shard_of
from smart_trader_assets.transforms.tokens import (
    TokenRules,
    screen_tokens,
    snapshot_rows,
    tracked_token_rows,
)
from smart_trader_assets.transforms.values import NaiveTimeError, SourceRows
from smart_trader_assets_tests.support.defaults import TOKENS as DEFAULT_RULES

BONK = "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263"
WIF = "EKpQGSJtjMFqKZ9KQanSqYXRcF8fBopzLHYxdM65zcjm"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
FETCHED_AT = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


def content(table: TableContract) -> dict[str, Any]:
    return {
        column.name: column.dtype
        for column in table.columns
        if column.name not in table.state_columns
    }


def listed(address: str, **fields: Any) -> dict[str, Any]:
    return {"address": address, "decimals": 6, **fields}


def snapshot(*items: Any, fetched_at: datetime = FETCHED_AT) -> SourceRows:
    return snapshot_rows(list(items), fetched_at=fetched_at, token_shards=4)


def judged(**fields: Any) -> Any:
    row = {"token_address": BONK, "symbol": "BONK", "price": 1.0, "liquidity": 100_000.0, **fields}
    schema = {name: content(TOKENS)[name] for name in row}
    rows = screen_tokens(pl.DataFrame([row], schema=schema), rules=DEFAULT_RULES)
    return rows["reject_reason"].item()


def test_a_listed_token_becomes_a_row_of_the_day():
    rows, rejected = snapshot(
        listed(
            BONK,
            symbol="BONK",
            name="Bonk",
            price=Decimal("0.00002"),
            liquidity="250000.5",
            holder=Decimal("99"),
            market_cap=None,
            volume_1h_usd=60_000,
            trade_24h_count=5,
            price_change_24h_percent=-3,
            recent_listing_time=None,
            is_scaled_ui_token=False,
            extensions={"website": "https://bonk.example", "coingecko_id": "bonk"},
            a_new_field=[1],
        )
    )
    assert rejected == []
    row = rows.row(0, named=True)
    assert {name: value for name, value in row.items() if value is not None} == {
        "snapshot_date": date(2026, 3, 1),
        "token_address": BONK,
        "token_shard": shard_of(BONK, 4),
        "symbol": "BONK",
        "name": "Bonk",
        "decimals": 6,
        "extensions": '{"coingecko_id":"bonk","website":"https://bonk.example"}',
        "price": 0.00002,
        "liquidity": 250000.5,
        "holder": 99,
        "volume_1h_usd": 60_000.0,
        "trade_24h_count": 5,
        "price_change_24h_percent": -3.0,
        "is_scaled_ui_token": False,
        "list_rank": 1,
        "fetched_at": FETCHED_AT,
    }


@pytest.mark.parametrize("items", [[], [{"address": BONK}]])
def test_columns_are_the_tables_columns_even_without_values(items):
    assert dict(snapshot(*items).frame.schema) == content(TOKENS)


def test_the_day_of_a_snapshot_is_the_utc_day():
    tokyo = datetime(2026, 3, 2, 8, 30, tzinfo=timezone(timedelta(hours=9)))
    assert snapshot(listed(BONK), fetched_at=tokyo).frame["snapshot_date"].item() == date(
        2026, 3, 1
    )
    with pytest.raises(NaiveTimeError):
        snapshot(listed(BONK), fetched_at=datetime(2026, 3, 2))  # noqa: DTZ001


def test_broken_items_are_named_and_harm_no_neighbour():
    rows, rejected = snapshot(
        {"symbol": "NOPE"}, listed("0xdeadbeef"), listed(BONK), "text", listed(WIF[:-4])
    )
    assert rows.select("token_address", "list_rank").rows() == [(BONK, 3)]
    assert [sentence.split(" has ")[0] for sentence in rejected] == [
        f"Item {place} of the token list" for place in (1, 2, 4, 5)
    ]
    assert "'0xdeadbeef'" in rejected[1]


def test_a_token_listed_twice_keeps_its_first_place():
    rows = snapshot(listed(BONK, price=1.0), listed(WIF, price=2.0), listed(BONK, price=9.0)).frame
    assert rows.select("token_address", "list_rank", "price").rows() == [
        (BONK, 1, 1.0),
        (WIF, 2, 2.0),
    ]


def test_extensions_keep_their_content_as_json():
    links = {"b": Decimal("1.50"), "a": ["x", None]}
    text = snapshot(listed(BONK, extensions=links)).frame["extensions"].item()
    assert json.loads(text) == {"a": ["x", None], "b": "1.50"}
    assert (
        text
        == snapshot(listed(BONK, extensions=dict(reversed(links.items()))))
        .frame["extensions"]
        .item()
    )


def test_a_token_that_meets_every_rule_is_tracked():
    assert judged() is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"liquidity": 99_999.999},
            "The liquidity of 99,999.999 USD is below 100,000.00 USD.",
        ),
        ({"liquidity": None}, "The liquidity is unknown; 100,000.00 USD are needed."),
        ({"liquidity": float("nan")}, "The liquidity is unknown; 100,000.00 USD are needed."),
        ({"price": None}, "The token has no positive price."),
        ({"price": float("nan")}, "The token has no positive price."),
        ({"price": 0.0}, "The token has no positive price."),
        ({"price": -1.0}, "The token has no positive price."),
        ({"symbol": None}, "The token has no symbol."),
        ({"symbol": " \t"}, "The token has no symbol."),
        ({"token_address": USDC}, "The mint is USDC, a means of payment: not a bet on a token."),
    ],
)
def test_a_token_that_breaks_a_rule_is_rejected_in_words(fields, reason):
    assert judged(**fields) == reason


def test_a_symbol_alone_makes_no_cash():
    assert judged(symbol="USDC") is None


def test_the_rules_can_be_set():
    rows = pl.DataFrame(
        {"token_address": [BONK, USDC], "symbol": "S", "price": 1.0, "liquidity": [10.0, 10.0]}
    )
    rules = TokenRules(min_liquidity=5, excluded_mints={BONK: "a joke"})
    assert screen_tokens(rows, rules=rules)["reject_reason"].to_list() == [
        "The mint is a joke: not a bet on a token.",
        None,
    ]


def test_no_rows_are_judged_to_no_rows():
    judged_rows = screen_tokens(snapshot().frame, rules=DEFAULT_RULES)
    assert judged_rows.height == 0
    assert judged_rows.schema["reject_reason"] == pl.String


def test_a_snapshot_can_be_judged_as_it_comes():
    rows = snapshot(listed(BONK), listed(USDC)).frame
    assert screen_tokens(rows, rules=DEFAULT_RULES)["reject_reason"].to_list() == [
        "The token has no symbol.",
        "The mint is USDC, a means of payment: not a bet on a token.",
    ]


def test_known_mints_are_addresses_and_each_is_of_one_kind():
    for mint in CASH_AND_STAKING_MINTS:
        assert str(Pubkey.from_string(mint)) == mint
    assert not CASH_MINTS.keys() & STAKING_MINTS.keys()
    assert CASH_AND_STAKING_MINTS.keys() == CASH_MINTS.keys() | STAKING_MINTS.keys()


def test_several_days_of_a_token_are_one_row_with_the_latest_metrics():
    days = [
        snapshot(listed(BONK, price=price), *others, fetched_at=FETCHED_AT + timedelta(days=day))
        for day, price, others in [(0, 1.0, [listed(WIF, price=7.0)]), (2, 3.0, []), (1, 2.0, [])]
    ]
    tracked = tracked_token_rows(pl.concat([day.frame for day in days]))
    assert dict(tracked.schema) == content(TRACKED_TOKENS)
    assert tracked.select(
        "token_address", "price", "first_listed_on", "last_listed_on", "metrics_at"
    ).rows() == [
        (BONK, 3.0, date(2026, 3, 1), date(2026, 3, 3), FETCHED_AT + timedelta(days=2)),
        (WIF, 7.0, date(2026, 3, 1), date(2026, 3, 1), FETCHED_AT),
    ]


def test_a_metric_that_the_latest_snapshot_does_not_know_is_unknown():
    days = [
        snapshot(listed(BONK, price=1.0, market_cap=5.0)).frame,
        snapshot(listed(BONK, price=2.0), fetched_at=FETCHED_AT + timedelta(days=1)).frame,
    ]
    tracked = tracked_token_rows(pl.concat(days))
    assert tracked.select("price", "market_cap").rows() == [(2.0, None)]
