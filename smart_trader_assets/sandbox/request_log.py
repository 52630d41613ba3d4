"""What was asked for, counted, so that a test can prove that nothing is fetched twice."""

from collections import Counter
from threading import Lock

from smart_trader_assets.sandbox.wire import AnyEndpoint


class RequestLog:
    """Counts every request to an endpoint of the API, refused and faulty ones included.

    ``by_endpoint`` counts by path, ``by_entity`` by path and wallet or mint, ``by_query`` by path
    and sorted parameters: a count above one there is the same question asked again.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._endpoints: Counter[str] = Counter()
        self._entities: Counter[tuple[str, str]] = Counter()
        self._queries: Counter[str] = Counter()

    def record(self, endpoint: AnyEndpoint, entities: frozenset[str], query: str) -> None:
        """Counts one request."""
        with self._lock:
            self._endpoints[endpoint.value] += 1
            self._entities.update((endpoint.value, entity) for entity in entities)
            self._queries[f"{endpoint.value}?{query}"] += 1

    def clear(self) -> None:
        """Starts to count anew."""
        with self._lock:
            self._endpoints.clear()
            self._entities.clear()
            self._queries.clear()

    @property
    def by_endpoint(self) -> Counter[str]:
        with self._lock:
            return self._endpoints.copy()

    @property
    def by_entity(self) -> Counter[tuple[str, str]]:
        with self._lock:
            return self._entities.copy()

    @property
    def by_query(self) -> Counter[str]:
        with self._lock:
            return self._queries.copy()
