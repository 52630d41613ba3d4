"""A root on S3 is a root: the same rows, nothing done twice, and whatever the store refuses is named."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import polars as pl
import polars.selectors as cs
import pytest

from smart_trader_assets.delta.errors import LakeError, RootError, StorageError
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.drain import Drain
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.report.page_file import page_is_current, write_page
from smart_trader_assets.report.page_place import page_of
from smart_trader_assets_tests.support.object_store import (
    CREDENTIALS,
    UNCONDITIONAL,
    Misbehaviour,
    ObjectStore,
)
from smart_trader_assets_tests.support.pipeline import DrainedRoot, Pipeline
from smart_trader_assets_tests.support.roots import assert_same, contents, versions
from smart_trader_assets_tests.trust.traces import all_logs, in_files, in_tables, in_texts, told

Tables = dict[str, pl.DataFrame]

TOKEN = "session-token-that-nobody-may-read"
# Only runs write once the root is made.
EXPIRED = Misbehaviour(
    400, "ExpiredToken", about=f"<Token-0>{TOKEN}</Token-0>", methods=("PUT",), after=70
)


def refused(pipeline: Pipeline) -> str:
    """What a drain is refused with: one line."""
    with pytest.raises(LakeError) as caught:
        pipeline.drain()
    assert isinstance(caught.value, RootError | StorageError)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert len(sentence) < 400
    return sentence


def objects(s3: ObjectStore, pipeline: Pipeline) -> list[str]:
    """What lies in the pipeline's bucket, but for the record of its runs."""
    held = s3.objects(str(pipeline.options["root"]).split("/")[2])
    return [name for name in held if "/ops/runs/" not in name]


def wherever(tables: Tables) -> Tables:
    """The tables without the shards, of which the local root has another number."""
    return {name: frame.drop(cs.ends_with("_shard")) for name, frame in tables.items()}


def test_credentials_that_expire_harm_nothing_and_the_next_run_ends_like_a_local_one(
    remote: Pipeline,
    s3: ObjectStore,
    first_run: DrainedRoot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    s3.misbehaves(EXPIRED)
    home = tmp_path / "home"
    home.mkdir()
    with all_logs() as logged, dg.DagsterInstance.local_temp(str(home)) as instance:
        with pytest.raises(StorageError, match="credentials have expired: renew them") as caught:
            Drain(remote.settings(), instance).run()
        assert any(not run.is_success for run in instance.get_runs())

    s3.behaves()
    secrets = (TOKEN, CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    assert in_texts([told(caught.value), *logged], secrets) == []
    assert in_files(tmp_path, secrets) == []
    assert in_tables(remote.store, secrets) == []

    remote.drain()
    local = contents(DeltaStore(str(first_run.root)))
    assert_same(wherever(contents(remote.store)), wherever(local))

    # What is no table lies there, too.
    lake = make_lake(remote.settings())
    page = page_of(lake)
    assert page.beginning(20) is None
    write_page(lake, page)
    assert page_is_current(lake, page)
    assert page.place.removeprefix("s3://").partition("/")[2] in objects(s3, remote)

    before, held = versions(remote.store), objects(s3, remote)
    remote.drain()
    assert versions(remote.store) == before
    assert objects(s3, remote) == held


def test_a_store_that_lets_two_first_puts_pass_is_refused_and_holds_nothing(
    remote: Pipeline, s3: ObjectStore
) -> None:
    s3.misbehaves(UNCONDITIONAL)
    assert "does not honour If-None-Match" in refused(remote)
    assert objects(s3, remote) == []


@pytest.mark.parametrize(
    ("how", "complaint"),
    [
        (Misbehaviour(403, "AccessDenied", methods=("PUT",)), "do not allow that"),
        (Misbehaviour(403, "InvalidAccessKeyId"), "does not know the credentials"),
        (Misbehaviour(403, "SignatureDoesNotMatch"), "does not know the credentials"),
        (Misbehaviour(301, "PermanentRedirect"), "set SMART_TRADER_STORAGE_REGION"),
        (
            Misbehaviour(307, "Moved", headers={"location": "http://127.0.0.1:9/elsewhere"}),
            "redirects: check SMART_TRADER_STORAGE_ENDPOINT",
        ),
        (Misbehaviour(400, "ExpiredToken"), "have expired: renew them"),
    ],
    ids=lambda given: given.code if isinstance(given, Misbehaviour) else "",
)
def test_a_store_that_refuses_is_named_and_holds_nothing(
    remote: Pipeline, s3: ObjectStore, how: Misbehaviour, complaint: str
) -> None:
    s3.misbehaves(how)
    assert complaint in refused(remote)
    s3.behaves()
    assert objects(s3, remote) == []


def test_a_bucket_that_does_not_exist_is_named(remote: Pipeline) -> None:
    elsewhere = Pipeline(remote.root, remote.server, {**remote.options, "root": "s3://nowhere/x"})
    assert "at s3://nowhere/x cannot be read: the bucket does not exist: make it" in refused(
        elsewhere
    )


def test_an_endpoint_where_nobody_answers_is_named(remote: Pipeline) -> None:
    silent = {**remote.options, "storage_endpoint": "http://127.0.0.1:9"}
    asked = Pipeline(remote.root, remote.server, silent)
    assert "the endpoint does not answer" in refused(asked)
