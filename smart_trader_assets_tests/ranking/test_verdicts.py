"""Wallets whose right verdict is plain, from their swaps to their class or tier."""

from typing import Any

import polars as pl
import pytest

from smart_trader_assets.pnl import compute_wallet_pnl
from smart_trader_assets.ranking import QUALIFIED, Classification, rank_wallets
from smart_trader_assets.transforms.known_addresses import STAKING_MINTS
from smart_trader_assets_tests.pnl.figures import Row
from smart_trader_assets_tests.pnl.histories import (
    AS_OF,
    WALLET,
    Leg,
    buy,
    frame,
    mint,
    roll,
    sell,
    sol,
    swap,
    usdc,
)
from smart_trader_assets_tests.support.defaults import RANKING

DAY = 24.0
HISTORY = pl.Schema(
    {"wallet_address": pl.String, "history_complete": pl.Boolean, "recorded": pl.Boolean}
)


def judged(
    rows: list[Row], *, complete: bool | None = True, recorded: bool = False
) -> Classification:
    """The verdict on the one wallet of these rows."""
    histories = pl.DataFrame([(WALLET, complete, recorded)], schema=HISTORY, orient="row")
    numbers = compute_wallet_pnl(frame(rows), as_of=AS_OF, histories=histories)
    return rank_wallets(numbers, rules=RANKING, as_of=AS_OF)


def verdict(rows: list[Row], **known: Any) -> str:
    """The tier, or the class."""
    found = judged(rows, **known)
    return str([*found.traders["tier"], *found.excluded["wallet_class"]][0])


def reasons(rows: list[Row], **known: Any) -> str:
    found = judged(rows, **known)
    return " ".join([*found.traders["reasons"].to_list(), *found.excluded["reasons"].to_list()][0])


def trip(
    name: str, cost: float, proceeds: float, *, days_ago: float, held_hours: float = 5.0
) -> list[Row]:
    """A token bought and all of it sold, for USDC."""
    token, ago = mint(name), days_ago * DAY
    return [
        swap(f"{name} in", usdc(cost), Leg(token, 1_000), hours_ago=ago),
        swap(f"{name} out", Leg(token, 1_000), usdc(proceeds), hours_ago=ago - held_hours),
    ]


def good(count: int = 30) -> list[Row]:
    """Who wins 80 % in four of five and loses 30 % in the fifth, with 900 USD each."""
    return [
        row
        for n in range(count)
        for row in trip(f"good{n}", 900, 900 * (0.7 if n % 5 == 0 else 1.8), days_ago=3 + n)
    ]


def test_who_wins_often_and_much_is_elite():
    assert verdict(good()) == "ELITE"


@pytest.mark.parametrize(("cost", "proceeds"), [(1, 900), (10, 5_000), (700, 1_100), (0.5, 0.001)])
def test_one_more_winner_or_a_grain_of_dust_demotes_nobody(cost, proceeds):
    before, after = (
        judged(good()).traders,
        judged(good() + trip("more", cost, proceeds, days_ago=2)).traders,
    )
    assert after["tier"].to_list() == ["ELITE"]
    if proceeds > cost:
        for name in ("skill_confidence", "return_floor", "expected_return"):
            assert after[name].item() >= before[name].item() - 1e-6, name


def test_one_lucky_shot_is_no_proof():
    losses = [row for n in range(9) for row in trip(f"lost{n}", 900, 850, days_ago=5 + n)]
    assert verdict(losses + trip("moon", 900, 400_000, days_ago=2)) == QUALIFIED


def test_who_keeps_what_died_has_lost_and_is_told_of_the_bags():
    bags = [
        buy(f"bag{n}", 50, 18, mint(f"bag{n}"), hours_ago=(9 + n % 30) * DAY) for n in range(60)
    ]
    assert verdict(good() + bags) == "UNPROFITABLE"
    words = "bags that cost 54,000.00 USD are worth 0.00 USD at prices that fade with their age, 54,000.00 USD"
    assert words in reasons(good() + bags)


def test_winners_beside_so_many_bags_that_little_is_left_are_unproven():
    bags = [buy(f"bag{n}", 50, 4, mint(f"bag{n}"), hours_ago=9 * DAY + n) for n in range(40)]
    assert verdict(good() + bags) in ("PROMISING", QUALIFIED)


def test_who_only_held_staked_sol_traded_nothing():
    rows = [
        swap(f"stake{n}", sol(40, 90.0 + n), Leg(receipt, 38.0), hours_ago=40 * DAY - n)
        for n, receipt in enumerate(list(STAKING_MINTS)[:6])
    ]
    assert verdict(rows) == "CASH_ONLY"
    assert "It changed cash into cash 6 times" in reasons(rows)


def test_who_loses_sol_while_sol_doubles_is_proven_to_lose():
    rows = [
        row
        for n in range(20)
        for row in (
            swap(f"in{n}", sol(10, 80.0 + n), Leg(mint(f"s{n}"), 500), hours_ago=(50 - n) * DAY),
            swap(f"out{n}", Leg(mint(f"s{n}"), 500), sol(8.8, 160.0 + n), hours_ago=(21 - n) * DAY),
        )
    ]
    assert verdict(rows) == QUALIFIED
    assert "measured in SOL (−24 SOL), which it pays with: the lesser counts" in reasons(rows)


def test_who_pays_in_dollars_is_judged_in_dollars():
    # The same trades for USDC: SOL's rise is no part of them.
    rows = [row for n in range(20) for row in trip(f"d{n}", 900, 1_500, days_ago=21 - n)]
    assert verdict(rows) == "ELITE"


def test_a_rollover_at_a_wrong_price_makes_no_profit():
    rolled = [
        row
        for n in range(8)
        for row in (
            buy(f"a{n}", 100, 9, mint(f"a{n}"), hours_ago=(30 + n) * DAY),
            roll(f"r{n}", (mint(f"a{n}"), 100), (mint(f"b{n}"), 7), hours_ago=(29 + n) * DAY),
        )
    ]
    mediocre = [row for n in range(12) for row in trip(f"m{n}", 300, 306, days_ago=4 + n)]
    assert verdict(mediocre + rolled) == "UNPROFITABLE"


def snipe(name: str, ago: float, *sales: tuple[float, float, float], parts: int = 1) -> list[Row]:
    """A launch bought for 200 in its first minutes, and sold: minutes later, part of it, USD."""
    token = mint(name)
    bought = [
        buy(f"{name} in{p}", 900 / parts, 200 / 900, token, hours_ago=ago - p / 60)
        for p in range(parts)
    ]
    sold = [
        swap(f"{name} out{n}", Leg(token, 900 * part), usdc(usd), hours_ago=ago - minutes / 60)
        for n, (minutes, part, usd) in enumerate(sales)
    ]
    return bought + sold


@pytest.mark.parametrize(
    ("sales", "parts"),
    [
        ([(20, 1.0, 1_500)], 1),
        ([(20, 0.5, 800), (40, 0.5, 700)], 3),
        # A quarter at once, the rest hours later at what it had cost.
        ([(8, 0.25, 2_000), (180, 0.75, 300)], 1),
        # A part of it kept for ever.
        ([(8, 0.9, 2_000)], 2),
    ],
)
def test_who_buys_launches_and_sells_within_the_hour_cannot_be_followed(sales, parts):
    rows = [
        row for n in range(12) for row in snipe(f"launch{n}", (5 + n) * DAY, *sales, parts=parts)
    ]
    assert verdict(rows) == "LAUNCH_INSIDER"


def test_a_launch_that_is_bought_back_later_stays_a_launch():
    rows = []
    for n in range(12):
        ago, token = (8 + n) * DAY, mint(f"back{n}")
        rows += snipe(f"back{n}", ago, (8, 1.0, 2_000))
        rows += [
            buy(f"again{n}", 900, 2_000 / 900, token, hours_ago=ago - 20),
            sell(f"off{n}", 900, 2_500 / 900, token, hours_ago=ago - 44),
        ]
    assert verdict(rows) == "LAUNCH_INSIDER"


def test_a_few_launches_beside_a_record_of_its_own_are_not_what_it_lives_on():
    launches = [row for n in range(3) for row in snipe(f"few{n}", (5 + n) * DAY, (20, 1.0, 1_500))]
    assert verdict(good(60) + launches) == "ELITE"


def test_who_holds_for_seconds_is_too_fast():
    rows = [
        row
        for n in range(30)
        for row in trip(f"q{n}", 500, 600, days_ago=3 + n / 2, held_hours=40 / 3600)
    ]
    assert verdict(rows) == "TOO_FAST"


def churned() -> list[Row]:
    """Much traded, little gained, all of it known."""
    return [row for n in range(9) for row in trip(f"churn{n}", 90_000, 90_050, days_ago=4 + n)]


def test_who_sells_what_was_never_bought_lives_on_transfers():
    gifts = [sell(f"gift{n}", 100, 90, mint(f"gift{n}"), hours_ago=(4 + n) * DAY) for n in range(9)]
    assert verdict(gifts) == "TRANSFERRED_IN"
    few = [row for n in range(6) for row in trip(f"own{n}", 300, 420, days_ago=4 + n)]
    assert verdict(gifts + few, complete=None, recorded=True) == "TRANSFERRED_IN"
    # By way of another token they are no more its own.
    onward = [
        row
        for n in range(9)
        for row in (
            roll(f"on{n}", (mint(f"air{n}"), 100), (mint(f"to{n}"), 50), hours_ago=(4 + n) * DAY),
            sell(f"sold{n}", 50, 180, mint(f"to{n}"), hours_ago=(4 + n) * DAY - 3),
        )
    ]
    assert verdict(onward + few + churned()) == "TRANSFERRED_IN"
    # Unmatched proceeds of three times the profit, though most of what it sold is known.
    assert verdict(churned() + gifts[:1]) == "TRANSFERRED_IN"


def begun_midway() -> list[Row]:
    """Sells first, buys the same tokens later, and seems to lose."""
    rows = []
    for n in range(8):
        token, ago = mint(f"mid{n}"), (30 - n) * DAY
        rows += [
            sell(f"before{n}", 1_000, 0.1, token, hours_ago=ago),
            buy(f"again{n}", 1_000, 0.5, token, hours_ago=ago - 9),
            sell(f"after{n}", 1_000, 0.1, token, hours_ago=ago - 19),
        ]
    return rows


def test_a_recording_that_begins_midway_is_not_known_and_no_loser():
    assert verdict(begun_midway(), complete=True, recorded=True) == "UNTESTED"
    assert reasons(begun_midway(), complete=True, recorded=True).startswith(
        "Whether it wins or loses is not known: 50.0 % of the sales behind its loss"
    )
    # What is known to be complete was transferred in.
    assert verdict(begun_midway(), complete=True) == "TRANSFERRED_IN"
    # A recording that begins with buys has its beginning.
    assert verdict(good(), complete=True, recorded=True) == "ELITE"


@pytest.mark.parametrize("times", [1, 10])
def test_small_stakes_weigh_a_tenth_however_often_they_are_used(times):
    rows = [
        row | {"swap_id": f"{row['swap_id']}/{again}", "tx_hash": f"{row['tx_hash']}/{again}"}
        for n in range(40)
        for again in range(times)
        for row in trip(f"small{n}", 10, 13, days_ago=3 + n / 2 + again / 2)
    ]
    found = judged(rows).traders
    assert found["bets"].item() == pytest.approx(4.0)
    assert found["tier"].item() == QUALIFIED
    assert found["estimated_fees_usd"].item() == pytest.approx(80 * times * 0.075)
