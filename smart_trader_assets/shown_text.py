"""How a text that a stranger chose is shown to a person.

Anybody can give a token any name: markup, control codes, text that runs from right to left.
"""

from __future__ import annotations

import unicodedata

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
