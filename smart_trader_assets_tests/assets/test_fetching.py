"""Whose failure a failed fetch is."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from smart_trader_assets.assets.fetching import settled_trouble
from smart_trader_assets.assets.transactions import _asked_and_known
from smart_trader_assets.birdeye import NotFoundError, ServerError, ServiceOutageError
from smart_trader_assets.birdeye.session import Outcomes
from smart_trader_assets.delta.contract import TIME, VERSION
from smart_trader_assets.settings import load_settings
from smart_trader_assets.tables.catalog import TRACKED_WHALES
from smart_trader_assets.tables.cursors import WHALES_TO_FETCH
from smart_trader_assets.thresholds import due_policy
from smart_trader_assets_tests.support.samples import NOW, Row, frame, tracked_whale

HOUR = timedelta(hours=1)
SCOPE: Any = SimpleNamespace(as_of=NOW, policy=due_policy(load_settings()), reprocess=False)


def whales(*rows: Row) -> pl.DataFrame:
    """Whole rows of silver/tracked_whales as they were read."""
    given = frame(TRACKED_WHALES, rows)
    absent = {n: t for n, t in TRACKED_WHALES.schema.items() if n not in given.columns}
    return given.with_columns(
        pl.lit(0 if name == "attempts" else None, dtype=dtype).alias(name)
        for name, dtype in absent.items()
    ).with_columns(pl.lit(NOW).cast(TIME).alias(VERSION))


@pytest.mark.parametrize(
    ("stopped", "is_answered", "attempts"),
    [
        (None, False, {"slow": 1, "gone": 1}),
        (ServiceOutageError("all down"), False, {"slow": 0, "gone": 1}),
        (ServiceOutageError("all that were left"), True, {"slow": 1, "gone": 1}),
    ],
)
def test_an_outage_is_no_failure_of_those_that_it_hits_and_they_come_later(
    stopped, is_answered, attempts
):
    rows = whales(*(tracked_whale(name, processing_status="ready") for name in attempts))
    errors = {"slow": ServerError("500"), "gone": NotFoundError("404")}
    answers = ["an answer"] if is_answered else []
    outcomes: Outcomes[str] = Outcomes([*errors.values(), None, *answers], stopped)
    (settled,) = settled_trouble(
        WHALES_TO_FETCH, rows, "wallet_address", errors, SCOPE, is_outage=outcomes.is_outage
    )
    moved = rows.select("whale_id", "wallet_address").join(settled.rows, on="whale_id")
    assert dict(moved.select("wallet_address", "new_attempts").iter_rows()) == attempts
    assert set(moved["new_processing_status"]) == {"retry"}
    assert (moved["new_next_attempt_at"] > NOW).all()


@pytest.mark.parametrize(
    ("history", "is_known"),
    [
        ({}, True),
        ({"transactions_fetched_at": NOW - 90 * HOUR, "fetched_to": 1}, True),
        ({"resume_before": 5, "fetched_to": 1}, False),
    ],
)
def test_a_row_behind_its_wallet_takes_over_what_is_known_instead_of_being_paid_for(
    history, is_known
):
    """As one that was excluded, with what was known then, while its wallet was fetched for another row."""
    at_rest = tracked_whale(
        "w", "A", processing_status="processed", transactions_fetched_at=NOW - HOUR, fetched_to=9
    )
    rows = whales(at_rest, tracked_whale("w", "B", processing_status="ready", **history))
    asked, known = _asked_and_known(rows, SCOPE)
    assert (asked.height, known.height) == ((0, 1) if is_known else (2, 0))
