"""The invented wallets that the definitions come with: each has the answer that stands beside it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smart_trader_assets.pnl import ALL_TOKENS, compute_wallet_pnl
from smart_trader_assets_tests.pnl.agreement import assert_agree
from smart_trader_assets_tests.pnl.conservation import assert_conserved
from smart_trader_assets_tests.pnl.figures import Row
from smart_trader_assets_tests.pnl.histories import frame, raw_rows
from smart_trader_assets_tests.pnl.reference import reference_pnl
from smart_trader_assets_tests.support.command import RECORDED_ROWS

CASES = RECORDED_ROWS.parents[1] / "cases" / "wallets"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"no invented wallets at {CASES}")
FEE = 0.075


def read(path: Path) -> list[Row]:
    """A recording's rows, which know no ordinal."""
    return [row | {"wallet_address": row["owner"]} for row in raw_rows(path)]


@pytest.fixture(scope="module")
def wallets() -> Mapping[str, list[Row]]:
    return {path.stem: read(path) for path in sorted(CASES.glob("*.jsonl"))}


@pytest.fixture(scope="module")
def clock(wallets) -> datetime:
    """The newest row of all sets it."""
    newest = max(row["block_unix_time"] for rows in wallets.values() for row in rows)
    return datetime.fromtimestamp(newest, UTC)


class Told:
    """The rows of the window `all`: of tokens, and the portfolio by its columns."""

    def __init__(self, rows: list[Row], as_of: datetime) -> None:
        table = compute_wallet_pnl(frame(rows), as_of=as_of).filter(window="all")
        self.tokens = {row["token_address"]: row for row in table.iter_rows(named=True)}
        self.portfolio = self.tokens.pop(ALL_TOKENS)

    def __getitem__(self, name: str) -> float:
        value: float = self.portfolio[name]
        return value


@pytest.fixture(scope="module")
def told(wallets, clock) -> Mapping[str, Told]:
    return {name: Told(rows, clock) for name, rows in wallets.items()}


def test_the_clock_is_common(clock):
    assert clock.date().isoformat() == "2025-12-08"


def test_rug_bags(told, wallets, clock):
    assert told["rug_bags"]["realized_pnl"] == 12_000.0
    assert told["rug_bags"]["conservative_pnl"] < -5_000
    later = Told(wallets["rug_bags"], clock + timedelta(days=7))
    assert later["conservative_pnl"] == pytest.approx(-8_000 - 220 * FEE)
    assert later["stale_open_cost"] == 20_000.0


def test_lst_bull(told):
    case = told["lst_bull"]
    assert (case.tokens, case["trade_count"], case["conversion_count"]) == ({}, 0, 10)
    assert (case["realized_pnl"], case["conservative_pnl"], case["total_pnl"]) == (0.0, 0.0, None)


def test_sol_loser(told):
    case = told["sol_loser"]
    assert case["realized_pnl"] == pytest.approx(7_146)
    assert case["realized_pnl_sol"] == pytest.approx(-18)
    assert case["roi_sol"] == pytest.approx(-15)
    assert case["sol_coverage"] == 100.0


@pytest.mark.parametrize(
    ("name", "gain"),
    [("10_to_2000", 1990), ("1_to_0", -0.99), ("1_to_1000", 999), ("5_to_500", 495)],
)
def test_lucky_bet_demotes(told, name, gain):
    good, other = told["lucky_bet_demotes.good"], told[f"lucky_bet_demotes.good_{name}"]
    assert other["realized_pnl"] - good["realized_pnl"] == pytest.approx(gain)
    assert len(other.tokens) == len(good.tokens) + 1 == 41


def test_bad_price_dead(told):
    case = told["bad_price_dead"]
    rolled = [row for row in case.tokens.values() if row["rollover_count"]]
    assert [row["realized_pnl"] for row in rolled] == [0.0] * 16
    assert sum(row["open_cost"] for row in rolled) == 800.0
    assert (case["rollover_count"], case["stale_open_cost"]) == (8, 800.0)
    assert case["conservative_pnl"] < -800


def test_sol_price_wrong(told):
    assert told["sol_price_wrong"]["realized_pnl"] == 30.0


def test_self_mark(told):
    assert told["self_mark"]["realized_pnl"] == pytest.approx(421, abs=0.01)
    assert told["self_mark"]["total_pnl"] == pytest.approx(421, abs=0.01)


def test_fee_eater(told):
    case = told["fee_eater"]
    assert case["realized_pnl"] == pytest.approx(613, abs=0.5)
    assert case["estimated_fees_usd"] == pytest.approx(1200 * FEE)
    assert case["conservative_pnl"] == pytest.approx(case["realized_pnl"] - 90)


def test_airdrop_wash(told):
    case = told["airdrop_wash"]
    assert case["unmatched_proceeds"] == 50_000.0
    assert case["realized_pnl"] < 0.05 * case["unmatched_proceeds"]


def test_exact_dup(told):
    assert (told["exact_dup"]["realized_pnl"], told["exact_dup"]["open_cost"]) == (20.0, 0.0)
    assert told["exact_dup"]["unmatched_proceeds"] == 0.0


def test_same_slot(told):
    case = told["same_slot"]
    assert (case["realized_pnl"], case["unmatched_proceeds"]) == (50.0, 0.0)


def test_dust_hop(told):
    case = told["dust_hop"]
    assert (case["buy_count"], case["sell_count"], len(case.tokens)) == (6, 6, 6)


def test_liqdust(told):
    cases = [told["liqdust.liqdust"], told["liqdust.liqdust0"]]
    assert cases[0]["realized_pnl"] == cases[1]["realized_pnl"]
    prices = [row["mark_price"] or 0.0 for case in cases for row in case.tokens.values()]
    assert max(prices) <= 5.0


def test_scaled(told):
    case = told["scaled"]
    assert [row["realized_pnl"] for row in case.tokens.values()] == [0.0, 0.0]
    assert case["realized_pnl"] == 0.0


def test_partial_history(told):
    case = told["partial_history"]
    assert case["unmatched_proceeds"] > 0.2 * case["total_sold"]
    assert case["coverage"] == 50.0


def test_migrate(told):
    (row,) = told["migrate"].tokens.values()
    assert (row["realized_pnl"], row["open_quantity"], row["open_cost"]) == (400.0, 500.0, 100.0)


def test_every_case_agrees_with_the_reference_and_conserves_money(wallets, clock):
    rows = [
        row | {"swap_id": f"{name} {place}"}
        for name, rows in wallets.items()
        # The reference knows a swap by its id only.
        for place, row in enumerate(rows)
        if row not in rows[:place]
    ]
    swaps = frame(rows)
    assert_agree(compute_wallet_pnl(swaps, as_of=clock), reference_pnl(rows, as_of=clock))
    assert_conserved(swaps, clock)
    assert swaps["wallet_address"].n_unique() == len(wallets)
