"""How numbers read in a sentence that a person is shown."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from decimal import ROUND_DOWN, Context, Decimal

import polars as pl

_CENT = Decimal("0.01")
_WIDE = Context(prec=400)


def usd(amount: float) -> str:
    """A finite amount of money: `12,345.67 USD`.

    Cut to cents, not rounded, so that what falls short of a threshold never reads as reaching it.
    """
    cents = Decimal(str(amount)).quantize(_CENT, rounding=ROUND_DOWN, context=_WIDE)
    return f"{cents + 0:,f} USD"  # no minus before nothing


def percent(share: float) -> str:
    """A finite percentage: `62.5 %`, cut to one place for the same reason."""
    cut = Decimal(str(share)).quantize(Decimal("0.1"), rounding=ROUND_DOWN, context=_WIDE)
    return f"{cut:,f} %"


def plural(number: int, noun: str) -> str:
    """A number of things: `1 trade`, `1,200 trades`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


_JOINERS = frozenset("\u200c\u200d")  # they hold emoji and Indic letters together


def shown_text(text: str, longest: int) -> str:
    """`text` on one line, without control codes and text-direction overrides, cut to `longest` characters.

    May come out empty. Markup is left to whoever renders it, since each page escapes in its own way.
    """
    kept = "".join(
        character
        for character in " ".join(text.split())
        if character in _JOINERS or unicodedata.category(character)[0] != "C"
    ).strip()
    return kept if len(kept) <= longest else kept[: longest - 1] + "…"


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
