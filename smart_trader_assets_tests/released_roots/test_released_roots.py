"""A root of an earlier version is opened, upgraded and drained, and ends as that version would have left it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.errors import RootOutgrownError
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.doctor import Verdict, examine
from smart_trader_assets.pnl import WALLET_PNL_SCHEMA
from smart_trader_assets.pnl.assumptions import PNL_RULES
from smart_trader_assets.sandbox import Endpoint, Recording
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    CANDIDATES,
    CLASSIFIED_WALLETS,
    COPY_RESULTS,
    NOTIFICATIONS,
    POSITIONS,
    RECENT_TRADES,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKEN_SIGNALS,
    TOKEN_TRADES,
    TOKENS,
    TRACED_WALLETS,
    TRACKED_WHALES,
    TRANSACTIONS,
    TRANSFERS,
    WALLET_CLUSTERS,
    WALLET_PNL,
)
from smart_trader_assets.tables.layouts import carry_out_root_upgrade, plan_root_upgrade
from smart_trader_assets.tables.pnl_inputs import read_pnl_inputs
from smart_trader_assets.tables.root import read_identity
from smart_trader_assets_tests.pnl.agreement import assert_agree
from smart_trader_assets_tests.pnl.reference import reference_pnl
from smart_trader_assets_tests.released_roots.make import states_missing
from smart_trader_assets_tests.released_roots.market import DRAINED, FAY, FOURTH, GNU
from smart_trader_assets_tests.released_roots.unpacked import RELEASED, unpack
from smart_trader_assets_tests.support.pipeline import Pipeline, open_pipeline
from smart_trader_assets_tests.support.roots import contents


@pytest.fixture(params=RELEASED, scope="module")
def unpacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(request.param, tmp_path_factory.mktemp(request.param))


@contextmanager
def upgraded_copy(unpacked: Path, root: Path) -> Iterator[Pipeline]:
    """The released root as `smart-trader upgrade --yes` leaves it, over the market that it was made from."""
    shutil.copytree(unpacked / "root", root)
    store = DeltaStore(str(root))
    with pytest.raises(RootOutgrownError, match="`smart-trader upgrade` shows"):
        read_identity(store)
    carry_out_root_upgrade(store, plan_root_upgrade(store), CommitInfo("upgrade-1", "upgrade"))
    assert not plan_root_upgrade(store).is_needed
    with open_pipeline(root, Recording.load(unpacked / "rows")) as pipeline:
        yield pipeline


@pytest.fixture
def upgraded(unpacked: Path, tmp_path: Path) -> Iterator[Pipeline]:
    with upgraded_copy(unpacked, tmp_path / "root") as pipeline:
        yield pipeline


@pytest.fixture(scope="module")
def drained(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The same after a drain; only the last test may drain it again."""
    with upgraded_copy(unpacked, tmp_path_factory.mktemp("drained") / "root") as pipeline:
        report = pipeline.drain(DRAINED)
        assert not report.stuck
        yield pipeline


def drained_tables(unpacked: Path) -> dict[str, pl.DataFrame]:
    """What the version that made the root ended with."""
    return {
        contract.name: pl.read_parquet(file)
        for contract in ALL_TABLES
        if (file := unpacked / "drained" / f"{contract.name.replace('/', '.')}.parquet").exists()
    }


# Their rows follow the definitions of the numbers, which have changed.
OF_NUMBERS = {
    contract.name for contract in (WALLET_PNL, SMART_TRADERS, CLASSIFIED_WALLETS, TIER_CHANGES)
}

ADDED_SINCE = {
    CANDIDATES.name,
    TOKEN_TRADES.name,
    RECENT_TRADES.name,
    COPY_RESULTS.name,
    POSITIONS.name,
    TOKEN_SIGNALS.name,
    WALLET_CLUSTERS.name,
    TRACED_WALLETS.name,
    TRANSFERS.name,
    NOTIFICATIONS.name,
}

# Sentences for people: a later version may put them otherwise, but gives a reason where there was one.
WORDS = ("reasons", "reject_reason", "exclude_reason", "last_error")


def without_words(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows without what a later version words or identifies otherwise, in an order that it shares."""
    rows = rows.with_columns(pl.col(name).is_not_null() for name in WORDS if name in rows.columns)
    if "swap_id" in rows.columns:
        rows = rows.drop("swap_id").sort("tx_hash", "ins_index", "base_change_amount")
    return rows


def test_it_opens_with_rows_in_every_state(upgraded):
    tables = contents(upgraded.store)
    missing = states_missing(tables)
    assert [state for state in missing if state.split(".")[0] not in ADDED_SINCE] == []


def test_the_doctor_finds_nothing_broken(upgraded):
    settings = upgraded.settings(FOURTH)
    findings = examine(settings, ask_api=False)
    broken = [finding for finding in findings if finding.verdict is Verdict.BROKEN]
    assert broken == []
    assert {"root", *(contract.name for contract in ALL_TABLES)} <= {f.check for f in findings}


def test_it_is_drained_to_the_tables_that_its_own_version_ended_with(unpacked, drained):
    found = contents(drained.store)
    wanted = drained_tables(unpacked)
    assert wanted.keys() == found.keys() - ADDED_SINCE
    for name, frame in wanted.items():
        if name not in OF_NUMBERS:
            kept = found[name].select(frame.columns)
            assert_frame_equal(without_words(kept), without_words(frame))


def test_its_numbers_are_those_of_the_definitions_that_hold_now(drained):
    """Of the wallets of the version that made it, as the plain reference tells them."""
    found = contents(drained.store)
    pnl, swaps = found[WALLET_PNL.name], found[TRANSACTIONS.name]
    assert pnl["pnl_rules"].unique().to_list() == [PNL_RULES]
    assert pnl["as_of"].unique().to_list() == [DRAINED]
    counted = swaps.filter(pl.col("set_aside_reason").is_null())
    store = drained.store
    inputs = read_pnl_inputs(
        swaps["wallet_address"].unique().to_list(),
        shards=swaps["wallet_shard"].unique().to_list(),
        as_of=DRAINED,
        transactions=store.scan(TRANSACTIONS),
        tracked_whales=store.scan(TRACKED_WHALES),
        tokens=store.scan(TOKENS),
    )
    known_to = dict(inputs.histories.select("wallet_address", "known_to").iter_rows())
    judged = reference_pnl(
        counted.to_dicts(), as_of=DRAINED, marks=inputs.marks.to_dicts(), histories=known_to
    )
    columns = [name for name in WALLET_PNL_SCHEMA if name not in ("liquidity", "known_to")]
    assert_agree(pnl.select(columns), judged)


def test_every_wallet_that_its_own_version_classified_is_classified(unpacked, drained):
    wanted, found = drained_tables(unpacked), contents(drained.store)
    ranked, excluded = SMART_TRADERS.name, CLASSIFIED_WALLETS.name
    assert _wallets(wanted[ranked], wanted[excluded]) == _wallets(found[ranked], found[excluded])


def _wallets(*tables: pl.DataFrame) -> set[str]:
    return {wallet for table in tables for wallet in table["wallet_address"]}


def test_what_had_failed_for_good_costs_no_request_and_a_second_drain_changes_nothing(drained):
    assert FAY not in drained.asked_for(Endpoint.SWAPS)
    assert GNU not in drained.asked_for(Endpoint.HOLDERS)
    before = contents(drained.store)
    report = drained.drain(DRAINED)
    assert [step.asset for step in report.steps] == ["bronze/tokens"]
    for name, frame in contents(drained.store).items():
        assert_frame_equal(frame, before[name])
