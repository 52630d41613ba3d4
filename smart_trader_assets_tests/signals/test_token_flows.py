"""What ranked traders do with a token: equal to a plain recount of their trades."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.signals import SIGNAL_WINDOWS, SignalRules, token_signals
from smart_trader_assets.tables.catalog import POSITIONS, RECENT_TRADES, SMART_TRADERS
from smart_trader_assets_tests.support.samples import (
    NOW,
    Row,
    position,
    token_trade,
    trader,
    whole,
)

END = int(NOW.timestamp())
DAY = 86_400
TIERS = {"ann": "ELITE", "bob": "STRONG", "cyd": "PROMISING", "dan": "QUALIFIED"}
COLUMN = {"ELITE": "elite", "STRONG": "strong", "PROMISING": "promising", "QUALIFIED": "unproven"}
TRADERS = whole(
    SMART_TRADERS,
    [trader(w, tier=tier, overall_rank=n) for n, (w, tier) in enumerate(TIERS.items(), 1)],
)
RULES = SignalRules(min_usd=1.0)


def signals(trades: list[Row], held: list[Row] = []) -> dict[tuple[str, str], Row]:  # noqa: B006
    of_trades = whole(RECENT_TRADES, trades) if trades else whole(RECENT_TRADES, [trade()]).clear()
    of_held = whole(POSITIONS, held) if held else whole(POSITIONS, [position("ann")]).clear()
    rows = token_signals(of_trades.lazy(), of_held, TRADERS, as_of=NOW, rules=RULES)
    return {(row["token_address"], row["window"]): row for row in rows.iter_rows(named=True)}


_number = iter(range(10**9))


def trade(wallet: str = "ann", quantity: float = 1.0, usd: float | None = 10.0, **row: Any) -> Row:
    price = None if usd is None else usd / abs(quantity or 1)
    values = {
        "wallet_address": wallet,
        "token_address": "m",
        "block_unix_time": END - 60,
        "quantity": quantity,
        "value_usd": usd,
        "price": price,
    }
    return token_trade(f"tx {next(_number)}", **values | row)


def test_a_trader_is_one_vote_a_deed_however_often_it_trades():
    row = signals([trade(), trade(), trade(quantity=-1.0), trade("bob")])["m", "24h"]
    assert (row["traders_bought"], row["traders_sold"]) == (2, 1)
    assert (row["elite_bought"], row["strong_bought"], row["elite_sold"]) == (1, 1, 1)
    assert (row["trades"], row["bought_usd"], row["sold_usd"]) == (4, 30.0, 10.0)
    assert row["net_flow_usd"] == 20.0


def test_those_whom_one_hand_leads_are_one_vote_that_of_the_best_of_them():
    hands = pl.DataFrame({"wallet_address": ["ann", "cyd", "dan"], "cluster_id": ["x", "x", "x"]})
    rows = token_signals(
        whole(RECENT_TRADES, [trade("cyd"), trade("dan"), trade("bob"), trade("ann", -1.0)]).lazy(),
        whole(POSITIONS, [position("dan", token_address="m"), position("cyd", token_address="m")]),
        TRADERS,
        as_of=NOW,
        rules=RULES,
        hands=hands,
    )
    row = rows.filter(window="24h").row(0, named=True)
    assert (row["traders_bought"], row["promising_bought"], row["strong_bought"]) == (2, 1, 1)
    assert (row["unproven_bought"], row["elite_sold"], row["unproven_holding"]) == (0, 1, 0)
    assert row["promising_holding"] == 1
    # What changed hands changed hands: the sums are of all of the proven.
    assert (row["trades"], row["bought_usd"], row["sold_usd"]) == (3, 20.0, 10.0)


def test_the_unproven_are_counted_apart_and_are_in_no_sum():
    row = signals([trade("dan")], [position("dan", token_address="m")])["m", "24h"]
    assert (row["unproven_bought"], row["unproven_holding"]) == (1, 1)
    assert (row["traders_bought"], row["traders_holding"], row["trades"]) == (0, 0, 0)
    assert row["net_flow_usd"] is row["entry_price"] is row["last_trade_at"] is None


def test_who_is_not_ranked_has_no_vote_but_shows_the_price():
    strangers = [trade(who, usd=30.0, block_unix_time=END - 1) for who in ("eve", "fay")]
    row = signals([trade(usd=10.0), *strangers])["m", "24h"]
    assert row["traders_bought"] == 1
    assert (row["entry_price"], row["mark_price"]) == (10.0, 30.0)
    assert row["entry_return"] == pytest.approx(200.0)
    assert row["marked_at"] == NOW - timedelta(seconds=1)


def test_what_was_traded_for_tokens_is_a_vote_and_in_no_sum():
    row = signals([trade(usd=None)])["m", "24h"]
    assert (row["traders_bought"], row["unpriced_trades"]) == (1, 1)
    assert row["net_flow_usd"] is row["bought_usd"] is row["entry_price"] is None


@pytest.mark.parametrize(
    "other",
    [
        trade(usd=0.5),
        trade(quantity=0.0, usd=None),
        trade(block_unix_time=END + 1),
        trade(block_unix_time=END - 7 * DAY),
    ],
    ids=["dust", "withdrawn", "later", "too old"],
)
def test_it_is_no_vote(other):
    assert signals([other]) == {}


def test_a_window_begins_after_its_length():
    rows = signals([trade(block_unix_time=END - DAY), trade(block_unix_time=END - 7 * DAY + 1)])
    assert set(rows) == {("m", "7d")}
    assert rows["m", "7d"]["trades"] == 2


def test_a_token_that_is_held_and_not_traded_has_a_row_and_the_mark_of_its_holder():
    held = position(
        "bob",
        token_address="m",
        mark_price=2.0,
        mark_source="own_trade",
        marked_at=NOW - timedelta(days=9),
    )
    row = signals([], [held])["m", "24h"]
    assert (row["strong_holding"], row["traders_bought"], row["trades"]) == (1, 0, 0)
    assert (row["mark_price"], row["marked_at"]) == (2.0, NOW - timedelta(days=9))


def test_nobody_makes_a_price_alone():
    """Who trades with himself at a hundred times the price gains nothing by it."""
    bought = trade(usd=10.0, block_unix_time=END - 90)
    crazy = [trade("eve", usd=1_000.0, block_unix_time=END - n) for n in range(5)]
    alone = signals(crazy, [position("ann", token_address="m", cost=5.0)])["m", "24h"]
    assert alone["mark_price"] is alone["entry_return"] is None
    row = signals([bought, *crazy])["m", "24h"]
    assert row["mark_price"] == 10.0
    others = [trade(f"w{n}", usd=11.0 + n, block_unix_time=END - 30 - n) for n in range(3)]
    assert signals([bought, *crazy, *others])["m", "24h"]["mark_price"] == 12.0
    # Nor as a holder, however lately it has traded, where others say what it is worth.
    own = {"mark_price": 1_000.0, "mark_source": "own_trade", "marked_at": NOW}
    held = [position("eve", token_address="m", **own)]
    assert signals([bought, *others], held)["m", "24h"]["mark_price"] == 11.0
    row = signals([bought, *crazy[:1]], held)["m", "24h"]
    assert (row["mark_price"], row["entry_return"]) == (10.0, 0.0)
    row = signals([bought], held)["m", "24h"]
    assert (row["mark_price"], row["entry_return"]) == (1_000.0, None)


def test_a_price_by_one_foreign_trade_is_none_a_listed_one_is():
    marked = {"token_address": "m", "mark_price": 9.0, "marked_at": NOW}
    assert (
        signals([], [position("ann", **marked, mark_source="table_trade")])["m", "24h"][
            "mark_price"
        ]
        is None
    )
    assert (
        signals([], [position("ann", **marked, mark_source="token_list")])["m", "24h"]["mark_price"]
        == 9.0
    )


def test_no_trade_and_no_position_is_no_row():
    assert signals([]) == {}


trades = st.lists(
    st.builds(
        trade,
        wallet=st.sampled_from([*TIERS, "stranger"]),
        quantity=st.sampled_from([-4.0, -0.5, 0.0, 0.25, 1.0, 8.0]),
        usd=st.none() | st.floats(0.1, 1e6).map(lambda usd: round(usd, 2)),
        token_address=st.sampled_from("mn"),
        block_unix_time=st.integers(END - 8 * DAY, END + DAY),
    ),
    max_size=40,
)
holdings = st.sets(st.tuples(st.sampled_from(list(TIERS)), st.sampled_from("mn")), max_size=6).map(
    lambda pairs: [position(wallet, token_address=token) for wallet, token in sorted(pairs)]
)


@given(trades, holdings)
def test_it_is_what_a_plain_recount_finds(trades, held):
    expected: dict[tuple[str, str], dict[str, Any]] = {}
    for window, length in SIGNAL_WINDOWS.items():
        doing: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        for t in trades:
            age = END - t["block_unix_time"]
            small = t["value_usd"] is not None and t["value_usd"] < RULES.min_usd
            if not 0 <= age < length.total_seconds() or small or not t["quantity"]:
                continue
            if t["wallet_address"] not in TIERS:
                continue
            deed = "bought" if t["quantity"] > 0 else "sold"
            doing[t["token_address"]][deed].add(t["wallet_address"])
            if TIERS[t["wallet_address"]] != "QUALIFIED":
                of_token = sums[t["token_address"]]
                of_token["trades"] += 1
                of_token["unpriced_trades"] += t["value_usd"] is None
                of_token[deed] += t["value_usd"] or 0
                if deed == "bought" and t["value_usd"] is not None:
                    of_token["quantity"] += t["quantity"]
        for row in held:
            doing[row["token_address"]]["holding"].add(row["wallet_address"])
        for token, deeds in doing.items():
            told: dict[str, Any] = {}
            for deed in ("bought", "sold", "holding"):
                tiers = [COLUMN[TIERS[wallet]] for wallet in deeds[deed]]
                told |= {f"{column}_{deed}": tiers.count(column) for column in COLUMN.values()}
                told[f"traders_{deed}"] = len(tiers) - tiers.count("unproven")
            of_token = sums[token]
            told |= {name: of_token[name] for name in ("trades", "unpriced_trades")}
            if of_token["trades"] > of_token["unpriced_trades"]:
                told |= {
                    "bought_usd": pytest.approx(of_token["bought"]),
                    "sold_usd": pytest.approx(of_token["sold"]),
                    "net_flow_usd": pytest.approx(of_token["bought"] - of_token["sold"]),
                }
            else:
                told |= {"bought_usd": None, "sold_usd": None, "net_flow_usd": None}
            told["entry_price"] = (
                pytest.approx(of_token["bought"] / of_token["quantity"])
                if of_token["quantity"]
                else None
            )
            expected[token, window] = told
    found = signals(trades, held)
    assert set(found) == set(expected)
    for key, told in expected.items():
        assert {name: found[key][name] for name in told} == told


def test_the_rows_fit_the_table():
    rows = token_signals(
        whole(RECENT_TRADES, [trade()]).lazy(),
        whole(POSITIONS, [position("ann")]),
        TRADERS,
        as_of=NOW,
        rules=RULES,
    )
    assert isinstance(rows, pl.DataFrame)
    assert rows.height == 3 + 1
