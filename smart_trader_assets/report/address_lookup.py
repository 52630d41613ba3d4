"""Which wallet or token is meant: a whole address, its beginning, its two ends, or a token's symbol."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping

from smart_trader_assets.errors import SmartTraderError

_MOST_NAMED = 5
_ALIKE = 0.6
_BETWEEN_ENDS = re.compile(r"…|\.\.\.")


class UnknownAddressError(SmartTraderError):
    """A wallet or token to explain is not in the tables, or more than one could be meant."""


def meant_address(what: str, asked: str, known: Collection[str]) -> str:
    """The one of `known` that is `asked`, begins with it, or has its ends (`abcd…wxyz`, `abcd...wxyz`).

    Raises UnknownAddressError where there is none, naming the nearest if any is alike, and where there
    are several, naming up to five.
    """
    if asked in known:
        return asked
    begin, *rest = _BETWEEN_ENDS.split(asked, maxsplit=1)
    end = rest[0] if rest else ""
    found: list[str] = []
    if begin:
        found = sorted(
            address for address in known if address.startswith(begin) and address.endswith(end)
        )
    if len(found) > 1:
        raise _ambiguous(what, asked, found)
    if found:
        return found[0]
    if not known:
        hint = " None is known yet: `smart-trader run`."
    else:
        near = difflib.get_close_matches(asked, known, n=1, cutoff=_ALIKE)
        hint = (
            f" The nearest is {near[0]}."
            if near
            else " An address, or how one begins, is asked for."
        )
    raise UnknownAddressError(f"There is no {what} with the address {asked!r}.{hint}")


def meant_mint(what: str, asked: str, mints: Collection[str], symbols: Mapping[str, str]) -> str:
    """The mint that `asked` names, by its symbol (in any case) or as `meant_address` takes it."""
    if asked in mints:
        return asked
    for alike in (str, str.casefold):
        named = sorted(m for m in mints if m in symbols and alike(symbols[m]) == alike(asked))
        if len(named) == 1:
            return named[0]
        if named:
            raise _ambiguous(what, asked, named)
    return meant_address(what, asked, mints)


def _ambiguous(what: str, asked: str, found: list[str]) -> UnknownAddressError:
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return UnknownAddressError(
        f"More than one {what} matches {asked!r}: {', '.join(found[:_MOST_NAMED])}{more}."
    )
