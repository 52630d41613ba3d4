"""What all assets share: key, group, grain, columns and IO manager, from the table's contract."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any

import dagster as dg

from smart_trader_assets.assets.keys import API_POOL, IO_MANAGER, OWNERS
from smart_trader_assets.assets.references import references
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.storage_errors import translate_storage_errors
from smart_trader_assets.lake.metadata import columns_metadata
from smart_trader_assets.lake.run_metrics import add_kept_rows, failed_run_row
from smart_trader_assets.lake.step_fence import MAKES
from smart_trader_assets.settings import Settings

_LATE = timedelta(hours=2)
_MISSING = timedelta(hours=26)


def freshness_policy(contract: TableContract, settings: Settings) -> dg.FreshnessPolicy:
    """How old the table's newest materialization may be: two hours late warns, a day and two hours fail.

    A snapshot is taken every 12 hours, and one that is missing fails. Whales of a listed token, and an active
    wallet's swaps, are due by their refresh intervals; wallets are computed and ranked once a UTC day.
    """
    hours = {
        "snapshot": 12.0,
        "candidates": settings.candidate_hours,
        "holders": settings.whale_refresh_hours,
        "wallets": settings.wallet_refresh_hours,
        "transfers": settings.trace_refresh_days * 24,
        "day": 24.0,
    }[contract.renewed_by]
    missing = _MISSING - timedelta(hours=hours) if contract.renewed_by == "snapshot" else _MISSING
    interval = timedelta(hours=hours)
    return dg.FreshnessPolicy.time_window(
        warn_window=interval + _LATE, fail_window=interval + missing
    )


def medallion_asset(
    contract: TableContract,
    *,
    settings: Settings,
    description: str,
    partitions: dg.PartitionsDefinition[str] | None,
    inputs: Mapping[str, TableContract] | None = None,
    all_partitions_of: tuple[str, ...] = (),
    fetches: bool = False,
    may_skip: bool = False,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """A decorator for the asset of `contract`'s table.

    `inputs` maps parameters to upstream tables; those named in `all_partitions_of` are partitioned
    otherwise and read across partitions, narrowed by the asset to due rows of its own. `fetches` puts
    the asset into the pool of those that call the API. One that `may_skip` yields its output, or nothing; its
    partitions are backfilled in a run each, so that those that are skipped are not counted as made.
    """
    # Ranges of partitions in one run need the backfill policy, which Dagster still calls beta.
    warnings.filterwarnings("ignore", category=dg.BetaWarning, message=".*`backfill_policy`.*")
    what = f"reading for {contract.name}"

    def declare(compute: Callable[..., Any]) -> dg.AssetsDefinition:
        declared: Callable[..., dg.AssetsDefinition] = dg.asset(
            **_options(contract, description, settings, compute, fetches=fetches),
            ins=_inputs(inputs or {}, all_partitions_of, makes=[contract]),
            partitions_def=partitions,
            backfill_policy=_backfill(partitions, may_skip=may_skip),
            pool=API_POOL if fetches else None,
            hooks={failed_run_row},
            output_required=not may_skip,
        )
        if may_skip:
            return declared(_telling_trouble(what, compute))
        return declared(translate_storage_errors(what)(compute))

    return declare


def _backfill(
    partitions: dg.PartitionsDefinition[str] | None, *, may_skip: bool
) -> dg.BackfillPolicy | None:
    if partitions is None:
        return None
    return dg.BackfillPolicy.multi_run(1) if may_skip else dg.BackfillPolicy.single_run()


def _telling_trouble(what: str, compute: Callable[..., Any]) -> Callable[..., Any]:
    """The generator `compute`, whose storage failures are told while it is at work; at its end it is recorded
    what its assets took, where it fails that is left to the step's hook."""

    @functools.wraps(compute)
    def telling(context: dg.AssetExecutionContext, *args: Any, **kwargs: Any) -> Any:
        with translate_storage_errors(what):
            yield from compute(context, *args, **kwargs)
        add_kept_rows(context.run.run_id, context.op_execution_context.op_def.name, context.log)

    return telling


def medallion_assets(
    name: str,
    outputs: Mapping[str, tuple[TableContract, str]],
    *,
    settings: Settings,
    inputs: Mapping[str, TableContract],
    all_partitions_of: tuple[str, ...],
    beside: tuple[TableContract, ...] = (),
    together: bool = False,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """A decorator for the unpartitioned assets of several tables that one step writes together.

    `outputs` maps the names of the step's outputs to a table and its description. Any of them may be
    asked for alone, unless they go `together`; the step then yields just that output. Of the tables `beside`
    the inputs the step itself reads what it needs.
    """

    def declare(compute: Callable[..., Any]) -> dg.AssetsDefinition:
        declared = dg.multi_asset(
            name=name,
            ins=_inputs(
                inputs, all_partitions_of, makes=[contract for contract, _ in outputs.values()]
            ),
            deps=[
                dg.AssetDep(table.name.split("/"), partition_mapping=dg.AllPartitionMapping())
                for table in beside
            ],
            outs={
                output: dg.AssetOut(
                    **_options(contract, description, settings, compute), is_required=together
                )
                for output, (contract, description) in outputs.items()
            },
            can_subset=not together,
            hooks={failed_run_row},
        )
        return declared(_telling_trouble(f"reading for {name}", compute))

    return declare


def plain_asset(**options: Any) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """A decorator: `dg.asset` for what is no table, with the link to its code."""

    def declare(compute: Callable[..., Any]) -> dg.AssetsDefinition:
        declared: Callable[..., dg.AssetsDefinition] = dg.asset(
            **options, metadata=references(compute)
        )
        return declared(translate_storage_errors("reading the tables")(compute))

    return declare


def _inputs(
    tables: Mapping[str, TableContract],
    all_partitions_of: tuple[str, ...],
    *,
    makes: Iterable[TableContract],
) -> dict[str, dg.AssetIn]:
    made = ",".join(contract.name for contract in makes)
    return {
        parameter: dg.AssetIn(
            key=dg.AssetKey.from_user_string(upstream.name),
            partition_mapping=dg.AllPartitionMapping() if parameter in all_partitions_of else None,
            metadata={MAKES: made},
        )
        for parameter, upstream in tables.items()
    }


def _options(
    contract: TableContract,
    description: str,
    settings: Settings,
    compute: Callable[..., Any],
    *,
    fetches: bool = False,
) -> dict[str, Any]:
    """What every asset of a table is declared with."""
    group = contract.name.split("/")[0]
    return {
        "key": dg.AssetKey.from_user_string(contract.name),
        "group_name": group,
        "description": f"{contract.grain}\n\n{description}",
        "owners": OWNERS,
        "kinds": {"deltalake", "polars", group} | ({"birdeye"} if fetches else set()),
        "tags": _tags(contract, fetches=fetches),
        "io_manager_key": IO_MANAGER,
        "freshness_policy": freshness_policy(contract, settings),
        "metadata": {
            **columns_metadata(contract),
            "row_key": ", ".join(contract.key),
            **references(compute, contract),
        },
    }


def _tags(contract: TableContract, *, fetches: bool) -> dict[str, str]:
    """What one filters the graph by: the column that sensors read, the partitions, what costs credits."""
    tags = {
        "partitions": contract.dagster_partition or "none",
        "spends": "credits" if fetches else "nothing",
    }
    return tags | ({"state": contract.states[0].column} if contract.states else {})
