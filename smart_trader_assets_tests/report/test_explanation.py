"""A wallet laid open: its lots add up to the table's numbers, or it is said why they do not."""

import shutil
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from smart_trader_assets.pnl import explain_wallet, lot_evidence
from smart_trader_assets.pnl.assumptions import PNL_RULES, Assumptions
from smart_trader_assets.report.address_lookup import UnknownAddressError, meant_address, meant_mint
from smart_trader_assets.report.explanation import explain
from smart_trader_assets.report.sales import sales_of
from smart_trader_assets.tables.catalog import TRANSACTIONS
from smart_trader_assets.text import short
from smart_trader_assets.transforms.shards import shard_of
from smart_trader_assets_tests.report.adversarial_market import (
    SHARDS,
    add_swaps,
    add_tokens,
    exclude,
    rank,
)
from smart_trader_assets_tests.support.tiny_market import (
    ANN,
    BOB,
    CAT,
    DOG,
    EVE,
    FOX,
    NOW,
    OWL,
    swap,
)


@pytest.mark.parametrize("wallet", [ANN, BOB])
def test_lots_add_up_to_the_table_to_the_cent(lake, wallet):
    explained = explain(lake, wallet, as_of=NOW)
    assert explained.agreement.equal
    assert explained.agreement.table_as_of == NOW
    assert "Equal to silver/wallet_pnl" in explained.agreement.verdict
    portfolio = explained.totals.row(-1, named=True)
    assert portfolio["token_address"] == "ALL_TOKENS"
    assert portfolio["realized_pnl"] == pytest.approx({ANN: 6910.0, BOB: 30.0}[wallet])
    assert portfolio["table_realized_pnl"] == pytest.approx(portfolio["realized_pnl"])


def test_a_sale_takes_the_oldest_lot_and_leaves_the_younger_one_open(lake):
    explained = explain(lake, BOB, as_of=NOW)
    (match,) = explained.explanation.lot_matches.to_dicts()
    (lot,) = explained.explanation.open_lots.to_dicts()
    assert (match["cost"], match["proceeds"], match["result"]) == pytest.approx((10, 40, 30))
    assert match["holding_hours"] == 48
    assert (lot["quantity"], lot["cost"]) == pytest.approx((10, 30))
    assert (lot["mark_price"], lot["mark_source"]) == (2.5, "token_list")


def test_one_token_alone_is_compared_with_its_own_row(lake):
    explained = explain(lake, ANN, as_of=NOW, token=CAT)
    assert explained.agreement.equal
    assert explained.totals["token_address"].to_list() == [CAT]
    assert explained.explanation.trades.height == 24


def test_what_a_sale_took_beyond_all_lots_stays_without_a_result(lake):
    matches = explain(lake, ANN, as_of=NOW).explanation.lot_matches
    sales = {
        sale["token_address"]: sale
        for sale in sales_of(matches.with_columns(wallet_address=pl.lit(ANN))).to_dicts()
    }
    assert sales[OWL] | {"sold_at": None, "sale_tx": None} == {
        "wallet_address": ANN,
        "token_address": OWL,
        "sold_at": None,
        "sale_tx": None,
        "quantity": 5.0,
        "proceeds": 50.0,
        "cost": None,
        "result": None,
        "result_sol": None,
        "holding_hours": None,
        "lot_count": 0,
        "unmatched_share": 100.0,
        "unmatched_reason": "no_lot",
    }
    assert sales[FOX]["quantity"] == 15
    assert sales[FOX]["result"] == pytest.approx(10)
    assert sales[FOX]["lot_count"] == 1


def test_swaps_that_came_since_are_counted_beside_a_true_comparison(own_lake):
    add_swaps(own_lake, [swap(ANN, DOG, -5, 8.0, NOW + timedelta(minutes=1))])
    later = explain(own_lake, ANN, as_of=NOW + timedelta(hours=1))
    assert later.agreement.equal
    assert later.as_of == NOW
    assert later.agreement.verdict.endswith(
        "to the cent. 1 swap has been added since; `smart-trader run` counts them."
    )
    assert "since" not in explain(own_lake, ANN, as_of=NOW).agreement.verdict


def test_prices_that_moved_after_the_calculation_make_no_difference(own_lake):
    add_tokens(own_lake, {CAT: 5.0, DOG: 7.5}, at=NOW + timedelta(minutes=30))
    explained = explain(own_lake, BOB, as_of=NOW + timedelta(hours=1))
    assert explained.agreement.equal
    (lot,) = explained.explanation.open_lots.to_dicts()
    assert (lot["mark_price"], lot["mark_source"]) == (2.5, "token_list")


def test_swaps_that_are_not_counted_yet_are_named_as_the_reason(own_lake):
    add_swaps(own_lake, [swap(ANN, DOG, -5, 8.0, NOW - timedelta(minutes=1))])
    agreement = explain(own_lake, ANN, as_of=NOW).agreement
    assert not agreement.equal
    assert "swaps up to then not counted yet" in agreement.verdict
    rank(own_lake)
    assert explain(own_lake, ANN, as_of=NOW).agreement.equal


def test_a_time_before_the_tables_is_named_as_the_reason(lake):
    agreement = explain(lake, ANN, as_of=NOW - timedelta(days=10)).agreement
    assert not agreement.equal
    assert "later than 2025-06-21 12:00:00 UTC" in agreement.verdict


def test_an_unknown_wallet_is_refused_and_one_that_is_alike_named(lake):
    with pytest.raises(UnknownAddressError, match=f"The nearest is {ANN}"):
        explain(lake, ANN[:-2] + "zz", as_of=NOW)
    with pytest.raises(UnknownAddressError, match=r"with the address 'nobody'\. An address, or "):
        explain(lake, "nobody", as_of=NOW)


@pytest.mark.parametrize("asked", [BOB[:6], short(BOB), short(BOB).replace("…", "...")])
def test_the_beginning_or_the_ends_stand_for_a_wallet(lake, asked):
    assert explain(lake, asked, as_of=NOW).wallet == BOB


@pytest.mark.parametrize("asked", ["DOG1", "dog1"])
def test_a_symbol_that_one_mint_has_stands_for_it(asked):
    assert meant_mint("token", asked, [CAT, DOG], {CAT: "CAT1", DOG: "DOG1"}) == DOG


def test_what_could_mean_several_is_refused_and_five_of_them_named():
    with pytest.raises(UnknownAddressError, match="abcd1, abcd2, abcd3, abcd4, abcd5 and 1 more"):
        meant_address("wallet", "abcd", [f"abcd{n}" for n in range(1, 7)])
    with pytest.raises(UnknownAddressError, match="More than one token matches"):
        meant_mint("token", "SAME", [CAT, DOG], {CAT: "SAME", DOG: "SAME"})
    assert meant_address("wallet", "abc", ["abcd1", "xyz"]) == "abcd1"


def test_an_excluded_whale_is_told_why(own_lake):
    exclude(own_lake, EVE, "The holding is dust.")
    with pytest.raises(UnknownAddressError, match=r"not fetched: The holding is dust\.$"):
        explain(own_lake, EVE, as_of=NOW)


def test_a_wallet_without_swaps_is_told_apart_from_an_unknown_one(lake):
    with pytest.raises(UnknownAddressError, match=r"is known \(pending\), but has no swaps"):
        explain(lake, EVE, as_of=NOW)


def test_an_unknown_token_is_refused_and_the_nearest_named(lake):
    with pytest.raises(UnknownAddressError, match=f"The nearest is {DOG}"):
        explain(lake, ANN, as_of=NOW, token=DOG[:-1] + "z")


def test_only_the_wallets_shard_is_opened(own_lake):
    own = f"wallet_shard={shard_of(ANN, SHARDS)}"
    table = Path(own_lake.store.uri(TRANSACTIONS))
    others = [folder for folder in table.glob("wallet_shard=*") if folder.name != own]
    assert others
    for folder in others:
        shutil.rmtree(folder)
    assert explain(own_lake, ANN, as_of=NOW).agreement.equal


def test_many_wallets_at_once_are_explained_as_each_alone(lake):
    swaps = lake.store.scan(TRANSACTIONS).collect()
    together = lot_evidence(swaps, as_of=NOW)
    for wallet in (ANN, BOB):
        alone = explain_wallet(swaps, as_of=NOW, wallet=wallet)
        for name in ("trades", "rollovers", "lot_matches", "open_lots"):
            own = getattr(together, name).filter(pl.col("wallet_address") == wallet)
            assert_frame_equal(own.drop("wallet_address"), getattr(alone, name))


def test_rows_of_another_edition_are_said_to_be_so(own_lake):
    for edition, words in {
        None: "by another edition of the definitions",
        "1": "by another edition of the definitions",
        f"{PNL_RULES}+0badcafe": "with other settings",
    }.items():
        rank(own_lake, edition=edition)
        agreement = explain(own_lake, BOB, as_of=NOW).agreement
        assert not agreement.equal
        assert agreement.verdict == (
            f"silver/wallet_pnl was calculated {words}; the next run computes it anew."
        )


def test_other_assumptions_than_the_tables_are_said_to_be_so(own_lake):
    dear = Assumptions(network_fee_sol=0.01)
    explained = explain(own_lake, BOB, as_of=NOW, assumptions=dear)
    assert explained.totals["estimated_fees_usd"][-1] == pytest.approx(3 * 0.01 * 150)
    assert "with other settings" in explained.agreement.verdict
