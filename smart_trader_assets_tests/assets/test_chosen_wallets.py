"""A run about chosen wallets: the job of the UI, and single assets with its configuration."""

from __future__ import annotations

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


def test_what_is_due_of_others_stays_due(pipeline: Pipeline) -> None:
    pipeline.drain(credits_per_run=100 + 3 * 50)
    waiting = pipeline.rows(TRACKED_WHALES).filter(processing_status="ready")
    assert {ANN, CID} <= set(waiting["wallet_address"])
    assert run_job(pipeline, CID)
    left = pipeline.rows(TRACKED_WHALES).filter(processing_status="ready")
    assert set(left["wallet_address"]) == set(waiting["wallet_address"]) - {CID}
    assert set(pipeline.rows(TRANSACTIONS)["wallet_address"]) == {CID}
    assert set(pipeline.rows(WALLET_PNL)["wallet_address"]) == {CID}


@pytest.mark.parametrize("named", ["", " , "])
def test_the_job_refuses_to_be_about_everybody(pipeline: Pipeline, named: str) -> None:
    pipeline.drain(credits_per_run=100 + 3 * 50)
    waiting = pipeline.rows(TRACKED_WHALES)
    pipeline.server.log.clear()
    with pytest.raises(dg.Failure, match="No wallet is named: give the run the tag `wallets`"):
        run_job(pipeline, named)
    assert pipeline.requests(Endpoint.SWAPS) == 0
    assert pipeline.rows(TRACKED_WHALES).equals(waiting)
