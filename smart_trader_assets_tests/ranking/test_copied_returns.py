"""What somebody earns who copies a wallet later: prices of others, parts of bets, and what is not known."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smart_trader_assets_tests.pnl.histories import (
    AS_OF,
    WALLET,
    A,
    B,
    Leg,
    X,
    beside,
    buy,
    mint,
    roll,
    sell,
    sol,
    swap,
    usdc,
)
from smart_trader_assets_tests.ranking.copying import Deal, copied, recount
from smart_trader_assets_tests.support.defaults import RANKING

Row = dict[str, Any]
OTHER = mint("somebody else")
HOUR = 3_600


def at(seconds: float) -> dict[str, Any]:
    """So many seconds after ten days ago."""
    return {"hours_ago": 240 - seconds / HOUR}


def seen(name: str, price: float, seconds: float, token: str = X, usd: float = 50.0) -> Row:
    """Somebody else pays a price."""
    return buy(name, usd / price, price, token, wallet=OTHER, **at(seconds))


def trip(*others: Row) -> list[Row]:
    """100 for 1 USD each, sold an hour later for 3, beside what others do."""
    return [buy("in", 100, 1.0, **at(0)), sell("out", 100, 3.0, **at(HOUR)), *others]


def result(rows: list[Row], delay: int = 60) -> Row:
    return copied(rows)[WALLET, delay]


def test_the_copier_pays_what_the_first_trade_after_the_delay_shows():
    found = result(trip(seen("a", 1.25, 61), seen("b", 9.0, 80), seen("c", 2.5, HOUR + 70)))
    assert (found["bets"], found["priced_bets"], found["priced_share"]) == (1, 1, 100.0)
    # 2.5 for 1.25, less 3 % of the stake.
    assert found["copied_return"] == pytest.approx(97.0)
    assert found["price_drift_entry"] == pytest.approx(1.25)


@pytest.mark.parametrize(
    ("seconds", "is_known"), [(59, False), (60, True), (660, True), (661, False)]
)
def test_a_price_counts_from_the_delay_on_and_for_ten_minutes(seconds, is_known):
    found = result(trip(seen("a", 1.5, seconds), seen("b", 3.0, HOUR + 60)))
    assert found["priced_bets"] == is_known
    assert found["copied_return"] == (pytest.approx(97.0) if is_known else None)
    if not is_known:
        assert (found["priced_share"], found["copied_floor"]) == (0.0, None)


def test_each_delay_has_its_own_price_and_the_return_ends_between_two():
    rows = trip(
        *(seen(f"in {delay}", price, delay) for delay, price in ((10, 1.0), (60, 2.0), (300, 4.0))),
        *(seen(f"out {delay}", 3.0, HOUR + delay) for delay in (10, 60, 300)),
    )
    found = {delay: result(rows, delay) for delay in (10, 60, 300)}
    assert [found[delay]["copied_return"] for delay in (10, 60, 300)] == pytest.approx(
        [197.0, 47.0, -28.0]
    )
    # From 47 to -28 within 240 s.
    (delay,) = {row["break_even_delay"] for row in found.values()}
    assert delay == pytest.approx(60 + 240 * 47 / 75)


def test_a_return_that_never_falls_below_zero_has_no_break_even():
    rows = trip(
        *(seen(f"{place} {d}", 1.5, place + d) for place in (0, HOUR) for d in (10, 60, 300))
    )
    assert result(rows, 10)["copied_return"] == pytest.approx(-3.0)
    assert result(rows)["break_even_delay"] is None


def test_a_later_price_of_the_trader_itself_counts():
    rows = [*trip(seen("out price", 3.0, HOUR + 60)), buy("more", 100, 2.0, **at(120))]
    found = result(rows)
    # The first lot is copied at the second's price; nobody shows what the second costs later.
    assert found["priced_bets"] == 0
    assert result([*rows, seen("a", 2.0, 190)])["priced_bets"] == 1


def test_of_prices_in_one_second_the_copier_gets_the_worse():
    found = result(
        trip(
            *(seen(f"in {price}", price, 60) for price in (1.0, 2.0)),
            *(seen(f"out {price}", price, HOUR + 60) for price in (3.0, 5.0)),
        )
    )
    assert found["copied_return"] == pytest.approx(47.0)


def test_dust_shows_no_price():
    rows = trip(seen("a", 9.0, 60, usd=0.5), seen("b", 1.5, 70), seen("c", 3.0, HOUR + 60))
    assert result(rows)["copied_return"] == pytest.approx(97.0)


def test_another_token_shows_no_price():
    assert result(trip(seen("a", 1.0, 60, token=A), seen("b", 3.0, HOUR + 60)))["priced_bets"] == 0


def test_the_stake_follows_the_parts_and_half_of_them_is_enough():
    rows = [
        buy("in 1", 100, 1.0, **at(0)),
        buy("in 2", 100, 1.0, **at(2 * HOUR)),
        sell("out 1", 50, 4.0, **at(4 * HOUR)),
        sell("out 2", 150, 2.0, **at(6 * HOUR)),
        seen("a", 2.0, 60),
        seen("d", 2.0, 6 * HOUR + 60),
    ]
    # 50 of the first lot leave at a price that nobody shows, its other 50 at 2.0; the second lot's entry is
    # not known: both ends are known of a quarter.
    assert result(rows)["priced_bets"] == 0
    # Of the second lot, too: 50 at 2 / 2 and 100 at 2 / 1.
    half = [*rows, seen("b", 1.0, 2 * HOUR + 60)]
    assert result(half)["copied_return"] == pytest.approx(100 * (50 * 1 + 100 * 2) / 150 - 103)
    # Both lots, both times: 100 at 4 / 2 and 2 / 2, 100 at 2 / 1.
    more = [*half, seen("c", 4.0, 4 * HOUR + 60)]
    assert result(more)["copied_return"] == pytest.approx((50 * 2 + 50 * 1 + 100 * 2) / 2 - 103)


def test_what_is_open_is_worth_what_the_trader_could_have_for_it():
    found = result([buy("in", 100, 1.0, hours_ago=24), seen("a", 2.0, 216 * HOUR + 60)])
    # Its own mark, of a day ago, has a seventh less; the copier paid 2.0.
    assert found["priced_bets"] == 1
    assert found["copied_return"] == pytest.approx(100 * (6 / 7 / 2) - 103)


def test_a_rollover_is_followed_from_the_token_that_was_bought():
    rows = [
        buy("in", 100, 1.0, A, **at(0)),
        roll("over", (A, 100), (B, 10), **at(HOUR)),
        sell("out", 10, 30.0, B, **at(2 * HOUR)),
        seen("a", 1.0, 60, A),
        seen("a again", 2.0, HOUR + 60, A),
        seen("b", 20.0, HOUR + 60, B),
        seen("b again", 30.0, 2 * HOUR + 60, B),
    ]
    found = result(rows)
    # Twofold in A, then half as much again in B; A is no bet of its own.
    assert (found["bets"], found["priced_bets"]) == (1, 1)
    assert found["copied_return"] == pytest.approx(197.0)
    assert found["price_drift_entry"] is None
    unseen = [row for row in rows if row["tx_hash"] != "a again"]
    assert result(unseen)["priced_bets"] == 0


def test_a_chain_of_rollovers_is_followed_to_its_end():
    tokens = [mint(f"link {number}") for number in range(5)]
    rows = [buy("in", 100, 1.0, tokens[0], **at(0))]
    for number, (one, other) in enumerate(pairwise(tokens), start=1):
        rows.append(roll(f"over {number}", (one, 100), (other, 100), **at(number * HOUR)))
        rows.append(seen(f"leaves {number}", 2.0, number * HOUR + 60, one))
        rows.append(seen(f"enters {number}", 1.0, number * HOUR + 60, other))
    rows.append(seen("first", 1.0, 60, tokens[0]))
    rows.append(sell("out", 100, 16.0, tokens[-1], **at(9 * HOUR)))
    rows.append(seen("last", 2.0, 9 * HOUR + 60, tokens[-1]))
    assert result(rows)["copied_return"] == pytest.approx(100 * (2**5 - 1) - 3)


@pytest.mark.parametrize(("grew", "then"), [(100, 0.5), (1, 2), (0.01, 2)])
def test_cash_paid_beside_a_rollover_grows_from_then_on(grew, then):
    """One dollar's worth of A and a thousand dollars become B: what A had done hardly counts."""
    found = result(
        [
            buy("in", 10, 0.1, A, **at(0)),
            seen("a", 0.1, 60, A),
            *beside(
                swap("over", usdc(1_000), Leg(B, 99.9), **at(HOUR)),
                swap("over", Leg(A, 10), Leg(B, 0.1), **at(HOUR)),
            ),
            seen("a again", 0.1 * grew, HOUR + 60, A),
            seen("b", 10.0, HOUR + 60, B),
            sell("out", 100, 10.0 * then, B, **at(2 * HOUR)),
            seen("b again", 10.0 * then, 2 * HOUR + 60, B),
        ]
    )
    assert found["copied_return"] == pytest.approx(100 * ((grew + 1_000) / 1_001 * then - 1) - 3)


@pytest.mark.parametrize("grew", [0.01, 1.0, 10.0])
def test_what_had_rolled_in_is_followed_beside_what_was_bought(grew):
    found = result(
        [
            buy("in", 100, 1.0, A, **at(0)),
            seen("a", 1.0, 60, A),
            roll("over", (A, 100), (B, 100), **at(HOUR)),
            seen("a again", grew, HOUR + 60, A),
            seen("b", 1.0, HOUR + 60, B),
            buy("more", 100, 1.0, B, **at(2 * HOUR)),
            seen("b later", 1.0, 2 * HOUR + 60, B),
            roll("over again", (B, 200), (X, 200), **at(3 * HOUR)),
            seen("b at last", 1.0, 3 * HOUR + 60, B),
            seen("x", 1.0, 3 * HOUR + 60),
            sell("out", 200, 1.5, **at(4 * HOUR)),
            seen("x again", 1.5, 4 * HOUR + 60),
        ]
    )
    assert found["copied_return"] == pytest.approx(100 * ((grew + 1) / 2 * 1.5 - 1) - 3)


def test_a_bet_in_sol_needs_the_prices_in_sol_of_half_of_it():
    """Of 99 of its 100 SOL the later prices are known in USD alone."""
    found = result(
        [
            swap("in", sol(99, 100.0), Leg(X, 9_900), **at(0)),
            swap("out", Leg(X, 9_900), sol(198, 100.0), **at(2 * HOUR)),
            swap("in again", sol(1, 100.0), Leg(X, 100), **at(5 * HOUR)),
            swap("out again", Leg(X, 100), sol(0.5, 100.0), **at(6 * HOUR)),
            seen("a", 1.0, 60),
            seen("b", 2.0, 2 * HOUR + 60),
            swap("c", sol(1, 100.0), Leg(X, 100), wallet=mint("third"), **at(5 * HOUR + 60)),
            swap("d", sol(1, 100.0), Leg(X, 200), wallet=mint("third"), **at(6 * HOUR + 60)),
        ]
    )
    assert (found["priced_bets"], found["copied_return"]) == (0, None)


def test_what_was_never_seen_to_be_bought_is_no_bet():
    found = result([sell("gift", 100, 3.0, **at(0)), seen("a", 3.0, 60)])
    assert (found["bets"], found["priced_share"], found["copied_return"]) == (0, None, None)


def test_who_pays_in_sol_is_judged_by_the_lesser_return():
    def for_sol(name: str, seconds: float, coins: float, price: float, **more: Any) -> Row:
        return swap(name, sol(coins, price), Leg(X, 100), **at(seconds), **more)

    def for_x(name: str, seconds: float, coins: float, price: float, **more: Any) -> Row:
        return swap(name, Leg(X, 100), sol(coins, price), **at(seconds), **more)

    rows = [
        for_sol("in", 0, 1.0, 100.0),
        for_x("out", HOUR, 1.0, 200.0),
        for_sol("a", 60, 1.0, 100.0, wallet=OTHER),
        for_x("b", HOUR + 60, 1.0, 200.0, wallet=OTHER),
    ]
    # SOL doubled, and nothing else did.
    assert result(rows)["copied_return"] == pytest.approx(-3.0)


def test_dear_bets_weigh_alike_and_cheap_ones_less():
    rows = [
        *trip(seen("a", 1.0, 60), seen("b", 2.0, HOUR + 60)),
        buy("small in", 10, 1.0, A, **at(0)),
        sell("small out", 10, 1.0, A, **at(HOUR)),
        *(seen(f"{place}", 1.0, place + 60, A) for place in (0, HOUR)),
    ]
    found = result(rows)
    # 97 % weighs 1, -3 % weighs a tenth.
    assert found["copied_return"] == pytest.approx((97 - 0.3) / 1.1)


def test_the_order_of_rows_and_the_presence_of_strangers_change_nothing():
    rows = trip(seen("a", 1.25, 61), seen("c", 2.5, HOUR + 70))
    stranger = buy("stranger", 10, 5.0, B, wallet=mint("a stranger"), **at(10))
    assert result([stranger, *reversed(rows)]) == result(rows)


def test_what_copying_costs_is_a_setting():
    free = replace(RANKING, skill=replace(RANKING.skill, copy_cost_percent=0.0))
    rows = trip(seen("a", 1.0, 60), seen("b", 2.0, HOUR + 60))
    assert copied(rows, free)[WALLET, 60]["copied_return"] == pytest.approx(100.0)


def test_many_copied_gains_lift_the_floor_and_few_do_not():
    def gains(count: int) -> list[Row]:
        rows: list[Row] = []
        for number in range(count):
            token, begin = mint(f"gain {number}"), number * 2 * HOUR
            rows += [
                buy(f"in {number}", 100, 1.0, token, **at(begin)),
                sell(f"out {number}", 100, 3.0, token, **at(begin + HOUR)),
                seen(f"a {number}", 1.0, begin + 60, token),
                seen(f"b {number}", 3.0, begin + HOUR + 60, token),
            ]
        return rows

    few, many = (result(gains(count))["copied_floor"] for count in (2, 20))
    assert few < 0 < many < 197


def test_both_halves_of_one_transaction_are_one_price():
    split = beside(sell("out", 40, 3.0, **at(HOUR)), sell("out", 60, 3.0, **at(HOUR)))
    rows = [buy("in", 100, 1.0, **at(0)), *split, seen("a", 1.0, 60), seen("b", 2.0, HOUR + 60)]
    assert result(rows)["copied_return"] == pytest.approx(97.0)


WALLETS = [mint(f"wallet {number}") for number in range(3)]
TOKENS = [A, B]
START = int(AS_OF.timestamp()) - 240 * HOUR


@st.composite
def closed_positions(draw: st.DrawFn) -> list[Deal]:
    """Deals at different times; every position is closed in the end."""
    times = draw(st.lists(st.integers(0, 4_000), min_size=4, max_size=30, unique=True).map(sorted))
    deals: list[Deal] = []
    held: dict[tuple[str, str], float] = {}
    for time in times:
        where = draw(st.sampled_from(WALLETS)), draw(st.sampled_from(TOKENS))
        price = draw(st.sampled_from([0.5, 1.0, 2.0, 3.0]))
        have = held.get(where, 0.0)
        size = draw(st.sampled_from([1_000.0, 2_000.0, 4_000.0]))
        quantity = -min(size, have) if have and draw(st.booleans()) else size
        held[where] = have + quantity
        deals.append(Deal(*where, START + time, quantity, price))
    last = times[-1]
    for where, have in held.items():
        if have:
            last += draw(st.integers(1, 700))
            deals.append(Deal(*where, START + last, -have, draw(st.sampled_from([0.5, 1.0, 4.0]))))
    return deals


@settings(suppress_health_check=list(HealthCheck))
@given(closed_positions(), st.sampled_from([10, 60, 300]))
def test_a_plain_recount_finds_the_same(deals, delay):
    rows = [
        (buy if deal.quantity > 0 else sell)(
            f"{number}",
            abs(deal.quantity),
            deal.price,
            deal.token,
            wallet=deal.wallet,
            block_unix_time=deal.time,
        )
        for number, deal in enumerate(deals)
    ]
    found = copied(rows)
    for wallet, (bets, priced, mean) in recount(deals, delay).items():
        row = found[wallet, delay]
        assert (row["bets"], row["priced_bets"]) == (bets, priced)
        assert row["copied_return"] == (None if mean is None else pytest.approx(mean))
