"""A table that something else has touched: a run refuses it in one sentence and harms nothing, the doctor
says where it is broken, and once it is put right the next run completes."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from smart_trader_assets.delta.errors import LakeError
from smart_trader_assets.delta.maintenance import maintain
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.doctor.findings import Verdict
from smart_trader_assets.doctor.table_health import all_tables
from smart_trader_assets.tables.catalog import TRANSACTIONS, WALLET_PNL
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.samples import STAMP
from smart_trader_assets_tests.support.tiny_market import LATER

WEEK = 168.0


def commits(table: Path) -> list[Path]:
    return sorted((table / "_delta_log").glob("*.json"))


def tear(table: Path) -> None:
    """The newest entry is written half."""
    newest = commits(table)[-1]
    newest.write_text(newest.read_text()[:200])


def lose_entry(table: Path) -> None:
    commits(table)[1].unlink()


def raise_protocol(table: Path, **protocol: object) -> None:
    version = int(commits(table)[-1].stem) + 1
    raised = {"minReaderVersion": 1, "minWriterVersion": 7, **protocol}
    entry = table / "_delta_log" / f"{version:020}.json"
    entry.write_text(json.dumps({"protocol": raised}) + "\n")


def ask_for_a_newer_writer(table: Path) -> None:
    raise_protocol(table, minWriterVersion=99)


def ask_for_a_feature(table: Path) -> None:
    raise_protocol(table, writerFeatures=["appendOnly", "rowTracking"])


def ask_for_a_newer_reader(table: Path) -> None:
    raise_protocol(table, minReaderVersion=99, minWriterVersion=99)


def add_a_column(table: Path) -> None:
    """Another program appends rows with a column of its own."""
    row = pl.scan_delta(str(table)).head(1).with_columns(mood=pl.lit("good")).collect()
    write_deltalake(str(table), row.to_arrow(), mode="append", schema_mode="merge")


def make_append_only(table: Path) -> None:
    DeltaTable(table).alter.set_table_properties({"delta.appendOnly": "true"})


def replace_by_parquet(table: Path) -> None:
    """Another program writes plain Parquet where the table was."""
    row = pl.scan_delta(str(table)).head(1).collect()
    shutil.rmtree(table)
    table.mkdir()
    row.write_parquet(table / "part-0.parquet")


@pytest.mark.parametrize(
    ("damage", "refusal", "finding"),
    [
        (tear, r"silver/wallet_pnl at .* cannot be read", "log entry of version .* cannot be read"),
        (lose_entry, r"silver/wallet_pnl at .* cannot be read", "The log lacks version 1"),
        (
            ask_for_a_newer_writer,
            "wallet_pnl asks for Delta writer version 99",
            "writer version 99",
        ),
        (ask_for_a_feature, "asks for the Delta features rowTracking", "features rowTracking"),
        (ask_for_a_newer_reader, "[Uu]nsupported minimum reader version 99", "reader version 99"),
        (
            add_a_column,
            "wallet_pnl was made with another schema: column mood",
            "column mood is unk",
        ),
        (make_append_only, "wallet_pnl is append-only", "append-only.*Set it to false"),
        (replace_by_parquet, "silver/wallet_pnl is gone", "silver/wallet_pnl is gone"),
    ],
)
def test_a_run_refuses_it_by_name_and_the_doctor_says_where_it_is_broken(
    drained: Pipeline, damage: Callable[[Path], None], refusal: str, finding: str
) -> None:
    damage(drained.root / WALLET_PNL.name)
    before = files(drained.root)

    with pytest.raises(LakeError, match=refusal) as error:
        drained.drain(LATER)
    assert "\n" not in str(error.value)
    assert drained.server.requests.total() == 0

    found = list(all_tables(DeltaStore(str(drained.root)), WEEK))
    broken = [f for f in found if f.verdict is Verdict.BROKEN]
    assert {f.check for f in broken} == {WALLET_PNL.name}
    assert any(re.search(finding, f.found) for f in broken), broken
    assert files(drained.root) == before


def test_once_it_is_put_back_from_a_copy_the_next_run_completes(drained: Pipeline) -> None:
    table, copy = drained.root / WALLET_PNL.name, drained.root.parent / "copy"
    shutil.copytree(table, copy)
    tear(table)
    with pytest.raises(LakeError):
        drained.drain(LATER)
    shutil.rmtree(table)
    shutil.copytree(copy, table)
    assert drained.materialize(WALLET_PNL, "00", tags={"reprocess": "true"}).success


def files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.suffix not in {".lock", ".sqlite"}
    }


def troubles(root: Path) -> list[tuple[str, Verdict, str]]:
    found = all_tables(DeltaStore(str(root)), WEEK)
    return [(f.check, f.verdict, f.found) for f in found if f.verdict is not Verdict.OK]


def test_an_entry_behind_the_checkpoint_is_history_and_stops_no_run(drained: Pipeline) -> None:
    maintain(drained.store, TRANSACTIONS, retention_hours=WEEK, stamp=STAMP)
    entry = commits(drained.root / TRANSACTIONS.name)[1]
    entry.write_text("{ torn")
    assert drained.materialize(WALLET_PNL, "00", tags={"reprocess": "true"}).success
    newest = drained.store.version(TRANSACTIONS)
    assert drained.store.changes(TRANSACTIONS, since=datetime.now(UTC)).is_empty()
    assert drained.store.version(TRANSACTIONS) == newest
    ((check, verdict, found),) = troubles(drained.root)
    assert (check, verdict) == (TRANSACTIONS.name, Verdict.WARNING)
    assert found.startswith("Version 1 cannot be read (JSONDecodeError")


def test_rows_of_a_foreign_writer_are_told_by_version(drained: Pipeline) -> None:
    row = drained.rows(TRANSACTIONS).head(1)
    write_deltalake(drained.store.uri(TRANSACTIONS), row.to_arrow(), mode="append")
    version = drained.store.version(TRANSACTIONS)
    assert troubles(drained.root) == [
        (
            TRANSACTIONS.name,
            Verdict.WARNING,
            f"Something else wrote rows in version {version}.",
        )
    ]


def test_files_that_no_commit_names_are_not_rows(drained: Pipeline) -> None:
    """What a writer leaves behind that died before its commit, this pipeline's or another."""
    table = drained.root / TRANSACTIONS.name
    part = next(table.rglob("*.parquet"))
    shutil.copy(part, part.with_name("part-left-behind.parquet"))
    before = drained.rows(TRANSACTIONS).height
    assert troubles(drained.root) == []
    assert drained.rows(TRANSACTIONS).height == before


def test_data_files_that_are_gone_are_counted_and_one_is_named(drained: Pipeline) -> None:
    name = drained.store.files(TRANSACTIONS)["path"][0]
    (drained.root / TRANSACTIONS.name / name).unlink()
    assert troubles(drained.root) == [
        (
            TRANSACTIONS.name,
            Verdict.BROKEN,
            f"1 data files are missing, for example {name}.",
        )
    ]


def test_a_constraint_of_another_program_is_told(drained: Pipeline) -> None:
    DeltaTable(drained.root / WALLET_PNL.name).alter.add_constraint({"rich": "win_count >= 0"})
    assert troubles(drained.root) == [
        (WALLET_PNL.name, Verdict.WARNING, "Another program has added the constraint rich.")
    ]
