"""Which texts are Solana addresses: base58 of exactly 32 bytes."""

from typing import Final

import polars as pl

_ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BYTES: Final = 32
_LONGEST: Final = 44


def _base58(number: int) -> str:
    """A number in base58, filled with zeros (`1`) to the longest length of an address."""
    digits = ""
    while number:
        number, digit = divmod(number, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits.rjust(_LONGEST, _ALPHABET[0])


def _bounds() -> pl.DataFrame:
    """The least and the greatest text by the number of leading `1`, each of which is a zero byte."""
    least = [_base58(256 ** (_BYTES - 1 - zeros)) for zeros in range(_BYTES)] + [_base58(0)]
    greatest = [_base58(256 ** (_BYTES - zeros) - 1) for zeros in range(_BYTES + 1)]
    return pl.DataFrame({"least": least, "greatest": greatest})


_BOUNDS: Final = _bounds()


def are_addresses(texts: pl.Series) -> pl.Series:
    """Whether each text is base58 of exactly 32 bytes; null is not.

    The alphabet ascends in ASCII, so that texts of one length compare as the numbers they stand
    for, and no number has to be decoded.
    """
    text = pl.col("text")
    zeros = text.str.len_bytes() - text.str.strip_chars_start("1").str.len_bytes()
    row = zeros.cast(pl.Int64).clip(0, _BYTES)
    padded = text.str.pad_start(_LONGEST, "1")
    least = pl.lit(_BOUNDS["least"]).gather(row)
    greatest = pl.lit(_BOUNDS["greatest"]).gather(row)
    sound = (
        text.str.contains(f"^[{_ALPHABET}]{{32,{_LONGEST}}}$")
        & (zeros <= _BYTES)
        & padded.is_between(least, greatest)
    )
    return texts.alias("text").to_frame().select(sound.fill_null(value=False)).to_series()
