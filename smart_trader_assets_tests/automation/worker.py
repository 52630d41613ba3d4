"""A process that takes whatever is due in one shard, run after run, until it is told that no more will come.

`python -m smart_trader_assets_tests.automation.worker <root> <shard> <done file>`

It says when it begins.
"""

import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg

from smart_trader_assets.assembly import make_assets, make_resources
from smart_trader_assets.delta.errors import OvertakenError
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.tables.cursors import SWAPS_TO_COUNT, TOKENS_TO_TRACK
from smart_trader_assets.thresholds import due_policy
from smart_trader_assets_tests.support.samples import NOW
from smart_trader_assets_tests.support.ticking import settings_for

SHARDS: Mapping[str, Any] = {"token_shards": 2, "wallet_shards": 2}
CURSORS = (TOKENS_TO_TRACK, SWAPS_TO_COUNT)
MOST_RUNS = 200
READY = "ready\n"


def main(root: Path, shard: str, done: Path) -> None:
    """Run the consumers on the shard while rows come, and once more after the last of them."""
    settings = settings_for(root, **SHARDS)
    policy = due_policy(settings)
    assets = make_assets(settings)
    resources = make_resources(settings)
    lake = resources["lake"]
    assert isinstance(lake, LakeResource)
    sys.stdout.write(READY)
    sys.stdout.flush()
    for _ in range(MOST_RUNS):
        last = done.exists()
        for cursor in CURSORS:
            # Where the other process on this shard was faster, the run ends, and the next one goes on.
            with dg.DagsterInstance.ephemeral() as instance, suppress(OvertakenError):
                dg.materialize(
                    assets,
                    selection=[dg.AssetKey.from_user_string(cursor.consumer)],
                    partition_key=shard,
                    resources=resources,
                    instance=instance,
                    run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                )
        due = [cursor.due_counts(lake.store, as_of=NOW, policy=policy) for cursor in CURSORS]
        if last and not any(shard in counts for counts in due):
            return
    raise SystemExit(f"rows of {shard} are still due after {MOST_RUNS} runs: {due}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
