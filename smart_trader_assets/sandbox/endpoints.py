"""The endpoints of the API: parameters in, the JSON text of a success out, refusals raised."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from solders.pubkey import Pubkey

from smart_trader_assets.sandbox import parameters as read
from smart_trader_assets.sandbox.drift import Drift
from smart_trader_assets.sandbox.listing_query import filter_listings, sort_listings
from smart_trader_assets.sandbox.source import MarketSource, MintPrice
from smart_trader_assets.sandbox.wire import Endpoint, RefusalError, encode, success

TX_TYPES = frozenset({"swap", "add", "remove", "all"})
AMOUNT_MODES = frozenset({"raw", "scaled"})
MAX_MINTS = 100
PAGE_PARAMETERS = frozenset({"offset", "limit"})

Parameters = Mapping[str, str]


class BirdEyeApi:
    """Answers over a market at a time.

    ``inclusive_times`` tells whether a row of exactly ``before_time`` or ``after_time`` belongs to
    the page; the documentation does not, so a client has to work with both.
    """

    def __init__(
        self,
        source: MarketSource,
        *,
        clock: Callable[[], datetime],
        drift: Drift,
        inclusive_times: bool = False,
    ) -> None:
        self._source = source
        self._clock = clock
        self._drift = drift
        self._inclusive = inclusive_times

    def answer(self, endpoint: Endpoint, parameters: Parameters) -> str:
        """The JSON text of a success, or RefusalError."""
        match endpoint:
            case Endpoint.LISTINGS:
                return self._token_list(parameters)
            case Endpoint.HOLDERS:
                return self._holders(parameters)
            case Endpoint.SWAPS:
                return self._swaps(parameters)
            case Endpoint.MULTI_PRICE:
                return self._multi_price(parameters)

    def _token_list(self, parameters: Parameters) -> str:
        listings = self._source.tokens(self._clock())
        matching = sort_listings(filter_listings(listings, parameters), parameters)
        offset, limit = read.page(parameters)
        return success(encode({"items": matching[offset : offset + limit]}))

    def _holders(self, parameters: Parameters) -> str:
        read.refuse_unknown(parameters, PAGE_PARAMETERS | {"address", "ui_amount_mode"})
        mint = read.required(parameters, "address")
        read.choice(parameters, "ui_amount_mode", AMOUNT_MODES, "scaled")
        offset, limit = read.page(parameters)
        accounts = self._source.holders(mint, self._clock())
        return success(encode({"items": list(accounts[offset : offset + limit])}))

    def _swaps(self, parameters: Parameters) -> str:
        known = PAGE_PARAMETERS | {"address", "tx_type", "before_time", "after_time"}
        read.refuse_unknown(parameters, known)
        wallet = read.required(parameters, "address")
        tx_type = read.choice(parameters, "tx_type", TX_TYPES, "swap")
        before = read.unix_time(parameters, "before_time")
        after = read.unix_time(parameters, "after_time")
        if before is not None and after is not None:
            raise RefusalError(422, "before_time and after_time cannot be sent together")
        offset, limit = read.page(parameters)

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
        return success(f'{{"items":[{items}],"has_next":{has_next}}}')

    def _precedes(self, earlier: int, later: int) -> bool:
        return earlier < later or (self._inclusive and earlier == later)

    def _multi_price(self, parameters: Parameters) -> str:
        read.refuse_unknown(parameters, {"list_address", "include_liquidity", "check_liquidity"})
        mints = mints_of(parameters)
        if not mints or len(mints) > MAX_MINTS:
            raise RefusalError(400, f"list_address should name 1 to {MAX_MINTS} addresses")
        now = self._clock()
        prices = {
            mint: _price_item(self._source.price(mint, now)) for mint in mints if _is_address(mint)
        }
        return success(encode(prices))


def mints_of(parameters: Parameters) -> Sequence[str]:
    """The mints that a request for prices names, each once."""
    named = parameters.get("list_address", "").split(",")
    return list(dict.fromkeys(mint.strip() for mint in named if mint.strip()))


def _price_item(price: MintPrice | None) -> dict[str, object] | None:
    if price is None:
        return None
    return {
        "value": price.value,
        "updateUnixTime": price.updated_at,
        "updateHumanTime": datetime.fromtimestamp(price.updated_at, UTC).strftime(
            "%Y-%m-%dT%H:%M:%S"
        ),
        "liquidity": price.liquidity,
    }


def _is_address(text: str) -> bool:
    # An unknown mint comes back as null, what is no address at all is left out of the answer.
    try:
        Pubkey.from_string(text)
    except ValueError:
        return False
    return True
