"""Recorded swap rows as a market, with the tokens and holders that a recording does not hold."""

import gzip
import zlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from math import isinf
from operator import attrgetter
from pathlib import Path
from typing import Self

from solders.pubkey import Pubkey

from smart_trader_assets.sandbox.errors import RecordingError
from smart_trader_assets.sandbox.recorded_row import (
    BrokenRowError,
    RecordedLeg,
    RecordedRow,
    read_row,
)
from smart_trader_assets.sandbox.source import MintPrice, SwapItem
from smart_trader_assets.sandbox.wire import WINDOWS, holder_item
from smart_trader_assets.text import plural
from smart_trader_assets.transforms.known_addresses import CASH_MINTS, STAKING_MINTS
from smart_trader_assets.transforms.swap_identity import folded, last_known, places_of

# How JSON begins that was spread over several lines.
_PRETTY = (b"[", b"{")
_HINT = "not one row a line: write the file anew with one, as `jq -c '.[]'` does"
HOLDING_USD = 25_000
"""What every derived holding is worth, well above any limit for dust."""
TOP_LIQUIDITY = 150_000_000.0
BOTTOM_LIQUIDITY = 150_000.0
STAKE_POOL = "stake_pool"


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
    ``last_row_at`` is the time of the newest one, ``problems`` are the lines that were left out, and
    ``repeats`` counts those that repeated another one: pages put one after another overlap, so of
    several lines of one identity the last one is served, with the indexes that any of them knows,
    unless their indexes show that they are several.

    Every mint that was traded and is not cash is listed, and held by every wallet that traded it.
    Price, symbol and decimals are those of the mint's last row; liquidity, volume and price change
    are invented so that a listing passes the usual filters, and each holding is worth 25,000 USD.
    The most liquid tokens are chosen so that together they are held by every wallet, because a
    client that reads only the first page must still meet all of them. Staked SOL is listed last;
    a wallet that traded nothing else also holds the most liquid token.
    """

    def __init__(
        self, delivered: Sequence[RecordedRow], problems: Sequence[RecordingProblem]
    ) -> None:
        if not delivered:
            raise RecordingError("A recording needs at least one row.")
        rows = _without_repeats(delivered)
        self.repeats = len(delivered) - len(rows)
        in_time = sorted(rows, key=attrgetter("block_unix_time"))
        self._histories: dict[str, list[SwapItem]] = defaultdict(list)
        # Newest first; the order of rows of one second is kept as it was recorded.
        for row in sorted(rows, key=attrgetter("block_unix_time"), reverse=True):
            item = SwapItem(row.block_unix_time, row.tx_type, row.text)
            self._histories[row.wallet].append(item)
        self._mints, staked = _traded_mints(in_time)
        self._listed = _ranked(self._mints, staked, in_time)
        step = (BOTTOM_LIQUIDITY / TOP_LIQUIDITY) ** (1 / max(1, len(self._listed) - 1))
        for rank, traded in enumerate(self._listed):
            traded.liquidity = TOP_LIQUIDITY * step**rank
        self.problems = list(problems)
        self.rows = len(rows)
        self.wallets = tuple(sorted(self._histories))
        self.last_row_at = datetime.fromtimestamp(in_time[-1].block_unix_time, UTC)

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
        files = sorted(file for file in folder.iterdir() if _is_rows(file))
        if not files:
            raise RecordingError(
                f"{folder} holds no *.jsonl or *.jsonl.gz file: a recording has one raw swap row a line."
            )
        rows: list[RecordedRow] = []
        problems: list[RecordingProblem] = []
        for file in files:
            wallet = file.name.partition(".")[0]
            try:
                with gzip.open(file) if file.suffix.lower() == ".gz" else file.open("rb") as lines:
                    for number, line in enumerate(lines, start=1):
                        if number == 1 and line.strip() in _PRETTY:
                            problems.append(RecordingProblem(file.name, number, _HINT))
                            break
                        try:
                            if line.strip():
                                rows.append(read_row(line, wallet=wallet))
                        except BrokenRowError as error:
                            problems.append(RecordingProblem(file.name, number, str(error)))
            except (OSError, EOFError, zlib.error) as error:
                problems.append(RecordingProblem(file.name, 0, f"cannot be read: {error}"))
        if not rows:
            why = [f"the first of {plural(len(problems), 'problem')}: {p}" for p in problems[:1]]
            raise RecordingError(
                f"{folder} holds {plural(len(files), '*.jsonl file')} and not one usable row; "
                f"{''.join(why) or 'nothing is in them'}."
            )
        return cls(rows, problems)

    def tokens(self, now: datetime) -> list[dict[str, object]]:
        """A listing for every mint traded up to now that is not cash."""
        return [_listing(traded, last) for traded in self._listed if (last := traded.last(now))]

    def holders(self, mint: str, now: datetime) -> list[dict[str, object]]:
        """One token account for each wallet that traded the mint up to now, largest first."""
        traded = self._mints.get(mint)
        last = traded and traded.last(now)
        if not traded or not last or not last.price or mint in CASH_MINTS:
            return []
        decimals = last.leg.decimals or 0
        accounts = []
        time = int(now.timestamp())
        holders = sorted(wallet for wallet, since in traded.held_from.items() if since <= time)
        for rank, wallet in enumerate(holders):
            # Each a little smaller than the one before, so that the order is one.
            worth = HOLDING_USD * (len(holders) - rank + 1000) / 1000
            raw = int(Decimal(worth) / Decimal(str(last.price)) * 10**decimals) + 1
            balance = float(Decimal(raw).scaleb(-decimals))
            if isinf(balance):  # at a price as good as nothing
                return []
            account = str(Pubkey(sha256(f"{wallet} {mint}".encode()).digest()))
            accounts.append(holder_item(mint, wallet, account, raw, decimals, balance))
        return accounts

    def swaps(self, wallet: str) -> Sequence[SwapItem]:
        """The rows of a wallet, newest first."""
        return self._histories.get(wallet, [])

    def transfers(self, wallet: str, now: datetime) -> Sequence[dict[str, object]]:  # noqa: ARG002
        """None: swap rows do not tell."""
        return []

    def price(self, mint: str, now: datetime) -> MintPrice | None:
        """The price of the mint's last row up to now, cash included."""
        if (traded := self._mints.get(mint)) and (last := traded.last(now)):
            return MintPrice(last.price, last.time, traded.liquidity)
        return None


@dataclass(frozen=True, slots=True)
class _Priced:
    time: int
    price: float
    leg: RecordedLeg


@dataclass(slots=True, eq=False)
class _TradedMint:
    """The priced rows of a mint in time, and the wallets that traded it with the time of their first."""

    mint: str
    priced: list[_Priced] = field(default_factory=list)
    held_from: dict[str, int] = field(default_factory=dict)
    volume: int = 0
    liquidity: float = 0.0

    def last(self, now: datetime) -> _Priced | None:
        index = bisect_right(self.priced, int(now.timestamp()), key=attrgetter("time"))
        return self.priced[index - 1] if index else None


def _is_rows(file: Path) -> bool:
    """Whether the name is that of a file of rows, in any case and compressed or not."""
    return file.name.lower().endswith((".jsonl", ".jsonl.gz"))


def _without_repeats(delivered: Sequence[RecordedRow]) -> list[RecordedRow]:
    """One row for each that was delivered several times, where the last of them stood."""
    kept: dict[int, RecordedRow] = {}
    for places in places_of(row.identity for row in delivered).values():
        for group in folded([delivered[place].indexes for place in places]):
            members = [places[place] for place in group]
            last = delivered[members[-1]]
            kept[members[-1]] = last.at(last_known([delivered[m].indexes for m in members]))
    return [kept[place] for place in sorted(kept)]


def _traded_mints(in_time: Sequence[RecordedRow]) -> tuple[dict[str, _TradedMint], set[str]]:
    """Every mint that was traded, and which mints are staked SOL."""
    mints: dict[str, _TradedMint] = {}
    staked = set(STAKING_MINTS)
    for row in in_time:
        for leg in row.legs:
            traded = mints.setdefault(leg.mint, _TradedMint(leg.mint))
            traded.held_from.setdefault(row.wallet, row.block_unix_time)
            traded.volume += int(row.volume_usd)
            if leg.price is not None:
                traded.priced.append(_Priced(row.block_unix_time, leg.price, leg))
            if row.source == STAKE_POOL and leg.mint not in CASH_MINTS:
                staked.add(leg.mint)
    return mints, staked


def _ranked(
    mints: dict[str, _TradedMint], staked: set[str], in_time: Sequence[RecordedRow]
) -> list[_TradedMint]:
    """The mints that are listed, the most liquid first, with every wallet among their holders."""
    tradable = [mints[mint] for mint in mints.keys() - CASH_MINTS.keys() if mints[mint].priced]
    tradable.sort(key=lambda traded: (-traded.volume, traded.mint))
    candidates = [traded for traded in tradable if traded.mint not in staked]
    covering: list[_TradedMint] = []
    reached: set[str] = set()
    while candidates:
        best = max(candidates, key=lambda traded: len(traded.held_from.keys() - reached))
        if best.held_from.keys() <= reached:
            break
        reached |= best.held_from.keys()
        covering.append(best)
        candidates.remove(best)
    ranked = covering + candidates + [each for each in tradable if each.mint in staked]
    if ranked:
        unreached = [row for row in reversed(in_time) if row.wallet not in reached]
        ranked[0].held_from |= {row.wallet: row.block_unix_time for row in unreached}
    return ranked


def _listing(traded: _TradedMint, last: _Priced) -> dict[str, object]:
    unknown = ("logo_uri", "extensions", "market_cap", "fdv", "total_supply", "circulating_supply")
    return {
        "address": traded.mint,
        "name": last.leg.symbol or traded.mint[:6],
        "symbol": last.leg.symbol or traded.mint[:6],
        "decimals": last.leg.decimals or 0,
        **dict.fromkeys(unknown),
        "liquidity": traded.liquidity,
        "last_trade_unix_time": last.time,
        "price": last.price,
        "holder": len(traded.held_from),
        "recent_listing_time": None,
        "is_scaled_ui_token": False,
        "multiplier": None,
        **{f"volume_{hours}h_usd": 60_000.0 * hours for hours in WINDOWS},
        **{f"volume_{hours}h_change_percent": None for hours in WINDOWS},
        **{f"price_change_{hours}h_percent": 25.0 for hours in WINDOWS},
        **{f"trade_{hours}h_count": 100 * hours for hours in WINDOWS},
    }
