from smart_trader_assets_tests.ranking.pnl_rows import Row, bets, portfolio, ranked, token


def reasons(*rows: Row, **symbols: str) -> list[str]:
    found: list[str] = ranked(*rows, token_symbols=symbols)["reasons"].to_list()[0]
    return found


def test_reasons_say_what_the_rank_rests_on():
    assert reasons(portfolio("ann"), *bets("ann", *[500.0] * 12)) == [
        "Total PnL of 20,000.00 USD, of which 15,000.00 USD realized.",
        "ROI of 60.0 % on the cost of the tokens sold.",
        "10 wins in 20 closing trades: 50.0 %.",
        "Best of 12 tokens: mint-0 with 500.00 USD.",
        "From its 12 closed tokens, worth 12.0 equal bets, a return of 37.5 % per bet is expected, "
        "and more than 13.7 % with 95 % confidence.",
        "The basis of 90.0 % of what was sold is known.",
    ]


def test_reasons_say_where_it_may_be_luck():
    assert (
        "From its 1 closed token, worth 1.0 equal bets, a return of 18.0 % per bet is expected; "
        "it is only 65.3 % sure to be above zero, and may be luck."
    ) in reasons(portfolio("ann"), *bets("ann", 900.0))


def test_reasons_call_a_token_by_its_symbol_where_it_has_one():
    rows = [portfolio("ann"), token("ann", "bonk", 7.0)]
    assert "Best of 1 token: BONK with 7.00 USD." in reasons(*rows, bonk=" BONK ")
    assert "Best of 1 token: bonk with 7.00 USD." in reasons(*rows, bonk="  ")


def test_reasons_say_what_the_numbers_do_not_know():
    assert reasons(
        portfolio(
            "ann",
            total_pnl=None,
            unrealized_pnl=None,
            roi=None,
            win_rate=None,
            top_token_share=97.7,
            unmarked_tokens=1,
            unpriced_count=1_200,
            history_complete=False,
        )
    ) == [
        "Realized PnL of 15,000.00 USD, used instead of the total: "
        "no token that it holds has a known price.",
        "The basis of 90.0 % of what was sold is known.",
        "One token made 97.7 % of the gains.",
        "The value of 1 held token is unknown and not counted.",
        "The value of 1,200 trades is unknown and not counted.",
        "The history is not known back to the first trade.",
    ]


def test_a_token_without_profit_is_no_merit():
    assert not any("Best of" in reason for reason in reasons(portfolio("a"), token("a", "m", -1.0)))
