"""The invented wallets that the definitions come with: each has the verdict that stands beside it."""

from datetime import UTC, datetime

import polars as pl
import pytest

from smart_trader_assets.pnl import compute_wallet_pnl
from smart_trader_assets.ranking import rank_wallets
from smart_trader_assets_tests.pnl.histories import frame, raw_rows
from smart_trader_assets_tests.support.command import RECORDED_ROWS
from smart_trader_assets_tests.support.defaults import RANKING

CASES = RECORDED_ROWS.parents[1] / "cases" / "wallets"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"no invented wallets at {CASES}")

VERDICTS = {
    "rug_bags": {"UNPROFITABLE"},
    "lst_bull": {"CASH_ONLY"},
    "sol_loser": {"QUALIFIED"},
    "lucky_bet_demotes.good": {"ELITE"},
    "lucky_bet_demotes.good_10_to_2000": {"ELITE"},
    "lucky_bet_demotes.good_1_to_0": {"ELITE"},
    "lucky_bet_demotes.good_1_to_1000": {"ELITE"},
    "lucky_bet_demotes.good_5_to_500": {"ELITE"},
    "bad_price_dead": {"UNPROFITABLE", "QUALIFIED"},
    "sniper_dev": {"LAUNCH_INSIDER"},
    "airdrop_wash": {"TRANSFERRED_IN"},
    "partial_history": {"UNTESTED"},
}


@pytest.fixture(scope="module")
def verdicts() -> dict[str, dict[str, object]]:
    """Replayed together: the newest row sets the clock, and each history is a recording."""
    histories = {
        path.stem: [row | {"wallet_address": row["owner"]} for row in raw_rows(path)]
        for path in sorted(CASES.glob("*.jsonl"))
    }
    rows = [row for one in histories.values() for row in one]
    as_of = datetime.fromtimestamp(max(row["block_unix_time"] for row in rows), UTC)
    names = {one[0]["wallet_address"]: name for name, one in histories.items()}
    known = pl.DataFrame(
        {"wallet_address": list(names), "history_complete": True, "recorded": True}
    )
    numbers = compute_wallet_pnl(frame(rows), as_of=as_of, histories=known)
    found = rank_wallets(numbers, rules=RANKING, as_of=as_of)
    told = [*found.traders.iter_rows(named=True), *found.excluded.iter_rows(named=True)]
    return {names[row["wallet_address"]]: row for row in told}


@pytest.mark.parametrize("name", list(VERDICTS))
def test_the_verdict_is_the_one_that_stands_beside_the_wallet(verdicts, name):
    row = verdicts[name]
    assert row.get("tier", row.get("wallet_class")) in VERDICTS[name]


@pytest.mark.parametrize("more", ["10_to_2000", "1_to_1000", "5_to_500"])
def test_with_a_further_winner_a_wallet_is_at_least_as_sure(verdicts, more):
    good, other = verdicts["lucky_bet_demotes.good"], verdicts[f"lucky_bet_demotes.good_{more}"]
    for name in ("skill_confidence", "return_floor", "expected_return", "score"):
        assert other[name] >= good[name] - 1e-9, name


def test_what_decides_is_named(verdicts):
    assert "15,800.00 USD of them unpriced for days" in " ".join(verdicts["rug_bags"]["reasons"])
    assert verdicts["partial_history"]["reasons"][0].startswith(
        "Whether it wins or loses is not known"
    )
    assert "estimated fees -90.00 USD" in verdicts["fee_eater"]["reasons"][0]
    assert "−15.0 % measured in SOL" in " ".join(verdicts["sol_loser"]["reasons"])
    # Sixty tokens, each traded with 10 USD ten times.
    assert verdicts["fee_eater"]["bets"] == pytest.approx(6.0, abs=0.2)
