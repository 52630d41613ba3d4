"""The doctor looks at a root in an object store as it does at a folder, and leaves nothing behind."""

from __future__ import annotations

import pytest

from smart_trader_assets.doctor.findings import Verdict, looked_at
from smart_trader_assets.doctor.surroundings import storage
from smart_trader_assets.doctor.table_health import all_tables
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.tables.catalog import ALL_TABLES
from smart_trader_assets.tables.ops import ROOT, RUNS
from smart_trader_assets_tests.support.object_store import (
    UNCONDITIONAL,
    Misbehaviour,
    ObjectStore,
)
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.tiny_market import NOW


def test_every_entry_and_every_file_is_found_and_the_probe_is_taken_away(
    remote: Pipeline, s3: ObjectStore
) -> None:
    remote.materialize(ALL_TABLES[0], NOW.date().isoformat())
    store = make_lake(remote.settings()).unchecked_store
    bucket = str(remote.options["root"]).split("/")[2]
    before = s3.objects(bucket)
    found = [*looked_at("storage", lambda: storage(store)), *all_tables(store, 168.0)]
    assert {finding.verdict for finding in found} == {Verdict.OK}, found
    assert len(found) == 1 + len(ALL_TABLES) + 1
    told = {finding.check: finding.found for finding in found}
    assert told[ALL_TABLES[0].name].startswith("3 log entries")
    assert "1 rows in 1 files" in told[RUNS.name]
    assert s3.objects(bucket) == before
    assert any(ROOT.name in name for name in before)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (UNCONDITIONAL, "does not honour If-None-Match"),
        (Misbehaviour(403, "AccessDenied", methods=("PUT",)), "the credentials do not allow that"),
    ],
    ids=["conditional puts", "writing"],
)
def test_a_store_that_would_lose_commits_or_may_not_be_written_is_told(
    remote: Pipeline, s3: ObjectStore, how: Misbehaviour, told: str
) -> None:
    store = make_lake(remote.settings()).unchecked_store
    s3.misbehaves(how)
    (finding,) = looked_at("storage", lambda: storage(store))
    assert finding.verdict is Verdict.BROKEN
    assert told in finding.found
