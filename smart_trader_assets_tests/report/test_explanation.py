"""A wallet laid open: its lots add up to the table's numbers, or it is said why they do not."""

import csv
import io
import json
import re
import shutil
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from rich.cells import cell_len
from rich.console import Console

from smart_trader_assets.cli.explanation import (
    explanation_csv,
    explanation_head,
    explanation_json,
)
from smart_trader_assets.cli.explanation_tables import explanation_tables
from smart_trader_assets.pnl import explain_wallet, lot_evidence
from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets.pnl.cash import WRAPPED_SOL
from smart_trader_assets.report.address_lookup import UnknownAddressError, meant_address, meant_mint
from smart_trader_assets.report.explanation import ExplainedWallet, explain
from smart_trader_assets.report.sales import sales_of
from smart_trader_assets.tables.catalog import SMART_TRADERS, TRANSACTIONS
from smart_trader_assets.text import short
from smart_trader_assets.transforms.shards import shard_of
from smart_trader_assets_tests.report.adversarial_market import (
    SHARDS,
    add_swaps,
    add_tokens,
    exchange,
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


def printed(explained: ExplainedWallet, width: int = 200) -> str:
    paper = io.StringIO()
    console = Console(file=paper, width=width)
    for table in explanation_tables(explained, width):
        console.print(table)
    return paper.getvalue()


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
    with pytest.raises(UnknownAddressError, match=r"with the address 'nobody'\.$"):
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
    with pytest.raises(UnknownAddressError, match="There is no wallet"):
        meant_address("wallet", "abc", ["abcd1"])


def test_it_begins_with_the_rank_and_its_reasons_or_with_what_keeps_the_wallet_out(lake):
    ranked = explain(lake, ANN, as_of=NOW)
    trader = lake.store.scan(SMART_TRADERS).collect().row(0, named=True)
    address, place, *reasons, numbers, verdict = explanation_head(ranked)
    assert address == ANN
    assert numbers.startswith("Conservative PnL $6,")
    assert place.startswith(f"#1 of 1, {trader['tier']}, score {trader['score']:.1f}, skill conf")
    assert [reason.strip() for reason in reasons] == trader["reasons"]
    assert verdict == ranked.agreement.verdict
    kept_out = explain(lake, BOB, as_of=NOW)
    assert explanation_head(kept_out)[1] == "Excluded from the ranking as UNTESTED"
    told = json.loads(explanation_json(kept_out))["ranking"]
    assert (told["status"], told["wallet_class"]) == ("kept_out", "UNTESTED")
    assert told["reasons"]


def test_an_excluded_whale_is_told_why(own_lake):
    exclude(own_lake, EVE, "The holding is dust.")
    with pytest.raises(UnknownAddressError, match=r"not fetched: The holding is dust\.$"):
        explain(own_lake, EVE, as_of=NOW)


@pytest.mark.parametrize("wallet", [ANN, BOB])
def test_no_number_is_cut_and_no_line_too_long_however_narrow_the_terminal(lake, wallet):
    explained = explain(lake, wallet, as_of=NOW)
    for width in (60, 72, 80, 100, 120):
        shown = printed(explained, width)
        assert max(map(cell_len, shown.splitlines())) <= width
        # An ellipsis stands in addresses, symbols and reasons.
        assert not re.search(r"[$−][\d.,]*…|\d[.,]\d*…", shown)
    assert "transaction" in printed(explained, 200)
    narrow = printed(explained, 80)
    assert "transaction" not in narrow.split("Sales")[1].split("Open lots")[0]
    assert f"← {explained.explanation.lot_matches['bought_at'][0]:%Y-%m-%d %H:%M}" in narrow
    totals = narrow.split("Totals")[1]
    assert f"{explained.totals['realized_pnl'][-1]:,.2f}" in totals


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


def test_the_terminal_shows_names_as_text_without_control_codes(lake):
    shown = printed(explain(lake, ANN, as_of=NOW))
    assert "evil [31m[bold]שלום🦌" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "unmatched: beyond all lots" in shown
    assert "6,910.00" in shown


def test_json_holds_the_lots_of_each_sale(lake):
    told = json.loads(explanation_json(explain(lake, BOB, as_of=NOW)))
    assert told["wallet_address"] == BOB
    assert told["silver_wallet_pnl"]["equal"] is True
    (sale,) = told["sales"]
    (lot,) = sale["lots"]
    assert (sale["result"], lot["cost"], lot["holding_hours"]) == pytest.approx((30, 10, 48))
    assert len(told["trades"]) == 3
    assert [lot["cost"] for lot in told["open_lots"]] == pytest.approx([30])


@pytest.fixture
def rolled(own_lake):
    """BOB exchanges all his DOG, which cost 30, for CAT and 12 USDC, and sells half of the CAT for 14."""
    exchanged = exchange(BOB, (DOG, 10), (CAT, 8), NOW - timedelta(days=2), cash=12.0)
    add_swaps(own_lake, [*exchanged, swap(BOB, CAT, -4, 3.5, NOW - timedelta(days=1))])
    rank(own_lake)
    return explain(own_lake, BOB, as_of=NOW)


def test_a_rollover_says_where_the_cost_went(rolled):
    out, into = rolled.explanation.rollovers.to_dicts()
    assert (out["token_address"], out["side"], out["quantity"]) == (DOG, "sell", 10)
    assert (out["cost_out"], out["received"], out["returned"]) == pytest.approx((30, 12, 12))
    assert (out["gain"], out["lost_cost"], out["basis_known"]) == (0, 0, True)
    assert (into["token_address"], into["side"], into["quantity"]) == (CAT, "buy", 8)
    assert (into["cost_in"], into["paid"]) == pytest.approx((18, 0))
    # The DOG were bought six days before.
    assert into["age_days"] == pytest.approx(6)
    assert rolled.agreement.equal
    portfolio = rolled.totals.row(-1, named=True)
    # 30 of the first sale, and 14 for what cost 9.
    assert portfolio["realized_pnl"] == pytest.approx(35)
    assert portfolio["matched_cost"] == pytest.approx(10 + 12 + 9)


def test_a_sale_of_a_lot_that_a_rollover_made_is_held_since_the_first_purchase(rolled):
    sale = rolled.explanation.lot_matches.filter(pl.col("result").is_not_null()).row(-1, named=True)
    assert (sale["cost"], sale["result"], sale["holding_hours"]) == pytest.approx((9, 5, 7 * 24))
    assert sale["bought_at"] == NOW - timedelta(days=8)
    assert sale["purchase_valuation"] == "rollover"
    assert sale["purchase_tx"] == rolled.explanation.rollovers["tx_hash"][0]


def test_the_terminal_shows_rollovers_apart_from_sales_and_only_where_there_are_any(rolled, lake):
    shown = printed(rolled)
    moved, sales = shown.split("Rollovers")[1].split("Sales, and")
    assert "$12.00" in moved
    assert "$18.00" in moved
    assert moved.count("←") == 1
    assert sales.split("Open lots")[0].count("←") == 2
    assert "came by a rollover" in sales
    assert "Rollovers" not in printed(explain(lake, BOB, as_of=NOW))
    for width in (60, 80, 100):
        narrow = printed(rolled, width)
        assert max(map(cell_len, narrow.splitlines())) <= width
        assert not re.search(r"[$−][\d.,]*…|\d[.,]\d*…", narrow)


def test_json_and_csv_hold_the_rollovers(rolled):
    told = json.loads(explanation_json(rolled))
    out, into = told["rollovers"]
    assert [lot["cost"] for lot in out["lots"]] == pytest.approx([30])
    assert (out["returned"], into["cost_in"], into["lots"]) == (12, 18, [])
    assert len(told["sales"]) == 2
    assert {row["window"] for row in told["metrics"]} == {"all", "90d", "30d", "7d"}
    rows = list(csv.DictReader(io.StringIO(explanation_csv(rolled))))
    moved = [row for row in rows if row["record"] == "rollover"]
    assert [(row["side"], row["cost_out"], row["cost_in"]) for row in moved] == [
        ("sell", "30.0", ""),
        ("buy", "", "18.0"),
    ]
    assert {row["valuation"] for row in rows if row["record"] == "trade"} == {"cash", "rollover"}


def test_one_token_alone_shows_the_other_side_of_its_rollovers(rolled, own_lake):
    alone = explain(own_lake, BOB, as_of=NOW, token=CAT)
    assert alone.agreement.equal
    assert alone.explanation.rollovers["token_address"].to_list() == [DOG, CAT]
    assert alone.explanation.trades["token_address"].unique().to_list() == [CAT]
    assert alone.totals["token_address"].to_list() == [CAT]
    assert set(alone.symbols) == {CAT, DOG}


def test_the_head_begins_with_what_is_left_if_nobody_buys(lake):
    (line,) = [one for one in explanation_head(explain(lake, BOB, as_of=NOW)) if "PnL" in one][:1]
    # Three transactions at 0.0005 SOL of 150; the listed mark of 2.5 is an hour old.
    worth = 25 * (1 - 1 / (7 * 24))
    assert line == (
        f"Conservative PnL ${30 + worth - 30 - 0.225:.2f}: realized $30.00 (–), "
        f"open at fresh marks ${worth:.2f} for $30.00, stale bags $0.00, lost cost $0.00, fees $0.22"
    )


def test_a_mark_fades_to_the_time_up_to_which_the_table_knew_the_history(own_lake):
    known_to = NOW - timedelta(minutes=30)
    rank(own_lake, known_to=known_to)
    explained = explain(own_lake, BOB, as_of=NOW)
    assert explained.agreement.equal
    (lot,) = explained.explanation.open_lots.to_dicts()
    assert lot["mark_age_days"] == pytest.approx(0.5 / 24)
    assert lot["conservative_value"] == pytest.approx(25 * (1 - 0.5 / 24 / 7))
    assert not lot["stale"]


def test_lost_cost_is_that_of_unpriced_sales_and_of_rollovers_without_a_basis(own_lake):
    unpriced = swap(BOB, DOG, -5, 1.0, NOW - timedelta(days=3))
    of_no_price = {"price": None, "nearest_price": None}
    unpriced["quote"] |= {
        "address": WRAPPED_SOL,
        "decimals": 9,
        "change_amount": 5 * 10**9,
    } | of_no_price
    too_much = exchange(BOB, (DOG, 10), (CAT, 8), NOW - timedelta(days=2))
    add_swaps(own_lake, [unpriced, *too_much])
    rank(own_lake)
    explained = explain(own_lake, BOB, as_of=NOW)
    assert explained.agreement.equal
    assert explained.explanation.rollovers["lost_cost"].to_list() == pytest.approx([15, None])
    portfolio = explained.totals.row(-1, named=True)
    assert portfolio["lost_cost"] == pytest.approx(30)
    assert portfolio["realized_pnl"] == pytest.approx(30)


def test_a_stale_bag_is_worth_nothing_and_called_stale(own_lake):
    add_swaps(own_lake, [swap(BOB, OWL, 50, 2.0, NOW - timedelta(days=20))])
    rank(own_lake)
    explained = explain(own_lake, BOB, as_of=NOW)
    assert explained.agreement.equal
    (lot,) = explained.explanation.open_lots.filter(pl.col("token_address") == OWL).to_dicts()
    assert (lot["open_value"], lot["conservative_value"], lot["stale"]) == (100, 0, True)
    assert "20.0 d, stale" in printed(explained)
    assert any("stale bags $100.00" in line for line in explanation_head(explained))


def test_fees_of_a_transaction_count_once_in_the_portfolio_and_those_of_arbitrages_too(own_lake):
    again = exchange(BOB, (DOG, 10), (CAT, 8), NOW - timedelta(days=2))
    way, back = (swap(BOB, FOX, 3 * one, 1.0, NOW - timedelta(days=1)) for one in (1, -1))
    add_swaps(own_lake, [*again, way, back | {"tx_hash": way["tx_hash"], "ins_index": 2}])
    rank(own_lake)
    explained = explain(own_lake, BOB, as_of=NOW)
    assert explained.agreement.equal
    *tokens, portfolio = explained.totals["estimated_fees_usd"].to_list()
    fee = 0.0005 * 150
    assert sorted(tokens) == pytest.approx([fee, 4 * fee])
    assert portfolio == pytest.approx(5 * fee)


def test_rows_of_another_edition_are_said_to_be_so(own_lake):
    for edition, words in {
        None: "by another edition of the definitions",
        "1": "by another edition of the definitions",
        "2+0badcafe": "with other settings",
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


def test_csv_says_of_each_row_what_it_is(lake):
    rows = list(csv.DictReader(io.StringIO(explanation_csv(explain(lake, ANN, as_of=NOW)))))
    by_record = {
        record: [row for row in rows if row["record"] == record]
        for record in ("trade", "lot_match", "open_lot")
    }
    assert {record: len(found) for record, found in by_record.items()} == {
        "trade": 28,
        "lot_match": 15,
        "open_lot": 1,
    }
    results = [float(row["result"]) for row in by_record["lot_match"] if row["result"]]
    assert sum(results) == pytest.approx(6910)
    assert {row["symbol"][0] for row in rows if row["token_address"] == FOX} == {"'"}
