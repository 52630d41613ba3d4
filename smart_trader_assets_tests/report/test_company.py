"""With whom a wallet trades, in words, on the page and in the terminal."""

from __future__ import annotations

from io import StringIO

import polars as pl
from rich.console import Console

from smart_trader_assets.cli.terminal import leaderboard
from smart_trader_assets.ranking import members_of, with_hands
from smart_trader_assets.report.company import company_of, company_words
from smart_trader_assets.report.page import render_page
from smart_trader_assets.tables.catalog import WALLET_CLUSTERS
from smart_trader_assets.text import short
from smart_trader_assets_tests.report.test_page import _with, rest_of
from smart_trader_assets_tests.support.samples import wallet_pair, whole
from smart_trader_assets_tests.support.tiny_market import ANN, BOB, CID, DEE, EVE

NONE = {"cluster_id": None, "log10_p": -20.0}


def pairs(*rows: dict[str, object]) -> pl.DataFrame:
    return whole(WALLET_CLUSTERS, rows)


def pair(one: str, other: str, **columns: object) -> dict[str, object]:
    told = {"other_address": other, "cluster_id": ANN, "log10_p": -12.0}
    return dict(wallet_pair(one)) | told | columns


def test_siblings_name_the_whole_cluster_and_the_evidence_of_the_surest_pair():
    frame = pairs(pair(ANN, BOB), pair(BOB, CID))
    (told,) = company_words(frame, ANN)
    others = " and ".join(map(short, sorted([BOB, CID])))
    assert told == (
        f"One hand seems to lead it and {others}: with {short(BOB)} it came within seconds in 9 of 12 tokens "
        "(0.5 by chance). Together they have one rank and one vote."
    )
    assert company_words(frame, DEE) == []


def test_a_copier_is_told_from_whom_it_copies():
    frame = pairs(pair(ANN, BOB, relation="COPIER", times_later=9, **NONE))
    assert company_words(frame, ANN) == [
        f"It seems to copy {short(BOB)}: it came within seconds in 9 of 12 tokens (0.5 by chance), later in "
        "9 of them. Together they have one vote."
    ]
    assert company_words(frame, BOB) == [f"It seems to be copied by {short(ANN)}."]


def test_a_crowd_is_no_hand():
    frame = pairs(pair(ANN, BOB, relation="CROWD", **NONE))
    assert company_words(frame, ANN) == [
        f"It seems to follow the same calls as {short(BOB)}: together they have one vote."
    ]


def test_the_rows_of_a_cluster_come_with_any_of_its_wallets(put, store):
    put(WALLET_CLUSTERS, pair(ANN, BOB), pair(BOB, CID), pair(DEE, EVE, cluster_id=DEE))
    found = company_of(store, [ANN])
    assert found.select("wallet_address", "other_address").rows() == sorted(
        [(ANN, BOB), (BOB, CID)]
    )
    assert company_of(store, ["nobody"]).is_empty()


def test_who_is_paid_and_who_pays_are_told():
    both = pairs(
        pair(ANN, BOB, relation="WASH", tokens_paid=11, cluster_id=ANN),
        pair(ANN, CID, relation="WASH", tokens_paid=7, cluster_id=ANN, log10_p=-9.0),
    )
    (paid,) = company_words(both, ANN)
    assert paid == (
        f"{short(BOB)} seems to pay it, and so does 1 other: it sold within seconds after that wallet had "
        "bought in 11 tokens, and came within seconds in 9 of 12 tokens (0.5 by chance)."
    )
    (pays,) = company_words(both, BOB)
    assert pays == (
        f"It seems to pay {short(ANN)}: within seconds after it had bought, that wallet sold, in 11 tokens."
    )


def test_the_page_says_it_before_anything_else_that_one_should_know(ranking):
    html = render_page(_with(ranking, company=pairs(pair(ANN, BOB))), stamp="")
    assert "One hand seems to lead it and" in html
    assert html.index("Before you rely on it") < html.index("One hand seems to lead it")


def test_the_leaderboard_names_the_hand_of_a_sibling(ranking):
    bob = ranking.traders.with_columns(wallet_address=pl.lit(BOB), overall_rank=pl.lit(2, pl.Int64))
    both = pl.concat([ranking.traders, bob])
    html = render_page(_with(ranking, traders=both, company=pairs(pair(ANN, BOB))), stamp="")
    ((wallet, *_, hand),) = rest_of(html, "board-rest")
    assert (wallet, hand) == (BOB, "hand of #1")
    assert html.count("hand of #") == 1
    shown = StringIO()
    hands = with_hands(both, members_of(pairs(pair(ANN, BOB))))
    Console(file=shown, width=200).print(leaderboard(hands, 2, 200))
    assert "unproven hand of #1" in shown.getvalue()
