"""Random histories: oversells, ties, routes, splits, arbitrage, missing prices, repeated rows."""

from typing import Any

from hypothesis import strategies as st

from smart_trader_assets.pnl.cash import NATIVE_SOL, USDC, WRAPPED_SOL
from smart_trader_assets_tests.pnl.histories import A, B, Leg, X, mint, swap

WALLETS = (mint("first wallet"), mint("second wallet"))
PLAYED = (X, A, B, USDC, WRAPPED_SOL, NATIVE_SOL)

amounts = st.one_of(
    st.integers(1, 12).map(float), st.integers(10**6, 2 * 10**7).map(lambda units: units / 10**6)
)
token_prices = st.one_of(st.none(), st.integers(10, 999).map(lambda cents: cents / 100))
sol_prices = st.one_of(st.just(100.0), st.just(100.0), st.just(123.45), st.none())
hours = st.one_of(
    st.integers(0, 8).map(float),
    st.integers(0, 3 * 24).map(float),
    st.sampled_from([7.0, 30.0, 90.0]).map(lambda days: 24 * days),
    st.integers(0, 120 * 24).map(float),
)


@st.composite
def legs(draw: st.DrawFn, token: str) -> Leg:
    if token == USDC:
        return Leg(token, draw(amounts), 1.0)
    prices = sol_prices if token in (WRAPPED_SOL, NATIVE_SOL) else token_prices
    return Leg(token, draw(amounts), draw(prices), draw(st.one_of(st.none(), prices)))


def other_than(token: str) -> st.SearchStrategy[str]:
    return st.sampled_from([one for one in PLAYED if one != token])


@st.composite
def transactions(draw: st.DrawFn, number: int) -> list[dict[str, Any]]:
    """One transaction: a swap, a route, a cycle, an order over two pools, or a jumble of rows."""
    kind = draw(st.sampled_from(["swap"] * 5 + ["route", "cycle", "pools", "jumble"]))
    first_mint = draw(st.sampled_from([USDC, WRAPPED_SOL, X, A]))
    second_mint = draw(other_than(first_mint))
    gives, takes = draw(legs(first_mint)), draw(legs(second_mint))
    if draw(st.booleans()):
        gives, takes = takes, gives
    pairs = [(gives, takes)]
    if kind == "route":
        pairs.append((takes, draw(legs(draw(other_than(takes.mint))))))
    elif kind == "cycle":
        pairs.append((takes, draw(legs(gives.mint))))
    elif kind == "pools":
        pairs.append((draw(legs(gives.mint)), draw(legs(takes.mint))))
    elif kind == "jumble":
        for _ in range(draw(st.integers(1, 3))):
            one = draw(st.sampled_from(PLAYED))
            pairs.append((draw(legs(one)), draw(legs(draw(other_than(one))))))
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
        )
        for ordinal, (given, taken) in enumerate(pairs)
    ]


@st.composite
def histories(draw: st.DrawFn, most: int = 14) -> list[dict[str, Any]]:
    count = draw(st.integers(1, most))
    rows = [row for number in range(count) for row in draw(transactions(number))]
    repeated = draw(st.lists(st.sampled_from(rows), max_size=3))
    return draw(st.permutations(rows + repeated))
