"""How numbers, names and untrusted text are shown to a person.

Numbers are rounded for display here and nowhere earlier, everywhere by the same rule: to the nearest. Where
that would show a number as round as thresholds are, which it does not reach, it is shown with as many more
digits as tell the two apart: 94.96 % is not 95.0 %, and 9,999.99 not 10,000.

A token can carry any name: markup, control codes, text that runs from right to left, the name of
another token. The mint address is the identity; a symbol is only shown beside it.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, TypeGuard

import polars as pl

_SHORTEST_SECRET = 8
_PERCENT_PLACES = 4
_COLOURLESS = 0.005
_MONEY_PLACES = 4
"""What a percentage and an amount are told by at most."""


def without(secrets: Iterable[str], text: str) -> str:
    """`text` with *** for each of `secrets`; a shorter one than any key would match parts of ordinary words."""
    held = {secret for secret in secrets if len(secret) >= _SHORTEST_SECRET}
    for secret in sorted(held, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def content_hash(content: Any, size: int = 6) -> str:
    """What plain values are told apart by: a hash of `size` bytes, in hexadecimal."""
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=size).hexdigest()


def _rounded(number: float, places: int, most: int, *, round_step: float) -> str:
    """`number` to so many places, with thousands. Where it would then read as a multiple of `round_step`, 0
    among them, that it does not reach: to as many more places, up to `most`, as tell them apart."""
    size = abs(number)
    for several in range(places, most + 1):
        text = f"{size:,.{several}f}"
        shown = float(text.replace(",", ""))
        reads_as_more = number > 0 and shown > size and shown % round_step == 0
        if not reads_as_more and (shown or not size):
            break
    else:
        text = f"{size:,.{places}f}"
        shown = float(text.replace(",", ""))
    return f"-{text}" if number < 0 and shown else text


def money(amount: float) -> str:
    """A finite amount of money in a sentence: `12,345.67 USD`."""
    return f"{_rounded(amount, 2, _MONEY_PLACES, round_step=100.0)} USD"


def plural(number: int, noun: str) -> str:
    """A number of things: `1 trade`, `1,200 trades`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def times(number: int) -> str:
    """`once`, `12 times`."""
    return "once" if number == 1 else f"{number:,} times"


def listed_words(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(parts) <= 1:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


UNKNOWN = "–"
_MINUS = "−"
_WHOLE_DOLLARS_FROM = 1_000
_DIGITS = 4
_LAMPORT_PLACES = 9
_SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def usd(amount: float | None) -> str:
    """`$12.34`, from a thousand on whole dollars: `−$12,345`."""
    if not _known(amount):
        return UNKNOWN
    places = 0 if abs(amount) >= _WHOLE_DOLLARS_FROM else 2
    text = _rounded(amount, places, _MONEY_PLACES, round_step=100.0)
    return f"{_MINUS}${text[1:]}" if text.startswith("-") else f"${text}"


def sol(amount: float | None) -> str:
    """`−0.15 SOL`, `1,234 SOL`."""
    return f"{sol_number(amount)} SOL" if _known(amount) else UNKNOWN


def sol_number(amount: float | None) -> str:
    """SOL under a heading that says so: four significant digits, to the lamport: `−0.15`."""
    return _digits(round(amount, _LAMPORT_PLACES)) if _known(amount) else UNKNOWN


def usd_short(amount: float | None) -> str:
    """Four significant digits, thousands and more by letter: `$12.5k`, `−$300`."""
    if not _known(amount):
        return UNKNOWN
    return f"{_MINUS if amount < 0 else ''}${quantity(abs(amount))}"


def percent(share: float | None) -> str:
    """`62.5 %`."""
    if not _known(share):
        return UNKNOWN
    return f"{_rounded(share, 1, _PERCENT_PLACES, round_step=5.0)} %".replace("-", _MINUS)


def share(percent_of_all: float | None) -> str:
    """A part of a whole, in whole percent; `<1 %` and `>99 %` where rounding would read as none or all."""
    if not _known(percent_of_all):
        return UNKNOWN
    if 0 < percent_of_all < 1:
        return "<1 %"
    if 99 < percent_of_all < 100:  # noqa: PLR2004 - percent
        return ">99 %"
    return f"{percent_of_all:.0f} %"


def count(number: float | None) -> str:
    """Whole, with thousands: `1,234`."""
    return f"{number:,.0f}" if _known(number) else UNKNOWN


def ratio(number: float | None) -> str:
    """Two places: `1.85`."""
    return f"{number:,.2f}".replace("-", _MINUS) if _known(number) else UNKNOWN


def quantity(tokens: float | None) -> str:
    """Four significant digits, thousands and more by letter: `1.493M`, `0.004712`."""
    if not _known(tokens):
        return UNKNOWN
    for scale, letter in _SCALES:
        if abs(tokens) >= scale:
            return f"{_digits(tokens / scale)}{letter}"
    return _digits(tokens)


def price(usd_a_token: float | None) -> str:
    """Four significant digits, never in powers of ten: `$0.000004242`."""
    return f"${_digits(usd_a_token)}" if _known(usd_a_token) else UNKNOWN


def duration(hours: float | None) -> str:
    """In the unit that suits: `45 s`, `12 min`, `5.2 h`, `3.4 d`."""
    if not _known(hours):
        return UNKNOWN
    for unit, length in (("d", 24.0), ("h", 1.0), ("min", 1 / 60)):
        if hours >= length:
            return f"{hours / length:,.{0 if unit == 'min' else 1}f} {unit}"
    return f"{hours * 3600:.0f} s"


def moment(time: datetime | None) -> str:
    """To the minute, UTC: `2026-01-31 12:05`."""
    return f"{time:%Y-%m-%d %H:%M}" if time is not None else UNKNOWN


def sign(number: float | None) -> str:
    """`gain`, `loss` or nothing: what decides a number's colour. What reads as 0 has none."""
    if not _known(number) or abs(number) < _COLOURLESS:
        return ""
    return "gain" if number > 0 else "loss"


def _known(number: float | None) -> TypeGuard[float]:
    return number is not None and math.isfinite(number)


def _digits(number: float) -> str:
    """Four significant digits, without powers of ten and trailing zeros."""
    if number == 0:
        return "0"
    places = max(0, _DIGITS - 1 - math.floor(math.log10(abs(number))))
    text = f"{number:,.{places}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", _MINUS)


_JOINERS = frozenset("\u200c\u200d")  # they hold emoji and Indic letters together


def shown_text(text: str, longest: int) -> str:
    """`text` on one line, without control codes and text-direction overrides, cut to `longest` characters.

    May come out empty. Markup is left to the renderer, since each page escapes in its own way.
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


def short_mint(mint: str, symbol: str | None) -> str:
    """`named_mint`, or `DezX…B263` where the symbol shows nothing: enough to ask for the token."""
    return named_mint(mint, symbol) if shown_symbol(symbol or "") else short(mint)


def short(address: str) -> str:
    """`AD83…ec2t`: enough of an address or a transaction's hash to tell it from its neighbours."""
    if len(address) <= 2 * _SHORT_END + 1:
        return address
    return f"{address[:_SHORT_END]}…{address[-_SHORT_END:]}"
