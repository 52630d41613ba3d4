"""A root is what it says of itself, and is refused for anything else before a byte is written."""

from __future__ import annotations

import shutil
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, Field, Schema, write_deltalake
from deltalake.schema import PrimitiveType
from filelock import FileLock

from smart_trader_assets.delta import store as store_module
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.errors import (
    LakeError,
    RootError,
    TableMismatchError,
    TableMissingError,
)
from smart_trader_assets.delta.schema import delta_schema
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.tables import root as root_module
from smart_trader_assets.tables.catalog import (
    ALL_TABLES,
    SMART_TRADERS,
    TRACKED_TOKENS,
    TRANSACTIONS,
)
from smart_trader_assets.tables.ops import ROOT
from smart_trader_assets.tables.root import RootIdentity, open_root, read_identity
from smart_trader_assets_tests.support.samples import swap
from smart_trader_assets_tests.support.stores import Put

# dagster-deltalake about itself.
pytestmark = pytest.mark.filterwarnings("ignore:The `dict` method is deprecated")

SANDBOX = RootIdentity(source="sandbox", sandbox_seed=7, token_shards=4, wallet_shards=16)


def listing(root: Path) -> set[tuple[str, int]]:
    """Every file under a root with its size; locks aside."""
    return {
        (str(path.relative_to(root)), path.stat().st_size)
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


@pytest.fixture
def root(store: DeltaStore) -> Path:
    """A root that is made."""
    open_root(store, SANDBOX)
    return Path(store.root)


def test_a_new_root_has_all_tables_and_says_what_it_is(store: DeltaStore) -> None:
    assert read_identity(store) is None
    open_root(store, SANDBOX)
    assert read_identity(store) == SANDBOX
    assert [contract.name for contract in ALL_TABLES if not store.exists(contract)] == []
    assert all(store.scan(contract).collect().height == 0 for contract in ALL_TABLES)


class Rival:
    """Makes the same root as somebody who does `what` for the first time, right before that."""

    def __init__(self, store: DeltaStore, what: Callable[..., Any]) -> None:
        self.store, self.what, self.began = DeltaStore(store.root), what, False

    def __call__(self, *given: Any) -> Any:
        if not self.began:
            self.began = True
            open_root(self.store, SANDBOX)
        return self.what(*given)


@pytest.mark.parametrize(
    ("module", "name"), [(root_module, "_write"), (store_module, "missing_constraints")]
)
@pytest.mark.parametrize("seed", [7, 8])
def test_two_that_make_one_root_in_an_object_store_end_with_one(
    store: DeltaStore, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, seed: int
) -> None:
    """A folder is locked meanwhile; between machines nothing is. Who wants another root is told so."""
    monkeypatch.setattr(root_module, "is_remote", lambda _: True)
    monkeypatch.setattr(module, name, Rival(store, getattr(module, name)))
    if seed == SANDBOX.sandbox_seed:
        open_root(store, SANDBOX)
    else:
        with pytest.raises(RootError, match="give each source its own root"):
            open_root(store, replace(SANDBOX, sandbox_seed=seed))
    assert store.scan(ROOT).collect().height == 1
    assert read_identity(store) == SANDBOX
    open_root(DeltaStore(store.root), SANDBOX)


def test_who_is_still_making_a_root_that_is_filled_already_goes_on_with_it(
    store: DeltaStore, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(root_module, "is_remote", lambda _: True)
    exists, looks = store.exists, iter(["before it is read", "before it is made"])

    def not_yet(contract: TableContract) -> bool:
        if contract is not ROOT or (look := next(looks, None)) is None:
            return exists(contract)
        if look == "before it is made":
            open_root(DeltaStore(store.root), SANDBOX)
            put(TRANSACTIONS, swap("s"))
        return False

    monkeypatch.setattr(store, "exists", not_yet)
    open_root(store, SANDBOX)
    assert store.scan(TRANSACTIONS).collect().height == 1


def test_a_root_that_is_opened_again_is_left_as_it_is(store: DeltaStore, root: Path) -> None:
    before = listing(root)
    open_root(store, SANDBOX)
    assert listing(root) == before


@pytest.mark.parametrize(
    ("other", "complaint"),
    [
        (
            replace(SANDBOX, source="live", sandbox_seed=None),
            "holds rows of sandbox .* reads live: give",
        ),
        (replace(SANDBOX, sandbox_seed=8), r"sandbox \(seed 7\), .* sandbox \(seed 8\)"),
        (replace(SANDBOX, token_shards=8), "set SMART_TRADER_TOKEN_SHARDS to 4, or use a new root"),
        (
            replace(SANDBOX, wallet_shards=32),
            "set SMART_TRADER_WALLET_SHARDS to 16, or use a new root",
        ),
    ],
    ids=["source", "seed", "token shards", "wallet shards"],
)
def test_another_source_or_other_shards_are_refused(
    store: DeltaStore, root: Path, other: RootIdentity, complaint: str
) -> None:
    before = listing(root)
    with pytest.raises(RootError, match=complaint):
        open_root(store, other)
    assert listing(root) == before


def remake(store: DeltaStore, contract: TableContract, **made: Any) -> None:
    """Another table in the place of the contract's."""
    shutil.rmtree(store.uri(contract))
    DeltaTable.create(
        store.uri(contract),
        **{
            "schema": delta_schema(contract),
            "partition_by": list(contract.partition_by),
            "name": contract.name,
            **made,
        },
    )


def without(name: str) -> Schema:
    """The ranking's schema without a column."""
    return Schema([field for field in delta_schema(SMART_TRADERS).fields if field.name != name])


def with_another(name: str, kind: str, *, nullable: bool) -> Schema:
    """The ranking's schema with another column of that name, or with one more."""
    return Schema([*without(name).fields, Field(name, PrimitiveType(kind), nullable=nullable)])


@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        ({"schema": without("score")}, "column score is missing"),
        (
            {"schema": with_another("mood", "string", nullable=True)},
            "column mood is unknown",
        ),
        (
            {"schema": with_another("score", "string", nullable=False)},
            'column score is PrimitiveType\\("string"\\)',
        ),
        (
            {"schema": with_another("score", "double", nullable=True)},
            "column score allows nulls",
        ),
        ({"partition_by": ["tier"]}, r"partitioned by \('tier',\), not by \(\)"),
    ],
    ids=["column gone", "column more", "other type", "nulls allowed", "other partitions"],
)
def test_a_table_of_another_schema_is_refused(
    store: DeltaStore, root: Path, made: dict[str, Any], complaint: str
) -> None:
    remake(store, SMART_TRADERS, **made)
    before = listing(root)
    with pytest.raises(TableMismatchError, match=complaint):
        open_root(store, SANDBOX)
    assert listing(root) == before


def test_a_table_without_its_constraints_is_refused(store: DeltaStore, root: Path) -> None:
    remake(store, TRACKED_TOKENS)
    with pytest.raises(TableMismatchError, match="constraint whale_fetch_status_allowed is miss"):
        open_root(store, SANDBOX)


def test_a_table_that_is_gone_is_an_error_and_is_not_made_anew(
    store: DeltaStore, root: Path
) -> None:
    (root / "bronze/transactions").rename(root.parent / "elsewhere")
    with pytest.raises(TableMissingError, match="bronze/transactions is gone"):
        open_root(store, SANDBOX)
    assert not (root / "bronze/transactions").exists()


def test_rows_of_unknown_origin_are_not_adopted(store: DeltaStore, put: Put) -> None:
    put(TRANSACTIONS, swap("s"))
    before = listing(Path(store.root))
    with pytest.raises(RootError, match="has rows in bronze/transactions but no ops/root"):
        open_root(store, SANDBOX)
    assert listing(Path(store.root)) == before


@pytest.mark.parametrize("stranger", ["notes.txt", "gold_old/x.parquet", "src/main.py"])
def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path, stranger: str) -> None:
    (tmp_path / stranger).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / stranger).write_text("mine")
    with pytest.raises(
        RootError, match=f"holds something else .{stranger.split('/', maxsplit=1)[0]}"
    ):
        open_root(DeltaStore(str(tmp_path)), SANDBOX)
    assert {path.name for path in tmp_path.iterdir()} == {stranger.split("/", maxsplit=1)[0]}


def test_a_hidden_file_is_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_text("")
    store = DeltaStore(str(tmp_path))
    open_root(store, SANDBOX)
    assert read_identity(store) == SANDBOX


def test_a_file_is_no_root(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("mine")
    with pytest.raises(RootError, match="is a file: choose a folder"):
        open_root(DeltaStore(str(tmp_path / "root")), SANDBOX)
    assert (tmp_path / "root").read_text() == "mine"


def test_a_root_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RootError, match="cannot be written"):
        open_root(DeltaStore(str(tmp_path / "file" / "root")), SANDBOX)


@pytest.mark.parametrize("rows", ["two", "none"])
def test_a_root_that_says_several_things_or_nothing_is_refused(
    store: DeltaStore, root: Path, rows: str
) -> None:
    told = store.scan(ROOT).collect()
    told = pl.concat([told, told]) if rows == "two" else told.clear()
    write_deltalake(store.uri(ROOT), told, mode="overwrite")
    with pytest.raises(RootError, match="rows instead of one"):
        open_root(store, SANDBOX)


def test_a_root_of_another_layout_is_refused(store: DeltaStore, root: Path) -> None:
    told = store.scan(ROOT).collect().with_columns(pl.lit(99, dtype=pl.Int64).alias("layout"))
    write_deltalake(store.uri(ROOT), told, mode="overwrite")
    with pytest.raises(RootError, match="has layout 99, but this version reads"):
        open_root(store, SANDBOX)


def test_a_root_is_given_the_tables_that_it_has_not_promised_yet(
    store: DeltaStore, root: Path
) -> None:
    told = store.scan(ROOT).collect()
    older = told.with_columns(pl.col("tables").list.filter(pl.element() != SMART_TRADERS.name))
    write_deltalake(store.uri(ROOT), older, mode="overwrite")
    shutil.rmtree(store.uri(SMART_TRADERS))
    open_root(store, SANDBOX)
    assert store.exists(SMART_TRADERS)
    assert store.scan(ROOT).collect()["tables"].to_list() == told["tables"].to_list()


class Killed(BaseException):
    """The end of a process, past every handler."""


@pytest.mark.parametrize("tables", [0, 1, len(ALL_TABLES)])
def test_a_root_whose_making_was_cut_short_is_finished_by_the_next(
    tmp_path: Path, tables: int
) -> None:
    class MortalStore(DeltaStore):
        made = 0

        def create(self, contract: TableContract) -> None:
            if self.made == tables:
                raise Killed
            super().create(contract)
            self.made += 1

        def uri(self, contract: TableContract) -> str:
            if contract is ROOT and self.made == tables == len(ALL_TABLES):
                raise Killed
            return super().uri(contract)

    with pytest.raises(Killed):
        open_root(MortalStore(str(tmp_path / "root")), SANDBOX)
    store = DeltaStore(str(tmp_path / "root"))
    assert read_identity(store) is None
    open_root(store, SANDBOX)
    assert read_identity(store) == SANDBOX


def open_together(openers: list[Callable[[], None]]) -> list[LakeError | None]:
    gate = threading.Barrier(len(openers))

    def run(opener: Callable[[], None]) -> LakeError | None:
        gate.wait()
        try:
            opener()
        except LakeError as error:
            return error
        return None

    with ThreadPoolExecutor(len(openers)) as pool:
        return list(pool.map(run, openers))


def test_openers_at_once_make_one_root(store: DeltaStore) -> None:
    outcomes = open_together([partial(open_root, DeltaStore(store.root), SANDBOX)] * 3)
    assert outcomes == [None, None, None]
    assert read_identity(store) == SANDBOX


def test_a_maker_that_never_comes_to_an_end_is_told_of_and_not_waited_for_for_ever(
    store: DeltaStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(root_module, "SAYS_AFTER_SECONDS", 0.01)
    monkeypatch.setattr(root_module, "WAITS_SECONDS", 0.01)
    place = Path(store.root) / "ops" / "root.lock"
    with FileLock(place):
        with pytest.raises(RootError, match="may have been stopped") as told:
            open_root(store, SANDBOX)
        assert str(place) in str(told.value)
        assert f"makes the tables of {store.root}" in caplog.text
        assert listing(Path(store.root)) == set()
    open_root(store, SANDBOX)
    assert read_identity(store) == SANDBOX


def test_of_two_sources_at_once_one_gets_the_root_and_one_is_refused(store: DeltaStore) -> None:
    other = replace(SANDBOX, sandbox_seed=8)
    outcomes = open_together(
        [partial(open_root, DeltaStore(store.root), i) for i in (SANDBOX, other)]
    )
    refused = [isinstance(outcome, RootError) for outcome in outcomes]
    assert sorted(refused) == [False, True]
    assert read_identity(store) == (other if refused[0] else SANDBOX)


def lake(root: str, **settings: Any) -> LakeResource:
    identity = {"source": "sandbox", "sandbox_seed": 7, "token_shards": 4}
    return LakeResource(root=root, **{**identity, "wallet_shards": 16, **settings})


def test_the_resource_hands_out_its_store_once_the_root_is_known_to_be_right(
    store: DeltaStore, root: Path
) -> None:
    resource = lake(store.root)
    assert resource.store is resource.store
    assert resource.identity == SANDBOX
    live = lake(store.root, source="live", sandbox_seed=None)
    with pytest.raises(RootError):
        _ = live.store
    assert live.unchecked_store.root == store.root


def test_lakes_of_a_root_share_what_is_opened_while_one_is_in_use(
    store: DeltaStore, root: Path
) -> None:
    first = lake(store.root)
    assert lake(store.root).store is first.store
    assert lake(store.root, allow_http=True).store is first.store  # of no meaning for a folder
    used = weakref.ref(first.store)
    first.store.version(TRANSACTIONS)
    del first
    assert used() is None


def test_a_relative_root_is_that_of_the_folder_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lakes = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        lakes.append(lake("root", sandbox_seed=len(name)))
        assert read_identity(lakes[-1].store) == lakes[-1].identity
    assert lakes[0].store is not lakes[1].store
