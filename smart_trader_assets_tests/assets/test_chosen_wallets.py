"""A run about chosen wallets: the job of the UI, and single assets with its configuration."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import pytest

from smart_trader_assets.assembly import make_definitions
from smart_trader_assets.assets.keys import WALLET_JOB
from smart_trader_assets.assets.scope import AS_OF_TAG, WALLETS_TAG
from smart_trader_assets.automation.live_runs import RANGE_END_TAG, RANGE_START_TAG
from smart_trader_assets.sandbox import Endpoint
from smart_trader_assets.tables.catalog import (
    CLASSIFIED_WALLETS,
    SMART_TRADERS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
)
from smart_trader_assets_tests.support.made_once import MadeOnce
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.tiny_market import ANN, BOB, CID, NOW, VAULT


def run_job(pipeline: Pipeline, wallets: str) -> bool:
    """The job, as the UI launches it for all shards."""
    job = make_definitions(pipeline.settings()).resolve_job_def(WALLET_JOB)
    tags = {
        WALLETS_TAG: wallets,
        RANGE_START_TAG: "00",
        RANGE_END_TAG: "01",
        AS_OF_TAG: NOW.isoformat(),
    }
    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(instance=instance, tags=tags).success


@pytest.fixture
def waiting(pipeline: Pipeline, made_once: MadeOnce) -> Pipeline:
    """A root whose wallets are all known, and the credits were spent before their swaps were asked for."""

    def make(folder: Path) -> None:
        first = Pipeline(folder / "root", pipeline.server, pipeline.options)
        first.drain(credits_per_run=100 + 3 * 50)

    folder, _ = made_once("test_chosen_wallets.waiting", make)
    shutil.copytree(folder / "root", pipeline.root)
    pipeline.server.log.clear()
    return pipeline


def test_the_job_leads_from_addresses_to_their_ranks_on_a_fresh_root(pipeline: Pipeline) -> None:
    assert run_job(pipeline, f"{ANN}, {BOB}")
    assert pipeline.rows(SMART_TRADERS)["wallet_address"].to_list() == [ANN]
    assert pipeline.rows(CLASSIFIED_WALLETS)["wallet_address"].to_list() == [BOB]
    assert pipeline.asked_for(Endpoint.SWAPS) == {ANN: 1, BOB: 1}
    assert run_job(pipeline, ANN)
    assert pipeline.asked_for(Endpoint.SWAPS) == {ANN: 1, BOB: 1}


def test_an_address_that_is_none_is_excluded_with_its_reason(pipeline: Pipeline) -> None:
    assert run_job(pipeline, f"nonsense,{VAULT}")
    rows = pipeline.rows(TRACKED_WHALES).sort("wallet_address")
    assert set(rows["processing_status"]) == {"excluded"}
    assert all("The owner is" in reason for reason in rows["exclude_reason"])
    assert pipeline.requests(Endpoint.SWAPS) == 0


def test_what_is_due_of_others_stays_due(waiting: Pipeline) -> None:
    before = waiting.rows(TRACKED_WHALES).filter(processing_status="ready")
    assert {ANN, CID} <= set(before["wallet_address"])
    assert run_job(waiting, CID)
    left = waiting.rows(TRACKED_WHALES).filter(processing_status="ready")
    assert set(left["wallet_address"]) == set(before["wallet_address"]) - {CID}
    assert set(waiting.rows(TRANSACTIONS)["wallet_address"]) == {CID}
    assert set(waiting.rows(WALLET_PNL)["wallet_address"]) == {CID}


@pytest.mark.parametrize("named", ["", " , "])
def test_the_job_refuses_to_be_about_everybody(waiting: Pipeline, named: str) -> None:
    before = waiting.rows(TRACKED_WHALES)
    assert before.height
    with pytest.raises(dg.Failure, match="No wallet is named: give the run the tag `wallets`"):
        run_job(waiting, named)
    assert waiting.requests(Endpoint.SWAPS) == 0
    assert waiting.rows(TRACKED_WHALES).equals(before)
