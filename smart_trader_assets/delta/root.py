"""The root remembers what it is: its source and its shards, and refuses anything else.

Invented wallets never stand beside real ones, and rows never lie in a shard where nobody looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from deltalake import write_deltalake

from smart_trader_assets.delta.contract import TIME, Column, TableContract
from smart_trader_assets.delta.errors import RootError, TableMissingError
from smart_trader_assets.delta.schema import verify_table
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.delta.tables import ALL_TABLES

LAYOUT = 1

ROOT = TableContract(
    name="ops/root",
    grain="One row: what this root holds.",
    columns=(
        Column("source", pl.String, "live, sandbox or replay", required=True),
        Column(
            "detail",
            pl.String,
            "Seed and anchor of the sandbox, or the replayed folder",
            required=True,
        ),
        Column("token_shards", pl.Int64, "Number of token shards", required=True),
        Column("wallet_shards", pl.Int64, "Number of wallet shards", required=True),
        Column("layout", pl.Int64, "Version of the layout", required=True),
        Column("created_at", TIME, "When the root was made", required=True),
    ),
    key=("source",),
)

_FOLDERS = frozenset({"bronze", "silver", "gold", "ops"})


@dataclass(frozen=True)
class RootIdentity:
    """What a root must be to be used: the source of its rows, and the number of its shards."""

    source: str
    detail: str
    token_shards: int
    wallet_shards: int


def read_identity(store: DeltaStore) -> RootIdentity | None:
    """What the root says of itself; None where it says nothing yet."""
    if not store.exists(ROOT):
        return None
    rows = pl.scan_delta(store.open(ROOT)).collect()
    if rows.height != 1:
        raise RootError(
            f"{store.uri(ROOT)} holds {rows.height} rows instead of one: restore it from a copy."
        )
    row = rows.row(0, named=True)
    if row["layout"] != LAYOUT:
        raise RootError(
            f"The root {store.root} has layout {row['layout']}, this version reads {LAYOUT}: "
            "use the version that made it, or a new root."
        )
    return RootIdentity(row["source"], row["detail"], row["token_shards"], row["wallet_shards"])


def open_root(store: DeltaStore, identity: RootIdentity) -> None:
    """Make sure that the root is what it should be; make it where nothing stands there yet.

    RootError where it holds something else, belongs to another source, has other shards or cannot be
    written; TableMissingError or TableMismatchError for its tables. Nothing is written before all of
    that is known.
    """
    found = read_identity(store)
    if found is None:
        _create(store, identity)
        return
    _compare(store, found, identity)
    for contract in ALL_TABLES:
        if not store.exists(contract):
            raise TableMissingError(
                f"The table {contract.name} is gone from {store.root}. Restore it, or use a new root."
            )
        verify_table(store.open(contract), contract)


def _compare(store: DeltaStore, found: RootIdentity, wanted: RootIdentity) -> None:
    if (found.source, found.detail) != (wanted.source, wanted.detail):
        raise RootError(
            f"The root {store.root} holds rows of {_named(found)}, and this run reads {_named(wanted)}: "
            "give each source a root of its own."
        )
    for kind in ("token_shards", "wallet_shards"):
        has, asks = getattr(found, kind), getattr(wanted, kind)
        if has != asks:
            raise RootError(
                f"The root {store.root} was made with {kind} = {has}, and the setting says {asks}: "
                f"set {kind} to {has}, or use a new root. Shards are fixed when the tables are made."
            )


def _named(identity: RootIdentity) -> str:
    return f"{identity.source} ({identity.detail})" if identity.detail else identity.source


def _create(store: DeltaStore, identity: RootIdentity) -> None:
    if "://" not in store.root:
        _check_folder(Path(store.root))
    for contract in ALL_TABLES:
        store.create(contract)
        rows = pl.scan_delta(store.open(contract)).select(pl.len()).collect().item()
        if rows:
            raise RootError(
                f"{store.root} has rows in {contract.name} but no {ROOT.name} that says what they are: "
                "restore that table, or use a new root."
            )
    # Last, so that a root that says what it is has all of its tables.
    row = pl.DataFrame(
        {
            "source": [identity.source],
            "detail": [identity.detail],
            "token_shards": [identity.token_shards],
            "wallet_shards": [identity.wallet_shards],
            "layout": [LAYOUT],
            "created_at": [datetime.now(UTC)],
        },
        schema={c.name: c.dtype for c in ROOT.columns},
    )
    write_deltalake(
        store.uri(ROOT), row, mode="error", name=ROOT.name, storage_options=store.storage_options
    )


def _check_folder(folder: Path) -> None:
    """RootError where `folder` cannot become a root."""
    if folder.exists() and not folder.is_dir():
        raise RootError(f"The root {folder} is a file: name a folder.")
    try:
        present = {p.name for p in folder.iterdir()} if folder.exists() else set()
        strangers = sorted(n for n in present - _FOLDERS if not n.startswith("."))
        if strangers:
            raise RootError(
                f"The root {folder} holds something else ({', '.join(strangers[:5])}): "
                "name an empty or new folder."
            )
        (folder / "ops").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RootError(
            f"The root {folder} cannot be written ({error.strerror}): choose another folder or mend its rights."
        ) from error
