"""A token laid open: the trades and positions behind its row of gold/token_signals."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.report.address_lookup import UnknownAddressError
from smart_trader_assets.report.token_view import TokenView, read_signals, token_view
from smart_trader_assets.signals import SignalRules
from smart_trader_assets.tables.catalog import WALLET_CLUSTERS
from smart_trader_assets_tests.support.samples import STAMP, frame, wallet_pair
from smart_trader_assets_tests.support.signalling_root import CAT, DOG, NOW, RANKED, make_signals


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> DeltaStore:
    root: Path = tmp_path_factory.mktemp("signals") / "root"
    return make_signals(root)


def view(store: DeltaStore, asked: str) -> TokenView:
    return token_view(store, asked, rules=SignalRules())


def test_the_trades_are_those_that_the_row_counts(store: DeltaStore) -> None:
    found = view(store, CAT)
    told = found.trades.select("overall_rank", "tier", "side", "value_usd", "in_24h").rows()
    assert told == [
        (1, "ELITE", "bought", 40.0, True),
        (3, "QUALIFIED", "bought", 7.0, True),
        (2, "STRONG", "sold", 5.0, False),
    ]
    assert found.trades["traded_at"][0] == NOW - timedelta(hours=1)
    week = found.signals.filter(window="7d").row(0, named=True)
    assert week["bought_usd"] == 40.0
    assert week["sold_usd"] == 5.0
    assert (week["traders_bought"], week["traders_sold"], week["unproven_bought"]) == (1, 1, 1)


def test_the_holders_come_with_the_best_first(store: DeltaStore) -> None:
    assert view(store, CAT).holders["overall_rank"].to_list() == [1, 2]
    assert view(store, DOG).holders.is_empty()


@pytest.mark.parametrize("asked", [CAT[:6], "cat", "CAT", f"{CAT[:4]}…{CAT[-4:]}"])
def test_a_token_is_found_by_its_symbol_and_by_parts_of_its_mint(
    store: DeltaStore, asked: str
) -> None:
    assert view(store, asked).token_address == CAT


def test_a_token_that_no_ranked_trader_has_to_do_with_is_named(store: DeltaStore) -> None:
    with pytest.raises(UnknownAddressError, match="token that ranked traders hold or have traded"):
        view(store, "Nobody11")


def test_the_list_begins_with_what_most_have_bought(store: DeltaStore) -> None:
    assert read_signals(store, "24h")["token_address"].to_list() == [CAT, DOG]
    assert read_signals(store)["window"].to_list().count("7d") == 2


def test_a_trade_says_whose_vote_it_belongs_to(tmp_path: Path) -> None:
    store = make_signals(tmp_path / "root")
    first, _, third = RANKED
    pair = wallet_pair(first, other_address=third, vote_id=first)
    store.write(WALLET_CLUSTERS, Batch(frame(WALLET_CLUSTERS, [pair])), STAMP)
    told = view(store, CAT).trades.select("overall_rank", "hand_rank").rows()
    assert told == [(1, None), (3, 1), (2, None)]
