"""The truth of an invented market says what its rows say, and its characters earn what they do."""

import json
import statistics
from collections import Counter, defaultdict, deque
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from smart_trader_assets.sandbox import Character
from smart_trader_assets_tests.sandbox.conftest import ANCHOR

SOL = {
    "So11111111111111111111111111111111111111112",
    "So11111111111111111111111111111111111111111",
}
STABLES = {
    "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
    "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB",
}


@pytest.fixture(scope="module")
def netted(market):
    """By wallet and transaction: what each position moved, net cash in USD, and the rows."""
    groups = defaultdict(list)
    for wallet in market.wallets:
        for item in market.swaps(wallet):
            row = json.loads(item.text)
            groups[wallet, row["tx_hash"]].append(row)
    return {key: (*net(group), group) for key, group in groups.items()}


def net(group: list[dict[str, Any]]) -> tuple[dict[str, int], float]:
    moved: Counter[str] = Counter()
    cash = 0.0
    for row in group:
        for leg in (row["base"], row["quote"]):
            raw = leg["change_amount"]
            if isinstance(raw, float):
                raw = round(leg["ui_change_amount"] * 10 ** leg["decimals"])
            mint = leg["address"]
            if mint in SOL:
                cash += raw / 10**9 * leg["price"]
            elif mint in STABLES:
                cash += raw / 10**6
            else:
                moved[mint] += raw
    return {mint: change for mint, change in moved.items() if change}, cash


def test_trades_are_what_the_rows_net_to_exactly(market, netted):
    from_rows = {
        (wallet, signature, mint): change
        for (wallet, signature), (moved, _, _) in netted.items()
        for mint, change in moved.items()
    }
    signed = market.truth.trades.with_columns(
        change=pl.when(side="buy").then("quantity").otherwise(-pl.col("quantity"))
    )
    told = {
        (wallet, signature, mint): change
        for wallet, signature, mint, change in signed.select(
            "wallet_address", "tx_hash", "token_address", "change"
        ).iter_rows()
    }
    assert told == from_rows
    assert len(told) > 5_000


def test_values_are_the_cash_that_changed_hands_or_the_volume_told(market, netted):
    unpriced = 0
    for trade in market.truth.trades.iter_rows(named=True):
        moved, cash, group = netted[trade["wallet_address"], trade["tx_hash"]]
        if trade["value_usd"] is None:
            assert len(moved) == 2
            assert all("volume_usd" not in row for row in group)
            unpriced += 1
        elif len(moved) == 2:
            assert trade["value_usd"] == group[0]["volume_usd"]
        else:
            assert trade["value_usd"] == pytest.approx(abs(cash), rel=1e-9)
    assert 0 < unpriced < 40


def test_arbitrages_are_the_cash_cycles_of_the_rows(market, netted):
    for wallet, _, signature, profit in market.truth.arbitrages.iter_rows():
        moved, cash, group = netted[wallet, signature]
        assert moved == {}
        assert len(group) >= 2
        assert cash == pytest.approx(profit, abs=1e-6)


def test_balances_are_transfers_plus_trades(market):
    truth = market.truth
    past = truth.trades.filter(pl.col("traded_at") <= ANCHOR).select(
        "wallet_address",
        "token_address",
        change=pl.when(side="buy").then("quantity").otherwise(-pl.col("quantity")),
    )
    received = truth.transfers.filter(pl.col("received_at") <= ANCHOR).select(
        "wallet_address", "token_address", change="quantity"
    )
    expected = {
        (wallet, mint): held
        for wallet, mint, held in pl.concat([past, received])
        .group_by("wallet_address", "token_address")
        .agg(pl.col("change").sum())
        .iter_rows()
        if held
    }
    assert min(expected.values()) > 0
    listed = {str(token["address"]) for token in market.tokens(ANCHOR)}
    expected = {place: held for place, held in expected.items() if place[1] in listed}
    shown: Counter[tuple[str, str]] = Counter()
    for token in market.tokens(ANCHOR):
        for holder in market.holders(token["address"], ANCHOR):
            if holder["owner"] in truth.characters:
                shown[holder["owner"], token["address"]] += int(holder["amount"])
    assert shown == expected


def test_every_time_of_the_truth_is_the_time_of_its_rows(market, netted):
    for trade in market.truth.trades.iter_rows(named=True):
        group = netted[trade["wallet_address"], trade["tx_hash"]][2]
        times = {datetime.fromtimestamp(row["block_unix_time"], UTC) for row in group}
        assert times == {trade["traded_at"]}


def test_skill_shows_in_the_results_and_luck_does_not_look_like_it(market):
    results = {
        wallet: first_in_first_out(frame)
        for (wallet,), frame in market.truth.trades.filter(pl.col("traded_at") <= ANCHOR).group_by(
            "wallet_address", maintain_order=True
        )
    }
    by_character = defaultdict(list)
    for wallet, result in results.items():
        by_character[market.truth.characters[wallet]].append(result)

    def median(character: Character, index: int) -> float:
        return statistics.median(result[index] for result in by_character[character])

    profit, roi, closings = range(3)
    assert median(Character.MOONSHOT, profit) > 10_000
    assert median(Character.SKILLED, roi) > 10
    assert median(Character.SKILLED, closings) > 30
    assert median(Character.LUCKY, profit) < 0
    # And yet some of the lucky look like the skilled.
    assert max(result[roi] for result in by_character[Character.LUCKY]) > 50
    assert median(Character.LOSING, profit) < -1_000
    assert abs(median(Character.AVERAGE, roi)) < 10
    assert abs(median(Character.BOT, roi)) < 1
    assert median(Character.LAUNCHER, roi) > 300
    assert median(Character.SELF_MARKER, roi) > 10_000
    assert median(Character.SOL_LOSER, profit) > 0
    assert median(Character.STAKER, profit) > 0


def test_bets_turn_out_as_their_odds_say(market):
    bets = market.truth.bets
    prices = market.true_price
    for _, mint, entered, left, wanted, stake in bets.iter_rows():
        assert stake > 0
        if left is not None:
            reached = prices(mint, left) / prices(mint, entered) - 1
            assert reached == pytest.approx(wanted, abs=0.01 * (1 + wanted))
    of_lucky = bets.filter(
        pl.col("wallet_address").is_in(
            [w for w, c in market.truth.characters.items() if c is Character.LUCKY]
        )
    )
    assert abs(of_lucky["bet_return"].mean()) < 0.1
    assert of_lucky["bet_return"].std() > 1


def first_in_first_out(trades: pl.DataFrame) -> tuple[float, float, int]:
    """Realised profit, return in percent and number of closing sells of one wallet."""
    lots: defaultdict[str, deque[tuple[int, float | None]]] = defaultdict(deque)
    profit = cost = 0.0
    closings = 0
    for trade in trades.sort("traded_at", maintain_order=True).iter_rows(named=True):
        held, value, left = lots[trade["token_address"]], trade["value_usd"], trade["quantity"]
        if trade["side"] == "buy":
            held.append((left, value))
            continue
        matched = basis = 0.0
        while left and held:
            quantity, paid = held.popleft()
            taken = min(left, quantity)
            left -= taken
            if taken < quantity:
                rest = None if paid is None else paid * (quantity - taken) / quantity
                held.appendleft((quantity - taken, rest))
            if paid is not None and value is not None:
                matched += value * taken / trade["quantity"]
                basis += paid * taken / quantity
        profit += matched - basis
        cost += basis
        closings += matched > 0
    return profit, 100 * profit / cost if cost else 0.0, closings
