"""The tables beside the medallion: what the root is, and what its runs cost."""

from __future__ import annotations

from smart_trader_assets.delta import column_kinds as col
from smart_trader_assets.delta.contract import State, TableContract

ROOT = TableContract(
    name="ops/root",
    grain="One row: what this root holds.",
    columns=(
        col.text("source", "live, sandbox or replay", required=True),
        col.text("detail", "The following columns in words, for people", required=True),
        col.integer("sandbox_seed", "Seed of the sandbox"),
        col.time("sandbox_epoch", "When the sandbox's invented past ends"),
        col.text("replay_folder", "Folder of the recorded rows"),
        col.integer("token_shards", "Number of token shards", required=True),
        col.integer("wallet_shards", "Number of wallet shards", required=True),
        col.integer("layout", "Version of the layout", required=True),
        col.integer("upgrading_from", "Layout that an upgrade under way began with"),
        col.time("created_at", "When the root was made", required=True),
        col.texts("tables", "The tables that the root has promised to hold", required=True),
    ),
    key=("source",),
)


RUNS = TableContract(
    name="ops/runs",
    grain="One row per run and asset: how it ended, how long it took, what it did and what it cost.",
    columns=(
        col.text("run_id", "Dagster's id of the run", required=True),
        col.text("asset", "The asset that the run materialized", required=True),
        col.text("partitions", "Its Dagster partition, or the first and the last of a range"),
        col.day("started_on", "UTC day of started_at", required=True),
        col.time(
            "started_at", "When work on the asset began, by the machine's clock", required=True
        ),
        col.time("finished_at", "When it ended, by the machine's clock", required=True),
        col.text("outcome", "succeeded or failed", required=True),
        col.text("error", "The error that it failed with"),
        col.number("total_seconds", "From start to end", "s", required=True),
        col.number("fetch_seconds", "Waiting for the API; null after a failure", "s"),
        col.number("compute_seconds", "Everything else; null after a failure", "s"),
        col.number("write_seconds", "Merging rows and settling states", "s"),
        col.integer("rows_inserted", "Rows that it added"),
        col.integer("rows_updated", "Rows that it changed"),
        col.integer("rows_deleted", "Rows that it deleted"),
        col.integer("rows_settled", "Upstream rows whose state it moved"),
        col.integer("rows_left_due", "Upstream rows that changed meanwhile and stay due"),
        col.integer("requests", "Requests to the API; null after a failure"),
        col.integer("credits", "Credits that they cost; null after a failure"),
        col.integer("items_rejected", "Items that could not be read; null after a failure"),
        col.number(
            "peak_memory_mb", "Peak memory of the run's process so far", "MB", required=True
        ),
    ),
    key=("run_id", "asset"),
    partition_by=("started_on",),
    insert_only=True,
)


STARTED = "started"
"""The kind of the row of ops/notifications that says since when a receiver is told."""

NOTIFICATIONS = TableContract(
    name="ops/notifications",
    grain="One row per piece of news and receiver: the outbox of the messages.",
    columns=(
        col.text("event_id", "Hash of what happened, said in the message", required=True),
        col.text(
            "receiver",
            "Service of the receiver, and a hash of its URL",
            required=True,
            preview=True,
        ),
        col.text(
            "kind",
            "tiers, signals, trades, runs, checks, credits, digest; or started, since when it is told",
            required=True,
            preview=True,
        ),
        col.time("happened_at", "When it happened", required=True, preview=True),
        col.time(
            "created_at", "When it came into the outbox, by the machine's clock", required=True
        ),
        col.day("created_on", "UTC day of created_at", required=True),
        col.text("title", "First line of the message", required=True, preview=True),
        col.text("body", "The rest of it", preview=True),
        col.text(
            "delivery_status",
            "pending, retry (failed or held back), sent or failed",
            required=True,
        ),
        col.time("sent_at", "When the receiver took it"),
        col.text("message_id", "Message that it went out in: its own, or one for several"),
        col.integer("attempts", "Failed attempts", required=True, initial=0),
        col.text("last_error", "Why the last attempt failed, or why it is held back"),
        col.time("next_attempt_at", "When the next attempt is due"),
    ),
    key=("event_id", "receiver"),
    partition_by=("delivery_status", "created_on"),
    insert_only=True,
    statistics=("happened_at", "created_at", "sent_at", "next_attempt_at"),
    states=(
        State(
            "delivery_status",
            ("pending", "retry", "failed", "sent"),
            "pending",
            companions=("sent_at", "message_id", "attempts", "last_error", "next_attempt_at"),
            moves=tuple(
                (before, after)
                for before in ("pending", "retry")
                for after in ("retry", "failed", "sent")
            ),
        ),
    ),
)
