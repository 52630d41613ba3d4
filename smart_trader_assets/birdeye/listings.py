"""The two lists that BirdEye serves by offset: tokens of the market, and holders of a token.

Both move while they are read, so the same row may be on two pages; it counts once. A row that
slips past between two pages comes with the next snapshot.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from smart_trader_assets.birdeye.responses import (
    MAX_OFFSET,
    Page,
    RawItem,
    RejectedItem,
    format_changed,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenListFilters:
    """Which tokens are listed; bounds are inclusive, None leaves a bound out.

    Liquidity and volume are in USD, the price change in percent.
    """

    min_liquidity: float | None = None
    max_liquidity: float | None = None
    min_volume_1h_usd: float | None = None
    min_price_change_24h_percent: float | None = None

    def parameters(self) -> dict[str, str | int]:
        """The query parameters, the most liquid token first."""
        bounds = {
            "min_liquidity": self.min_liquidity,
            "max_liquidity": self.max_liquidity,
            "min_volume_1h_usd": self.min_volume_1h_usd,
            "min_price_change_24h_percent": self.min_price_change_24h_percent,
        }
        return {"sort_by": "liquidity", "sort_type": "desc"} | {
            name: int(bound) if float(bound).is_integer() else repr(bound)
            for name, bound in bounds.items()
            if bound is not None
        }


@dataclass(frozen=True, slots=True)
class TokenList:
    """Tokens by falling liquidity, one per address; items are as received."""

    items: list[RawItem]
    pages: int
    rejected: list[RejectedItem]


@dataclass(frozen=True, slots=True)
class TransferList:
    """The newest transfers of a wallet; `is_whole` where there are no others."""

    items: list[RawItem]
    is_whole: bool
    rejected: list[RejectedItem]


@dataclass(frozen=True, slots=True)
class HolderList:
    """Token accounts of one mint by falling balance: an owner may appear several times."""

    items: list[RawItem]
    pages: int
    rejected: list[RejectedItem]


@dataclass(frozen=True, slots=True)
class RankedList:
    """Traders by falling gain, as received, and the places that they have on the list, from 1."""

    items: list[RawItem]
    places: list[int]
    rejected: list[RejectedItem]


_REPEATED = "a page without a new item: the list may ignore `offset`, and is read no further"

_ENDLESS = "pages so short that the list would cost several times its price: it is read no further"


class FetchListPage(Protocol):
    """Fetches one page of a list."""

    def __call__(self, *, offset: int) -> Awaitable[Page]: ...


Sift = Callable[[list[Any]], tuple[list[RawItem], list[RejectedItem]]]


async def read_list(
    fetch_page: FetchListPage,
    sift_items: Sift,
    *,
    page_size: int,
    limit: int,
    key: str,
    endpoint: str,
    entity: str,
) -> tuple[list[RawItem], int, list[RejectedItem]]:
    """Read pages until `limit` different items, the last page, or the API's ceiling.

    What the server says of a next page counts; where it says nothing, a short page is the last one. The next
    page begins behind what came, since a short page may have left items out. A page that brings nothing new is
    the last one, too: a list that ignores `offset` would go on for ever. So is the one after twice as many as
    `limit` needs, and both are told among the rejected items. `key` names the field that tells items apart;
    items without it are all kept. Returns the items, the number of pages and the rejected items.
    FormatChangedError where not one item of a page can be read.
    """
    items: list[RawItem] = []
    rejected: dict[RejectedItem, None] = {}
    seen: set[Any] = set()
    pages = offset = 0
    most = 2 * -(-limit // page_size)
    while len(items) < limit and offset + page_size <= MAX_OFFSET:
        if pages == most:
            rejected[RejectedItem(_ENDLESS, f"page {pages} of {entity}")] = None
            break
        page = await fetch_page(offset=offset)
        pages += 1
        offset += len(page.items)
        kept, refused = sift_items(page.items)
        rejected |= dict.fromkeys(refused)
        if page.items and not kept:
            raise format_changed(refused, endpoint=endpoint, entity=entity)
        known = len(items)
        for item in kept:
            identity = item.get(key)
            if identity is None or identity not in seen:
                seen.add(identity)
                items.append(item)
        if page.is_last(page_size):
            break
        if len(items) == known:
            if page.items:
                rejected[RejectedItem(_REPEATED, f"page {pages} of {entity}")] = None
            break
    return items[:limit], pages, list(rejected)
