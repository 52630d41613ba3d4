"""A store that tells which of its commits lost against another writer's."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from deltalake.exceptions import CommitFailedError

from smart_trader_assets.delta.operations import Metrics
from smart_trader_assets.delta.store import DeltaStore


class WatchedStore(DeltaStore):
    """Notes each commit that lost; `most_tries` is the longest that a single one took."""

    def __init__(self, root: str, storage_options: Mapping[str, str] | None = None) -> None:
        super().__init__(root, storage_options)
        self.lost: list[str] = []
        self.most_tries = 0

    def commit(self, what: str, operation: Callable[[], Metrics]) -> Metrics:
        """A commit, and each of its tries noted."""
        tries = 0

        def watched() -> Metrics:
            nonlocal tries
            tries += 1
            self.most_tries = max(self.most_tries, tries)
            try:
                return operation()
            except CommitFailedError:
                self.lost.append(what)
                raise

        return super().commit(what, watched)
