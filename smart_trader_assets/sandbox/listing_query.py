"""Filters and order of the token list."""

from collections.abc import Mapping, Sequence

from smart_trader_assets.sandbox import parameters as read

Listing = Mapping[str, object]

WINDOWS = (1, 2, 4, 8, 24)
TIMES = ("recent_listing_time", "last_trade_unix_time")
CAPITALS = ("liquidity", "market_cap", "fdv")
WINDOW_METRICS = {
    "volume_{}h_usd",
    "volume_{}h_change_percent",
    "price_change_{}h_percent",
    "trade_{}h_count",
}
SORT_KEYS = frozenset(
    {*CAPITALS, *TIMES, "holder"}
    | {metric.format(window) for metric in WINDOW_METRICS for window in WINDOWS}
)
MINIMA = {f"min_{key}": key for key in SORT_KEYS if not key.endswith("h_change_percent")}
MAXIMA = {f"max_{key}": key for key in (*CAPITALS, *TIMES)}
PARAMETERS = {*MINIMA, *MAXIMA, "sort_by", "sort_type", "offset", "limit"}


def filter_listings(
    listings: Sequence[dict[str, object]], parameters: Mapping[str, str]
) -> list[dict[str, object]]:
    """Keeps what lies within every bound, bounds included; an unknown metric lies in none."""
    read.refuse_unknown(parameters, PARAMETERS)
    least = {MINIMA[name]: read.number(parameters, name) for name in parameters if name in MINIMA}
    most = {MAXIMA[name]: read.number(parameters, name) for name in parameters if name in MAXIMA}
    return [
        listing
        for listing in listings
        if all(_metric(listing, key, -1) >= bound for key, bound in least.items())
        and all(_metric(listing, key, 1) <= bound for key, bound in most.items())
    ]


def sort_listings(
    listings: Sequence[dict[str, object]], parameters: Mapping[str, str]
) -> list[dict[str, object]]:
    """By one metric, unknown ones last, equal ones by address."""
    key = read.choice(parameters, "sort_by", SORT_KEYS, "liquidity")
    order = read.choice(parameters, "sort_type", {"asc", "desc"}, "desc")
    sign = 1 if order == "asc" else -1
    return sorted(
        listings,
        key=lambda listing: (sign * _metric(listing, key, sign), str(listing["address"])),
    )


def _metric(listing: Listing, key: str, unknown: int) -> float:
    value = listing.get(key)
    return float(value) if isinstance(value, int | float) else unknown * float("inf")
