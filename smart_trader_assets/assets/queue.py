"""ops/queue: the queue at a glance."""

from typing import Any

import dagster as dg

from smart_trader_assets.assets.declare import plain_asset
from smart_trader_assets.assets.keys import OWNERS
from smart_trader_assets.birdeye.session import BirdEyeAccess
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.queue import read_queue
from smart_trader_assets.thresholds import due_policy


def queue_asset() -> dg.AssetsDefinition:
    """The queue at a glance, as an asset whose materialization shows it."""

    @plain_asset(
        key=["ops", "queue"],
        group_name="ops",
        owners=OWNERS,
        kinds={"deltalake"},
        description="A snapshot of the queue: rows by state, what is due, what is failing. Materialize it to "
        "see it; it writes nothing.",
    )
    def queue(
        lake: LakeResource,
        settings: dg.ResourceParam[Settings],
        birdeye: dg.ResourceParam[BirdEyeAccess],
    ) -> dg.MaterializeResult[None]:
        seen = read_queue(lake.store, as_of=settings.now(), policy=due_policy(settings))
        spent = birdeye.spent_this_month()
        troubles: list[dict[str, Any]] = seen.as_json()["troubles"]
        return dg.MaterializeResult(
            metadata={
                "rows_due": int(seen.due["rows"].sum() or 0),
                "in_trouble": len(seen.troubles),
                "incomplete_histories": seen.incomplete_histories,
                "credits_this_month": sum(spend.credits for spend in spent.values()),
                "oldest_due": {cursor: since.isoformat() for cursor, since in seen.oldest.items()},
                "states": _table(seen.counts.to_dicts(), seen.counts.columns),
                "due": _table(seen.due.to_dicts(), seen.due.columns),
                "troubles": _table(
                    troubles,
                    ["table", "entity", "state", "attempts", "last_error", "next_attempt_at"],
                ),
            }
        )

    return queue


def _table(records: list[dict[str, Any]], columns: list[str]) -> dg.TableMetadataValue:
    return dg.TableMetadataValue(
        records=[
            dg.TableRecord({name: "" if row[name] is None else row[name] for name in columns})
            for row in records
        ],
        schema=dg.TableSchema(columns=[dg.TableColumn(name) for name in columns]),
    )
