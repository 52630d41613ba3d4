"""CSV and JSON: the numbers as they are, and nothing that runs where the file is opened."""

import csv
import io
import json
import math
from datetime import UTC, datetime

import polars as pl

from smart_trader_assets.report.exports import csv_text, json_text, ranking_csv, ranking_json
from smart_trader_assets_tests.support.tiny_market import ANN, NOW


def test_the_ranking_as_csv_is_gold_unrounded(ranking):
    (row,) = csv.DictReader(io.StringIO(ranking_csv(ranking.traders)))
    trader = ranking.traders.row(0, named=True)
    assert row["wallet_address"] == ANN
    assert float(row["realized_pnl"]) == trader["realized_pnl"]
    assert float(row["score"]) == trader["score"]
    assert row["reasons"] == " | ".join(trader["reasons"])
    assert datetime.fromisoformat(row["as_of"]) == NOW
    assert "batch_id" not in row


def test_the_ranking_as_json_is_gold_unrounded(ranking):
    told = json.loads(ranking_json(ranking.traders, as_of=ranking.as_of, source=ranking.source))
    (trader,) = told["traders"]
    assert told["as_of"] == "2025-07-01T12:00:00+00:00"
    assert told["source"] == "replay"
    assert trader["realized_pnl"] == ranking.traders["realized_pnl"][0]
    assert trader["reasons"] == ranking.traders["reasons"][0].to_list()


def test_an_empty_ranking_is_an_empty_table(ranking):
    none = ranking.traders.clear()
    assert list(csv.DictReader(io.StringIO(ranking_csv(none)))) == []
    assert json.loads(ranking_json(none, as_of=None, source="live")) == {
        "as_of": None,
        "source": "live",
        "traders": [],
    }


def test_a_text_that_a_spreadsheet_would_run_is_led_by_an_apostrophe():
    frame = pl.DataFrame(
        {
            "name": ["=1+1", "+1", "-1", "@x", "\tx", "a=1", "", None],
            "amount": [-1.0, -2.0, 0.0, None, 1.0, 2.0, 3.0, 4.0],
        }
    )
    rows = list(csv.DictReader(io.StringIO(csv_text(frame))))
    assert [row["name"] for row in rows] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "a=1", "", ""]
    assert rows[0]["amount"] == "-1.0"
    assert rows[3]["amount"] == ""


def test_json_holds_null_where_a_number_is_not_finite():
    told = json.loads(
        json_text({"a": math.nan, "b": [math.inf, 1.5], "at": datetime(2026, 1, 1, tzinfo=UTC)})
    )
    assert told == {"a": None, "b": [None, 1.5], "at": "2026-01-01T00:00:00+00:00"}
