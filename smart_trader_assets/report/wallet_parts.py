"""What the page shows of one wallet: plain rows for the template, best wallet first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from smart_trader_assets import text
from smart_trader_assets.pnl.columns import ALL_TOKENS, WINDOWS
from smart_trader_assets.report.company import company_words
from smart_trader_assets.report.curves import (
    HOLDING_BANDS,
    equity_curves,
    holding_shares,
    thinned,
)
from smart_trader_assets.report.report_data import ReportData
from smart_trader_assets.report.result_charts import bet_counts, daily_results
from smart_trader_assets.report.sales import REASON_WORDS, sales_of
from smart_trader_assets.report.whence import whence_words
from smart_trader_assets.report.words import copied_figure

# Two hundred cards are one page that has to open at once.
MOST_TOKENS = 8
MOST_POSITIONS = 8
MOST_OPEN_LOTS = 4
MOST_SALES = 8
MOST_BUYS = 8
CURVE_BUCKETS = 50
_WELL_COVERED = 80
_IDLE_DAYS = 7

Row = dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """The first rows of a longer list, and how long it is."""

    rows: list[Row]
    total: int

    @property
    def left_out(self) -> int:
        """Rows that are not shown."""
        return self.total - len(self.rows)


@dataclass(frozen=True)
class WalletPart:
    """One wallet: its row of the ranking, its portfolio by window, its tokens, what it holds, buys, sales and
    open lots.

    curve: seconds and cumulative realized PnL in USD, from the first trade on
    holding: percent of matched cost by band of `HOLDING_BANDS`
    bets: how many of them are in each of `BET_BANDS`
    days: those of half a year that brought a result, and what they brought in USD
    caveats: what one should know before one relies on it
    """

    trader: Row
    portfolio: Row
    windows: list[Row]
    tokens: Listing
    open_lots: Listing
    sales: Listing
    positions: Listing
    buys: Listing
    curve: tuple[list[int], list[float]]
    holding: list[float]
    bets: list[int]
    days: tuple[list[date], list[float]]
    caveats: list[str]
    searched: str


def wallet_parts(data: ReportData) -> list[WalletPart]:
    """The parts of all wallets whose lots were read, in the order of the ranking."""
    matches = data.lots.lot_matches
    frames = {
        "pnl": data.pnl,
        "sales": sales_of(matches),
        "open_lots": data.lots.open_lots.sort("bought_at", descending=True),
        "curve": thinned(equity_curves(matches, data.lots.rollovers), CURVE_BUCKETS),
        "holding": holding_shares(matches),
        "buys": data.lots.trades.filter(pl.col("side") == "buy").sort(
            "time", "tx_hash", descending=[True, False]
        ),
        "bets": data.bets,
        "days": _days(data),
    }
    by_wallet = {name: _by_wallet(frame) for name, frame in frames.items()}
    traders = {row["wallet_address"]: row for row in data.traders.iter_rows(named=True)}
    return [
        _part(
            traders[wallet],
            {name: by_wallet[name].get(wallet, frame.clear()) for name, frame in frames.items()},
            data.symbols,
            [
                *company_words(data.company, wallet),
                *whence_words(data.received, wallet, data.symbols),
            ],
        )
        for wallet in data.shown
    ]


def _days(data: ReportData) -> pl.DataFrame:
    """wallet_address, day and result of the half year that ends with the newest numbers."""
    until = (data.as_of or datetime.now(UTC)).date()
    return daily_results(data.lots.lot_matches, data.lots.rollovers, until)


def _positions(tokens: pl.DataFrame, symbols: Mapping[str, str]) -> Listing:
    held = tokens.filter(pl.col("open_quantity") > 0).sort(
        "open_cost", "token_address", descending=[True, False], nulls_last=True
    )
    return _listing(held.head(MOST_POSITIONS), symbols, total=held.height)


def caveats(trader: Row) -> list[str]:
    """What one should know before one relies on a row of gold/smart_traders."""
    found = []
    if trader["history_complete"] is False:
        found.append("Its history is not known to its first trade.")
    coverage = trader["coverage"]
    if coverage is not None and coverage < _WELL_COVERED:
        found.append(f"Of what it sold, the cost of {text.percent(coverage)} is known.")
    priced = trader["copied_priced_share"]
    if not priced:
        found.append(
            "What copying it would have earned is not known: nobody else's trade shows a price."
        )
    elif copied_figure(trader) is None:
        found.append(
            f"What copying it would have earned is known of {text.percent(priced)} of its bets."
        )
    if trader["stale_open_cost"]:
        stale = text.usd(trader["stale_open_cost"])
        found.append(f"It paid {stale} for tokens that nobody has priced for days.")
    if trader["unmarked_tokens"]:
        found.append(
            f"{text.plural(trader['unmarked_tokens'], 'token')} that it holds: no price is known."
        )
    if trader["unpriced_count"]:
        found.append(
            f"{text.plural(trader['unpriced_count'], 'trade')} against which no known cash stands."
        )
    last = trader["last_transaction"]
    if last is not None and (idle := (trader["as_of"] - last).days) >= _IDLE_DAYS:
        found.append(f"It has not traded for {idle} days.")
    return found


def _by_wallet(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    parts = frame.partition_by("wallet_address", as_dict=True, maintain_order=True)
    return {str(key[0]): part for key, part in parts.items()}


def _part(
    trader: Row,
    frames: Mapping[str, pl.DataFrame],
    symbols: Mapping[str, str],
    company: Sequence[str],
) -> WalletPart:
    portfolio = frames["pnl"].filter(pl.col("token_address") == ALL_TOKENS)
    windows = {row["window"]: row for row in portfolio.iter_rows(named=True)}
    tokens = frames["pnl"].filter(
        (pl.col("token_address") != ALL_TOKENS) & (pl.col("window") == "all")
    )
    worth = pl.coalesce("total_pnl", "realized_pnl")
    ranked_tokens = tokens.sort(worth, "token_address", descending=[True, False])
    named = [symbols.get(mint, "") for mint in ranked_tokens["token_address"]]
    return WalletPart(
        trader=trader,
        portfolio=windows.get("all", {}),
        windows=[windows[window] for window in WINDOWS[::-1] if window in windows],
        tokens=_listing(_most_telling(ranked_tokens, worth), symbols, total=tokens.height),
        open_lots=_listing(
            frames["open_lots"].head(MOST_OPEN_LOTS), symbols, total=frames["open_lots"].height
        ),
        sales=_listing(frames["sales"].head(MOST_SALES), symbols, total=frames["sales"].height),
        positions=_positions(ranked_tokens, symbols),
        buys=_listing(frames["buys"].head(MOST_BUYS), symbols, total=frames["buys"].height),
        curve=_curve(trader, frames["curve"]),
        holding=_holding(frames["holding"]),
        bets=bet_counts(frames["bets"]["bet_return"]),
        days=(frames["days"]["day"].to_list(), frames["days"]["result"].to_list()),
        caveats=[*company, *caveats(trader)],
        searched=" ".join(
            [
                trader["wallet_address"],
                *dict.fromkeys(filter(None, named)),
                *ranked_tokens["token_address"][:MOST_TOKENS],
            ]
        ),
    )


def _most_telling(ranked: pl.DataFrame, worth: pl.Expr) -> pl.DataFrame:
    """The tokens with the largest gains and losses, the best first."""
    return ranked.filter(worth.abs().fill_null(0).rank("ordinal", descending=True) <= MOST_TOKENS)


def _listing(rows: pl.DataFrame, symbols: Mapping[str, str], *, total: int) -> Listing:
    return Listing([_with_names(row, symbols) for row in rows.iter_rows(named=True)], total)


def _with_names(row: Row, symbols: Mapping[str, str]) -> Row:
    named = row | {"symbol": symbols.get(row["token_address"], "")}
    if reason := row.get("unmatched_reason"):
        named["unmatched_words"] = REASON_WORDS.get(reason, reason)
    return named


def _curve(trader: Row, curve: pl.DataFrame) -> tuple[list[int], list[float]]:
    """From 0 at the first trade to the time of calculation, where the last value still holds."""
    seconds = curve["time"].dt.epoch("s").to_list()
    realized = curve["realized_pnl"].round(2).to_list()
    if trader["first_transaction"] is not None:
        seconds.insert(0, int(trader["first_transaction"].timestamp()))
        realized.insert(0, 0.0)
    if realized:
        seconds.append(int(trader["as_of"].timestamp()))
        realized.append(realized[-1])
    return seconds, realized


def _holding(shares: pl.DataFrame) -> list[float]:
    by_band = dict(shares.select("band", "share").iter_rows())
    return [by_band.get(band, 0.0) for band in range(len(HOLDING_BANDS))]
