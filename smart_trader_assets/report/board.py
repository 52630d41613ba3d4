"""The rows of the page's long tables: all that are ranked, all that are excluded, what they buy.

The first rows are in the page as they are; the others are handed to its script, which shows them when they are
asked for: ten thousand rows cost a browser seconds, their texts a few milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from smart_trader_assets import text
from smart_trader_assets.pnl.columns import ALL_TOKENS
from smart_trader_assets.report.words import copied_figure, copied_words, hand_words

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """What is shown, what it is sorted by (empty: unknown, and last), and how it is coloured."""

    shown: str
    value: float | str = ""
    sign: str = ""


@dataclass(frozen=True)
class BoardRow:
    """A wallet's row: `cells` behind its rank, address and tier; `sure` its confidence, `searched` what it is
    found by; `hand` the rank of the best wallet of the hand that seems to lead it, where it is another."""

    wallet: str
    rank: int
    tier: str
    sure: float | None
    cells: tuple[Cell, ...]
    searched: str = ""
    hand: int | None = None

    def as_list(self) -> list[Any]:
        """For the page's script."""
        cells = [[cell.shown, cell.value, cell.sign] for cell in self.cells]
        return [self.wallet, self.rank, self.tier, self.sure, cells, hand_words(self.hand)]


@dataclass(frozen=True)
class _Column:
    heading: str
    cell: Callable[[Row], Cell]
    about: str = ""


def _amount(name: str, shown: Callable[[float | None], str], *, signed: bool = False) -> Any:
    def cell(row: Row) -> Cell:
        value = row.get(name)
        sign = text.sign(value) if signed else ""
        if value is None or not math.isfinite(value):
            return Cell(shown(value), "", sign)
        return Cell(shown(value), value, sign)

    return cell


def _copied(row: Row) -> Cell:
    figure = copied_figure(row)
    return Cell(copied_words(row), "" if figure is None else figure, text.sign(figure))


def _score(row: Row) -> Cell:
    return Cell(f"{row['score']:.1f}", row["score"])


_COLUMNS: Final = (
    _Column("Conservative PnL", _amount("conservative_pnl", text.usd, signed=True)),
    _Column(
        "Confidence",
        _amount("skill_confidence", text.percent),
        "How sure its bets make it that a copier would have earned more than copying costs",
    ),
    _Column(
        "A bet, at least",
        _amount("return_floor", text.percent, signed=True),
        "What a copier can expect of a bet, at least",
    ),
    _Column(
        "Copied",
        _copied,
        "What an equal-stake copier would have earned a bet, late and at cost, and the part of the "
        "bets that could be priced",
    ),
    _Column("Realized 7 d", _amount("realized_7d", text.usd, signed=True)),
    _Column("30 d", _amount("realized_30d", text.usd, signed=True), "Realized PnL in 30 days"),
    _Column("90 d", _amount("realized_90d", text.usd, signed=True), "Realized PnL in 90 days"),
    _Column("Whole history", _amount("realized_pnl", text.usd, signed=True)),
    _Column("Bets won", _amount("bet_win_rate", text.percent)),
    _Column("ROI", _amount("roi", text.percent)),
    _Column("Score", _score),
    _Column("Coverage", _amount("coverage", text.percent)),
    _Column("Closed", _amount("closing_count", text.count), "Priced sells with a known cost"),
    _Column("Tokens", _amount("token_count", text.count)),
    _Column("Held", _amount("avg_holding_hours", text.duration), "Mean holding time"),
)

HEADINGS: Final = tuple((column.heading, column.about) for column in _COLUMNS)
"""Heading and meaning of each of a row's cells."""

REALIZED: Final[Mapping[str, str]] = {
    "7d": "realized_7d",
    "30d": "realized_30d",
    "90d": "realized_90d",
}


def board_rows(
    traders: pl.DataFrame, portfolios: pl.DataFrame, searched: Mapping[str, str]
) -> list[BoardRow]:
    """Rows of gold/smart_traders, and of silver/wallet_pnl for portfolios by window -> a row each, in their
    order."""
    return [
        BoardRow(
            wallet=row["wallet_address"],
            rank=row["overall_rank"],
            tier=row["tier"],
            sure=row["skill_confidence"],
            cells=tuple(column.cell(row) for column in _COLUMNS),
            searched=searched.get(row["wallet_address"], row["wallet_address"]),
            hand=row.get("hand_rank"),
        )
        for row in with_windows(traders, portfolios).iter_rows(named=True)
    ]


def with_windows(traders: pl.DataFrame, portfolios: pl.DataFrame) -> pl.DataFrame:
    """Adds the realized PnL of each of `REALIZED`; null where it is not known."""
    for window, name in REALIZED.items():
        of_window = portfolios.filter(
            (pl.col("token_address") == ALL_TOKENS) & (pl.col("window") == window)
        ).select("wallet_address", pl.col("realized_pnl").alias(name))
        traders = traders.join(of_window, on="wallet_address", how="left", maintain_order="left")
    return traders


@dataclass(frozen=True)
class SignalRow:
    """A token and window: the counts by deed as `3 (2 ELITE)` would tell them, and who the traders are."""

    token: str
    symbol: str
    window: str
    cells: tuple[Cell, ...]
    votes: Mapping[str, Mapping[str, int]]
    traders: tuple[tuple[int, str, str], ...] = field(default=())


def signal_rows(
    signals: pl.DataFrame,
    traders_of: Mapping[tuple[str, str], Iterable[tuple[int, str, str]]],
    symbols: Mapping[str, str],
) -> list[SignalRow]:
    """Rows of gold/token_signals -> a row each; `traders_of` are rank, wallet and tier of whom a row counts, by
    mint and window; `symbols` those that no list has told, by mint."""
    return [
        SignalRow(
            token=row["token_address"],
            symbol=text.shown_symbol(row["symbol"] or "") or symbols.get(row["token_address"], ""),
            window=row["window"],
            votes={
                deed: {
                    tier: row[f"{tier}_{deed}"]
                    for tier in ("elite", "strong", "promising", "unproven")
                    if row[f"{tier}_{deed}"]
                }
                for deed in ("bought", "sold", "holding")
            },
            cells=(
                _amount("net_flow_usd", text.usd, signed=True)(row),
                _amount("entry_price", text.price)(row),
                _amount("mark_price", text.price)(row),
                _amount("entry_return", text.percent, signed=True)(row),
            ),
            traders=tuple(traders_of.get((row["token_address"], row["window"]), ())),
        )
        for row in signals.iter_rows(named=True)
    ]


def excluded_list(classified: pl.DataFrame) -> list[list[Any]]:
    """Rows of gold/classified_wallets for the page's script: address, class, words and the cells' texts."""
    return [
        [
            row["wallet_address"],
            row["wallet_class"],
            [
                text.usd(row["conservative_pnl"]),
                text.percent(row["win_rate"]),
                text.percent(row["coverage"]),
                text.count(row["trade_count"]),
            ],
            text.sign(row["conservative_pnl"]),
            " ".join(row["reasons"] or []),
        ]
        for row in classified.iter_rows(named=True)
    ]
