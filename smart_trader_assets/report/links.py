"""Where a wallet, a token or a transaction is shown by others. A link is followed only where it is clicked."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import quote


class Link(NamedTuple):
    """A site's name and the address of its page."""

    site: str
    url: str


_WALLET: Final = (
    ("Solscan", "https://solscan.io/account/{}"),
    ("BirdEye", "https://birdeye.so/profile/{}?chain=solana"),
    ("GMGN", "https://gmgn.ai/sol/address/{}"),
)
_TOKEN: Final = (
    ("Solscan", "https://solscan.io/token/{}"),
    ("BirdEye", "https://birdeye.so/token/{}?chain=solana"),
    ("GMGN", "https://gmgn.ai/sol/token/{}"),
    ("DexScreener", "https://dexscreener.com/solana/{}"),
)


def wallet_links(address: str) -> list[Link]:
    """Pages of a wallet."""
    return [Link(site, url.format(quote(address, safe=""))) for site, url in _WALLET]


def token_links(mint: str) -> list[Link]:
    """Pages of a token."""
    return [Link(site, url.format(quote(mint, safe=""))) for site, url in _TOKEN]


def transaction_link(signature: str) -> str:
    """The page of a transaction."""
    return f"https://solscan.io/tx/{quote(signature, safe='')}"
