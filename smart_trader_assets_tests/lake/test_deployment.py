"""A root belongs to one shared state, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest

from smart_trader_assets.drain import Drain
from smart_trader_assets.lake.deployment import MARK, check_mark, claim_root
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.settings import Settings, load_settings
from smart_trader_assets.state.errors import StateError
from smart_trader_assets.state.shared_state import state_of
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.postgres import NewDatabase


def of(root: Path, url: str | None = None) -> Settings:
    return load_settings({"source": "sandbox", "root": str(root), "state_url": url})


def claim(settings: Settings) -> None:
    claim_root(make_lake(settings), state_of(settings))


def test_a_root_stays_with_the_first_database_that_worked_on_it(tmp_path, new_database):
    first, second = of(tmp_path / "root", new_database()), of(tmp_path / "root", new_database())
    check_mark(make_lake(first), state_of(first))
    assert not (tmp_path / "root").exists(), "looking notes nothing"
    claim(first)
    claim(first)
    noted = json.loads((tmp_path / "root" / MARK).read_text())
    assert noted["id"] == state_of(first).deployment
    for other in (second, of(tmp_path / "root")):
        for how in (claim_root, check_mark):
            with pytest.raises(StateError, match="set SMART_TRADER_STATE_URL to that database"):
                how(make_lake(other), state_of(other))
    (tmp_path / "root" / MARK).unlink()
    claim(second)


def test_a_root_beside_its_files_is_not_noted(tmp_path):
    claim(of(tmp_path / "root"))
    assert not (tmp_path / "root").exists()


def test_a_drain_of_another_deployment_changes_nothing(
    pipeline: Pipeline, new_database: NewDatabase
):
    url, other = new_database(), new_database()
    ours = pipeline.settings(state_url=url)
    with dg.DagsterInstance.ephemeral() as instance:
        report = Drain(ours, instance).run()
        assert report.total("rows_inserted") > 0
        asked = pipeline.server.requests.total()
        with pytest.raises(StateError, match="worked on by a deployment"):
            Drain(pipeline.settings(state_url=other), instance).run()
    assert pipeline.server.requests.total() == asked
    # Nothing of the state lies in files.
    assert not list(Path(pipeline.root).glob("ops/*.sqlite"))
