"""A wallet laid open in the terminal, as JSON and as CSV."""

import csv
import io
import json
import re
from datetime import timedelta

import polars as pl
import pytest
from rich.cells import cell_len
from rich.console import Console

from smart_trader_assets.cli.explanation import (
    explanation_csv,
    explanation_head,
    explanation_json,
)
from smart_trader_assets.cli.explanation_tables import explanation_tables
from smart_trader_assets.report.explanation import ExplainedWallet, explain
from smart_trader_assets.tables.catalog import SMART_TRADERS
from smart_trader_assets_tests.report.adversarial_market import (
    add_swaps,
    rank,
)
from smart_trader_assets_tests.support.tiny_market import (
    ANN,
    BOB,
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


def test_it_begins_with_the_rank_and_its_reasons_or_with_what_keeps_the_wallet_out(lake):
    ranked = explain(lake, ANN, as_of=NOW)
    trader = lake.store.scan(SMART_TRADERS).collect().row(0, named=True)
    address, place, *reasons, numbers, verdict = explanation_head(ranked)
    assert address == ANN
    assert numbers.startswith("Conservative PnL $6,")
    sure = f"{trader['skill_confidence']:.1f} % sure to return more than copying costs"
    assert place == f"#1 of 1 ranked, unproven, {sure}, score {trader['score']:.1f}"
    told = [
        reason.replace("USD and estimated fees -", "USD and estimated fees −")
        for reason in trader["reasons"]
    ]
    assert [reason.strip() for reason in reasons] == told
    assert verdict == ranked.agreement.verdict
    kept_out = explain(lake, BOB, as_of=NOW)
    assert explanation_head(kept_out)[1] == "Excluded from the ranking as UNTESTED"
    told = json.loads(explanation_json(kept_out))["ranking"]
    assert (told["status"], told["wallet_class"]) == ("kept_out", "UNTESTED")
    assert told["reasons"]


def test_the_head_begins_with_what_is_left_if_nobody_buys(lake):
    (line,) = [one for one in explanation_head(explain(lake, BOB, as_of=NOW)) if "PnL" in one][:1]
    # Three transactions at 0.0005 SOL of 150; the listed mark of 2.5 is an hour old.
    worth = 25 * (1 - 1 / (7 * 24))
    assert line == (
        f"Conservative PnL ${30 + worth - 30 - 0.225:.2f}: realized $30.00 (–), "
        f"open at fresh marks ${worth:.2f} for $30.00, stale bags $0.00, lost cost $0.00, fees $0.22"
    )


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


def test_the_terminal_shows_names_as_text_without_control_codes(lake):
    shown = printed(explain(lake, ANN, as_of=NOW))
    assert "evil [31m[bold]שלום🦌" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "unmatched: beyond all lots" in shown
    assert "6,910.00" in shown


def test_the_terminal_shows_rollovers_apart_from_sales_and_only_where_there_are_any(rolled, lake):
    shown = printed(rolled)
    sales, moved = shown.split("Sales, and")[1].split("Rollovers")
    moved = moved.split("Trades")[0]
    assert "$12.00" in moved
    assert "$18.00" in moved
    assert moved.count("←") == 1
    assert sales.count("←") == 2
    assert "came by a rollover" in sales
    assert "Rollovers" not in printed(explain(lake, BOB, as_of=NOW))
    for width in (60, 80, 100):
        narrow = printed(rolled, width)
        assert max(map(cell_len, narrow.splitlines())) <= width
        assert not re.search(r"[$−][\d.,]*…|\d[.,]\d*…", narrow)


def test_of_long_histories_the_newest_and_the_largest_are_shown_and_the_rest_is_told(lake):
    explained = explain(lake, ANN, as_of=NOW)
    assert explained.explanation.trades.height == 28
    paper = io.StringIO()
    console = Console(file=paper, width=160)
    for table in explanation_tables(explained, 160, newest=5):
        console.print(table)
    shown = paper.getvalue()
    assert shown.startswith("Totals, compared with silver/wallet_pnl")
    assert "Sales, and the lots that they used: the newest 5 of 14; --all shows them" in shown
    trades = shown.split("Trades: the newest 5 of 28; --all shows them")[1]
    told = [row["time"] for row in explained.explanation.trades.tail(5).to_dicts()]
    for at in told:
        assert f"{at:%Y-%m-%d %H:%M}" in trades
    assert f"{explained.explanation.trades['time'][0]:%Y-%m-%d %H:%M}" not in trades
    # What there is none of has no table.
    assert "Rollovers" not in shown


def test_a_stale_bag_is_worth_nothing_and_called_stale(own_lake):
    add_swaps(own_lake, [swap(BOB, OWL, 50, 2.0, NOW - timedelta(days=20))])
    rank(own_lake)
    explained = explain(own_lake, BOB, as_of=NOW)
    assert explained.agreement.equal
    (lot,) = explained.explanation.open_lots.filter(pl.col("token_address") == OWL).to_dicts()
    assert (lot["open_value"], lot["conservative_value"], lot["stale"]) == (100, 0, True)
    assert "20.0 d, stale" in printed(explained)
    assert any("for $30.00, stale bags $100.00" in line for line in explanation_head(explained))


def test_json_holds_the_lots_of_each_sale(lake):
    told = json.loads(explanation_json(explain(lake, BOB, as_of=NOW)))
    assert told["wallet_address"] == BOB
    assert told["silver_wallet_pnl"]["equal"] is True
    (sale,) = told["sales"]
    (lot,) = sale["lots"]
    assert (sale["result"], lot["cost"], lot["holding_hours"]) == pytest.approx((30, 10, 48))
    assert len(told["trades"]) == 3
    assert [lot["cost"] for lot in told["open_lots"]] == pytest.approx([30])


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
