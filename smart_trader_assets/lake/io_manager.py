"""The IO manager: loads tables as frames, writes batches by the write protocol."""

from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping
from dataclasses import replace
from datetime import date
from itertools import count
from typing import Any, Final

import dagster as dg
import polars as pl

from smart_trader_assets.delta.batch import (
    Batch,
    Batches,
    CommitInfo,
    Partition,
    WriteResult,
)
from smart_trader_assets.delta.batch_group import BatchGroup
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.errors import FrameError
from smart_trader_assets.delta.storage_errors import translate_storage_errors
from smart_trader_assets.delta.store import DeltaStore, PinnedStore, partition_text
from smart_trader_assets.lake.metadata import lineage_metadata
from smart_trader_assets.lake.preview import Preview
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.lake.run_metrics import (
    CREDITS,
    PLOTTED,
    REQUESTS,
    RunMeter,
    begun_at,
    record_run,
    span_of,
    sum_of,
)
from smart_trader_assets.lake.step_fence import MAKES, contracts_named, step_fence
from smart_trader_assets.tables.catalog import ALL_TABLES

CONTRACTS = {contract.name: contract for contract in ALL_TABLES}


IN_THE_ROWS: Final = dg.DataVersion("in the state of the rows")
"""The data version of every table: what is left to do stands in its state columns and nowhere else."""


class MedallionIOManager(dg.ConfigurableIOManager):
    """One asset key, one folder, one Delta table.

    Outputs are a `Batch`, several, `Batches` that are written while they are produced, or a frame (one
    batch of rows); several in a tuple of such an output are committed together. Of each batch first the rows
    are merged, then the states of the upstream rows are settled. Inputs are a `pl.LazyFrame`, or a
    `pl.DataFrame` where the parameter is annotated so, narrowed to the partitions that the partition mapping
    names.
    """

    lake: dg.ResourceDependency[LakeResource]

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Write the batches; FrameError for rows outside of the run's partitions."""
        contract = CONTRACTS["/".join(context.asset_key.path)]
        store = self.lake.store
        keys = sorted(context.asset_partition_keys) if context.has_asset_partitions else []
        # A step that reads no input begins here.
        fence = step_fence(self.lake.store, context.run_id, context.op_def.name, [contract])
        stamp = CommitInfo(context.run_id, contract.name, span_of(keys), fence)
        instance = context.step_context.instance
        step, is_alone = context.step_key, len(context.op_def.output_defs) == 1
        meter = RunMeter(stamp, begun_at(instance, context.run_id, step))
        written: dict[str, WriteResult] = {}
        previews: dict[str, Preview] = defaultdict(lambda: Preview(contract))
        batches = _batches(obj)
        try:
            with translate_storage_errors(f"making {contract.name}"):
                number = count(1)
                for item in batches:
                    group = _group(item, keys, contract)
                    with meter.writing:
                        outcome = store.write_group(contract, group, stamp)
                    for place, batch in enumerate(group.batches):
                        result = outcome.results[place]
                        meter.written.add(result)
                        key = partition_text(batch.partition) or ""
                        written.setdefault(key, WriteResult()).add(result)
                        told = _format_result(contract, next(number), batch.partition, result)
                        if place in outcome.refused:
                            context.log.warning(f"{told}; refused: {outcome.refused[place]}")
                        else:
                            previews[key].take(batch.rows)
                            context.log.info(told)
                    if outcome.apart is not None:
                        context.log.warning(f"Written one after another, since: {outcome.apart}")
                    outcome.raise_refusal()
        except BaseException as error:
            # What makes the batches ends with them, and lets go of what it holds.
            if isinstance(batches, Generator):
                batches.close()
            record_run(store, meter.row(error), step, context.log, is_alone=is_alone)
            raise
        row = meter.row()
        _show(context, store, contract, keys, written, previews, row.metadata)
        # What is due says the state of the rows. Dagster's own guess, that whatever stands below a table is out
        # of date once the table is written, would be wrong after almost every run.
        context.step_context.set_data_version(context.asset_key, IN_THE_ROWS)
        record_run(store, row, step, context.log, is_alone=is_alone)

    def load_input(self, context: dg.InputContext) -> pl.LazyFrame | pl.DataFrame:
        """The upstream table, lazily: filters and columns of the asset are pushed down to the files."""
        contract = CONTRACTS["/".join(context.asset_key.path)]
        makes = contracts_named(context.definition_metadata.get(MAKES, ""))
        # Before anything is read: a commit stands only on what the step has seen.
        step_fence(self.lake.store, context.step_context.run_id, context.op_def.name, makes)
        frame = self.lake.store.scan(contract)
        if contract.dagster_partition is not None and context.has_asset_partitions:
            keys = list(context.asset_partition_keys)
            if len(keys) < len(context.asset_partitions_def.get_partition_keys()):
                wanted = [_partition_value(key, contract) for key in keys]
                frame = frame.filter(pl.col(contract.dagster_partition).is_in(wanted))
        return frame.collect() if context.dagster_type.typing_type is pl.DataFrame else frame


def _format_result(
    contract: TableContract, number: int, partition: Partition, result: WriteResult
) -> str:
    return (
        f"{contract.name} batch {number}"
        + (f" of {partition_text(partition)}" if partition else "")
        + f": {result.inserted} inserted, {result.updated} updated, {result.deleted} deleted, "
        f"{result.settled} settled"
        + (f", {result.left_due} changed meanwhile and stay due" if result.left_due else "")
    )


def _group(item: Batch | tuple[Batch, ...], keys: list[str], contract: TableContract) -> BatchGroup:
    """What is committed together, each batch with its partition."""
    batches = (item,) if isinstance(item, Batch) else item
    return BatchGroup(
        tuple(replace(batch, partition=_partition(batch, keys, contract)) for batch in batches)
    )


def _batches(obj: object) -> Iterable[Batch | tuple[Batch, ...]]:
    match obj:
        case None:
            return ()
        case Batch():
            return (obj,)
        case pl.DataFrame():
            return (Batch(rows=obj),)
        case Batches():
            return iter(obj)
        case list() | tuple():
            return obj
        case _:
            raise FrameError(f"an asset returns batches or a frame, not a {type(obj).__name__}")


def _partition(batch: Batch, keys: list[str], contract: TableContract) -> Partition:
    """The batch's partition; where the run has just one, a batch need not name it."""
    partition = batch.partition
    if partition is None and len(keys) == 1:
        partition = _partition_value(keys[0], contract)
    text = partition_text(partition)
    if keys and text not in keys:
        raise FrameError(
            f"a batch for {contract.name} names the partition {text}; the run has {span_of(keys)}"
        )
    return partition


def _partition_value(key: str, contract: TableContract) -> str | date:
    """A Dagster partition key as the table's partition column holds it."""
    column = contract.dagster_partition
    is_day = column is not None and contract.schema[column] == pl.Date
    return date.fromisoformat(key) if is_day else key


def table_metadata(store: DeltaStore, contract: TableContract) -> dict[str, Any]:
    """What a materialization shows of the table: its version and place."""
    return {
        "table_version": store.version(contract),
        "dagster/uri": store.uri(contract),
        "dagster/table_name": contract.name,
    }


def rows_metadata(
    contract: TableContract, files: pl.DataFrame, written: WriteResult
) -> dict[str, Any]:
    """What it shows of a partition, or of a table without partitions: what lies in its `files`, what was
    `written`."""
    metadata: dict[str, Any] = {
        "dagster/row_count": int(files["num_records"].sum() or 0),
        "rows_inserted": written.inserted,
        "rows_updated": written.updated,
        "rows_deleted": written.deleted,
        "rows_settled": written.settled,
        "rows_left_due": written.left_due,
        "size_bytes": int(files["size_bytes"].sum() or 0),
        "files": files.height,
        **{name: value for name, value in written.metrics.items() if name not in PLOTTED},
    }
    metadata |= {f"settled in {name}": n for name, n in written.settled_by_table.items()}
    for name, beginning in (("requests_sent", REQUESTS), ("credits_spent", CREDITS)):
        if any(metric.startswith(beginning) for metric in written.metrics):
            metadata[name] = sum_of(written.metrics, beginning)
    states = [s.column for s in contract.states if s.column in contract.partition_by]
    for state in states:
        counted = (
            files.group_by(pl.col(f"partition.{state}").cast(pl.String).alias("state"))
            .agg(pl.col("num_records").sum().alias("rows"))
            .sort("state")
        )
        metadata[state] = dg.TableMetadataValue(
            records=[dg.TableRecord(row) for row in counted.iter_rows(named=True)],
            schema=dg.TableSchema(
                columns=[dg.TableColumn("state", "string"), dg.TableColumn("rows", "int")]
            ),
        )
    return metadata


def _show(
    context: dg.OutputContext,
    store: DeltaStore,
    contract: TableContract,
    keys: list[str],
    written: Mapping[str, WriteResult],
    previews: Mapping[str, Preview],
    of_the_run: dict[str, Any],
) -> None:
    """Add to each partition's materialization its own counts, then what holds for all, last the first rows.

    To the materialization and not to the output, whose event would hold all of it a second time.
    `written` and `previews` are by partition.
    """
    store = PinnedStore(store)
    files = store.files(contract)
    of_all = table_metadata(store, contract) | of_the_run
    if contract.dagster_partition is None or not keys:
        total = WriteResult()
        for result in written.values():
            total.add(result)
        context.step_context.add_asset_metadata(
            asset_key=context.asset_key,
            metadata=rows_metadata(contract, files, total)
            | of_all
            | lineage_metadata(contract)
            | _first_rows(previews.values()),
        )
        return
    partition = pl.col(f"partition.{contract.dagster_partition}").cast(pl.String)
    for key in keys:
        counts = rows_metadata(
            contract, files.filter(partition == key), written.get(key, WriteResult())
        )
        own = [previews[key]] if key in previews else []
        context.step_context.add_asset_metadata(
            asset_key=context.asset_key,
            partition_key=key,
            # The last one is the latest; they are long, and would be written once a partition.
            metadata=counts
            | of_all
            | (lineage_metadata(contract) if key == keys[-1] else {})
            | _first_rows(own),
        )


def _first_rows(previews: Iterable[Preview]) -> dict[str, Any]:
    shown = next((rows for one in previews if (rows := one.as_metadata()) is not None), None)
    return {} if shown is None else {"preview": shown}
