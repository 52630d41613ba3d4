"""Fencing: a run writes only on top of what it has seen.

A run that was stopped for a minute, was taken for dead, or merely began earlier must not put an older result
over a newer one. Before a step reads anything, its fence notes the version of every table that the step may
write to. Each commit of the step names its writers (asset and partition) in the table's log, as metadata with
the fence's own token and as application transactions. Before the next one, the log's entries since are read:
where another fence has written for the same writer, the commit is refused. An entry that comes between that
look and the commit has the same transaction, so the commit conflicts, and the look is repeated.

The table's own log is the judge: no clock is asked, no lease, and no Dagster instance.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from deltalake import CommitProperties, DeltaTable, Transaction

from smart_trader_assets.delta.commit_log import Entry
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.errors import FenceError, OvertakenError

WRITER = "writer"
TOKEN = "fence"  # noqa: S105

ReadEntries = Callable[[TableContract, Iterable[int]], Mapping[int, Entry]]
"""Reads what the log's entries of these versions say of themselves; those that are gone are absent."""

_UNKNOWN_RUN = "an unknown run"


def writer_of(asset: str, partition: str | date | None) -> str:
    """Who writes: an asset, in one shard of its own.

    Days are not told apart: only the present day can be written, and two runs that write it are rivals
    whatever day their clocks show.
    """
    return f"{asset}/{partition}" if isinstance(partition, str) else asset


@dataclass
class _Seen:
    """How far a table's log was read, and which run wrote for each writer since the fence was made.

    `is_lost` says that entries were cleaned up unread: who wrote cannot be known any longer.
    """

    version: int
    others: dict[str, str] = field(default_factory=dict)
    is_lost: bool = False


class Fence:
    """What one step of one run has seen of the tables that it may write to."""

    def __init__(
        self,
        run_id: str,
        contracts: Iterable[TableContract],
        newest: Callable[[TableContract], DeltaTable],
        read_entries: ReadEntries,
    ) -> None:
        """Note the tables as they stand, each the `newest` of its contract; to be made before anything else is
        read."""
        self.run_id = run_id
        self._newest = newest
        self._read = read_entries
        self._token = uuid.uuid4().hex
        self._seen = {contract.name: _Seen(newest(contract).version()) for contract in contracts}

    def check(self, contract: TableContract, table: DeltaTable, writers: Iterable[str]) -> None:
        """OvertakenError where `table` shows that another run wrote for one of `writers` since this fence was
        made."""
        seen = self._noted(contract)
        if (newer := table.version() - seen.version) > 0:
            entries = self._read(contract, range(seen.version + 1, table.version() + 1))
            seen.is_lost |= len(entries) < newer
            for entry in entries.values():
                if entry.get(TOKEN) != self._token:
                    for writer in str(entry.get(WRITER, "")).splitlines():
                        seen.others.setdefault(writer, str(entry.get("run_id", _UNKNOWN_RUN)))
            seen.version = table.version()
        for writer in writers:
            other = seen.others.get(writer, _UNKNOWN_RUN if seen.is_lost else None)
            if other is not None:
                raise OvertakenError(
                    f"Run {self.run_id} was overtaken: since it read its inputs, {_named(other)} has written "
                    f"{contract.name} for {writer}. That result stands, nothing more of this run is written "
                    "there, and what is still due is done by the next run."
                )

    def check_all(self, contracts: Iterable[TableContract], writers: Collection[str]) -> None:
        """The same on the newest version of several tables, before work that would be in vain."""
        for contract in contracts:
            self.check(contract, self._newest(contract), writers)

    def properties(
        self,
        contract: TableContract,
        table: DeltaTable,
        writers: Collection[str],
        about: Mapping[str, str],
    ) -> CommitProperties:
        """What a commit of `writers` on the snapshot `table` carries; OvertakenError as by `check`."""
        self.check(contract, table, writers)
        # Its number only has to differ from none: any entry of one of these writers in between conflicts.
        number = table.version() + 1
        transactions = [Transaction(writer, number) for writer in writers]
        metadata: dict[str, Any] = {**about, WRITER: "\n".join(writers), TOKEN: self._token}
        return CommitProperties(custom_metadata=metadata, app_transactions=transactions)

    def _noted(self, contract: TableContract) -> _Seen:
        try:
            return self._seen[contract.name]
        except KeyError:
            raise FenceError(
                f"The step writes to {contract.name}, which was not noted when it began: add the table to "
                "what its fence is made of."
            ) from None


def _named(run_id: str) -> str:
    return run_id if run_id == _UNKNOWN_RUN else f"run {run_id}"
