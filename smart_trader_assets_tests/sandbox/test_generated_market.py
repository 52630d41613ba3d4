"""The invented market: the same everywhere, with every trap, and characters that show."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from solders.pubkey import Pubkey

from smart_trader_assets.sandbox import SKILLS, Character, GeneratedMarket, SandboxError
from smart_trader_assets.transforms.known_addresses import KNOWN_OWNERS
from smart_trader_assets_tests.sandbox.conftest import ANCHOR, SEED

SOL = "So11111111111111111111111111111111111111112"
NATIVE_SOL = "So11111111111111111111111111111111111111111"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
USDT = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
CASH = {SOL, NATIVE_SOL, USDC, USDT}
STABLES = {USDC, USDT}

Row = dict[str, Any]


def fingerprint(market: GeneratedMarket) -> str:
    digest = hashlib.sha256()
    for wallet in market.wallets:
        for item in market.swaps(wallet):
            digest.update(item.text.encode())
    tokens = market.tokens(ANCHOR)
    digest.update(json.dumps(tokens).encode())
    for token in tokens:
        digest.update(json.dumps(market.holders(str(token["address"]), ANCHOR)).encode())
    return digest.hexdigest()


def test_the_same_seed_gives_the_same_bytes_in_another_process(market):
    code = (
        "from smart_trader_assets.sandbox import GeneratedMarket\n"
        "from smart_trader_assets_tests.sandbox.conftest import ANCHOR, SEED\n"
        "from smart_trader_assets_tests.sandbox.test_generated_market import fingerprint\n"
        "print(fingerprint(GeneratedMarket(SEED, ANCHOR)))"
    )
    other = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == fingerprint(market)


def test_another_seed_or_anchor_gives_another_market(market):
    small = {"tokens": 8, "wallets": 30}
    prints = {
        fingerprint(GeneratedMarket(seed, anchor, **small))
        for seed, anchor in ((1, ANCHOR), (2, ANCHOR), (1, ANCHOR + timedelta(days=1)))
    }
    assert len(prints) == 3


@pytest.mark.parametrize(
    "sizes", [{"tokens": 7}, {"wallets": 29}, {"history_days": 59}, {"future_days": 0}]
)
def test_sizes_that_leave_no_market_are_refused(sizes):
    with pytest.raises(SandboxError):
        GeneratedMarket(SEED, ANCHOR, **sizes)
    with pytest.raises(SandboxError):
        GeneratedMarket(SEED, datetime(2026, 3, 1))  # noqa: DTZ001


def test_the_default_size_is_some_ten_thousand_rows_of_short_histories(market, rows):
    assert 12_000 <= len(rows) <= 20_000
    histories = Counter(row["owner"] for row in rows)
    assert len(histories) == 160
    assert sum(count > 1_000 for count in histories.values()) == 1
    assert sum(count <= 300 for count in histories.values()) >= 145


def test_every_threshold_turns_somebody_away(market):
    listed = market.tokens(ANCHOR)
    reasons: Counter[str] = Counter()
    for token in listed:
        reasons["illiquid"] += token["liquidity"] < 100_000
        reasons["too liquid"] += token["liquidity"] > 200_000_000
        reasons["quiet"] += token["volume_1h_usd"] < 50_000
        reasons["flat"] += token["price_change_24h_percent"] < 20
        reasons["no price"] += token["price"] is None
        reasons["no symbol"] += token["symbol"] is None
    assert reasons == {
        "illiquid": 2,
        "too liquid": 1,
        "quiet": 2,
        "flat": 3,
        "no price": 1,
        "no symbol": 1,
    }
    # Ten coins in forty fail in one way each; SOL, two stable coins and two staked SOL are listed.
    assert len(listed) == 45


def test_a_living_market_changes_what_is_worth_watching(market):
    def passing(days: int) -> set[object]:
        return {
            token["address"]
            for token in market.tokens(ANCHOR + timedelta(days=days))
            if token["price_change_24h_percent"] >= 20 and token["volume_1h_usd"] >= 50_000
        }

    assert all(len(passing(days)) >= 6 for days in range(30))
    assert passing(3) != passing(10)


TRAPS: dict[str, Callable[[list[Row], list[list[Row]]], bool]] = {
    "SOL as base": lambda rows, _: sum(r["base"]["address"] == SOL for r in rows) > len(rows) / 4,
    "SOL as quote": lambda rows, _: sum(r["quote"]["address"] == SOL for r in rows) > len(rows) / 8,
    "a SOL and stable pair": lambda rows, _: any(pair(r) <= CASH for r in rows),
    "a coin and stable pair": lambda rows, _: any(
        len(pair(r) & STABLES) == 1 and not pair(r) <= CASH for r in rows
    ),
    "a pair of coins": lambda rows, _: any(not pair(r) & CASH for r in rows),
    "an intermediate hop": lambda _, transactions: any(
        mint not in CASH and change == 0
        for group in transactions
        for mint, change in net(group).items()
    ),
    "one pair split over several rows": lambda _, transactions: any(
        len(group) == distinct(group) > 1 and len({frozenset(pair(r)) for r in group}) == 1
        for group in transactions
    ),
    "identical fills": lambda _, transactions: any(
        distinct(group) < len(group) for group in transactions
    ),
    "a null price with a nearest one": lambda rows, _: any(
        leg["price"] is None and leg["nearest_price"] for r in rows for leg in legs(r)
    ),
    "no price at all": lambda rows, _: any(
        all(leg["price"] is leg["nearest_price"] is None for leg in legs(r))
        and "volume_usd" not in r
        for r in rows
    ),
    "old rows": lambda rows, _: any(
        not {"volume_usd", "block_number", "ins_index", "signers"} & r.keys() for r in rows
    ),
    "raw amounts as text": lambda rows, _: any(isinstance(r["base"]["amount"], str) for r in rows),
    "raw amounts with a fraction, without a place": lambda rows, _: any(
        isinstance(leg["change_amount"], float)
        and leg["change_amount"] % 1 > 0
        and r["source"] == "openbook_v2"
        and "ins_index" not in r
        for r in rows
        for leg in legs(r)
    ),
    "native SOL": lambda rows, _: any(NATIVE_SOL in pair(r) for r in rows),
    "staking and unstaking": lambda rows, _: (
        {leg["type"] for r in rows if r["source"] == "stake_pool" for leg in legs(r)}
        >= {"mintTo", "burn"}
    ),
    "twenty rows in one second": lambda rows, _: (
        max(Counter((r["owner"], r["block_unix_time"]) for r in rows).values()) >= 20
    ),
    "signers unknown": lambda rows, _: any(r.get("signers", []) is None for r in rows),
    "relayers": lambda rows, _: any(
        r.get("signers") and r["owner"] not in r["signers"] for r in rows
    ),
    "inner index unknown": lambda rows, _: any(r["inner_ins_index"] is None for r in rows),
    "symbols that lie": lambda rows, _: (
        {"🐸PEPO", "FARTLET ", "1"} <= {leg["symbol"] for r in rows for leg in legs(r)}
        and any(leg["symbol"] == "USDC" and leg["address"] != USDC for r in rows for leg in legs(r))
    ),
    "volume of the stable leg at one dollar": lambda rows, _: any(
        r.get("volume_usd") == leg["ui_amount"] and leg["price"] != 1
        for r in rows
        for leg in legs(r)
        if leg["address"] in STABLES
    ),
}


@pytest.fixture(scope="module")
def transactions(rows):
    groups = defaultdict(list)
    for row in rows:
        groups[row["owner"], row["tx_hash"]].append(row)
    return list(groups.values())


@pytest.mark.parametrize("trap", TRAPS)
def test_the_rows_hold_every_trap_of_the_real_ones(trap, rows, transactions):
    assert TRAPS[trap](rows, transactions)


def test_the_legs_of_every_row_agree_with_themselves(rows):
    for row in rows:
        base, quote = legs(row)
        assert (base["change_amount"] > 0) is not (quote["change_amount"] > 0)
        for leg in (base, quote):
            assert leg["type_swap"] == ("to" if leg["change_amount"] > 0 else "from")
            assert leg["ui_amount"] == abs(leg["ui_change_amount"])
            assert str(leg["amount"]) == str(abs(leg["change_amount"]))
        assert row["base_price"] == base["price"]
        assert row["quote_price"] == quote["price"]


def test_wallets_lie_on_the_curve_and_most_pools_off_it(market, rows):
    assert all(on_curve(wallet) for wallet in (*market.wallets, *market.quiet_wallets))
    pools = {row["address"] for row in rows}
    keyed = sum(on_curve(pool) for pool in pools)
    assert 0 < keyed < len(pools) / 3


def test_every_trading_wallet_is_a_holder_beside_quiet_ones_pools_exchanges_and_dust(market, rows):
    worth: defaultdict[str, float] = defaultdict(float)
    several = accounts = 0
    for token in market.tokens(ANCHOR):
        if token["price"] is None:
            continue
        owned: Counter[str] = Counter()
        for holder in market.holders(token["address"], ANCHOR):
            owned[holder["owner"]] += 1
            worth[holder["owner"]] += holder["ui_amount"] * token["price"]
        assert sum(owned.values()) <= 120
        accounts += sum(owned.values())
        several += sum(count - 1 for count in owned.values())
    assert set(market.wallets) <= {owner for owner, usd in worth.items() if usd > 1_000}
    assert set(market.quiet_wallets) <= worth.keys()
    quiet_share = len(market.quiet_wallets) / (len(market.quiet_wallets) + len(market.wallets))
    assert quiet_share == pytest.approx(0.39, abs=0.01)
    assert worth.keys() >= KNOWN_OWNERS.keys()
    assert worth.keys() & {row["address"] for row in rows}
    assert sum(usd < 1_000 for usd in worth.values()) > 100
    assert 0.05 < several / accounts < 0.15


def test_characters_differ_as_described(market):
    characters = Counter(market.truth.characters.values())
    assert set(characters) == set(Character)
    skilled = sum(characters[one] for one in SKILLS)
    assert characters[Character.LUCKY] == pytest.approx(20 * skilled, rel=0.1)
    trades = market.truth.trades
    insiders = [w for w, c in market.truth.characters.items() if c is Character.INSIDER]
    assert set(trades.filter(trades["wallet_address"].is_in(insiders))["side"]) == {"sell"}
    arbitrageurs = {w for w, c in market.truth.characters.items() if c is Character.ARBITRAGEUR}
    assert set(market.truth.arbitrages["wallet_address"]) == arbitrageurs


def on_curve(address: str) -> bool:
    return Pubkey.from_string(address).is_on_curve()


def legs(row: Row) -> tuple[Row, Row]:
    return row["base"], row["quote"]


def pair(row: Row) -> set[str]:
    return {row["base"]["address"], row["quote"]["address"]}


def net(group: list[Row]) -> Counter[str]:
    changes: Counter[str] = Counter()
    for row in group:
        for leg in legs(row):
            changes[leg["address"]] += round(leg["change_amount"])
    return changes


def distinct(group: list[Row]) -> int:
    return len({json.dumps(row) for row in group})
