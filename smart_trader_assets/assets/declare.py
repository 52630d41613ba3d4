"""What all assets share: key, group, grain, columns and IO manager, from the table's contract."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.io_manager import table_schema
from smart_trader_assets.delta.lineage import column_lineage
from smart_trader_assets.delta.run_metrics import failed_run_row
from smart_trader_assets.delta.storage_trouble import storage_trouble_told
from smart_trader_assets.delta.tables import (
    CLASSIFIED_WALLETS,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
    WHALES,
)

OWNERS = ["team:smart-traders"]
API_POOL = "birdeye_api"
IO_MANAGER = "medallion_io_manager"

# A snapshot is taken every 12 hours: one that is late warns, two that are missing fail.
_EACH_SNAPSHOT = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(hours=14), fail_window=timedelta(hours=26)
)
# Whales of a listed token are due after 72 hours, where no new token comes before.
_EACH_HOLDER_REFRESH = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(hours=74), fail_window=timedelta(hours=98)
)
# Active wallets are fetched, and all are computed and ranked, once a day.
_EACH_DAY = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(hours=26), fail_window=timedelta(hours=50)
)
FRESHNESS: Mapping[str, dg.FreshnessPolicy] = {
    TOKENS.name: _EACH_SNAPSHOT,
    TRACKED_TOKENS.name: _EACH_SNAPSHOT,
    WHALES.name: _EACH_HOLDER_REFRESH,
    TRACKED_WHALES.name: _EACH_HOLDER_REFRESH,
    TRANSACTIONS.name: _EACH_DAY,
    WALLET_PNL.name: _EACH_DAY,
    SMART_TRADERS.name: _EACH_DAY,
    CLASSIFIED_WALLETS.name: _EACH_DAY,
    TIER_CHANGES.name: _EACH_DAY,
}


def medallion_asset(
    contract: TableContract,
    *,
    description: str,
    partitions: dg.PartitionsDefinition[str] | None,
    inputs: Mapping[str, TableContract] | None = None,
    all_partitions_of: tuple[str, ...] = (),
    fetches: bool = False,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """A decorator for the asset of `contract`'s table.

    `inputs` maps parameters to upstream tables; those named in `all_partitions_of` are partitioned
    otherwise and read across partitions, narrowed by the asset to due rows of its own. `fetches` puts
    the asset into the pool of those that call the API.
    """
    group, name = contract.name.split("/")
    # Ranges of partitions in one run need the backfill policy, which Dagster still calls beta.
    warnings.filterwarnings("ignore", category=dg.BetaWarning, message=".*`backfill_policy`.*")
    declared = dg.asset(
        key=dg.AssetKey([group, name]),
        ins=_inputs(inputs or {}, all_partitions_of),
        group_name=group,
        description=f"{contract.grain}\n\n{description}",
        owners=OWNERS,
        kinds=_kinds(contract) | ({"birdeye"} if fetches else set()),
        io_manager_key=IO_MANAGER,
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run() if partitions is not None else None,
        pool=API_POOL if fetches else None,
        freshness_policy=FRESHNESS[contract.name],
        metadata=_metadata(contract),
        hooks={failed_run_row},
    )

    return lambda compute: declared(storage_trouble_told(f"reading for {contract.name}")(compute))


def medallion_assets(
    name: str,
    outputs: Mapping[str, tuple[TableContract, str]],
    *,
    inputs: Mapping[str, TableContract],
    all_partitions_of: tuple[str, ...],
    beside: tuple[TableContract, ...] = (),
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """A decorator for the unpartitioned assets of several tables that one step writes together.

    `outputs` maps the names of the step's outputs to a table and its description. Any of them may be
    asked for alone; the step then yields just that output. Of the tables `beside` the inputs the step
    itself reads what it needs.
    """
    declared = dg.multi_asset(
        name=name,
        ins=_inputs(inputs, all_partitions_of),
        deps=[
            dg.AssetDep(table.name.split("/"), partition_mapping=dg.AllPartitionMapping())
            for table in beside
        ],
        outs={
            output: dg.AssetOut(
                key=dg.AssetKey(contract.name.split("/")),
                group_name=contract.name.split("/")[0],
                description=f"{contract.grain}\n\n{description}",
                owners=OWNERS,
                kinds=_kinds(contract),
                io_manager_key=IO_MANAGER,
                freshness_policy=FRESHNESS[contract.name],
                metadata=_metadata(contract),
                is_required=False,
            )
            for output, (contract, description) in outputs.items()
        },
        can_subset=True,
        hooks={failed_run_row},
    )

    def declare(compute: Callable[..., Any]) -> dg.AssetsDefinition:
        @functools.wraps(compute)
        def telling_trouble(*args: Any, **kwargs: Any) -> Any:
            with storage_trouble_told(f"reading for {name}"):
                yield from compute(*args, **kwargs)

        return declared(telling_trouble)

    return declare


def _inputs(
    tables: Mapping[str, TableContract], all_partitions_of: tuple[str, ...]
) -> dict[str, dg.AssetIn]:
    return {
        parameter: dg.AssetIn(
            key=dg.AssetKey(upstream.name.split("/")),
            partition_mapping=dg.AllPartitionMapping() if parameter in all_partitions_of else None,
        )
        for parameter, upstream in tables.items()
    }


def _kinds(contract: TableContract) -> set[str]:
    return {"deltalake", "polars", contract.name.split("/")[0]}


def _metadata(contract: TableContract) -> dict[str, Any]:
    lineage = column_lineage(contract)
    return {
        "dagster/column_schema": table_schema(contract),
        "row_key": ", ".join(contract.key),
        **({"dagster/column_lineage": lineage} if lineage is not None else {}),
    }
