"""Which charts the page has, made in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from smart_trader_assets.report.charts import (
    BEST_NARROW,
    BEST_WIDE,
    SPARK,
    WALLET_CURVE,
    EquityChart,
    HoldingChart,
    curve_words,
    holding_words,
)
from smart_trader_assets.report.result_charts import BetsChart, CalendarChart
from smart_trader_assets.report.svg import page_drawing
from smart_trader_assets.report.wallet_parts import WalletPart
from smart_trader_assets.text import short

BEST_CURVES = 5


@dataclass(frozen=True)
class WalletCharts:
    """The pictures of one wallet; None where there is nothing to draw.

    spark: its curve for a row of the leaderboard
    curve: cumulative realized PnL
    holding: holding times
    bets: what its bets returned
    calendar: what each day of half a year brought
    """

    spark: Markup | None
    curve: Markup | None
    holding: Markup | None
    bets: Markup | None
    calendar: Markup | None


@dataclass(frozen=True)
class PageCharts:
    """All pictures of a page.

    best: the curves of the wallets of `best_parts` together, for a wide screen and for a narrow one
    wallets: by address
    """

    best: tuple[Markup, ...]
    best_parts: list[WalletPart]
    wallets: dict[str, WalletCharts]


def best_parts(parts: Sequence[WalletPart]) -> list[WalletPart]:
    """The wallets whose curves are drawn together: the best of those that have one."""
    return [part for part in parts if part.curve[0]][:BEST_CURVES]


def page_charts(parts: Sequence[WalletPart], until: date) -> PageCharts:
    """The charts of the wallets of a page, in the order of the ranking; calendars end with `until`."""
    best = best_parts(parts)
    with page_drawing():
        spark, curve, holding = EquityChart(SPARK), EquityChart(WALLET_CURVE), HoldingChart()
        bets, calendar = BetsChart(), CalendarChart()
        return PageCharts(
            best=_best(best),
            best_parts=best,
            wallets={
                part.trader["wallet_address"]: WalletCharts(
                    spark=_equity(spark, part),
                    curve=_equity(curve, part),
                    holding=_holding(holding, part),
                    bets=bets.draw(part.bets) if any(part.bets) else None,
                    calendar=calendar.draw(*part.days, until) if part.days[0] else None,
                )
                for part in parts
            },
        )


def _best(parts: Sequence[WalletPart]) -> tuple[Markup, ...]:
    if not parts:
        return ()
    words = " ".join(
        f"#{part.trader['overall_rank']} {short(part.trader['wallet_address'])}: "
        f"{curve_words(part.curve)}"
        for part in parts
    )
    return tuple(
        EquityChart(frame, curves=len(parts)).draw([part.curve for part in parts], words)
        for frame in (BEST_WIDE, BEST_NARROW)
    )


def _equity(chart: EquityChart, part: WalletPart) -> Markup | None:
    return chart.draw([part.curve], curve_words(part.curve)) if part.curve[0] else None


def _holding(chart: HoldingChart, part: WalletPart) -> Markup | None:
    return chart.draw(part.holding, holding_words(part.holding)) if any(part.holding) else None
