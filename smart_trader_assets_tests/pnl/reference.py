"""Trades to every column of the PnL table, in plain Python over exact fractions.

Slow and literal: one lot, one match, one window at a time. With `reference_trades` it tells the
rules a second time, and shares nothing with the engine but the rules.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import sqrt
from typing import Any

from smart_trader_assets_tests.pnl.reference_trades import (
    PEGS,
    Row,
    Trade,
    exact,
    total,
    trades_of,
    transactions,
)

WINDOW_DAYS = {"all": None, "90d": 90, "30d": 30, "7d": 7}


@dataclass
class Lot:
    time: int
    left: int
    cost_a_unit: Fraction | None


@dataclass
class Match:
    time: int
    hours: Fraction
    cost: Fraction


@dataclass
class Disposal:
    trade: Trade
    matched_value: Fraction
    cost: Fraction
    unmatched_units: Fraction
    closing: bool
    same_moment: bool
    matches: list[Match]

    @property
    def result(self) -> Fraction:
        return self.matched_value - self.cost


def match_lots(trades: list[Trade]) -> tuple[list[Disposal], deque[Lot]]:
    """One position, first in, first out."""
    lots: deque[Lot] = deque()
    disposals = []
    bought = None
    for trade in trades:
        if trade.quantity > 0:
            bought = trade
            cost = None if trade.value is None else trade.value / trade.quantity
            lots.append(Lot(trade.time, trade.quantity, cost))
            continue
        sold = to_sell = -trade.quantity
        cost, known, matches = Fraction(0), 0, []
        while to_sell and lots:
            lot = lots[0]
            taken = min(lot.left, to_sell)
            to_sell -= taken
            lot.left -= taken
            if lot.cost_a_unit is not None:
                known += taken
                cost += taken * lot.cost_a_unit
                hours = Fraction(trade.time - lot.time, 3600)
                matches.append(Match(trade.time, hours, taken * lot.cost_a_unit))
            if not lot.left:
                lots.popleft()
        closing = trade.value is not None and known > 0
        disposals.append(
            Disposal(
                trade=trade,
                matched_value=(trade.value or Fraction(0)) * known / sold,
                cost=cost,
                unmatched_units=Fraction(sold - known, 10**trade.decimals),
                closing=closing,
                same_moment=closing
                and bought is not None
                and (
                    (bought.block is not None and bought.block == trade.block)
                    or trade.time - bought.time <= 10
                ),
                matches=matches if closing else [],
            )
        )
    return disposals, lots


def ratio(part: Fraction | int, of: Fraction | int, scale: int = 100) -> float | None:
    return float(Fraction(scale) * part / of) if of > 0 else None


def drawdown(disposals: list[Disposal]) -> Fraction:
    by_transaction: dict[tuple[Any, ...], Fraction] = defaultdict(Fraction)
    for one in disposals:
        by_transaction[one.trade.order] += one.result
    balance = peak = fall = Fraction(0)
    for order in sorted(by_transaction):
        balance += by_transaction[order]
        peak = max(peak, balance)
        fall = max(fall, peak - balance)
    return fall


def sharpe(results: list[Fraction]) -> float | None:
    if len(results) < 2 or min(results) == max(results):
        return None
    mean = total(results) / len(results)
    variance = total((one - mean) ** 2 for one in results) / (len(results) - 1)
    return float(mean) / sqrt(variance)


def lower_median(matches: list[Match]) -> Fraction | None:
    half = total(match.cost for match in matches) / 2
    reached = Fraction(0)
    for match in sorted(matches, key=lambda match: match.hours):
        reached += match.cost
        if match.cost > 0 and reached >= half:
            return match.hours
    return None


def figures(trades: list[Trade], disposals: list[Disposal]) -> dict[str, Any]:
    """The columns that tokens and portfolios share, of the trades of one window."""
    priced = [one for one in disposals if one.trade.value is not None]
    closing = [one for one in disposals if one.closing]
    matches = [match for one in closing for match in one.matches]
    buys = [trade for trade in trades if trade.quantity > 0]
    sold = total(one.trade.value for one in priced)
    proceeds = total(one.matched_value for one in priced)
    cost = total(one.cost for one in priced)
    wins = [one for one in closing if one.result > 0]
    held_cost = total(match.cost for match in matches)
    days: dict[int, int] = defaultdict(int)
    for trade in trades:
        days[trade.time // 86400] += 1
    times = [trade.time for trade in trades]
    median = lower_median(matches)
    return {
        "buy_count": len(buys),
        "sell_count": len(trades) - len(buys),
        "trade_count": len(trades),
        "total_bought": float(total(trade.value for trade in buys)),
        "total_sold": float(sold),
        "matched_proceeds": float(proceeds),
        "matched_cost": float(cost),
        "unmatched_proceeds": float(sold - proceeds),
        "realized_pnl": float(proceeds - cost),
        "roi": ratio(proceeds - cost, cost),
        "closing_count": len(closing),
        "win_count": len(wins),
        "win_rate": ratio(len(wins), len(closing)),
        "coverage": ratio(proceeds, sold),
        "avg_holding_hours": ratio(total(m.cost * m.hours for m in matches), held_cost, 1),
        "median_holding_hours": None if median is None else float(median),
        "profit_factor": ratio(
            total(one.result for one in wins),
            -total(one.result for one in closing if one.result < 0),
            1,
        ),
        "max_drawdown_usd": float(drawdown(closing)),
        "trade_sharpe": sharpe([one.result for one in closing]),
        "first_transaction": datetime.fromtimestamp(min(times), UTC) if times else None,
        "last_transaction": datetime.fromtimestamp(max(times), UTC) if times else None,
        "trade_frequency_daily": len(trades)
        / max(1.0, (max(times) - min(times)) / 86400 if times else 0),
        "unpriced_count": sum(trade.value is None for trade in trades),
        "same_block_share": ratio(sum(one.same_moment for one in closing), len(closing)),
        "active_days": len(days),
        "max_trades_per_day": max(days.values(), default=0),
    }


def reference_pnl(
    rows: Iterable[Row],
    *,
    as_of: datetime,
    pegs: Mapping[str, float | None] = PEGS,
    marks: Mapping[str, list[tuple[datetime, float]]] | None = None,
) -> list[dict[str, Any]]:
    """Every row of the PnL table but `history_complete` and `as_of`, which nothing derives."""
    table: list[dict[str, Any]] = []
    for wallet, grouped in transactions(rows, as_of).items():
        trades, arbitrages = trades_of(grouped, pegs)
        if trades or arbitrages:
            table += wallet_rows(wallet, trades, arbitrages, as_of, marks or {})
    return table


def wallet_rows(
    wallet: str,
    trades: list[Trade],
    arbitrages: list[tuple[int, Fraction | None]],
    as_of: datetime,
    marks: Mapping[str, list[tuple[datetime, float]]],
) -> list[dict[str, Any]]:
    by_mint: dict[str, list[Trade]] = defaultdict(list)
    for trade in trades:
        by_mint[trade.mint].append(trade)
    books = {mint: match_lots(own) for mint, own in by_mint.items()}
    table = []
    for window, days in WINDOW_DAYS.items():
        start = as_of - timedelta(days=days) if days else datetime.min.replace(tzinfo=UTC)
        begin = start.timestamp() if days else -1.0
        tokens = []
        for mint, own in by_mint.items():
            inside = [trade for trade in own if trade.time > begin]
            if not inside:
                continue
            disposals = [one for one in books[mint][0] if one.trade.time > begin]
            row = figures(inside, disposals) | {
                "wallet_address": wallet,
                "token_address": mint,
                "window": window,
                "unmatched_quantity": float(
                    total(one.unmatched_units for one in disposals if one.trade.value is not None)
                ),
            }
            if days is None:
                row |= held(own, books[mint][1], as_of, marks.get(mint, []))
                row["total_pnl"] = plus(row["realized_pnl"], row["unrealized_pnl"])
            tokens.append(row)
        table += tokens
        disposals = [one for book, _ in books.values() for one in book if one.trade.time > begin]
        inside = [trade for trade in trades if trade.time > begin]
        closed = [row for row in tokens if row["closing_count"]]
        won = [row["realized_pnl"] for row in tokens if row["realized_pnl"] > 0]
        profits = [profit for time, profit in arbitrages if time > begin]
        row = figures(inside, disposals) | {
            "wallet_address": wallet,
            "token_address": "ALL_TOKENS",
            "window": window,
            "token_win_rate": ratio(len(won), len(closed)),
            "top_token_share": 100 * max(won) / sum(won) if won else None,
            "arbitrage_count": len(profits),
            "arbitrage_profit_usd": None
            if profits and all(profit is None for profit in profits)
            else float(total(profits)),
        }
        if days is None:
            worths = [one["unrealized_pnl"] for one in tokens if one["unrealized_pnl"] is not None]
            row |= {
                "open_cost": sum(one["open_cost"] for one in tokens),
                "unrealized_pnl": sum(worths) if worths else None,
                "unmarked_tokens": sum(
                    one["open_quantity"] > 0 and one["mark_price"] is None for one in tokens
                ),
            }
            row["total_pnl"] = plus(row["realized_pnl"], row["unrealized_pnl"])
        table.append(row)
    return table


def plus(one: float, other: float | None) -> float | None:
    return None if other is None else one + other


def held(
    trades: list[Trade],
    lots: deque[Lot],
    as_of: datetime,
    marks: list[tuple[datetime, float]],
) -> dict[str, Any]:
    known = [lot for lot in lots if lot.cost_a_unit is not None]
    decimals = trades[0].decimals
    quantity = Fraction(sum(lot.left for lot in known), 10**decimals)
    cost = total(lot.left * lot.cost_a_unit for lot in known if lot.cost_a_unit is not None)
    candidates: list[tuple[datetime, int, float, str]] = [
        (at, 1, price, "token_list") for at, price in marks if at <= as_of
    ]
    for trade in trades:
        if trade.value is not None:
            price = float(trade.value * 10**decimals / abs(trade.quantity))
            # Of the trades of one second, the last one.
            candidates = [one for one in candidates if one[3] != "own_trade"]
            candidates.append((datetime.fromtimestamp(trade.time, UTC), 0, price, "own_trade"))
    holding: dict[str, Any] = {"open_quantity": float(quantity), "open_cost": float(cost)}
    if not candidates:
        return holding | dict.fromkeys(("mark_price", "unrealized_pnl"))
    at, _, price, source = max(candidates)
    return holding | {
        "mark_price": price,
        "marked_at": at,
        "mark_source": source,
        "unrealized_pnl": float(quantity * exact(price) - cost),
    }
