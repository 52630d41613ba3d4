"""From one layout of the root to the next: what is brought along, and how it goes on where it was killed.

Layout 2 identifies swap rows by what they are (`transforms.swap_identity`), so that what the source fills in
later makes no second row of one. Rows that older versions stored twice are joined. No request is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from smart_trader_assets.delta.batch import CommitInfo
from smart_trader_assets.delta.contract import BATCH, OPERATION, UPDATED, VERSION
from smart_trader_assets.delta.errors import RootError
from smart_trader_assets.delta.file_format import writer_properties
from smart_trader_assets.delta.sql import literal
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import TRACKED_WHALES, TRANSACTIONS
from smart_trader_assets.tables.root import LAYOUT, begin_upgrade, end_upgrade, layout_of
from smart_trader_assets.tables.upgrade import Upgrade, carry_out_upgrade, plan_upgrade
from smart_trader_assets.text import plural
from smart_trader_assets.transforms.holders import HOLDER
from smart_trader_assets.transforms.swap_identity import (
    IDENTITY,
    INDEXES,
    fill_order,
    folded,
    identities,
    last_known,
    numbered_id,
    places_of,
    swap_ids,
)

_OWN = ("swap_id", "fetched_at", *TRANSACTIONS.state_columns, OPERATION, VERSION, BATCH)
_SOURCE = tuple(name for name in TRANSACTIONS.schema if name not in _OWN)


@dataclass(frozen=True)
class RootUpgrade:
    """What a root lacks: columns and properties by table, and what its layout calls for.

    `renamed` and `joined` are rows of bronze/transactions by shard: those that get another `swap_id`, and those
    that repeat another one and go into it; `without_origin` are rows of silver/tracked_whales.
    """

    layout: int
    tables: tuple[Upgrade, ...] = ()
    renamed: Mapping[str, int] = field(default_factory=dict)
    joined: Mapping[str, int] = field(default_factory=dict)
    without_origin: int = 0

    @property
    def is_needed(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.tables) or self.layout < LAYOUT or bool(self.without_origin)

    def lines(self) -> Iterator[str]:
        """What would be done, for people: one line each."""
        yield from (str(table) for table in self.tables)
        if renamed := sum(self.renamed.values()):
            yield f"{TRANSACTIONS.name}: {plural(renamed, 'row')} identified anew"
        if joined := sum(self.joined.values()):
            yield f"{TRANSACTIONS.name}: {plural(joined, 'repeated row')} joined with the row repeated"
        if self.without_origin:
            yield f"{TRACKED_WHALES.name}: the origin {HOLDER} in {plural(self.without_origin, 'row')}"
        if self.layout < LAYOUT:
            yield (
                f"ops/root: layout {self.layout} becomes {LAYOUT}, which older software refuses; the next run "
                "computes the numbers of every wallet again"
            )


def plan_root_upgrade(store: DeltaStore) -> RootUpgrade:
    """What the root lacks, by reading alone.

    RootError where there is no root or a later version made it; TableMismatchError for a table that differs in
    more than what an upgrade adds.
    """
    layout = layout_of(store)
    if layout is None:
        raise RootError(f"There is no root at {store.root}: make one with `smart-trader run`.")
    if layout > LAYOUT:
        raise RootError(
            f"The root {store.root} has layout {layout}, which a later version has made: use that one."
        )
    tables = tuple(plan_upgrade(store))
    renamed: dict[str, int] = {}
    joined: dict[str, int] = {}
    # One at a time: a shard fills much memory.
    for shard in _shards_to_identify(store, layout):
        changes = _changes(store, shard)
        joined[shard] = changes.filter("is_repeat").height
        renamed[shard] = changes.height - joined[shard]
    return RootUpgrade(layout, tables, renamed, joined, _without_origin(store))


def carry_out_root_upgrade(
    store: DeltaStore,
    plan: RootUpgrade,
    stamp: CommitInfo,
    progress: Callable[[str], None] = lambda _: None,
) -> None:
    """Bring the root along. Killed anywhere, a new plan goes on with what is left; nothing is done twice.

    `progress` is told what comes next. Nobody else may write meanwhile.
    """
    if plan.layout < LAYOUT:
        begin_upgrade(store)
    for table in plan.tables:
        progress(str(table))
        carry_out_upgrade(store, table, stamp)
    for shard in _shards_to_identify(store, plan.layout):
        progress(f"{TRANSACTIONS.name}, shard {shard}")
        _identify_anew(store, shard, stamp)
    if plan.without_origin:
        progress(f"{TRACKED_WHALES.name}: origins")
        _fill_origin(store, stamp)
    if plan.layout < LAYOUT:
        end_upgrade(store)


def _shards_to_identify(store: DeltaStore, layout: int) -> list[str]:
    """Those of a root whose rows an earlier layout identified."""
    if layout >= LAYOUT:
        return []
    return store.row_counts(TRANSACTIONS, "wallet_shard")["wallet_shard"].to_list()


def _changes(store: DeltaStore, shard: str) -> pl.DataFrame:
    """The rows of a shard whose id changes, or that repeat another one; none where all of it is done.

    Columns: swap_id, new_id, is_repeat, is_joined, and the indexes that are known.
    """
    table = store.scan(TRANSACTIONS).filter(pl.col("wallet_shard") == shard)
    rows = table.select("swap_id", *IDENTITY, *INDEXES).collect()
    rows = rows.with_columns(pl.Series("identity", list(identities(rows)), dtype=pl.String))
    several = pl.col("identity").is_duplicated()
    alone = rows.filter(~several)
    alone = alone.select(
        "swap_id",
        swap_ids(alone).alias("new_id"),
        pl.lit(False).alias("is_repeat"),
        pl.lit(False).alias("is_joined"),
        *INDEXES,
    )
    changed = alone.filter(pl.col("swap_id") != pl.col("new_id"))
    together = rows.filter(several)
    if not together.height or _are_numbered(together):
        return changed
    delivered = table.filter(pl.col("swap_id").is_in(together["swap_id"].to_list())).collect()
    return pl.concat([changed, _joined(delivered)])


def _are_numbered(rows: pl.DataFrame) -> bool:
    """Whether rows that share their identities have the ids of this layout already."""
    return all(
        set(ids) == {numbered_id(identity, number) for number in range(len(ids))}
        for identity, ids in rows.group_by("identity").agg("swap_id").iter_rows()
    )


def _joined(delivered: pl.DataFrame) -> pl.DataFrame:
    """Rows of shared identities: those that are one fill go into its last delivery, the others are numbered."""
    in_order = delivered.sort("fetched_at", VERSION, "swap_id")
    rows = in_order.to_dicts()
    changes: list[tuple[Any, ...]] = []
    for identity, places in places_of(identities(in_order)).items():
        fills = sorted(
            _fills([rows[place] for place in places]), key=lambda fill: fill_order(_source(fill))
        )
        for number, fill in enumerate(fills):
            new_id, known = numbered_id(identity, number), _known(fill)
            *repeats, last = fill
            changes += [(repeat["swap_id"], new_id, True, True, *known) for repeat in repeats]
            changes.append((last["swap_id"], new_id, False, bool(repeats), *known))
    schema = {
        "swap_id": pl.String,
        "new_id": pl.String,
        "is_repeat": pl.Boolean,
        "is_joined": pl.Boolean,
        **dict.fromkeys(INDEXES, pl.Int64),
    }
    return pl.DataFrame(changes, schema=schema, orient="row")


def _fills(rows: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Rows of one identity, in the order of their delivery, by the fill that each of them is.

    Layout 1 told rows apart by their owner, their indexes and the spelling of their amounts, and numbered those
    that agreed in all of it. So two that agree are two fills, as are two that came at once, and two whose
    indexes are all known and differ. Any others are one that the source has told twice.
    """

    def may_be_one(one: int, other: int) -> bool:
        a, b = rows[one], rows[other]
        return a["fetched_at"] != b["fetched_at"] and _layout_1_key(a) != _layout_1_key(b)

    fills = folded([_indexes(row) for row in rows], may_be_one=may_be_one)
    return [[rows[place] for place in fill] for fill in fills]


def _layout_1_key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        row["owner"] or row["wallet_address"],
        *_indexes(row),
        row["base_change_amount"],
        row["quote_change_amount"],
    )


def _indexes(row: Mapping[str, Any]) -> tuple[int | None, ...]:
    return tuple(row[name] for name in INDEXES)


def _known(fill: list[dict[str, Any]]) -> tuple[int | None, ...]:
    return last_known([_indexes(row) for row in fill])


def _source(fill: list[dict[str, Any]]) -> dict[str, Any]:
    """What the source says of the fill: the last delivery, with the indexes that any of them knows."""
    known = dict(zip(INDEXES, _known(fill), strict=True))
    return {name: fill[-1][name] for name in _SOURCE} | known


def _identify_anew(store: DeltaStore, shard: str, stamp: CommitInfo) -> None:
    """One commit a shard: all of its rows have the new ids, or none."""
    changes = _changes(store, shard)
    if not changes.height:
        return

    def when_joined(value: str, name: str) -> str:
        return f"CASE WHEN s.is_joined THEN {value} ELSE t.{name} END"

    def merge() -> dict[str, Any]:
        return (
            store.open(TRANSACTIONS)
            .merge(
                changes.to_arrow(),
                predicate=f"t.wallet_shard = {literal(shard)} AND t.swap_id = s.swap_id",
                source_alias="s",
                target_alias="t",
                writer_properties=writer_properties(TRANSACTIONS),
                commit_properties=stamp.properties("identify rows anew"),
            )
            .when_matched_delete(predicate="s.is_repeat")
            .when_matched_update(
                {
                    "swap_id": "s.new_id",
                    **{name: f"s.{name}" for name in INDEXES},
                    "processed_for_pnl": when_joined("false", "processed_for_pnl"),
                    "pnl_processed_at": when_joined("NULL", "pnl_processed_at"),
                    "set_aside_reason": when_joined("NULL", "set_aside_reason"),
                    OPERATION: when_joined(literal(UPDATED), OPERATION),
                    VERSION: when_joined(f"t.{VERSION} + INTERVAL '1 microsecond'", VERSION),
                    BATCH: when_joined(literal(stamp.run_id), BATCH),
                },
                predicate="NOT s.is_repeat",
            )
            .execute()
        )

    store.commit(f"{TRANSACTIONS.name}: ids of shard {shard}", merge)


def _without_origin(store: DeltaStore) -> int:
    rows = store.scan(TRACKED_WHALES)
    if "origin" not in rows.collect_schema():
        return int(store.row_counts(TRACKED_WHALES)["rows"].sum())
    return int(rows.select(pl.col("origin").is_null().sum()).collect().item())


def _fill_origin(store: DeltaStore, stamp: CommitInfo) -> None:
    store.commit(
        f"{TRACKED_WHALES.name}: origin",
        lambda: store.open(TRACKED_WHALES).update(
            updates={"origin": literal(HOLDER)},
            predicate="origin IS NULL",
            writer_properties=writer_properties(TRACKED_WHALES),
            commit_properties=stamp.properties("fill origin"),
        ),
    )
