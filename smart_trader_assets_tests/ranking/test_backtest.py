"""An earlier ranking measured by what came after it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from smart_trader_assets.cli.app import app
from smart_trader_assets.delta.batch import Batch, CommitInfo
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.ranking import rank_wallets
from smart_trader_assets.ranking.backtest import (
    EVERYBODY,
    EXCLUDED,
    BacktestError,
    backtest,
    tier_outcomes,
)
from smart_trader_assets.sandbox import GeneratedMarket
from smart_trader_assets.settings import load_settings
from smart_trader_assets.tables.catalog import SMART_TRADERS, TRANSACTIONS
from smart_trader_assets_tests.ranking.market_rows import ANCHOR, PlantedMarket
from smart_trader_assets_tests.ranking.pnl_rows import AS_OF, pnl_frame, portfolio, trader
from smart_trader_assets_tests.support.defaults import RANKING

RULES = RANKING
AT = ANCHOR - timedelta(days=20)


def test_a_tier_earned_what_its_wallets_realized_in_between():
    flows = {"matched_cost": 25_000.0, "win_count": 10, "closing_count": 20}
    before = pnl_frame(
        *trader("ann", **flows),
        *trader("bob", **flows),
        *trader("idle", **flows),
        portfolio("bot", max_trades_per_day=900, **flows),
    )
    after = pnl_frame(
        portfolio(
            "ann", realized_pnl=16_500.0, matched_cost=27_000.0, win_count=13, closing_count=23
        ),
        portfolio(
            "bob", realized_pnl=14_500.0, matched_cost=28_000.0, win_count=10, closing_count=21
        ),
        portfolio("idle", **flows),
        portfolio(
            "bot", realized_pnl=14_000.0, matched_cost=30_000.0, win_count=10, closing_count=24
        ),
        portfolio("new", realized_pnl=1e9, **flows),
    )
    found = tier_outcomes(
        rank_wallets(before, rules=RULES, as_of=AS_OF), before, after, rules=RULES
    )
    assert found["tier"].to_list() == [*RULES.tier_names, EXCLUDED, EVERYBODY]
    rows = {row["tier"]: row for row in found.iter_rows(named=True)}
    assert rows["ELITE"] == {
        "tier": "ELITE",
        "wallets": 3,
        "active": 2,
        "closing_count": 4,
        "win_rate": 75.0,
        "realized_pnl": 1_000.0,
        "median_pnl": 500.0,
        "roi": 20.0,
        "profitable": 50.0,
    }
    assert rows[EXCLUDED]["realized_pnl"] == -1_000.0
    assert rows[EXCLUDED]["roi"] == -20.0
    assert (rows[EVERYBODY]["wallets"], rows[EVERYBODY]["realized_pnl"]) == (4, 0.0)
    unknown = ("win_rate", "realized_pnl", "median_pnl", "roi", "profitable")
    assert [rows["STRONG"][name] for name in ("wallets", "active", *unknown)] == [0, 0, *[None] * 5]


@pytest.fixture(scope="module")
def swaps(made_once):
    def make(_: Path) -> pl.DataFrame:
        return PlantedMarket(GeneratedMarket(8, ANCHOR, wallets=60, history_days=90)).swaps

    return made_once("test_backtest.swaps", make)[1]


def root_of(folder: Path, swaps: pl.DataFrame) -> DeltaStore:
    """A root that holds the swaps."""
    lake = make_lake(
        load_settings(
            {"source": "sandbox", "root": str(folder), "wallet_shards": 2, "sandbox_anchor": ANCHOR}
        )
    )
    for (shard,), rows in swaps.group_by("wallet_shard"):
        lake.store.write(TRANSACTIONS, Batch(rows, shard), CommitInfo("a test", TRANSACTIONS.name))
    return lake.store


@pytest.fixture(scope="module")
def store(made_once, swaps):
    """The swaps' root, to look at."""
    folder, _ = made_once(
        "test_backtest.store", lambda folder: root_of(folder / "root", swaps).root
    )
    return DeltaStore(str(folder / "root"))


@pytest.fixture(scope="module")
def at(made_once, store):
    """What the backtest as of AT finds."""
    return made_once("test_backtest.at", lambda _: backtest(store, rules=RULES, at=AT))[1]


def test_an_earlier_ranking_names_those_who_go_on_earning(at, swaps):
    assert at.at == AT
    assert at.until == datetime.fromtimestamp(swaps["block_unix_time"].max(), UTC)
    rows = {row["tier"]: row for row in at.tiers.iter_rows(named=True)}
    ranked = [rows[tier] for tier in ("ELITE", "STRONG", "PROMISING") if rows[tier]["active"]]
    assert sum(row["realized_pnl"] for row in ranked) > 0
    assert {row["wallets"] for row in ranked} != {0}


def test_the_forward_table_stands_beside_plain_leaderboards(at):
    found = at.copied
    tops = [f"TOP 20 BY {by}" for by in ("TOTAL PnL", "ROI", "WIN RATE")]
    names = found["group"].to_list()
    assert names[-5:] == [*tops, EXCLUDED, EVERYBODY]
    rows = {row["group"]: row for row in found.iter_rows(named=True)}
    everybody = rows[EVERYBODY]
    assert everybody["wallets"] == 60
    assert all(rows[top]["wallets"] == 20 for top in tops)
    assert 0 < everybody["priced_share"] < 100
    assert everybody["return_from"] < everybody["copied_return"] < everybody["return_to"]


def test_the_copied_bets_begin_after_the_ranking_and_end_with_the_swaps(store, at, swaps):
    late = at.copied
    sooner = backtest(store, rules=RULES, at=AT - timedelta(days=10)).copied
    bets = [table.filter(group=EVERYBODY)["copied_bets"].item() for table in (late, sooner)]
    assert 0 < bets[0] < bets[1]
    bought = swaps.filter(pl.col("block_unix_time") > AT.timestamp())
    assert bets[0] <= bought.height


def test_nothing_after_the_day_reaches_the_ranking(at, swaps, tmp_path):
    # Whatever comes later: here half of the wallets stop, and one swap names a trader as its pool.
    later = pl.col("block_unix_time") > AT.timestamp()
    stopped = pl.col("wallet_shard") == "00"
    last = swaps.sort("block_unix_time").tail(1)
    trader_of_then = swaps.filter(~later)["wallet_address"][0]
    other = root_of(
        tmp_path / "root",
        pl.concat(
            [
                swaps.filter(~(later & stopped)).join(last, on="swap_id", how="anti"),
                last.with_columns(address=pl.lit(trader_of_then)),
            ]
        ),
    )
    tiers = [at.tiers, backtest(other, rules=RULES, at=AT).tiers]
    assert tiers[1].select("tier", "wallets").equals(tiers[0].select("tier", "wallets"))
    assert tiers[1]["active"].to_list() != tiers[0]["active"].to_list()


def test_without_a_day_the_last_thirty_are_measured(store):
    found = backtest(store, rules=RULES)
    assert found.at == (found.until - timedelta(days=30)).replace(hour=0, minute=0, second=0)


def test_a_root_without_swaps_says_what_to_do(tmp_path):
    empty = make_lake(load_settings({"source": "sandbox", "root": str(tmp_path / "root")})).store
    with pytest.raises(
        BacktestError, match=r"There are no swaps in .*: fill it with `smart-trader run`"
    ):
        backtest(empty, rules=RULES)


@pytest.mark.parametrize("day", [ANCHOR - timedelta(days=900), ANCHOR + timedelta(days=900)])
def test_a_day_outside_of_the_history_is_refused_with_the_days_that_can_be_named(store, day):
    with pytest.raises(
        BacktestError, match=f"from {day:%Y-%m-%d %H:%M}: the swaps go from 2025-12-01"
    ):
        backtest(store, rules=RULES, at=day)


def test_the_command_shows_every_tier_and_changes_nothing(store):
    before = store.version(SMART_TRADERS), store.version(TRANSACTIONS)
    shown = CliRunner().invoke(app, ["backtest", "--data", store.root, "--at", "2026-02-09"])
    assert shown.exit_code == 0, shown.output
    assert "Ranked as of 2026-02-09, realized from then to 2026-03-31" in shown.output
    for tier in (*RULES.tier_names, EXCLUDED, EVERYBODY):
        assert tier in shown.output
    assert "from then on, 60 s late, at 3 % a round trip" in shown.output
    assert "TOP 20 BY TOTAL PnL" in shown.output
    assert shown.output.rstrip().endswith(
        "The wallets are those known today, chosen with hindsight: this compares tiers with each other and is "
        "not a forecast."
    )
    assert (store.version(SMART_TRADERS), store.version(TRANSACTIONS)) == before


def test_the_command_prints_the_same_as_json(store):
    shown = CliRunner().invoke(
        app, ["backtest", "--data", store.root, "--at", "2026-02-09", "--json"]
    )
    assert shown.exit_code == 0, shown.output
    printed = json.loads(shown.output)
    found = backtest(store, rules=RULES, at=AT.replace(hour=0))
    assert printed == found.as_json()
    assert printed["at"] == "2026-02-09T00:00:00+00:00"


def test_the_command_refuses_what_is_no_day(store):
    shown = CliRunner().invoke(app, ["backtest", "--data", store.root, "--at", "spring"])
    assert shown.exit_code == 2
    assert "--at spring is not a day" in shown.output
