"""Who is named by lists and by the user, and what becomes of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import polars as pl

from smart_trader_assets.transforms.candidates import (
    ranked_trader_rows,
    tracked_candidate_rows,
    watch_rows,
    watched_wallets,
)
from smart_trader_assets.transforms.values import SourceRows
from smart_trader_assets_tests.support.tiny_market import ANN, BOB, NOW


def listed(*items: Mapping[str, Any]) -> SourceRows:
    return ranked_trader_rows(
        items, places=range(1, len(items) + 1), source="1W", fetched_at=NOW, wallet_shards=2
    )


def test_a_list_gives_a_row_a_wallet_in_its_order():
    rows = listed(
        {"address": ANN, "pnl": 12.5, "trade_count": 3, "volume": 40, "network": "solana"},
        {"pnl": 1.0},
        {"address": BOB, "pnl": "much"},
        {"address": ANN, "pnl": 1.0},
    )
    assert rows.frame.select("wallet_address", "list_rank", "pnl", "trade_count").rows() == [
        (ANN, 1, 12.5, 3),
        (BOB, 3, None, None),
    ]
    assert rows.rejected == ["Trader 2 of the list 1W has no address."]
    assert rows.frame["listed_on"].unique().to_list() == [NOW.date()]


def test_the_last_word_about_a_wallet_is_what_counts():
    def said(wallet: str, watched: bool, days: int) -> pl.DataFrame:
        at = NOW + timedelta(days=days)
        return watch_rows([wallet], watched=watched, at=at, wallet_shards=2)

    rows = pl.concat([said(ANN, True, 0), said(BOB, True, 0), said(ANN, False, 1)])
    watched = watched_wallets(rows.lazy()).collect()
    assert watched["wallet_address"].to_list() == [BOB]
    again = pl.concat([rows, said(ANN, True, 2)])
    assert set(watched_wallets(again.lazy()).collect()["wallet_address"]) == {ANN, BOB}


def test_who_was_taken_from_the_watch_list_before_anything_was_read_is_not_tracked():
    rows = [
        watch_rows([ANN, BOB], watched=True, at=NOW, wallet_shards=2),
        watch_rows([ANN], watched=False, at=NOW + timedelta(days=1), wallet_shards=2),
    ]
    assert tracked_candidate_rows(pl.concat(rows))["wallet_address"].to_list() == [BOB]
    lists = listed({"address": ANN}).frame
    found = tracked_candidate_rows(pl.concat([*rows, lists], how="diagonal"))
    assert set(found["whale_id"]) == {f"{BOB}_WATCHLIST", f"{ANN}_LEADERBOARD"}


def test_a_candidate_holds_nothing_and_is_tracked_once_an_origin():
    lists = listed({"address": ANN}, {"address": BOB}).frame
    other = ranked_trader_rows(
        [{"address": ANN}],
        places=[7],
        source="30d",
        fetched_at=NOW + timedelta(days=2),
        wallet_shards=2,
    ).frame
    assert other["list_rank"].to_list() == [7]
    mine = watch_rows([ANN], watched=True, at=NOW, wallet_shards=2)
    rows = tracked_candidate_rows(pl.concat([lists, other, mine], how="diagonal"))
    found = {row["whale_id"]: row for row in rows.to_dicts()}
    assert found.keys() == {f"{ANN}_LEADERBOARD", f"{ANN}_WATCHLIST", f"{BOB}_LEADERBOARD"}
    ann = found[f"{ANN}_LEADERBOARD"]
    assert (ann["origin"], ann["token_address"]) == ("leaderboard", "LEADERBOARD")
    assert (ann["first_seen_on"], ann["last_seen_on"]) == (
        NOW.date(),
        (NOW + timedelta(days=2)).date(),
    )
    assert (ann["ui_amount"], ann["holding_usd"]) == (None, None)
