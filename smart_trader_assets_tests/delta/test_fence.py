"""A commit stands only on what its run has seen of the table's own log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from smart_trader_assets.delta.batch import Batch, CommitInfo, ReplaceScope, Settlement
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.errors import FenceError, OvertakenError, StorageError
from smart_trader_assets.delta.fence import writer_of
from smart_trader_assets.delta.handles import Handles
from smart_trader_assets.delta.maintenance import maintain
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import TOKENS, TRACKED_TOKENS, WALLET_PNL
from smart_trader_assets_tests.support.samples import DAY, frame, pnl, token, tracked_token
from smart_trader_assets_tests.support.stores import Put

ASSET = WALLET_PNL.name


def begin(store: DeltaStore, run_id: str, *tables: TableContract, asset: str = ASSET) -> CommitInfo:
    """A run that is about to read."""
    return CommitInfo(run_id, asset, "00", store.fence(run_id, tables or (WALLET_PNL,)))


def write(store: DeltaStore, stamp: CommitInfo, *wallets: str, **batch: Any) -> None:
    rows = frame(WALLET_PNL, [pnl(wallet) for wallet in wallets])
    store.write(WALLET_PNL, Batch(rows, "00", **batch), stamp)


def wallets(store: DeltaStore) -> list[str]:
    return sorted(store.scan(WALLET_PNL).collect()["wallet_address"])


@pytest.fixture(autouse=True)
def _tables(store: DeltaStore) -> None:
    for contract in (WALLET_PNL, TOKENS, TRACKED_TOKENS):
        store.create(contract)


def test_an_older_run_does_not_write_over_a_newer_one_and_names_it(store: DeltaStore) -> None:
    older, newer = begin(store, "older"), begin(store, "newer")
    write(store, newer, "a", "b")
    before = store.version(WALLET_PNL)
    with pytest.raises(OvertakenError) as refused:
        write(store, older, "a")
    assert str(refused.value).startswith(
        "Run older was overtaken: since it read its inputs, run newer has written silver/wallet_pnl for "
        "silver/wallet_pnl/00."
    )
    assert store.version(WALLET_PNL) == before


def test_a_replaced_scope_of_an_older_run_takes_nothing_away(store: DeltaStore) -> None:
    older, newer = begin(store, "older"), begin(store, "newer")
    write(store, newer, "a", "b")
    with pytest.raises(OvertakenError):
        write(store, older, "a", replaces=ReplaceScope())
    assert wallets(store) == ["a", "b"]


def test_who_wrote_first_goes_on_and_who_read_before_that_does_not(store: DeltaStore) -> None:
    older, newer = begin(store, "older"), begin(store, "newer")
    write(store, older, "a")
    with pytest.raises(OvertakenError, match=r"Run newer was overtaken: .* run older has written"):
        write(store, newer, "b")
    write(store, older, "c")
    assert wallets(store) == ["a", "c"]


def test_a_run_that_reads_after_a_commit_writes_over_it(store: DeltaStore) -> None:
    write(store, begin(store, "first"), "a")
    write(store, begin(store, "second"), "b")
    assert wallets(store) == ["a", "b"]


def test_the_same_run_id_in_another_process_is_another_writer(store: DeltaStore) -> None:
    """A step that a worker runs again, while the first worker has only been stopped."""
    stopped, again = begin(store, "run"), begin(store, "run")
    write(store, again, "a")
    with pytest.raises(OvertakenError):
        write(store, stopped, "b")


def test_writers_of_other_partitions_and_other_assets_are_no_rivals(store: DeltaStore) -> None:
    mine, theirs = begin(store, "mine"), begin(store, "theirs")
    rows = frame(WALLET_PNL, [pnl("b", wallet_shard="01")])
    store.write(WALLET_PNL, Batch(rows, "01"), theirs)
    store.write(WALLET_PNL, Batch(rows, "01"), replace(theirs, asset="another/asset"))
    write(store, mine, "a")
    assert wallets(store) == ["a", "b"]


def test_upkeep_overtakes_nobody(store: DeltaStore) -> None:
    write(store, begin(store, "earlier"), "x")
    mine = begin(store, "mine")
    maintain(store, WALLET_PNL, retention_hours=168.0, stamp=CommitInfo("upkeep", "upkeep"))
    write(store, mine, "a")
    assert wallets(store) == ["a", "x"]


def test_a_commit_that_comes_between_the_look_and_the_commit_is_seen(
    store: DeltaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, newer = begin(store, "older"), begin(store, "newer")
    writing = Handles.writing
    elsewhere, rivals = DeltaStore(store.root), [newer]

    @contextmanager
    def be_too_late(self: Handles, contract: TableContract) -> Iterator[DeltaTable]:
        with writing(self, contract) as table:
            if rivals:
                write(elsewhere, rivals.pop(), "a", "b")
            yield table

    monkeypatch.setattr(Handles, "writing", be_too_late)
    with pytest.raises(OvertakenError):
        write(store, older, "c")
    assert wallets(store) == ["a", "b"]


@pytest.mark.parametrize("rows", [[token("a")], []])
def test_a_settlement_of_an_older_run_is_refused(
    store: DeltaStore, put: Put, rows: list[Any]
) -> None:
    put(TOKENS, token("a"), token("b"))
    read = store.scan(TOKENS).collect()
    older, newer = (
        begin(store, name, TRACKED_TOKENS, TOKENS, asset=TRACKED_TOKENS.name)
        for name in ("older", "newer")
    )

    def tracked(tokens: pl.DataFrame) -> Settlement:
        return Settlement.of(TOKENS, tokens, operation="X", sets={"tracking_status": "tracked"})

    first = tracked(read.filter(token_address="a"))
    store.write(TRACKED_TOKENS, Batch(None, "00", settles=(first,)), newer)
    made = frame(TRACKED_TOKENS, [tracked_token("a")]) if rows else None
    with pytest.raises(OvertakenError):
        store.write(TRACKED_TOKENS, Batch(made, "00", settles=(tracked(read),)), older)
    states = dict(
        store.scan(TOKENS).select("token_address", "tracking_status").collect().iter_rows()
    )
    assert states == {"a": "tracked", "b": "pending"}


def test_what_is_confirmed_without_a_change_is_not_written_over_either(
    store: DeltaStore, put: Put
) -> None:
    """Otherwise the older result would stand, and nothing would be due."""
    put(TOKENS, token("a"))
    write(store, begin(store, "before"), "a")
    read = store.scan(TOKENS).collect()
    older, newer = (begin(store, name, WALLET_PNL, TOKENS) for name in ("older", "newer"))
    settled = Settlement.of(TOKENS, read, operation="X", sets={"tracking_status": "tracked"})
    write(store, newer, "a", settles=(settled,))
    with pytest.raises(OvertakenError):
        write(store, older, "a", "stale")
    assert wallets(store) == ["a"]


def test_an_unchanged_batch_that_settles_nothing_makes_no_commit(store: DeltaStore) -> None:
    write(store, begin(store, "first"), "a")
    before = store.version(WALLET_PNL)
    write(store, begin(store, "second"), "a")
    assert store.version(WALLET_PNL) == before


def test_where_the_log_no_longer_shows_who_wrote_the_commit_is_refused(store: DeltaStore) -> None:
    mine = begin(store, "mine")
    write(store, begin(store, "other"), "a")
    table = DeltaTable(store.uri(WALLET_PNL))
    table.create_checkpoint()
    for entry in (Path(store.uri(WALLET_PNL)) / "_delta_log").glob("*.json"):
        entry.unlink()
    with pytest.raises(OvertakenError, match="an unknown run"):
        write(store, mine, "b")


def test_a_table_that_the_fence_does_not_know_is_a_mistake_that_is_named(store: DeltaStore) -> None:
    with pytest.raises(FenceError, match="bronze/tokens, which was not noted"):
        store.write(TOKENS, Batch(frame(TOKENS, [token("a")]), DAY), begin(store, "run"))


def test_a_commit_carries_its_writer_as_a_transaction(store: DeltaStore) -> None:
    write(store, begin(store, "run"), "a")
    table = store.open(WALLET_PNL)
    assert table.transaction_version("silver/wallet_pnl/00") == table.version()
    assert table.history(1)[0]["writer"] == "silver/wallet_pnl/00"


def test_days_are_not_told_apart() -> None:
    assert writer_of("bronze/tokens", date(2026, 1, 2)) == writer_of("bronze/tokens", None)


def test_rows_of_an_older_run_are_refused_where_a_newer_one_has_settled_what_they_are_made_from(
    store: DeltaStore, put: Put
) -> None:
    """The newer run has written no row yet, but what it settled is no longer the older one's to do."""
    put(TOKENS, token("a"), token("b"))
    read = store.scan(TOKENS).collect()
    older, newer = (begin(store, name, WALLET_PNL, TOKENS) for name in ("older", "newer"))

    def tracked(mint: str) -> Settlement:
        rows = read.filter(token_address=mint)
        return Settlement.of(TOKENS, rows, operation="X", sets={"tracking_status": "tracked"})

    store.write(WALLET_PNL, Batch(None, "00", settles=(tracked("a"),)), newer)
    with pytest.raises(OvertakenError):
        write(store, older, "stale", settles=(tracked("b"),))
    assert wallets(store) == []
    write(store, newer, "a", settles=(tracked("b"),))


def test_an_entry_that_cannot_be_read_is_a_failure_of_the_storage_and_overtakes_nobody(
    store: DeltaStore,
) -> None:
    mine = begin(store, "mine")
    write(store, begin(store, "other"), "a")
    table = DeltaTable(store.uri(WALLET_PNL))
    table.create_checkpoint()
    newest = Path(store.uri(WALLET_PNL)) / "_delta_log" / f"{table.version():020}.json"
    whole = newest.read_bytes()
    newest.write_bytes(whole[:100])
    with pytest.raises(StorageError, match=r"silver/wallet_pnl .* cannot be read"):
        write(store, mine, "b")
    newest.write_bytes(whole)
    with pytest.raises(OvertakenError, match="run other"):
        write(store, mine, "b")


def test_a_text_with_an_odd_end_of_line_is_no_end_of_an_entry(store: DeltaStore) -> None:
    mine = begin(store, "mine")
    write(store, mine, "a\u2028b\u2029c\x85d")
    write(store, mine, "a")
    assert len(wallets(store)) == 2
