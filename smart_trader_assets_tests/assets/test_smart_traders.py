"""The gold tables through Dagster and Delta: one classification, three tables, one settlement."""

import shutil
from datetime import timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import (
    CLASSIFIED_WALLETS,
    COPY_RESULTS,
    POSITIONS,
    RECENT_TRADES,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKEN_SIGNALS,
    TOKEN_TRADES,
    TRACED_WALLETS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    WALLET_CLUSTERS,
)
from smart_trader_assets.tables.transitions import whales_screened
from smart_trader_assets_tests.assets.ranked_root import GOLD, STAMP, Gold
from smart_trader_assets_tests.ranking.pnl_rows import AS_OF, portfolio, token, trader
from smart_trader_assets_tests.support.made_once import MadeOnce
from smart_trader_assets_tests.support.samples import frame, tracked_whale
from smart_trader_assets_tests.support.tiny_market import ANN


class DiedError(Exception):
    """What a process that is killed between two commits would have raised."""


@pytest.fixture
def gold(tmp_path: Path) -> Gold:
    return Gold(tmp_path / "root")


@pytest.fixture
def ranked(tmp_path: Path, made_once: MadeOnce) -> Gold:
    """ANN and BOB are ELITE."""

    def make(folder: Path) -> None:
        gold = Gold(folder / "root")
        gold.put(*trader("ann"), *trader("bob"))
        gold.judge()

    folder, _ = made_once("test_smart_traders.ranked", make)
    shutil.copytree(folder / "root", tmp_path / "root")
    return Gold(tmp_path / "root")


def test_one_run_writes_who_is_in_who_is_out_and_what_changed(gold):
    gold.put(*trader("ann"), portfolio("bob", max_trades_per_day=900))
    tables = (
        *GOLD,
        WALLET_CLUSTERS,
        POSITIONS,
        TOKEN_SIGNALS,
        TOKEN_TRADES,
        RECENT_TRADES,
        COPY_RESULTS,
        TRACED_WALLETS,
    )
    assert gold.judge() == {dg.AssetKey.from_user_string(table.name) for table in tables}
    assert gold.rows(SMART_TRADERS, "wallet_address", "tier") == [("ann", "ELITE")]
    assert gold.rows(CLASSIFIED_WALLETS, "wallet_address", "wallet_class") == [("bob", "BOT")]
    assert gold.rows(TIER_CHANGES, "wallet_address", "change_number", "change", "changed_at") == [
        ("ann", 1, "ARRIVED", AS_OF)
    ]
    assert gold.due() == 0


def test_who_no_longer_qualifies_leaves_at_the_next_run(ranked):
    ranked.put(
        *trader("ann", conservative_pnl=500.0),
        *trader("bob", conservative_pnl=-1.0),
        *trader("cat"),
    )
    ranked.judge(day=1)
    assert ranked.rows(SMART_TRADERS, "wallet_address", "tier") == [
        ("ann", "PROMISING"),
        ("cat", "ELITE"),
    ]
    assert ranked.rows(CLASSIFIED_WALLETS, "wallet_address", "wallet_class") == [
        ("bob", "UNPROFITABLE")
    ]
    told = ranked.rows(TIER_CHANGES, "wallet_address", "change_number", "change", "changed_at")
    later = AS_OF + timedelta(days=1)
    assert told == [
        ("ann", 1, "ARRIVED", AS_OF),
        ("ann", 2, "DEMOTED", later),
        ("bob", 1, "ARRIVED", AS_OF),
        ("bob", 2, "LEFT", later),
        ("cat", 1, "ARRIVED", later),
    ]


def test_where_nobody_qualifies_any_more_the_ranking_is_empty(ranked):
    gone = {"conservative_pnl": -1.0}
    ranked.put(portfolio("ann", **gone), portfolio("bob", **gone))
    ranked.judge(day=1)
    assert ranked.rows(SMART_TRADERS, "wallet_address") == []
    assert ranked.rows(TIER_CHANGES, "change_number", "change", "wallet_class") == [
        *[(1, "ARRIVED", None)] * 2,
        *[(2, "LEFT", "UNPROFITABLE")] * 2,
    ]


def test_a_run_with_nothing_due_writes_nothing(gold):
    gold.judge()
    assert gold.versions() == [0] * 4


def test_a_run_with_nothing_due_any_more_writes_nothing(ranked):
    before = ranked.versions()
    ranked.judge(day=1)
    assert ranked.versions() == before


def test_judging_again_what_has_not_changed_doubles_nothing(gold):
    gold.put(*trader("ann"), portfolio("bob", max_trades_per_day=900))
    gold.judge()
    before = [gold.store.scan(contract).collect() for contract in GOLD]
    gold.put(*trader("ann"), portfolio("bob", max_trades_per_day=900, same_block_share=1.0))
    gold.judge()
    assert gold.due() == 0
    after = [gold.store.scan(contract).collect() for contract in GOLD]
    assert after[0].equals(before[0])
    assert after[2].equals(before[2])
    assert after[1]["same_block_share"].to_list() == [1.0]


@pytest.mark.parametrize("survived", range(4))
def test_a_run_that_dies_between_two_commits_is_repeated_and_doubles_nothing(
    ranked, monkeypatch, survived
):
    ranked.put(
        *trader("ann", conservative_pnl=500.0),
        *trader("cat"),
        portfolio("bob", conservative_pnl=-1.0),
    )
    commits: list[str] = []
    commit = DeltaStore.commit

    def dying(store, what, operation):
        if len(commits) == survived:
            raise DiedError(what)
        commits.append(what)
        return commit(store, what, operation)

    with monkeypatch.context() as patched:
        patched.setattr(DeltaStore, "commit", dying)
        with pytest.raises(DiedError):
            ranked.judge(day=1)
    assert ranked.due() > 0
    ranked.judge(day=2)
    assert ranked.due() == 0
    assert ranked.rows(SMART_TRADERS, "wallet_address", "tier") == [
        ("ann", "PROMISING"),
        ("cat", "ELITE"),
    ]
    assert ranked.rows(CLASSIFIED_WALLETS, "wallet_address") == [("bob",)]
    assert ranked.rows(TIER_CHANGES, "wallet_address", "change_number", "change") == [
        ("ann", 1, "ARRIVED"),
        ("ann", 2, "DEMOTED"),
        ("bob", 1, "ARRIVED"),
        ("bob", 2, "LEFT"),
        ("cat", 1, "ARRIVED"),
    ]


def test_a_change_that_was_missed_is_told_by_the_next_whole_classification(gold):
    alone = dg.AssetKey.from_user_string(SMART_TRADERS.name)
    gold.put(*trader("ann"))
    assert gold.judge(alone) == {alone}
    assert gold.due() == 0
    assert gold.rows(TIER_CHANGES, "wallet_address") == []
    gold.put(*trader("ann", win_rate=51.0))
    gold.judge(day=1)
    assert gold.rows(TIER_CHANGES, "wallet_address", "change") == [("ann", "ARRIVED")]


def test_the_pool_of_any_swap_is_kept_out(gold):
    gold.trade("s", pool=ANN)
    gold.put(*trader(ANN), *trader("bob"))
    gold.judge()
    assert gold.rows(CLASSIFIED_WALLETS, "wallet_address", "wallet_class") == [(ANN, "POOL")]
    assert gold.rows(SMART_TRADERS, "wallet_address") == [("bob",)]


def test_reasons_name_a_tracked_token_by_its_symbol_and_its_mint(gold):
    mint = "ADwdJg2ZLwX4hXc"
    listed = {
        "token_address": mint,
        "token_shard": "00",
        "symbol": "BONK",
        "first_listed_on": AS_OF.date(),
        "last_listed_on": AS_OF.date(),
        "metrics_at": AS_OF,
        "whale_fetch_status": "completed",
        "is_newly_tracked": False,
        "attempts": 0,
    }
    schema = {name: TRACKED_TOKENS.schema[name] for name in listed}
    gold.store.write(TRACKED_TOKENS, Batch(pl.DataFrame([listed], schema=schema), "00"), STAMP)
    gold.put(*trader("ann"), token("ann", mint, 2_000.0), *trader("bob"))
    gold.judge()
    reasons = dict(gold.rows(SMART_TRADERS, "wallet_address", "reasons"))
    assert "Best of 13 tokens: BONK (ADwd…4hXc) with 2,000.00 USD." in reasons["ann"]
    assert "Best of 12 tokens: mint-11 with 1,000.00 USD." in reasons["bob"]


def test_who_is_a_bot_no_longer_by_other_rules_is_screened_again(tmp_path):
    gold = Gold(tmp_path / "root")
    gold.put(
        *(
            portfolio(wallet, max_trades_per_day=trades)
            for wallet, trades in (("bob", 900), ("cat", 5_000))
        )
    )
    names = ("wallet_address", "processing_status", "exclude_reason", "excluded_by_rules")
    shut = [("bob", "excluded", "A bot.", "rules"), ("cat", "excluded", "A bot.", "rules")]
    whales = frame(TRACKED_WHALES, [tracked_whale(wallet) for wallet in ("bob", "cat")])
    gold.store.write(TRACKED_WHALES, Batch(whales, "00"), STAMP)
    written = gold.store.scan(TRACKED_WHALES).collect()
    excluded = written.with_columns(exclude_reason=pl.lit("A bot."))
    gold.store.settle(whales_screened(excluded, rules="rules"), STAMP)
    gold.judge()
    assert gold.rows(CLASSIFIED_WALLETS, "wallet_class") == [("BOT",), ("BOT",)]
    assert gold.rows(TRACKED_WHALES, *names) == shut
    Gold(tmp_path / "root", bot_trades_in_day=1_000).judge(day=1)
    assert gold.rows(TRACKED_WHALES, *names) == [("bob", "pending", None, None), shut[1]]


def test_the_settings_rule_the_ranking(tmp_path):
    gold = Gold(tmp_path / "root", min_active_days=50, max_idle_days=0.5)
    gold.put(*trader("ann"))
    gold.judge()
    (reasons,) = gold.store.scan(CLASSIFIED_WALLETS).collect()["reasons"].to_list()
    assert reasons == [
        "Not enough evidence: 12 active days of 50.",
        "No trade since 2026-02-28, longer than 0.5 days.",
    ]
