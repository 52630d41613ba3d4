"""What a fetching asset counts besides its rows: requests and credits by endpoint, and the wait for the API."""

from smart_trader_assets.birdeye.session import FetchSession
from smart_trader_assets.lake.run_metrics import CREDITS, FETCH_SECONDS, REQUESTS


class FetchMeter:
    """What `session` has cost since this meter was made."""

    def __init__(self, session: FetchSession) -> None:
        self._session = session
        self._before = fetch_cost(session)

    def metrics(self) -> dict[str, float]:
        """Requests and credits by endpoint, and seconds waited for them."""
        return {
            name: cost - self._before.get(name, 0)
            for name, cost in fetch_cost(self._session).items()
        }


def fetch_cost(session: FetchSession) -> dict[str, float]:
    """Requests and credits of a session so far, by endpoint, and the seconds that it has waited."""
    spent = session.meter.spent
    return {
        **{f"{REQUESTS}{name}": float(spend.requests) for name, spend in spent.items()},
        **{f"{CREDITS}{name}": float(spend.credits) for name, spend in spent.items()},
        FETCH_SECONDS: session.waiting.seconds,
    }
