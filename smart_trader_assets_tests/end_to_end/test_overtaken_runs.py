"""A run that goes on beside a newer one changes nothing, says by whom it was overtaken, and pays no more."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from smart_trader_assets.assets import fetching, transactions
from smart_trader_assets.assets.fetching import Watch
from smart_trader_assets.sandbox import Endpoint, Recording
from smart_trader_assets.tables.catalog import (
    SMART_TRADERS,
    TIER_CHANGES,
    TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
)
from smart_trader_assets_tests.proofs.fencing import by_hand, doubled, stalled
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.rivals import (
    Contest,
    before_commits,
    elsewhere,
    failure,
    overtaken,
)
from smart_trader_assets_tests.support.roots import content
from smart_trader_assets_tests.support.tiny_market import LATER


# A share; `make prove-fencing` takes every commit of every asset.
@pytest.mark.parametrize(
    ("contend", "asset", "shards", "which"),
    [
        (stalled, WALLET_PNL, 1, 1),
        (doubled, TRACKED_WHALES, 1, 4),
        # Of the two shards that it commits together, it is overtaken in one.
        (partial(by_hand, shards="01"), WALLET_PNL, 2, 1),
    ],
)
def test_whatever_two_runs_do_to_each_other_the_root_ends_like_an_undisturbed_one(
    tiny_market: Recording,
    tmp_path: Path,
    contend: Callable[..., bool],
    asset: Any,
    shards: int,
    which: int,
) -> None:
    assert contend(Contest(tiny_market, asset, shards), number=which, place=tmp_path)


def while_held(pipeline: Pipeline, number: int, work: Callable[[], Any]) -> Callable[[int], None]:
    def notice(seen: int) -> None:
        if seen == number:
            elsewhere(work)

    return notice


def test_an_older_ranking_changes_no_tier_after_a_newer_one(
    tiny_market: Recording, tmp_path: Path
) -> None:
    contest = Contest(tiny_market, SMART_TRADERS)
    with contest.opened(tmp_path / "root") as pipeline:
        later: dict[str, Any] = {}

        def rank() -> None:
            pipeline.drain(LATER)
            later.update(
                {c.name: content(pipeline.store, c) for c in (SMART_TRADERS, TIER_CHANGES)}
            )

        # The fifth commit, after trades by token and by time, copied results and the excluded, is that of the
        # tier changes.
        with before_commits(while_held(pipeline, 5, rank)):
            result = contest.run(pipeline)
        told = failure(result) or ""
        assert f"Run {result.run_id} was overtaken: since it read its inputs, run " in told
        assert "has written gold/tier_changes for gold/tier_changes." in told
        assert "what is still due is done by the next run" in told
        for name, frame in later.items():
            contract = {c.name: c for c in (SMART_TRADERS, TIER_CHANGES)}[name]
            assert content(pipeline.store, contract).equals(frame)


def test_an_overtaken_run_sends_no_more_requests(
    tiny_market: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stopped with one wallet fetched; the other run fetches them all."""
    contest = Contest(tiny_market, TRANSACTIONS)
    with contest.opened(tmp_path / "root") as pipeline:
        monkeypatch.setattr(fetching, "LOOKS_EVERY_SECONDS", 0.0)
        monkeypatch.setattr(transactions, "WALLETS_AT_ONCE", 1)
        looks, requests, look = 0, 0, Watch.__call__

        def looked(watch: Watch) -> None:
            nonlocal looks, requests
            looks += 1
            if looks == 2:
                elsewhere(
                    lambda: contest.run(pipeline, **{"smart_trader/as_of": LATER.isoformat()})
                )
                requests = pipeline.requests(Endpoint.SWAPS)
            look(watch)

        monkeypatch.setattr(Watch, "__call__", looked)
        result = contest.run(pipeline)
        assert overtaken(result)
        assert requests > 0
        assert pipeline.requests(Endpoint.SWAPS) == requests


def test_an_overtaken_run_of_a_table_without_shards_sends_none_either(
    tiny_market: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contest = Contest(tiny_market, TOKENS)
    with contest.opened(tmp_path / "root") as pipeline:
        look, requests = Watch.__call__, 0

        def looked(watch: Watch) -> None:
            nonlocal requests
            if not requests:
                requests = 1
                elsewhere(lambda: contest.run(pipeline))
                requests = pipeline.requests(Endpoint.LISTINGS)
            look(watch)

        monkeypatch.setattr(Watch, "__call__", looked)
        assert overtaken(contest.run(pipeline))
        assert pipeline.requests(Endpoint.LISTINGS) == requests > 0


def test_a_run_that_was_given_up_while_it_stood_still_sends_no_more_requests(
    tiny_market: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has taken its place yet, but somebody may at any moment."""
    contest = Contest(tiny_market, TRANSACTIONS)
    look = Watch.__call__

    def given_up(watch: Watch) -> None:
        run = watch._instance.get_run_by_id(watch._run_id)
        assert run is not None
        watch._instance.report_run_failed(run, "its lease has expired")
        look(watch)

    with contest.opened(tmp_path / "root") as pipeline:
        pipeline.server.log.clear()
        with monkeypatch.context() as patch:
            patch.setattr(Watch, "__call__", given_up)
            result = contest.run(pipeline)
        assert not result.success
        told = failure(result) or ""
        assert "was marked as failure while its process was at work or stopped" in told
        assert pipeline.requests(Endpoint.SWAPS) == 0
        assert contest.run(pipeline).success
        assert set(pipeline.rows(TRACKED_WHALES)["processing_status"]) == {"processed"}
