"""BirdEye's endpoints over a market: parameters in, the JSON text of a success out, refusals raised.

Parameters are read as strictly as the contract states them.
"""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from threading import Lock

from smart_trader_assets.sandbox.ranked_traders import WINDOWS as RANKED_WINDOWS
from smart_trader_assets.sandbox.ranked_traders import RankedTraders
from smart_trader_assets.sandbox.recorded_answers import RecordedAnswers
from smart_trader_assets.sandbox.source import MarketSource, MintPrice, SwapItem
from smart_trader_assets.sandbox.wire import MAX_UNIX_TIME, WINDOWS, Endpoint, RefusalError, encode
from smart_trader_assets.transforms.known_addresses import is_address

MAX_LIMIT = 100
MAX_DEPTH = 10_000
MAX_MINTS = 100
PAGE_PARAMETERS = {"offset", "limit"}
TX_TYPES = {"swap", "add", "remove", "all"}
AMOUNT_MODES = {"raw", "scaled"}

TIMES = ("recent_listing_time", "last_trade_unix_time")
CAPITALS = ("liquidity", "market_cap", "fdv")
WINDOW_METRICS = (
    "volume_{}h_usd",
    "volume_{}h_change_percent",
    "price_change_{}h_percent",
    "trade_{}h_count",
)
SORT_KEYS = {
    *(*CAPITALS, *TIMES, "holder"),
    *(metric.format(window) for metric in WINDOW_METRICS for window in WINDOWS),
}
MINIMA = {f"min_{key}": key for key in SORT_KEYS if not key.endswith("h_change_percent")}
MAXIMA = {f"max_{key}": key for key in (*CAPITALS, *TIMES)}

Parameters = Mapping[str, str]


class Drift:
    """Lets rows that lie ahead of the clock in, a few more with each page of the same wallet.

    Nothing is invented: a row that drifts in is the one that the market shows anyway once the
    clock has passed it. ``rows_per_page`` of 0 keeps pages still.
    """

    def __init__(self, rows_per_page: int = 0) -> None:
        self._lock = Lock()
        self._pages: Counter[str] = Counter()
        self.rows_per_page = rows_per_page

    def set(self, rows_per_page: int) -> None:
        """Starts anew with so many rows a page."""
        with self._lock:
            self.rows_per_page = rows_per_page
            self._pages.clear()

    def visible(self, wallet: str, history: Sequence[SwapItem], now: int) -> Sequence[SwapItem]:
        """The rows of a history, newest first, that a page asked for at ``now`` is cut from."""
        first_past = bisect_left(history, -now, key=lambda item: -item.block_unix_time)
        with self._lock:
            arrived = self._pages[wallet] * self.rows_per_page
            self._pages[wallet] += 1
        return history[max(0, first_past - arrived) :]


class BirdEyeApi:
    """Answers over a market at a time.

    ``inclusive_times`` tells whether a row of exactly ``before_time`` or ``after_time`` belongs to
    the page; the documentation does not, so a client has to work with both. What was ``recorded`` whole is
    answered as it was, whatever the market says.
    """

    def __init__(
        self,
        source: MarketSource,
        *,
        clock: Callable[[], datetime],
        drift: Drift,
        account: Callable[[], dict[str, object]],
        recorded: RecordedAnswers | None = None,
        inclusive_times: bool = False,
    ) -> None:
        self._source = source
        self._clock = clock
        self._drift = drift
        self._inclusive = inclusive_times
        self._ranked = RankedTraders(source)
        self._account = account
        self._recorded = recorded
        self._answers: dict[Endpoint, Callable[[Parameters], str]] = {
            Endpoint.LISTINGS: self._token_list,
            Endpoint.HOLDERS: self._holders,
            Endpoint.SWAPS: self._swaps,
            Endpoint.MULTI_PRICE: self._multi_price,
            Endpoint.RANKED: self._ranked_traders,
            Endpoint.TRANSFERS: self._transfers,
            Endpoint.CREDITS: self._credits,
        }

    def answer(self, endpoint: Endpoint, parameters: Parameters) -> str:
        """The JSON text of a success, or RefusalError."""
        recorded = self._recorded.answer(endpoint, parameters) if self._recorded else None
        if recorded is not None:
            return recorded
        return f'{{"success":true,"data":{self._answers[endpoint](parameters)}}}'

    def _token_list(self, parameters: Parameters) -> str:
        _refuse_unknown(parameters, {*MINIMA, *MAXIMA, "sort_by", "sort_type"} | PAGE_PARAMETERS)
        least = {MINIMA[name]: _number(parameters, name) for name in parameters if name in MINIMA}
        most = {MAXIMA[name]: _number(parameters, name) for name in parameters if name in MAXIMA}
        sort_by = _choice(parameters, "sort_by", SORT_KEYS, "liquidity")
        ascending = _choice(parameters, "sort_type", {"asc", "desc"}, "desc") == "asc"
        offset, limit = _page(parameters)

        # Bounds are inclusive; what is unknown lies within none, and comes last in both orders.
        sign = 1 if ascending else -1
        matching = sorted(
            (
                listing
                for listing in self._source.tokens(self._clock())
                if all(_metric(listing, key, -1) >= bound for key, bound in least.items())
                and all(_metric(listing, key, 1) <= bound for key, bound in most.items())
            ),
            key=lambda listing: (sign * _metric(listing, sort_by, sign), str(listing["address"])),
        )
        return encode({"items": matching[offset : offset + limit]})

    def _holders(self, parameters: Parameters) -> str:
        _refuse_unknown(parameters, PAGE_PARAMETERS | {"address", "ui_amount_mode"})
        mint = _required(parameters, "address")
        _choice(parameters, "ui_amount_mode", AMOUNT_MODES, "scaled")
        offset, limit = _page(parameters)
        accounts = self._source.holders(mint, self._clock())
        return encode({"items": list(accounts[offset : offset + limit])})

    def _swaps(self, parameters: Parameters) -> str:
        known = PAGE_PARAMETERS | {"address", "tx_type", "before_time", "after_time"}
        _refuse_unknown(parameters, known)
        wallet = _required(parameters, "address")
        tx_type = _choice(parameters, "tx_type", TX_TYPES, "swap")
        before = _unix_time(parameters, "before_time")
        after = _unix_time(parameters, "after_time")
        if before is not None and after is not None:
            raise RefusalError(422, "before_time and after_time cannot be sent together")
        offset, limit = _page(parameters)

        now = int(self._clock().timestamp())
        history = self._drift.visible(wallet, self._source.swaps(wallet), now)
        matching = [
            item
            for item in history
            if tx_type in ("all", item.tx_type)
            and (before is None or self._precedes(item.block_unix_time, before))
            and (after is None or self._precedes(after, item.block_unix_time))
        ]
        items = ",".join(item.text for item in matching[offset : offset + limit])
        has_next = "true" if offset + limit < len(matching) else "false"
        return f'{{"items":[{items}],"has_next":{has_next}}}'

    def _precedes(self, earlier: int, later: int) -> bool:
        return earlier < later or (self._inclusive and earlier == later)

    def _ranked_traders(self, parameters: Parameters) -> str:
        _refuse_unknown(parameters, PAGE_PARAMETERS | {"type", "sort_by", "sort_type"})
        kind = _choice(parameters, "type", RANKED_WINDOWS, "1W")
        _choice(parameters, "sort_by", {"PnL"}, "PnL")
        descending = _choice(parameters, "sort_type", {"asc", "desc"}, "desc") == "desc"
        offset, limit = _page(parameters)
        ranked = self._ranked.gained(kind, self._clock())
        if not descending:
            ranked = ranked[::-1]
        return encode({"items": ranked[offset : offset + limit]})

    def _transfers(self, parameters: Parameters) -> str:
        _refuse_unknown(parameters, {"wallet", "limit", "token_address", "direction"})
        wallet = _required(parameters, "wallet")
        limit = _integer(parameters, "limit", 1, MAX_LIMIT) or MAX_LIMIT
        return encode(list(self._source.transfers(wallet, self._clock()))[:limit])

    def _credits(self, parameters: Parameters) -> str:
        _refuse_unknown(parameters, {"time_from", "time_to"})
        return encode(self._account())

    def _multi_price(self, parameters: Parameters) -> str:
        _refuse_unknown(parameters, {"list_address", "include_liquidity", "check_liquidity"})
        mints = mints_of(parameters)
        if not mints or len(mints) > MAX_MINTS:
            raise RefusalError(400, f"list_address should name 1 to {MAX_MINTS} addresses")
        now = self._clock()
        # What is not an address is left out of the answer, where an unknown mint comes back as null.
        known = filter(is_address, mints)
        return encode({mint: _price_item(self._source.price(mint, now)) for mint in known})


def mints_of(parameters: Parameters) -> Sequence[str]:
    """The mints that a request for prices names, each once."""
    named = parameters.get("list_address", "").split(",")
    return list(dict.fromkeys(mint.strip() for mint in named if mint.strip()))


def _price_item(price: MintPrice | None) -> dict[str, object] | None:
    if price is None:
        return None
    updated_at = datetime.fromtimestamp(price.updated_at, UTC)
    return {
        "value": price.value,
        "updateUnixTime": price.updated_at,
        "updateHumanTime": updated_at.strftime("%Y-%m-%dT%H:%M:%S"),
        "liquidity": price.liquidity,
    }


def _metric(listing: Mapping[str, object], key: str, unknown: int) -> float:
    value = listing.get(key)
    return float(value) if isinstance(value, int | float) else unknown * math.inf


def _refuse_unknown(parameters: Parameters, known: Collection[str]) -> None:
    # A misspelt filter must not pass for a filter.
    for name in parameters:
        if name not in known:
            raise RefusalError(400, f"{name} is not a parameter of this endpoint")


def _required(parameters: Parameters, name: str) -> str:
    if not parameters.get(name):
        raise RefusalError(400, f"{name} is required")
    return parameters[name]


def _choice(parameters: Parameters, name: str, allowed: Collection[str], default: str) -> str:
    value = parameters.get(name, default)
    if value not in allowed:
        raise RefusalError(400, f"{name} must be one of {', '.join(sorted(allowed))}")
    return value


def _number(parameters: Parameters, name: str) -> float:
    try:
        value = float(parameters[name])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise RefusalError(400, f"{name} should be a number")
    return value


def _integer(parameters: Parameters, name: str, least: int, most: int) -> int | None:
    if name not in parameters:
        return None
    try:
        value = int(parameters[name])
    except ValueError:
        raise RefusalError(400, f"{name} should be an integer") from None
    if not least <= value <= most:
        raise RefusalError(400, f"{name} should be in range {least} to {most}")
    return value


def _unix_time(parameters: Parameters, name: str) -> int | None:
    return _integer(parameters, name, 1, MAX_UNIX_TIME)


def _page(parameters: Parameters) -> tuple[int, int]:
    offset = _integer(parameters, "offset", 0, MAX_DEPTH) or 0
    limit = _integer(parameters, "limit", 1, MAX_LIMIT) or MAX_LIMIT
    if offset + limit > MAX_DEPTH:
        raise RefusalError(400, f"offset + limit should be at most {MAX_DEPTH}")
    return offset, limit
