"""What a mint is called, and how a name that a stranger chose is shown.

Anybody can give a token any name: markup, control codes, text that runs from right to left, the name
of another token. The mint address is the identity; a symbol stands beside it for the eye.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from smart_trader_assets.shown_text import shown_text

LONGEST_SYMBOL = 24
_SHORT_END = 4


def token_symbols(
    mints: Collection[str], *, tokens: pl.LazyFrame, swaps: pl.DataFrame
) -> dict[str, str]:
    """Mint to symbol as last listed (bronze/tokens), else as last traded (bronze/transactions).

    Mints without a symbol are absent.
    """
    wanted = pl.col("token_address").is_in(list(mints)) & pl.col("symbol").is_not_null()
    listed = tokens.filter(wanted).select(
        "token_address", "symbol", at="fetched_at", listed=pl.lit(value=True)
    )
    traded = [
        swaps.lazy()
        .select(
            token_address=f"{leg}_address",
            symbol=f"{leg}_symbol",
            at=pl.from_epoch("block_unix_time").dt.cast_time_unit("us").dt.replace_time_zone("UTC"),
            listed=pl.lit(value=False),
        )
        .filter(wanted)
        for leg in ("base", "quote")
    ]
    newest = (
        pl.concat([listed, *traded])
        .group_by("token_address")
        .agg(pl.col("symbol").sort_by("listed", "at", "symbol").last())
        .collect()
    )
    named = {mint: shown_symbol(symbol) for mint, symbol in newest.iter_rows()}
    return {mint: symbol for mint, symbol in named.items() if symbol}


def shown_symbol(symbol: str) -> str:
    """A symbol fit for a page and a terminal, cut to `LONGEST_SYMBOL` characters. May come out empty."""
    return shown_text(symbol, LONGEST_SYMBOL)


def named_mint(mint: str, symbol: str | None) -> str:
    """`BONK (DezX…B263)`: a symbol never stands for a mint alone. The mint where the symbol shows nothing."""
    shown = shown_symbol(symbol or "")
    return f"{shown} ({short(mint)})" if shown else mint


def short(address: str) -> str:
    """`AD83…ec2t`: enough of an address or a transaction's hash to tell it from its neighbours."""
    if len(address) <= 2 * _SHORT_END + 1:
        return address
    return f"{address[:_SHORT_END]}…{address[-_SHORT_END:]}"
