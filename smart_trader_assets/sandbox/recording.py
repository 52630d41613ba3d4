"""Recorded swap rows as a market."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from smart_trader_assets.sandbox.errors import RecordingError
from smart_trader_assets.sandbox.recorded_listings import RecordedListings
from smart_trader_assets.sandbox.recorded_row import BrokenRowError, RecordedRow, read_row
from smart_trader_assets.sandbox.source import MintPrice, SwapItem
from smart_trader_assets.text import plural


@dataclass(frozen=True, slots=True)
class RecordingProblem:
    """A line that is not served: its file, its number from 1, and what is wrong with it."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file} line {self.line}: {self.reason}"


class Recording:
    """Swap rows read from ``*.jsonl`` files, served as they were recorded, digit for digit.

    ``rows`` counts them, ``wallets`` are their owners (the name of the file where a row has none),
    ``last_row_at`` is the time of the newest one, ``problems`` are the lines that were left out.
    Tokens and holders are derived, see RecordedListings.
    """

    def __init__(self, rows: Sequence[RecordedRow], problems: Sequence[RecordingProblem]) -> None:
        if not rows:
            raise RecordingError("A recording needs at least one row.")
        histories: dict[str, list[RecordedRow]] = defaultdict(list)
        for row in rows:
            histories[row.wallet].append(row)
        # The order of rows of one second is kept as it was recorded.
        self._histories = {
            wallet: [
                SwapItem(row.block_unix_time, row.tx_type, row.text)
                for row in sorted(history, key=lambda row: -row.block_unix_time)
            ]
            for wallet, history in histories.items()
        }
        self._listings = RecordedListings(rows)
        self.problems = list(problems)
        self.rows = len(rows)
        self.wallets = tuple(sorted(histories))
        self.last_row_at = datetime.fromtimestamp(max(r.block_unix_time for r in rows), UTC)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads a folder.

        A line that cannot be served becomes a problem and stops nobody. RecordingError where the
        folder is missing, holds no ``*.jsonl`` file, or not one row that can be served.
        """
        if not folder.is_dir():
            raise RecordingError(
                f"There is no folder {folder}: give the one that holds the recorded *.jsonl files."
            )
        files = sorted(folder.glob("*.jsonl"))
        if not files:
            raise RecordingError(
                f"{folder} holds no *.jsonl file: a recording has one raw swap row a line."
            )
        rows: list[RecordedRow] = []
        problems: list[RecordingProblem] = []
        for file in files:
            for number, line in _lines(file):
                try:
                    rows.append(read_row(line, wallet=file.stem))
                except BrokenRowError as error:
                    problems.append(RecordingProblem(file.name, number, str(error)))
        if not rows:
            why = [f"the first of {plural(len(problems), 'problem')}: {p}" for p in problems[:1]]
            raise RecordingError(
                f"{folder} holds {plural(len(files), '*.jsonl file')} and not one usable row; "
                f"{''.join(why) or 'nothing is in them'}."
            )
        return cls(rows, problems)

    def tokens(self, now: datetime) -> list[dict[str, object]]:
        """A listing for every mint traded up to now that is not cash."""
        return self._listings.tokens(int(now.timestamp()))

    def holders(self, mint: str, now: datetime) -> list[dict[str, object]]:
        """One token account for each wallet that traded the mint up to now."""
        return self._listings.holders(mint, int(now.timestamp()))

    def swaps(self, wallet: str) -> Sequence[SwapItem]:
        """The rows of a wallet, newest first."""
        return self._histories.get(wallet, [])

    def price(self, mint: str, now: datetime) -> MintPrice | None:
        """The price of the mint's last row up to now, cash included."""
        listed = self._listings.mint(mint)
        return None if listed is None else listed.price_at(int(now.timestamp()))


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, line
