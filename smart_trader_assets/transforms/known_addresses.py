"""Addresses that are known: mints that are not a bet on a token, and owners that are not traders.

Cash that traders pay with, receipts for staked SOL; exchanges, bridges, pool authorities. The address is the
only identity of a token or a wallet (symbols are copied freely), so these lists hold addresses. They name
well-known ones only: what is missing here is treated like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from solders.pubkey import Pubkey

CASH_MINTS: Mapping[str, str] = MappingProxyType(
    {
        "So11111111111111111111111111111111111111111": "SOL (native)",
        "So11111111111111111111111111111111111111112": "SOL (wrapped)",
        "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v": "USDC",
        "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB": "USDT",
        "2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo": "PYUSD",
        "2u1tszSeqZ3qBWF3uNGPFc8TzMk2tdiwknnRMWGWjGWH": "USDG",
        "9zNQRsGLjNKwCUU5Gq5LR8beUCPzQMVMqKAi3SSZh54u": "FDUSD",
        "A1KLoBrKBde8Ty9qtNQUtq3C2ortoC3u7twggz7sEto6": "USDY",
        "DEkqHyPN7GMRJ5cArtQFAWefqbZb33Hyf6s5iCwjEonT": "USDe",
        "HzwqbKZw8HxMN6bF2yFZNrht3c2iXXzpKcFu7uBEDKtr": "EURC",
        "USD1ttGY1N17NEEHLmELoaybftRBUSErhqYiQzvEmuB": "USD1",
        "USDH1SM1ojwWUga67PGrgFWUHibbjqMvuMaDkRJTgkX": "USDH",
        "USDSwr9ApdHk5bvJKMjzff41FfuX8bSxdKcR81vTwcA": "USDS",
    }
)
"""Mint address to name: SOL under both of its addresses, and coins pegged to a currency."""

STAKING_MINTS: Mapping[str, str] = MappingProxyType(
    {
        "5oVNBeEEQvYi1cX3ir8Dx5n1P7pdxydbGF2X4TxVusJm": "INF",
        "7Q2afV64in6N6SeZsAAB81TJzwDoD6zpqmHkzi9Dcavn": "JSOL",
        "7dHbWXmci3dT8UFYWYZweBLXgycu7Y3iL6trKn1Y7ARj": "stSOL",
        "BNso1VUJnh4zcfpZa6986Ea66P6TCp59hvtNJ8b1X85": "BNSOL",
        "BonK1YhkXEGLZzwtcvRTip3gAL9nCeQD7ppZBLXhtTs": "bonkSOL",
        "Bybit2vBJGhPF52GBdNaQfUJ6ZpThSgHBobjWZpLPb4B": "bbSOL",
        "Dso1bDeDjCQxTrWHqUUi63oBvV7Mdm6WaobLbQ7gnPQ": "dSOL",
        "HUBsveNpjo5pWqNkH57QzxjQASdTVXcSK7bVKTSZtcSX": "hubSOL",
        "J1toso1uCk3RLmjorhTtrVwY9HJ7X8V9yYac6Y7kGCPn": "jitoSOL",
        "LAinEtNLgpmCP9Rvsf5Hn8W6EhNiKLZQti1xfWMLy6X": "laineSOL",
        "bSo13r4TkiE4KumL71LsHTPpL2euBYLFx6h9HP3piy1": "bSOL",
        "he1iusmfkpAdwvxLNGV8Y1iSbj4rUy6yMhEA3fotn9A": "hSOL",
        "jupSoLaHXQiZZTSfEWMTRRgpnyFm8f6sZdosWBjx93v": "jupSOL",
        "mSoLzYCxHdYgdzU16g5QSh3i5K3z3KZK7ytfqcJm7So": "mSOL",
        "picobAEvs6w7QEknPce34wAE4gknZA9v5tTonnmHYdX": "picoSOL",
        "vSoLxydx6akxyMD9XEcPvGYNGq6Nn66oqVb3UkGkei7": "vSOL",
    }
)
"""Mint address to name: liquid-staking tokens, whose price follows SOL's."""

CASH_AND_STAKING_MINTS: Mapping[str, str] = MappingProxyType(
    {
        **{mint: f"{name}, a means of payment" for mint, name in CASH_MINTS.items()},
        **{mint: f"{name}, a receipt for staked SOL" for mint, name in STAKING_MINTS.items()},
    }
)
"""Mint address to what the mint is, in words that complete "the mint is ..."."""


KNOWN_OWNERS: Mapping[str, str] = MappingProxyType(
    {
        "5Q544fKrFoe6tsEbD7S8EmxGTJYAKtTVhAW5Q5pge4j1": "Raydium authority",
        "u6PJ8DtQuPFnfmwHbGFULQ4u4EgjDiyYKjVEsynXq2w": "Gate",
        "A77HErqtfN1hLLpvZ9pCtu66FEtM8BveoaKbbMoZ4RiR": "Bitget",
        "HVh6wHNBAsG3pq1Bj5oCzRjoWKVogEDHwUHkRz3ekFgt": "KuCoin",
        "ASTyfSima4LLAdDgoFGkgqoKowG1LZFDr9fAQrg7iaJZ": "MEXC",
        "5tzFkiKscXHK5ZXCGbXZxdw7gTjjD1mBwuoFbhUvuAi9": "Binance",
        "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM": "Binance",
        "AC5RDfQFmDS1deWZos921JfqscXdByf8BKHs5ACWjtW2": "Bybit",
        "FWznbcNXWQuHTawe9RxvQ2LdCENssh12dsznf4RiouN5": "Kraken",
        "9un5wqE3q4oCjyrDkwsdD48KteCJitQX5978Vh7KKxHo": "OKX",
        "6FEVkH17P9y8Q9aCkDdPcMDjvj7SVxrTETaYEm8f51Jy": "Crypto.com",
        "GugU1tP7doLeTw9hQP51xRJyS8Da1fWxuiy2rVrnMD2m": "Wormhole",
    }
)
"""Owner address to the name of its owner."""


def is_address(text: str) -> bool:
    """Whether a text is a Solana address: base58 of exactly 32 bytes."""
    try:
        Pubkey.from_string(text)
    except ValueError:
        return False
    return True
