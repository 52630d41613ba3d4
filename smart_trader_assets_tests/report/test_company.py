"""With whom a wallet trades, in words, on the page and in the terminal."""

from __future__ import annotations

from io import StringIO

import polars as pl
from rich.console import Console

from smart_trader_assets.cli.terminal import leaderboard
from smart_trader_assets.ranking import members_of, with_hands
from smart_trader_assets.report.company import company_of, company_words
from smart_trader_assets.report.page import render_page
from smart_trader_assets.report.whence import received_tokens, whence_words
from smart_trader_assets.tables.catalog import TRANSFERS, WALLET_CLUSTERS, WALLET_PNL
from smart_trader_assets.text import short
from smart_trader_assets_tests.report.test_page import _with, rest_of
from smart_trader_assets_tests.support.samples import NOW, pnl, transfer, wallet_pair, whole
from smart_trader_assets_tests.support.tiny_market import (
    ANN,
    BOB,
    CAT,
    CID,
    DEE,
    DOG,
    EVE,
    OWL,
    USDC,
)

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


def purse(address: str, **columns: object) -> dict[str, object]:
    told = {"funder_address": address, "funder_recipients": 2, "funded_at": NOW}
    return {"relation": "FUNDED", "tokens_together": None, "log10_p": None} | told | columns


def test_a_purse_is_a_third_or_one_of_them():
    third = pairs(pair(ANN, BOB, **purse(DEE, funder_recipients=1_200)))
    since, together = f"since {NOW:%Y-%m-%d}", "Together they have one rank and one vote."
    assert company_words(third, ANN) == [
        f"{short(DEE)} has sent cash to it and {short(BOB)}, {since}; it is known to have sent to 1,200 "
        f"addresses. {together}"
    ]
    own = pairs(
        pair(ANN, BOB, **purse(BOB)), pair(BOB, CID, **purse(BOB)), pair(ANN, CID, **purse(BOB))
    )
    assert company_words(own, ANN) == [
        f"{short(BOB)} has sent cash to it and {short(CID)}, {since}; it is known to have sent to 2 addresses. "
        f"{together}"
    ]
    assert company_words(own, BOB) == [
        f"It has sent cash to {short(ANN)} and {short(CID)}, {since}. {together}"
    ]


def test_a_copier_with_the_purse_of_whom_it_copies_has_one_rank_with_it():
    frame = pairs(
        pair(ANN, BOB)
        | {**purse(DEE), "relation": "COPIER", "times_later": 9, "tokens_together": 9}
    )
    first, second = company_words(frame, ANN)
    assert first.endswith("Together they have one rank and one vote.")
    assert second.endswith("later in 9 of them.")


def test_what_both_trades_and_a_purse_join_is_told_by_both():
    told = company_words(
        pairs(pair(ANN, BOB) | {**purse(DEE), "relation": "SIBLINGS", "tokens_together": 9}), ANN
    )
    assert [line.split()[0] for line in told] == ["One", short(DEE)]


def test_who_had_sent_what_was_sold_without_a_purchase_and_what_a_sibling_had_paid(put, store):
    put(
        TRANSFERS,
        transfer("1", wallet_address=ANN, to_address=ANN, from_address=BOB, token_address=CAT),
        transfer("2", wallet_address=ANN, to_address=ANN, from_address=BOB, token_address=CAT),
        transfer("3", wallet_address=ANN, to_address=ANN, from_address=DEE, token_address=DOG),
        # Bought, too; sent away; cash; after the sale; of another.
        transfer("4", wallet_address=ANN, to_address=ANN, from_address=DEE, token_address=OWL),
        transfer("5", wallet_address=ANN, to_address=DEE, from_address=ANN, token_address=CAT),
        transfer("6", wallet_address=ANN, to_address=ANN, from_address=EVE, token_address=USDC),
        transfer(
            "8",
            wallet_address=ANN,
            to_address=ANN,
            from_address=EVE,
            token_address=CAT,
            unix_time=1_800_000_000,
        ),
        transfer("7", wallet_address=BOB, to_address=BOB, from_address=EVE, token_address=CAT),
    )
    put(
        WALLET_PNL,
        pnl(ANN, CAT, unmatched_proceeds=900.0, last_transaction=NOW),
        pnl(ANN, DOG, unmatched_proceeds=1_000.0),
        pnl(ANN, OWL, unmatched_proceeds=0.0),
        pnl(BOB, CAT, open_cost=30.0, open_quantity=20.0),
    )
    received = received_tokens(store, [ANN], pairs(pair(ANN, BOB)))
    assert received.select("token_address", "from_address", "transfers", "is_sibling").rows() == [
        (DOG, DEE, 1, False),
        (CAT, BOB, 2, True),
    ]
    assert received["sender_price"].to_list() == [None, 1.5]
    first, second = whence_words(received, ANN, {CAT: "CAT"})
    assert first == (
        f"{DOG}, which it sold for $1,000 without having bought it, may have come from {DEE} (1 transfer from "
        "2023-11-14 on)."
    )
    assert second.endswith(
        f"may have come from {BOB}, which one hand seems to lead with it, which paid $1.5 a token for what it "
        "holds or has moved away (2 transfers from 2023-11-14 on)."
    )
    assert list(whence_words(received, BOB, {})) == []


def test_a_token_of_many_senders_is_one_token():
    senders = [f"sender {n}" for n in range(5)]
    received = pl.DataFrame(
        {
            "wallet_address": ANN,
            "token_address": CAT,
            "unmatched_proceeds": 500.0,
            "from_address": senders,
            "transfers": 1,
            "first_at": NOW,
            "is_sibling": False,
            "sender_price": None,
        }
    )
    (told,) = whence_words(received, ANN, {})
    assert told.count("sender ") == 3
    assert told.endswith("and 2 others.")


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
