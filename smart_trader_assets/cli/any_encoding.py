"""Output on terminals that are not UTF-8: what they cannot show is spelled otherwise, and ends no command."""

from __future__ import annotations

import codecs
import io
import sys
from typing import Final

_NAME: Final = "smart_trader_spelled"
_SPELLED: Final = {
    "−": "-",
    "–": "-",
    "—": "-",
    "…": "...",
    "✓": "ok",
    "✗": "x",
    "→": "->",
    "·": "*",
    "×": "x",
    "±": "+-",
}


def spelled(error: UnicodeError) -> tuple[str, int]:
    """A codec's error handler: signs by what they mean (a minus must not become a question mark), else `?`."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(_SPELLED.get(sign, "?") for sign in lost), error.end


def show_in_any_encoding() -> None:
    """From now on standard output and standard error take any text."""
    codecs.register_error(_NAME, spelled)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_NAME)
