"""bronze/tokens says what silver/tracked_tokens says, whatever crosses, and whoever dies in between."""

from __future__ import annotations

from typing import Any

import pytest

from smart_trader_assets.assets.scope import REPROCESS_TAG
from smart_trader_assets.checks.catalogue import Look, all_checks
from smart_trader_assets.sandbox import Recording
from smart_trader_assets.tables.catalog import TOKENS, TRACKED_TOKENS, WHALES
from smart_trader_assets.tables.mirrors import parted_mirrors
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.rivals import Contest, before_commits, elsewhere
from smart_trader_assets_tests.support.tiny_market import LATER

MIRROR = ("whale_fetch_status", "whale_fetched_at", "is_newly_tracked")


def parted(pipeline: Pipeline) -> int:
    store = pipeline.store
    return parted_mirrors(store.scan(TOKENS), store.scan(TRACKED_TOKENS)).height


def tokens_say_the_same(pipeline: Pipeline) -> None:
    """Every tracked listing says of each token what silver says."""
    listed = pipeline.rows(TOKENS).filter(tracking_status="tracked")
    both = listed.join(pipeline.rows(TRACKED_TOKENS), on="token_address", suffix="_silver")
    assert both.height == listed.height > 0
    for name in MIRROR:
        assert both[name].to_list() == both[f"{name}_silver"].to_list()


@pytest.mark.parametrize("number", [1, 2])
def test_whales_fetched_while_a_listing_is_tracked_show_on_the_listing(
    tiny_market: Recording, tmp_path: Any, number: int
) -> None:
    """The listing is changed and due again; its token's whales are fetched before it is tracked."""
    contest = Contest(tiny_market, WHALES)
    with contest.opened(tmp_path / "root") as pipeline:
        assert pipeline.materialize(TOKENS, "2025-07-01", as_of=LATER).success
        held = {number: lambda: pipeline.materialize(WHALES, "00")}

        def stop(seen: int) -> None:
            if seen in held:
                elsewhere(held.pop(seen))

        with before_commits(stop):
            assert pipeline.materialize(TRACKED_TOKENS, "00", as_of=LATER).success
        assert not held
        assert parted(pipeline) == 0
        tokens_say_the_same(pipeline)


def part(pipeline: Pipeline) -> None:
    """What a run leaves that died between the state in silver and the mirror."""
    table = pipeline.store.open(TOKENS)
    table.update({"whale_fetch_status": "'pending'", "whale_fetched_at": "NULL"})


@pytest.mark.parametrize("table", [TRACKED_TOKENS, WHALES])
def test_the_next_run_of_either_asset_joins_what_had_parted(drained: Pipeline, table: Any) -> None:
    part(drained)
    assert parted(drained) > 0
    for shard in ("00", "01"):
        assert drained.materialize(table, shard, tags={REPROCESS_TAG: "true"}).success
    assert parted(drained) == 0
    tokens_say_the_same(drained)


def test_a_check_sees_what_has_parted(drained: Pipeline) -> None:
    (check,) = (check for check in all_checks() if check.name == "listings_mirror_it")
    store = drained.store
    look = Look(store, TRACKED_TOKENS, store.scan(TRACKED_TOKENS), None, drained.settings())
    assert check.find(look).is_empty()
    part(drained)
    found = check.find(look)
    assert found["fault"].unique().to_list() == ["it says pending, and its whales were fetched"]
    assert not check.blocking
    assert set(found["token_address"]) == set(
        drained.rows(TRACKED_TOKENS).filter(whale_fetch_status="completed")["token_address"]
    )
