"""What the command shows has room for what it is read for, on a narrow screen too."""

import io

import polars as pl
import pytest
from rich.console import Console, RenderableType

from smart_trader_assets.cli.doctor import findings_table
from smart_trader_assets.cli.terminal import leaderboard, reset_table
from smart_trader_assets.doctor import Finding, Verdict
from smart_trader_assets.report.words import with_copied_deciding
from smart_trader_assets.tables.catalog import TRACKED_WHALES
from smart_trader_assets.tables.reset import Choice, plan_reset
from smart_trader_assets.text import short
from smart_trader_assets_tests.support.defaults import RANKING
from smart_trader_assets_tests.support.tiny_market import ANN, BOB

NARROW = 80
WIDE = 184

TRADERS = pl.DataFrame(
    {
        "overall_rank": [2, 1, 3],
        "wallet_address": [BOB, ANN, ANN[::-1]],
        "tier": ["STRONG", "ELITE", "QUALIFIED"],
        "score": [61.04, 71.26, 12.0],
        "conservative_pnl": [-3_200.0, 1_234_567.8, -5.2],
        "realized_pnl": [-3_200.0, 1_000_000.0, -5.2],
        "skill_confidence": [94.96, 99.5, None],
        "return_floor": [-1.0, 24.0, None],
        "copied_return": [-1.0, None, None],
        "copied_priced_share": [61.0, 0.0, None],
        "bet_win_rate": [50.0, 66.66, None],
        "roi": [-12.5, 1_050.0, None],
        "coverage": [100.0, 99.0, 70.0],
        "closing_count": [2, 31, 1],
        "token_count": [1, 12, 1],
    }
).pipe(with_copied_deciding, RANKING.copying)


def lines(shown: RenderableType, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as captured:
        console.print(shown)
    return [line.rstrip() for line in captured.get().splitlines() if line.strip()]


def test_a_narrow_leaderboard_shortens_the_wallets_and_keeps_the_measures():
    shown = lines(leaderboard(TRADERS, 20, NARROW), NARROW)
    ends = next(at for at, line in enumerate(shown) if line.startswith("Left out"))
    assert "bets won" in " ".join(shown[ends:])
    shown = [line for line in shown[:ends] if line.strip()]
    head, (first, second, third) = " ".join(shown[1:-4]).split(), shown[-3:]
    for name in ("#", "wallet", "tier", "conservative", "PnL", "confidence", "least"):
        assert name in head
    measures = ["ELITE", "$1,234,568", "99.5", "%", "24.0", "%"]
    assert first.split()[:8] == ["1", short(ANN), *measures]
    assert second.split()[:6] == ["2", short(BOB), "STRONG", "−$3,200", "94.96", "%"]
    assert third.split()[2] == "unproven"


def test_a_wide_leaderboard_has_whole_wallets_and_every_measure():
    shown = lines(leaderboard(TRADERS, 20, WIDE), WIDE)
    assert [line.split()[1] for line in shown[-3:]] == [ANN, BOB, ANN[::-1]]
    assert any(line.split()[-3:] == ["coverage", "sells", "tokens"] for line in shown)


@pytest.mark.parametrize(
    ("top", "title"),
    [(2, "2 smart traders, 1 unproven, 2 of 3 shown"), (3, "2 smart traders, 1 unproven")],
)
def test_a_leaderboard_says_how_many_it_leaves_out(top, title):
    assert lines(leaderboard(TRADERS, top, NARROW), NARROW)[0] == title


def test_a_row_to_reset_takes_two_narrow_lines_at_most(drained):
    plan = plan_reset(drained.store, Choice(TRACKED_WHALES.name, wallets=(ANN,)))
    title, head, _, *rows = lines(reset_table(plan, NARROW), NARROW)
    assert title == f"{plan.rows.height} rows of silver/tracked_whales"
    assert head.split()[0] == "whale_id"
    assert rows[0].split()[0].startswith(f"{short(ANN)}_")
    assert len(rows) <= 2 * plan.rows.height
    written = plan.rows["_delta_timestamp"][0]
    assert f"{written:%Y-%m-%d %H:%M:%S}" in rows[0]
    assert f"{written:%f}" not in rows[0]


def test_what_was_found_is_told_whole_with_what_to_do_below():
    long = "a reason that needs more room than a narrow screen has in one line, " * 2
    shown = lines(
        findings_table(
            [
                Finding("root", Verdict.OK, long),
                Finding("queue", Verdict.BROKEN, long, "Do this."),
            ]
        ),
        NARROW,
    )
    head, _, *told = shown
    assert "what to do" in head
    words = " ".join(" ".join(told).split())
    assert words == f"root ok {long.strip()} queue broken {long.strip()} Do this."
