"""The tables beside the medallion: what the root is, and what its runs cost."""

from __future__ import annotations

import polars as pl

from smart_trader_assets.delta.contract import TEXTS, TIME, Column, TableContract

ROOT = TableContract(
    name="ops/root",
    grain="One row: what this root holds.",
    columns=(
        Column("source", pl.String, "live, sandbox or replay", required=True),
        Column("detail", pl.String, "The following columns in words, for people", required=True),
        Column("sandbox_seed", pl.Int64, "Seed of the sandbox"),
        Column("sandbox_epoch", TIME, "When the sandbox's invented past ends"),
        Column("replay_folder", pl.String, "Folder of the recorded rows"),
        Column("token_shards", pl.Int64, "Number of token shards", required=True),
        Column("wallet_shards", pl.Int64, "Number of wallet shards", required=True),
        Column("layout", pl.Int64, "Version of the layout", required=True),
        Column("created_at", TIME, "When the root was made", required=True),
        Column("tables", TEXTS, "The tables that the root has promised to hold", required=True),
    ),
    key=("source",),
)


RUNS = TableContract(
    name="ops/runs",
    grain="One row per run and asset: how it ended, how long it took, what it did and what it cost.",
    columns=(
        Column("run_id", pl.String, "Dagster's id of the run", required=True),
        Column("asset", pl.String, "The asset that the run materialized", required=True),
        Column(
            "partitions", pl.String, "Its Dagster partition, or the first and the last of a range"
        ),
        Column("started_on", pl.Date, "UTC day of started_at", required=True),
        Column(
            "started_at",
            TIME,
            "When work on the asset began, by the machine's clock",
            required=True,
        ),
        Column("finished_at", TIME, "When it ended, by the machine's clock", required=True),
        Column("outcome", pl.String, "succeeded or failed", required=True),
        Column("error", pl.String, "The error that it failed with"),
        Column("total_seconds", pl.Float64, "From start to end", "s", required=True),
        Column("fetch_seconds", pl.Float64, "Waiting for the API; null after a failure", "s"),
        Column("compute_seconds", pl.Float64, "Everything else; null after a failure", "s"),
        Column("write_seconds", pl.Float64, "Merging rows and settling states", "s"),
        Column("rows_inserted", pl.Int64, "Rows that it added"),
        Column("rows_updated", pl.Int64, "Rows that it changed"),
        Column("rows_deleted", pl.Int64, "Rows that it deleted"),
        Column("rows_settled", pl.Int64, "Upstream rows whose state it moved"),
        Column("rows_left_due", pl.Int64, "Upstream rows that changed meanwhile and stay due"),
        Column("requests", pl.Int64, "Requests to the API; null after a failure"),
        Column("credits", pl.Int64, "Credits that they cost; null after a failure"),
        Column(
            "peak_memory_mb",
            pl.Float64,
            "Peak memory of the run's process so far",
            "MB",
            required=True,
        ),
    ),
    key=("run_id", "asset"),
    partition_by=("started_on",),
    insert_only=True,
)
