from datetime import date

import polars as pl

from smart_trader_assets_tests.ranking.pnl_rows import AS_OF, Row, bets, portfolio, ranked, token


def reasons(*rows: Row, tracked_whales: pl.LazyFrame | None = None, **symbols: str) -> list[str]:
    traders = ranked(*rows, token_symbols=symbols, tracked_whales=tracked_whales)
    found: list[str] = traders["reasons"].to_list()[0]
    return found


def test_reasons_say_what_the_rank_rests_on():
    assert reasons(portfolio("ann"), *bets("ann", *[500.0] * 12)) == [
        "Conservative PnL of 20,000.00 USD: realized 15,000.00 USD and open at fading marks "
        "5,000.00 USD.",
        "ROI of 60.0 % on the cost of what was sold.",
        "It won 100.0 % of its bets by weight, on 12 tokens, those still held included.",
        "Best of 12 tokens: mint-0 with 500.00 USD.",
        "Judged by 12 tokens, a copier who stakes the same on each can expect 31.2 % a token before the "
        "cost of copying, with 95 % confidence 8.7 % or more. That it is more than the 3 % that copying costs "
        "is 97.5 % sure.",
        "The basis of 90.0 % of what was sold is known.",
    ]


def test_reasons_say_where_it_may_be_luck_and_what_the_next_tier_asks_for():
    found = reasons(portfolio("ann"), *bets("ann", 900.0))
    assert (
        "Judged by 1 token, a copier who stakes the same on each can expect −2.0 % a token before the cost of "
        "copying. That it is more than the 3 % that copying costs is only 43.4 % sure."
    ) in found
    assert "Not PROMISING: confidence 43.4 % instead of 85 %." in found


def test_reasons_name_everything_that_was_taken_off():
    row = portfolio(
        "ann",
        conservative_pnl=9_999.996,
        realized_pnl=15_000.0,
        stale_open_cost=4_000.0,
        lost_cost=1_000.0,
        estimated_fees_usd=0.004,
    )
    found = reasons(row, *bets("ann", *[500.0] * 12))
    assert found[0] == (
        "Conservative PnL of 9,999.996 USD: realized 15,000.00 USD, stale bags -4,000.00 USD, lost cost "
        "-1,000.00 USD and estimated fees -0.004 USD."
    )
    assert "Not ELITE: conservative PnL 9,999.996 USD instead of 10,000.00 USD." in found


def test_reasons_say_which_return_counts():
    row = portfolio(
        "ann", roi_sol=-15.0, realized_pnl_sol=-18.0, sol_coverage=100.0, paid_in_sol=100.0
    )
    found = reasons(row, *bets("ann", *[500.0] * 12))
    assert (
        "ROI of 60.0 % on the cost of what was sold, but −15.0 % measured in SOL (−18 SOL), which it pays "
        "with: the lesser counts."
    ) in found
    assert "Not PROMISING: ROI −15.0 % instead of 10 %." in found


def test_small_stakes_are_said_to_count_in_part():
    rows = [token("ann", f"mint-{n}", 5.0, matched_cost=10.0) for n in range(60)]
    assert any(
        "Judged by 60 tokens (small stakes count in part, 6.0 in all)" in one
        for one in reasons(portfolio("ann"), *rows)
    )


def test_reasons_name_the_tokens_that_the_wallet_was_found_by():
    whales = pl.LazyFrame(
        {
            "wallet_address": ["ann"] * 2,
            "token_address": ["mint-0", "mint-1"],
            "origin": ["holder", None],
            "first_seen_on": [date(2026, 1, 5), date(2026, 1, 6)],
            "last_seen_on": [date(2026, 1, 6)] * 2,
            "ui_amount": [1.0, 1.0],
        }
    )
    rows = [portfolio("ann"), *bets("ann", *[500.0] * 12)]
    found = reasons(*rows, tracked_whales=whales, **{"mint-0": "BONK (mint-0)"})
    assert "It was found by BONK (mint-0): what chose a wallet is no evidence about it." in found
    assert any(one.startswith("Judged by 11 tokens,") for one in found)


def test_reasons_call_a_token_by_its_symbol_where_it_has_one():
    rows = [portfolio("ann"), token("ann", "bonk", 7.0)]
    assert "Best of 1 token: BONK with 7.00 USD." in reasons(*rows, bonk=" BONK ")
    assert "Best of 1 token: bonk with 7.00 USD." in reasons(*rows, bonk="  ")


def test_reasons_say_what_the_numbers_do_not_know():
    assert reasons(
        portfolio(
            "ann",
            conservative_pnl=15_000.0,
            total_pnl=None,
            unrealized_pnl=None,
            roi=None,
            win_rate=None,
            top_token_share=97.7,
            unmarked_tokens=1,
            unpriced_count=1_200,
            history_complete=False,
            last_transaction=AS_OF,
        )
    ) == [
        "Conservative PnL of 15,000.00 USD: realized 15,000.00 USD.",
        "No token of it counts as evidence: without any, a copier has to expect −25.0 % a token.",
        "Not PROMISING: ROI unknown instead of 10 %, bets won unknown instead of 10 % and confidence "
        "20.0 % instead of 85 %.",
        "The basis of 90.0 % of what was sold is known.",
        "One token made 97.7 % of the gains.",
        "The value of 1 held token is unknown and counts as nothing.",
        "The value of 1,200 trades is unknown and not counted.",
        "The history is not known back to the first trade.",
    ]


def test_a_token_without_profit_is_no_merit():
    assert not any("Best of" in reason for reason in reasons(portfolio("a"), token("a", "m", -1.0)))
