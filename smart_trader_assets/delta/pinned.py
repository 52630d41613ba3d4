"""A store for one look at several things: each table is opened once and stays as it then stood."""

from deltalake import DeltaTable

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.delta.store import DeltaStore


class PinnedStore(DeltaStore):
    """Reads the tables of `store`, each at the version that it had when it was first asked for.

    To open a table costs more than to sum up its log, and counts of one version agree with each other.
    For reading only: a commit wants a freshly loaded table.
    """

    def __init__(self, store: DeltaStore) -> None:
        super().__init__(store.root, store.storage_options)
        self._tables: dict[str, DeltaTable] = {}

    def open(self, contract: TableContract) -> DeltaTable:
        """The table as it was first seen; TableMissingError where there is none."""
        if contract.name not in self._tables:
            self._tables[contract.name] = super().open(contract)
        return self._tables[contract.name]

    @property
    def versions(self) -> dict[str, int]:
        """The version of each table that was asked for, by name."""
        return {name: table.version() for name, table in self._tables.items()}
