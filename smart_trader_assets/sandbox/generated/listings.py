"""What the token list says of a mint as the clock passes."""

from smart_trader_assets.sandbox.generated.coins import SUPPLY, Coin, Listing

WINDOWS = (1, 2, 4, 8, 24)
LOUD_CHANGE = 21.0
"""Cash and staked SOL are listed with a change that passes the usual filter, so that whoever
tracks tokens has to know them by their mints."""


def listing_of(coin: Coin, now: int, anchor: int) -> dict[str, object]:
    """The item of the list; liquidity and volume follow the price."""
    price = coin.path.at(now)
    drift = (price / coin.path.at(anchor)) ** 0.5
    changes = {window: coin.path.change_percent(now, window) for window in WINDOWS}
    if coin.listing in (Listing.CASH, Listing.STAKED_SOL):
        drift = 1.0
        changes = dict.fromkeys(WINDOWS, LOUD_CHANGE)
    bustle = 1.0 + max(0.0, changes[24]) / 100.0
    volume = coin.volume * drift * bustle
    return {
        "address": coin.mint,
        "name": coin.name,
        "symbol": None if coin.listing is Listing.WITHOUT_SYMBOL else coin.symbol,
        "decimals": coin.decimals,
        "logo_uri": f"https://img.example/{coin.mint}.png",
        "extensions": None
        if coin.known_holders % 3 == 0
        else {"website": f"https://{coin.mint[:8].lower()}.example", "twitter": None},
        "market_cap": price * SUPPLY * 0.97,
        "fdv": price * SUPPLY,
        "total_supply": float(SUPPLY),
        "circulating_supply": SUPPLY * 0.97,
        "liquidity": coin.liquidity * drift,
        "last_trade_unix_time": now - now % 60,
        "price": None if coin.listing is Listing.WITHOUT_PRICE else price,
        "holder": coin.known_holders,
        "recent_listing_time": None,
        "is_scaled_ui_token": False,
        "multiplier": None,
        **{f"volume_{window}h_usd": volume * window for window in WINDOWS},
        **{f"volume_{window}h_change_percent": changes[window] / 2 for window in WINDOWS},
        **{f"price_change_{window}h_percent": changes[window] for window in WINDOWS},
        **{f"trade_{window}h_count": int(volume * window / 400) for window in WINDOWS},
    }
