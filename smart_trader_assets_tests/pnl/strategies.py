"""Random histories: oversells, ties, routes, splits, arbitrage, rollovers, conversions, prices that are missing
or contradict each other, tokens with a multiplier, repeated rows; and marks, and what is assumed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import polars as pl
from hypothesis import strategies as st

from smart_trader_assets.pnl.assumptions import Assumptions
from smart_trader_assets.pnl.cash import EURC, NATIVE_SOL, USDC, WRAPPED_SOL
from smart_trader_assets.transforms.known_addresses import STAKING_MINTS
from smart_trader_assets_tests.pnl import figures
from smart_trader_assets_tests.pnl.histories import (
    AS_OF,
    PYUSD,
    A,
    B,
    C,
    Leg,
    X,
    mint,
    swap,
    usdc,
)

WALLETS = (mint("first wallet"), mint("second wallet"))
STAKED = next(iter(STAKING_MINTS))
PARKED = (PYUSD, EURC, STAKED)
PLAYED = (X, A, B, X, A, B, USDC, WRAPPED_SOL, NATIVE_SOL, *PARKED)
SOL_PRICES = (100.0, 100.0, 100.0, 123.45, 61.5, None, 15_000.0)
STEADY_SOL_PRICES = (100.0, 123.45, 140.0, None)
"""No two are twice apart, so that every one is believed, whatever others there are."""

amounts = st.one_of(
    st.integers(1, 12).map(float), st.integers(10**6, 2 * 10**7).map(lambda units: units / 10**6)
)
token_prices = st.one_of(st.none(), st.integers(10, 999).map(lambda cents: cents / 100))
parked_prices = st.sampled_from([1.0, 0.98, 1.02, None, 40.0])
multipliers = st.sampled_from([None] * 9 + [1.0, 2.0])
flags = st.sampled_from([None] * 7 + [False, True])
hours = st.one_of(
    st.integers(0, 8).map(float),
    st.integers(0, 3 * 24).map(float),
    st.sampled_from([7.0, 30.0, 90.0]).map(lambda days: 24 * days),
    st.integers(0, 120 * 24).map(float),
)


@st.composite
def legs(draw: st.DrawFn, token: str, sol_prices: Sequence[float | None] = SOL_PRICES) -> Leg:
    if token == USDC:
        return Leg(token, draw(amounts), 1.0)
    prices = token_prices
    if token in (WRAPPED_SOL, NATIVE_SOL, STAKED):
        prices = st.sampled_from(sol_prices)
    elif token in PARKED:
        prices = parked_prices
    return Leg(token, draw(amounts), draw(prices), draw(st.one_of(st.none(), prices)))


def other_than(token: str) -> st.SearchStrategy[str]:
    return st.sampled_from([one for one in PLAYED if one != token])


@st.composite
def transactions(
    draw: st.DrawFn, number: int, sol_prices: Sequence[float | None] = SOL_PRICES
) -> list[dict[str, Any]]:
    """One transaction: a swap, a route, a cycle, an order over two pools, or a jumble of rows."""
    kind = draw(st.sampled_from(["swap"] * 5 + ["route", "cycle", "pools", "jumble"]))
    first_mint = draw(st.sampled_from([USDC, WRAPPED_SOL, X, A, draw(st.sampled_from(PARKED))]))

    def leg(token: str) -> Leg:
        return draw(legs(token, sol_prices))

    gives, takes = leg(first_mint), leg(draw(other_than(first_mint)))
    if draw(st.booleans()):
        gives, takes = takes, gives
    pairs = [(gives, takes)]
    if kind == "route":
        pairs.append((takes, leg(draw(other_than(takes.mint)))))
    elif kind == "cycle":
        pairs.append((takes, leg(gives.mint)))
    elif kind == "pools":
        pairs.append((leg(gives.mint), leg(takes.mint)))
    elif kind == "jumble":
        for _ in range(draw(st.integers(1, 3))):
            one = draw(st.sampled_from(PLAYED))
            pairs.append((leg(one), leg(draw(other_than(one)))))
    wallet, ago = draw(st.sampled_from(WALLETS)), draw(hours)
    block = draw(st.sampled_from([None, 5, 6]))
    base = draw(st.booleans())
    return [
        swap(
            f"tx{number}",
            given,
            taken,
            hours_ago=ago,
            wallet=wallet,
            ordinal=ordinal,
            given_is_base=base,
            block_number=block,
            ins_index=draw(st.sampled_from([None, ordinal])),
            volume_usd=draw(st.one_of(st.none(), st.integers(1, 900).map(float))),
            base_multiplier=draw(multipliers),
            base_is_scaled_ui_token=draw(flags),
            quote_multiplier=draw(multipliers),
        )
        for ordinal, (given, taken) in enumerate(pairs)
    ]


@st.composite
def histories(
    draw: st.DrawFn, most: int = 14, sol_prices: Sequence[float | None] = SOL_PRICES
) -> list[dict[str, Any]]:
    count = draw(st.integers(1, most))
    rows = [row for number in range(count) for row in draw(transactions(number, sol_prices))]
    repeated = draw(st.lists(st.sampled_from(rows), max_size=3))
    return draw(st.permutations(rows + repeated))


ROLLED = (A, B, X, C)
few = st.sampled_from([1.0, 1.0, 2.0, 3.0, 0.000001])
many = st.sampled_from([2.0, 6.0, 10.0])
moderate_cash = st.one_of(
    st.sampled_from([1, 7, 60]).map(usdc),
    st.builds(Leg, st.just(WRAPPED_SOL), amounts, st.sampled_from([100.0, 100.0, 150.0, None])),
)


@st.composite
def rollovers(draw: st.DrawFn, tx: str, fields: dict[str, Any]) -> list[dict[str, Any]]:
    """One or two tokens for one or two others, perhaps with cash beside them, received or paid."""
    going, coming = draw(st.sampled_from([(1, 1), (1, 1), (1, 2), (2, 1), (2, 2)]))
    tokens = draw(st.permutations(ROLLED))
    out, into = tokens[:going], tokens[going : going + coming]
    price = draw(st.sampled_from([None, 0.5, 2.0, 300.0]))
    pairs = [
        (Leg(out[place % going], draw(few)), Leg(into[place % coming], draw(few), price))
        for place in range(max(going, coming))
    ]
    beside = draw(st.sampled_from(["nothing", "nothing", "received", "paid"]))
    if beside == "received":
        pairs.append((Leg(out[0], draw(few)), draw(moderate_cash)))
    elif beside == "paid":
        pairs.append((draw(moderate_cash), Leg(into[0], draw(few))))
    return [swap(tx, *pair, ordinal=ordinal, **fields) for ordinal, pair in enumerate(pairs)]


@st.composite
def circles(draw: st.DrawFn, number: int, fields: dict[str, Any]) -> list[dict[str, Any]]:
    """A chain that leads back, in one block, in an order of its own."""
    visited = draw(st.permutations(ROLLED))[: draw(st.integers(2, 3))]
    names = draw(st.permutations([f"tx{number}{letter}" for letter in "abc"[: len(visited)]]))
    amount = draw(few)
    return [
        swap(name, Leg(one, amount), Leg(other, amount), **fields)
        for name, one, other in zip(names, visited, [*visited[1:], visited[0]], strict=True)
    ]


@st.composite
def rolling_histories(draw: st.DrawFn, most: int = 12) -> list[dict[str, Any]]:
    """Few tokens, mostly bought first, and exchanged for one another all the time."""
    rows = [
        swap(
            f"first{place}",
            draw(moderate_cash),
            Leg(token, draw(many)),
            hours_ago=900 + place,
            wallet=WALLETS[0],
        )
        for place, token in enumerate(ROLLED)
        if draw(st.integers(0, 5))
    ]
    ago = 800.0
    for number in range(draw(st.integers(2, most))):
        ago -= draw(st.sampled_from([0.0, 0.0, 1.0, 40.0]))
        fields: dict[str, Any] = {
            "wallet": draw(st.sampled_from([*[WALLETS[0]] * 5, WALLETS[1]])),
            "hours_ago": ago,
            "block_number": draw(st.sampled_from([None, 5, 5, 5])),
        }
        kind = draw(st.sampled_from(["buy", "roll", "roll", "roll", "circle", "sell"]))
        if kind == "circle":
            rows += draw(circles(number, fields))
        elif kind == "roll":
            rows += draw(rollovers(f"tx{number}", fields))
        else:
            token, cash = Leg(draw(st.sampled_from(ROLLED)), draw(few)), draw(moderate_cash)
            pair = (cash, token) if kind == "buy" else (token, cash)
            rows.append(swap(f"tx{number}", *pair, **fields))
    return draw(st.permutations(rows))


@st.composite
def marks(draw: st.DrawFn) -> pl.DataFrame:
    """Prices of the tokens that are played with, of every source and age, and their liquidity."""
    given = draw(
        st.lists(
            st.builds(
                figures.mark,
                st.integers(1, 900).map(lambda cents: cents / 100),
                hours_ago=st.sampled_from([-1.0, 0.0, 1.0, 40.0, 84.0, 168.0, 300.0]),
                source=st.sampled_from(["token_list", "table_trade"]),
                token=st.sampled_from([X, A, B]),
                liquidity=st.sampled_from([None, None, 3.0, 40.0, 1e6]),
            ),
            max_size=5,
        )
    )
    return figures.marks(*given)


known_times = st.one_of(
    st.none(), st.sampled_from([-5, 0, 20, 100, 400]).map(lambda h: AS_OF - timedelta(hours=h))
)
assumptions = st.builds(
    Assumptions,
    network_fee_sol=st.sampled_from([0.0005, 0.02]),
    trading_fee_percent=st.sampled_from([0.0, 0.3]),
    fallback_sol_usd=st.sampled_from([150.0, 90.0]),
    mark_life_days=st.sampled_from([7.0, 2.5]),
    most_left_of_a_hop_usd=st.sampled_from([1.0, 0.02]),
)
