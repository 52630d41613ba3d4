"""The root remembers what it is: its source and its shards, and refuses anything else.

Invented wallets never mix with real ones, and no row lies in a shard that nothing reads.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import polars as pl
from deltalake import write_deltalake
from deltalake.exceptions import DeltaError
from filelock import FileLock, Timeout

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.errors import RootError, RootOutgrownError
from smart_trader_assets.delta.location import check_place, is_remote
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.delta.verify import verify_table
from smart_trader_assets.tables.catalog import ALL_TABLES, TOKENS
from smart_trader_assets.tables.ops import ROOT, RUNS

_log = logging.getLogger(__name__)

SAYS_AFTER_SECONDS = 5.0
WAITS_SECONDS = 300.0
"""For another process that makes tables, which takes a second or two."""

LAYOUT = 2
"""What the keys, states and tables of this version look like; older software refuses a higher one."""


@dataclass(frozen=True, kw_only=True)
class RootIdentity:
    """What a root must be to be used: the source of its rows, and the number of its shards.

    A sandbox is told from another by its seed and its epoch, a replay by its folder.
    """

    source: str
    token_shards: int
    wallet_shards: int
    sandbox_seed: int | None = None
    sandbox_epoch: datetime | None = None
    replay_folder: str | None = None

    @property
    def origin(self) -> tuple[object, ...]:
        """What the rows come from."""
        return (self.source, self.sandbox_seed, self.sandbox_epoch, self.replay_folder)

    @property
    def detail(self) -> str:
        """What distinguishes the source from others of its kind, in words; empty for a live one."""
        if self.sandbox_seed is not None:
            epoch = self.sandbox_epoch
            past = f", past until {epoch.astimezone(UTC).isoformat()}" if epoch else ""
            return f"seed {self.sandbox_seed}{past}"
        return self.replay_folder or ""


def read_identity(store: DeltaStore) -> RootIdentity | None:
    """What the root records about itself; None where it records nothing yet."""
    row = _read(store)
    return None if row is None else _identity(row)


def promised_tables(store: DeltaStore) -> frozenset[str] | None:
    """The tables that the root has promised to hold; None where there is no root yet."""
    row = _read(store)
    return None if row is None else frozenset(row["tables"])


def first_day_of(store: DeltaStore) -> date | None:
    """The day from which on the root may hold snapshots: that on which it was made, or (made with its clock set
    back) of its first one; None where there is no root."""
    row = _read_any(store)
    if row is None:
        return None
    made: date = row["created_at"].date()
    if not store.exists(TOKENS):
        return made
    taken = store.row_counts(TOKENS, "snapshot_date")["snapshot_date"].min()
    return min(made, taken) if isinstance(taken, date) else made


_ORIGIN = ("sandbox_seed", "sandbox_epoch", "replay_folder")
_FIRST_DETAIL = re.compile(r"seed (?P<seed>\d+)(?:, past until (?P<epoch>\S+))?")
"""How the first roots described their sandbox, for which they had no columns."""


def _identity(row: dict[str, Any]) -> RootIdentity:
    names = ("source", "token_shards", "wallet_shards", *_ORIGIN)
    complete = _with_origin(row)
    return RootIdentity(**{name: complete[name] for name in names})


def _with_origin(row: dict[str, Any]) -> dict[str, Any]:
    """The row of a root that was made before these columns were, with what its detail says."""
    if _ORIGIN[0] in row:
        return row
    origin: dict[str, Any] = dict.fromkeys(_ORIGIN)
    if row["source"] == "replay":
        origin["replay_folder"] = row["detail"]
    elif complete := _FIRST_DETAIL.fullmatch(row["detail"]):
        epoch = complete["epoch"]
        origin["sandbox_seed"] = int(complete["seed"])
        origin["sandbox_epoch"] = datetime.fromisoformat(epoch) if epoch else None
    return {**row, **origin}


def layout_of(store: DeltaStore) -> int | None:
    """The layout of the root, that with which an unfinished upgrade began; None where there is no root."""
    row = _read_any(store)
    return None if row is None else int(row.get("upgrading_from") or row["layout"])


def begin_upgrade(store: DeltaStore) -> None:
    """From now on older software refuses the root, and this version until the upgrade has ended."""
    row = _read_any(store)
    if row is not None and row["layout"] < LAYOUT:
        _overwrite(store, row | {"layout": LAYOUT, "upgrading_from": row["layout"]})


def end_upgrade(store: DeltaStore) -> None:
    """The root is what its layout says."""
    row = _read_any(store)
    if row is not None and row.get("upgrading_from") is not None:
        _overwrite(store, row | {"upgrading_from": None})


def _overwrite(store: DeltaStore, row: dict[str, Any]) -> None:
    def write() -> dict[str, Any]:
        _write(store, _with_origin(row), "overwrite")
        return {}

    store.commit(f"{ROOT.name}: layout", write)


def _read(store: DeltaStore) -> dict[str, Any] | None:
    row = _read_any(store)
    if row is None:
        return None
    if row["layout"] > LAYOUT:
        raise RootError(
            f"The root {store.root} has layout {row['layout']}, but this version reads {LAYOUT}: "
            "use the version that made it or a later one, or a new root."
        )
    if row.get("upgrading_from") is not None:
        raise RootOutgrownError(
            f"An upgrade of the root {store.root} was begun and not ended: `smart-trader upgrade --yes` goes "
            "on with it; nothing was written."
        )
    if row["layout"] < LAYOUT:
        raise RootOutgrownError(
            f"The root {store.root} was made by an earlier version: it has layout {row['layout']}, and this "
            f"version works with {LAYOUT}. `smart-trader upgrade` shows what has to be brought along, and does "
            "it with `--yes`, without a request; nothing was written."
        )
    return row


def _read_any(store: DeltaStore) -> dict[str, Any] | None:
    if not store.exists(ROOT):
        return None
    rows = store.scan(ROOT).collect()
    if rows.height != 1:
        raise RootError(
            f"{store.uri(ROOT)} holds {rows.height} rows instead of one: restore it from a backup."
        )
    return rows.row(0, named=True)


def open_root(store: DeltaStore, identity: RootIdentity) -> None:
    """Make sure that the root is what it should be; make it where there is nothing yet.

    RootError where it holds something else, belongs to another source, has other shards or cannot be
    written; TableMissingError or TableMismatchError for its tables. Nothing is written before all of
    that is known.
    """
    row = _read(store)
    if row is None:
        with _one_maker(store):
            made = not store.exists(ROOT) and _create(store, identity)
        if not made:  # another process was faster, and may have made a different root
            open_root(store, identity)
        return
    _compare(store, _identity(row), identity)
    new = [contract for contract in ALL_TABLES if contract.name not in row["tables"]]
    for contract in ALL_TABLES:
        if contract not in new:
            # Kept, so that what the run reads of it later is not opened once more.
            verify_table(store.snapshot(contract), contract)
    if new or _ORIGIN[0] not in row:
        _extend(store, row, new)
    _make_room_for_runs(store)


def _compare(store: DeltaStore, found: RootIdentity, wanted: RootIdentity) -> None:
    if found.origin != wanted.origin:
        raise RootError(
            f"The root {store.root} holds rows of {_named(found)}, but this run reads {_named(wanted)}: "
            "give each source its own root."
        )
    for kind in ("token_shards", "wallet_shards"):
        has, asks = getattr(found, kind), getattr(wanted, kind)
        if has != asks:
            raise RootError(
                f"The root {store.root} was made with {kind} = {has}, but the setting is {asks}: "
                f"set SMART_TRADER_{kind.upper()} to {has}, or use a new root. "
                "Shards are fixed when the tables are made."
            )


def _named(identity: RootIdentity) -> str:
    return f"{identity.source} ({identity.detail})" if identity.detail else identity.source


def _extend(store: DeltaStore, row: dict[str, Any], new: Sequence[TableContract]) -> None:
    """Give an older root the tables and columns that were added since; only then does it promise them."""
    with _one_maker(store):
        for contract in new:
            store.create(contract)
        promised = sorted({*row["tables"], *(contract.name for contract in new)})
        _write(store, {**_with_origin(row), "tables": promised}, "overwrite")


def _make_room_for_runs(store: DeltaStore) -> None:
    """The table of run metrics is not promised: where it is missing it is made, whatever happened to it."""
    if not store.exists(RUNS):
        with _one_maker(store):
            store.create(RUNS)


@contextmanager
def _one_maker(store: DeltaStore) -> Iterator[None]:
    """Where the root is a folder, one process at a time makes tables there; who waits for another says so.

    RootError where that one does not come to its end, as a stopped process does not.
    """
    check_place(store.root, store.storage_options)
    if is_remote(store.root):
        yield
        return
    lock = FileLock(Path(store.root) / "ops" / "root.lock")
    try:
        lock.acquire(timeout=SAYS_AFTER_SECONDS)
    except Timeout:
        _log.warning("Waiting for another process, which makes the tables of %s", store.root)
        try:
            lock.acquire(timeout=WAITS_SECONDS)
        except Timeout:
            raise RootError(
                f"Another process holds {lock.lock_file} and does not come to an end with the tables of "
                f"{store.root}: it may have been stopped. End it, and run this again."
            ) from None
    try:
        yield
    finally:
        lock.release()


def _create(store: DeltaStore, identity: RootIdentity) -> bool:
    """Make the root; False where somebody else has made it meanwhile, as may be in an object store."""
    for contract in ALL_TABLES:
        if store.exists(contract) and store.files(contract).height:
            if store.exists(ROOT):
                return False
            raise RootError(
                f"{store.root} has rows in {contract.name} but no {ROOT.name} that says what they are: "
                "restore that table, or use a new root."
            )
    for contract in (*ALL_TABLES, RUNS):
        store.create(contract)
    row = {
        **vars(identity),
        "detail": identity.detail,
        "layout": LAYOUT,
        "created_at": datetime.now(UTC),
        "tables": sorted(contract.name for contract in ALL_TABLES),
    }
    try:
        # Last, so that a root that says what it is has all of its tables.
        _write(store, row, "error")
    except DeltaError:
        if not store.exists(ROOT):
            raise
        return False
    return True


def _write(store: DeltaStore, row: dict[str, Any], mode: Literal["error", "overwrite"]) -> None:
    frame = pl.DataFrame([row], schema={column.name: column.dtype for column in ROOT.columns})
    write_deltalake(
        store.uri(ROOT),
        frame,
        mode=mode,
        schema_mode="overwrite" if mode == "overwrite" else None,
        name=ROOT.name,
        storage_options=store.storage_options,
    )
