"""Trades to every column of the PnL table, in plain Python over exact fractions.

Slow and literal: one lot, one match, one window at a time. With `reference_trades` and
`reference_lots` it tells the rules a second time, and shares nothing with the engine but the
rules.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import sqrt
from typing import Any

from smart_trader_assets_tests.pnl.reference_lots import (
    Book,
    GivenMark,
    Lot,
    Mark,
    Match,
    Trade,
    newest_liquidity,
    newest_mark,
)
from smart_trader_assets_tests.pnl.reference_trades import (
    PEGS,
    History,
    Row,
    Transaction,
    exact,
    history_of,
    total,
    wallets_of,
)

WINDOW_DAYS = {"all": None, "90d": 90, "30d": 30, "7d": 7}


@dataclass
class Settings:
    as_of: datetime
    network_fee_sol: Fraction
    launch_seconds: Fraction
    launch_hours: Fraction
    fallback_sol_usd: Fraction
    trading_fee: Fraction
    mark_life: timedelta


@dataclass
class Holding:
    """The open lots of known basis of a token, and what they are worth."""

    lots: list[Lot]
    quantity: Fraction
    cost: Fraction
    mark: Mark | None
    value: Fraction | None
    conservative_value: Fraction
    stale: bool


def ratio(part: Fraction | int, of: Fraction | int, scale: int = 100) -> float | None:
    return float(Fraction(scale) * part / of) if of > 0 else None


def drawdown(trades: list[Trade]) -> Fraction:
    by_transaction: dict[tuple[Any, ...], Fraction] = defaultdict(Fraction)
    for one in trades:
        by_transaction[one.of.order] += one.result
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


def fees(transactions: Iterable[Transaction], trades: list[Trade], settings: Settings) -> Fraction:
    costly = [one for one in transactions if one.kind != "conversion"]
    prices = {one.tx: one.sol_price or settings.fallback_sol_usd for one in costly}
    dealt = total(trade.value for trade in trades)
    return settings.network_fee_sol * total(prices.values()) + settings.trading_fee * dealt


def figures(trades: list[Trade], estimated_fees: Fraction) -> dict[str, Any]:
    """The columns that tokens and portfolios share, of the trades of one window."""
    buys = [trade for trade in trades if trade.quantity > 0]
    sales = [trade for trade in trades if trade.quantity < 0]
    closing = [trade for trade in sales if trade.closing]
    wins = [trade for trade in closing if trade.result > 0]
    matches = [match for trade in closing for match in trade.matches]
    sold = total(trade.value for trade in sales)
    proceeds = total(trade.matched_proceeds for trade in sales)
    cost = total(trade.matched_cost for trade in sales)
    held_cost = total(match.cost for match in matches)
    median = lower_median(matches)
    return {
        "buy_count": len(buys),
        "sell_count": len(sales),
        "trade_count": len(trades),
        "total_bought": float(total(trade.value for trade in buys)),
        "total_sold": float(sold),
        "matched_proceeds": float(proceeds),
        "matched_cost": float(cost),
        "unmatched_proceeds": float(total(trade.unmatched_proceeds for trade in sales)),
        "unknown_basis_proceeds": float(total(trade.unknown_basis_proceeds for trade in sales)),
        "realized_pnl": float(proceeds - cost),
        "roi": ratio(proceeds - cost, cost),
        "closing_count": len(closing),
        "win_count": len(wins),
        "win_rate": ratio(len(wins), len(closing)),
        "coverage": ratio(proceeds, sold),
        "avg_holding_hours": ratio(total(m.cost * m.hours for m in matches), held_cost, 1),
        "median_holding_hours": None if median is None else float(median),
        "profit_factor": ratio(
            total(trade.result for trade in wins),
            -total(trade.result for trade in closing if trade.result < 0),
            1,
        ),
        "max_drawdown_usd": float(drawdown(trades)),
        "trade_sharpe": sharpe([trade.result for trade in closing]),
        "unpriced_count": sum(trade.of.kind == "unpriced" for trade in trades),
        "rollover_count": len({trade.of.tx for trade in trades if trade.of.kind == "rollover"}),
        "estimated_fees_usd": float(estimated_fees),
        "lost_cost": float(total(trade.lost_cost for trade in sales)),
        "same_block_share": ratio(sum(trade.same_moment for trade in closing), len(closing)),
        "paid_in_sol": ratio(
            total(trade.value for trade in buys if trade.of.in_sol),
            total(trade.value for trade in buys),
        ),
        **figures_in_sol(sales, cost),
        **times(trades),
    }


def figures_in_sol(sales: list[Trade], cost: Fraction) -> dict[str, Any]:
    told = [trade for trade in sales if trade.cost_sol is not None]
    cost_sol = total(trade.cost_sol for trade in told)
    realized = total(trade.proceeds_sol for trade in told) - cost_sol
    return {
        "realized_pnl_sol": float(realized) if told else None,
        "matched_cost_sol": float(cost_sol) if told else None,
        "roi_sol": ratio(realized, cost_sol),
        "sol_coverage": ratio(total(trade.matched_cost for trade in told), cost),
    }


def times(trades: list[Trade]) -> dict[str, Any]:
    moments = [trade.of.time for trade in trades]
    first, last = min(moments, default=None), max(moments, default=None)
    days: dict[int, int] = defaultdict(int)
    for moment in moments:
        days[moment // 86400] += 1
    return {
        "first_transaction": None if first is None else datetime.fromtimestamp(first, UTC),
        "last_transaction": None if last is None else datetime.fromtimestamp(last, UTC),
        "trade_frequency_daily": len(trades) / max(1.0, ((last or 0) - (first or 0)) / 86400),
        "active_days": len(days),
        "max_trades_per_day": max(days.values(), default=0),
    }


def reference_pnl(
    rows: Iterable[Row],
    *,
    as_of: datetime,
    pegs: Mapping[str, float | None] = PEGS,
    marks: Iterable[GivenMark] | None = None,
    histories: Mapping[str, datetime | None] | None = None,
    network_fee_sol: float = 0.0005,
    fallback_sol_usd: float = 150.0,
    trading_fee_percent: float = 0.0,
    mark_life_days: float = 7.0,
    launch_minutes: float = 10.0,
    launch_hours: float = 1.0,
    hop_usd: float = 1.0,
) -> list[dict[str, Any]]:
    """Every row of the PnL table but `history_complete` and `as_of`, which nothing derives.

    `marks` are given prices with `token_address`, `price`, `marked_at`, `source` and perhaps
    `liquidity`; `histories` tells up to when the history of a wallet is known.
    """
    settings = Settings(
        as_of=as_of,
        network_fee_sol=exact(network_fee_sol),
        fallback_sol_usd=exact(fallback_sol_usd),
        trading_fee=exact(trading_fee_percent) / 100,
        mark_life=timedelta(days=mark_life_days),
        launch_seconds=exact(launch_minutes) * 60,
        launch_hours=exact(launch_hours),
    )
    by_mint: dict[str, list[GivenMark]] = defaultdict(list)
    for mark in marks or []:
        by_mint[mark["token_address"]].append(mark)
    table: list[dict[str, Any]] = []
    for wallet, own in wallets_of(rows, as_of).items():
        known_to = min(as_of, (histories or {}).get(wallet) or as_of)
        history = history_of(own, pegs, hop_usd)
        table += wallet_rows(wallet, history, by_mint, known_to, settings)
    return table


def wallet_rows(
    wallet: str,
    history: History,
    marks: Mapping[str, list[GivenMark]],
    known_to: datetime,
    settings: Settings,
) -> list[dict[str, Any]]:
    book = Book(history.transactions)
    table = []
    for window, days in WINDOW_DAYS.items():
        begin = (settings.as_of - timedelta(days=days)).timestamp() if days else -1.0
        key = {"wallet_address": wallet, "window": window}
        trades = [trade for trade in book.trades if trade.of.time > begin]
        by_mint: dict[str, list[Trade]] = defaultdict(list)
        for trade in trades:
            by_mint[trade.mint].append(trade)
        rows = [token_row(mint, own, settings) | key for mint, own in by_mint.items()]
        inside = [one for one in history.transactions if one.time > begin]
        portfolio = portfolio_row(inside, trades, by_mint, settings) | key
        table += [*rows, portfolio]
        if days is not None:
            continue
        holdings = [
            holding_of(own, book.lots[mint], marks.get(mint, []), known_to, settings)
            for mint, own in by_mint.items()
        ]
        newest = history.newest_sol_price
        for row, one, own in zip(rows, holdings, by_mint.values(), strict=True):
            spent = fees((trade.of for trade in own), own, settings)
            row.update(marked(one) | held([one], own, spent, newest))
            row.update(early(own, settings) | {"peak_cost": float(book.peaks[own[0].mint])})
        portfolio.update(held(holdings, trades, fees(inside, trades, settings), newest))
        portfolio["unmarked_tokens"] = sum(one.quantity > 0 and not one.mark for one in holdings)
    return table


def early(trades: list[Trade], settings: Settings) -> dict[str, float | None]:
    """Of lots bought within `launch_seconds` of the first trade and sold within `launch_hours`."""
    matches = [
        match
        for trade in trades
        for match in trade.matches
        if match.cost > 0
        and match.since_first <= settings.launch_seconds
        and match.hours <= settings.launch_hours
    ]
    if not matches:
        return {"early_cost": None, "early_proceeds": None}
    return {
        "early_cost": float(total(match.cost for match in matches)),
        "early_proceeds": float(total(match.proceeds for match in matches)),
    }


def token_row(mint: str, trades: list[Trade], settings: Settings) -> dict[str, Any]:
    return figures(trades, fees((trade.of for trade in trades), trades, settings)) | {
        "token_address": mint,
        "unmatched_quantity": float(total(trade.unmatched_quantity for trade in trades)),
        "conversion_count": 0,
    }


def portfolio_row(
    transactions: list[Transaction],
    trades: list[Trade],
    by_mint: Mapping[str, list[Trade]],
    settings: Settings,
) -> dict[str, Any]:
    conversions = [one for one in transactions if one.kind == "conversion"]
    arbitrages = [one for one in transactions if one.kind == "arbitrage"]
    closed = [own for own in by_mint.values() if any(trade.closing for trade in own)]
    wins = [own for own in closed if total(trade.result for trade in own) > 0]
    results = [total(trade.result for trade in own) for own in by_mint.values()]
    won = [result for result in results if result > 0]
    nothing_known = arbitrages and all(one.cash is None for one in arbitrages)
    return figures(trades, fees(transactions, trades, settings)) | {
        "token_address": "ALL_TOKENS",
        "conversion_count": len(conversions),
        "arbitrage_count": len(arbitrages),
        "arbitrage_profit_usd": None
        if nothing_known
        else float(total(one.cash for one in arbitrages)),
        "token_win_rate": ratio(len(wins), len(closed)),
        "top_token_share": ratio(max(won), total(won)) if won else None,
    }


def holding_of(
    trades: list[Trade],
    lots: Iterable[Lot],
    given: list[GivenMark],
    known_to: datetime,
    settings: Settings,
) -> Holding:
    known = [lot for lot in lots if lot.cost is not None]
    quantity = Fraction(sum(lot.left for lot in known), 10 ** trades[0].decimals)
    cost = total(lot.cost for lot in known)
    timely = [mark for mark in given if mark["marked_at"] <= settings.as_of]
    mark = newest_mark(trades, timely)
    if mark is None:
        return Holding(known, quantity, cost, None, None, Fraction(0), stale=True)
    value = quantity * mark.price
    if mark.source != "token_list":
        value = min(value, cost)
    if (liquidity := newest_liquidity(timely)) is not None:
        value = min(value, liquidity / 2)
    age = max(timedelta(0), known_to - mark.at)
    tick = timedelta(microseconds=1)
    fresh = max(Fraction(0), 1 - Fraction(age // tick, settings.mark_life // tick))
    stale = age > settings.mark_life
    return Holding(known, quantity, cost, mark, value, value * fresh, stale)


def marked(holding: Holding) -> dict[str, Any]:
    mark = holding.mark
    return {
        "open_quantity": float(holding.quantity),
        "mark_price": float(mark.price) if mark else None,
        "marked_at": mark.at if mark else None,
        "mark_source": mark.source if mark else None,
    }


def held(
    holdings: list[Holding],
    trades: list[Trade],
    spent: Fraction,
    newest_sol_price: Fraction | None,
) -> dict[str, Any]:
    """The columns of what is held, of one token or of all."""
    priced = [(one.value, one.cost) for one in holdings if one.value is not None]
    cost = total(one.cost for one in holdings)
    realized = total(trade.result for trade in trades)
    unrealized = total(value - own_cost for value, own_cost in priced)
    conservative = total(one.conservative_value for one in holdings)
    left = realized - total(trade.lost_cost for trade in trades) - spent
    lots = [lot for one in holdings for lot in one.lots]
    told = [lot.cost_sol for lot in lots if lot.cost_sol is not None]
    return {
        "open_cost": float(cost),
        "open_value": float(total(value for value, _ in priced)) if priced else None,
        "unrealized_pnl": float(unrealized) if priced else None,
        "total_pnl": float(realized + unrealized) if priced else None,
        "conservative_value": float(conservative),
        "stale_open_cost": float(total(one.cost for one in holdings if one.stale)),
        "conservative_pnl": float(left + conservative - cost),
        "open_cost_sol": None if lots and not told else float(total(told)),
        "conservative_value_sol": float(conservative / newest_sol_price)
        if newest_sol_price
        else None,
    }
