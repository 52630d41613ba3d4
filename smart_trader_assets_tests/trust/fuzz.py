"""The response models and the replay reader against mutated real rows: no crash, and no invented number.

    python -m smart_trader_assets_tests.trust.fuzz --mutations 100000 [--seed SEED]

Mutates swap rows (recorded ones where they are there, else those of the tiny_market), and the listings and
holdings that the stand-in derives from them, and reads each as a run would. Prints what became of them,
and the seed by which it can be had again. Exit code 1 where a reader crashed or made up a number; the
row is printed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

from smart_trader_assets.sandbox import Recording
from smart_trader_assets_tests.support.command import RECORDED_ROWS
from smart_trader_assets_tests.support.tiny_market import write_tiny_market
from smart_trader_assets_tests.trust.mutations import mutated
from smart_trader_assets_tests.trust.readings import READERS

# Rows that are read together, as those of a page are.
PAGE = 50

# Of ten pages so many are mutated for each reader; swaps are read as answers and as recorded lines.
PAGES: Mapping[tuple[str, ...], int] = {
    ("swaps", "replay"): 6,
    ("tokens",): 2,
    ("holders",): 1,
    ("answers",): 1,
}


@dataclass(frozen=True)
class Trouble:
    """A reader that could not read a row as it should."""

    reader: str
    error: str
    lines: tuple[bytes, ...]


@dataclass
class Tally:
    """What became of the mutations."""

    mutations: int = 0
    told: dict[str, Counter[str]] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)


def originals() -> dict[str, list[Any]]:
    """The rows to be mutated, by the reader that they are for."""
    if RECORDED_ROWS.is_dir():
        return _originals(RECORDED_ROWS)
    with tempfile.TemporaryDirectory() as folder:
        return _originals(write_tiny_market(Path(folder)))


def _originals(folder: Path) -> dict[str, list[Any]]:
    recording = Recording.load(folder)
    swaps = [
        json.loads(item.text) for wallet in recording.wallets for item in recording.swaps(wallet)
    ]
    now = recording.last_row_at
    tokens = recording.tokens(now)
    holders = [row for t in tokens for row in recording.holders(str(t["address"]), now)]
    answers = [
        {"success": True, "message": None, "data": {"items": items[:3], "has_next": False}}
        for items in (swaps, tokens, holders)
    ]
    return {"swaps": swaps, "tokens": list(tokens), "holders": holders, "answers": answers}


def fuzz(mutations: int, seed: int) -> Tally:
    """Mutate and read as many rows; what became of them."""
    random = Random(seed)
    rows = originals()
    tally = Tally()
    turns = [readers for readers, pages in PAGES.items() for _ in range(pages)]
    while tally.mutations < mutations:
        for readers in turns:
            page = [mutated(random, random.choice(rows[readers[0]])) for _ in range(PAGE)]
            tally.mutations += len(page)
            for reader in readers:
                read(reader, page, tally)
    return tally


def read(reader: str, page: Sequence[bytes], tally: Tally) -> None:
    """Let a reader read a page; where it cannot, the rows that it cannot read alone are to blame."""
    told = tally.told.setdefault(reader, Counter())
    try:
        told.update(READERS[reader](page))
    except Exception as error:  # noqa: BLE001 - whatever a reader raises is what is looked for
        culprits = tuple(line for line in page if _fails(reader, line))
        tally.troubles.append(
            Trouble(reader, f"{type(error).__name__}: {error}", culprits or tuple(page))
        )


def _fails(reader: str, line: bytes) -> bool:
    try:
        READERS[reader]([line])
    except Exception:  # noqa: BLE001
        return True
    return False


def main() -> int:
    """Mutate and read; 0 where every row was read or refused, and no number made up."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**9))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    began = time.monotonic()
    tally = fuzz(asked.mutations, asked.seed)
    print(f"{tally.mutations:,} rows mutated and read in {time.monotonic() - began:.0f} s")
    for reader, told in tally.told.items():
        print(f"  {reader}: " + ", ".join(f"{count:,} {what}" for what, count in told.items()))
    for trouble in tally.troubles:
        print(f"FAILED  {trouble.reader}: {trouble.error}\n        {trouble.lines[0][:2000]!r}")
    print(
        f"{len(tally.troubles)} pages in trouble"
        if tally.troubles
        else "every one was read or refused"
    )
    return 1 if tally.troubles else 0


if __name__ == "__main__":
    sys.exit(main())
