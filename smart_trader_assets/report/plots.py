"""Pictures of a ranking, as PNG: what a materialization shows in the Dagster UI."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, date, datetime

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from smart_trader_assets.report.charts import BEST_WIDE, INK, QUIET, EquityChart, HoldingChart, png
from smart_trader_assets.report.curves import HOLDING_BANDS, holding_shares
from smart_trader_assets.report.page import TIERS, tier_mix
from smart_trader_assets.report.page_charts import best_parts
from smart_trader_assets.report.report_data import ReportData
from smart_trader_assets.report.result_charts import BetsChart, CalendarChart
from smart_trader_assets.report.svg import page_drawing
from smart_trader_assets.report.wallet_parts import WalletPart, wallet_parts
from smart_trader_assets.text import short, shown_symbol, usd_short

_MOST_FLOWS = 8
_TIER_COLOURS = dict(zip(TIERS, ("#b07a05", "#0d7f4f", "#3a62c9", QUIET), strict=True))


def ranking_pictures(data: ReportData) -> str | None:
    """Markdown that holds the pictures, for the UI opens one value at a time: tier mix, cumulative realized
    PnL of the best wallets, coverage, holding times. None where no wallet is ranked."""
    if data.traders.is_empty():
        return None
    parts = wallet_parts(data)
    with page_drawing():
        pictures = {
            "Wallets by tier": _tier_mix(data),
            "Cumulative realized PnL, USD": _best_wallets(parts),
            "Wallets by coverage, %": _coverage(data),
            "Matched cost by holding time, %": _holding_times(data),
            "Bets of the best wallets by what they returned, %": _bets(parts),
            "Realized by the best wallets by day, half a year": _days(parts, data.as_of),
            **(
                {"Net flow of the last 7 days by token, USD": flows}
                if (flows := _flows(data))
                else {}
            ),
        }
    return "\n\n".join(
        f"**{title}**\n\n![{title}](data:image/png;base64,{base64.b64encode(picture).decode()})"
        for title, picture in pictures.items()
    )


def _best_wallets(parts: Sequence[WalletPart]) -> bytes:
    best = best_parts(parts)
    names = [
        f"#{part.trader['overall_rank']} {short(part.trader['wallet_address'])}" for part in best
    ]
    return EquityChart(BEST_WIDE, curves=len(best)).picture([part.curve for part in best], names)


def _holding_times(data: ReportData) -> bytes:
    matches = data.lots.lot_matches.with_columns(wallet_address=pl.lit("all"))
    shares = dict(holding_shares(matches).select("band", "share").iter_rows())
    return HoldingChart().picture([shares.get(band, 0.0) for band in range(len(HOLDING_BANDS))])


def _bets(parts: Sequence[WalletPart]) -> bytes:
    counts = [part.bets for part in parts]
    return BetsChart().picture([sum(of_band) for of_band in zip(*counts, strict=True)])


def _days(parts: Sequence[WalletPart], as_of: datetime | None) -> bytes:
    until = (as_of or datetime.now(UTC)).date()
    days: dict[date, float] = {}
    for part in parts:
        for day, result in zip(*part.days, strict=True):
            days[day] = days.get(day, 0.0) + result
    return CalendarChart().picture(list(days), list(days.values()), until)


def _flows(data: ReportData) -> bytes | None:
    """The tokens that most money of the proven tiers went into, and out of; None where none did."""
    flows = data.signals.filter(
        (pl.col("window") == "7d") & pl.col("net_flow_usd").is_not_null()
    ).sort("net_flow_usd")
    shown = pl.concat([flows.head(_MOST_FLOWS), flows.tail(_MOST_FLOWS)]).unique(
        "token_address", maintain_order=True
    )
    if shown.is_empty():
        return None
    names = [
        f"{shown_symbol(symbol or '')} {short(mint)}".strip()
        for mint, symbol in shown.select("token_address", "symbol").iter_rows()
    ]
    figure, axes = _plain()
    # A symbol is anybody's text: it is no formula.
    axes.barh(range(len(names)), shown["net_flow_usd"].to_list(), color=INK)
    axes.set_yticks(range(len(names)), names, fontsize=7, parse_math=False)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda amount, _: usd_short(amount)))
    return png(figure)


def _tier_mix(data: ReportData) -> bytes:
    mix = tier_mix(data.traders)[::-1]
    tiers = [tier for tier, _ in mix]
    colours = [_TIER_COLOURS.get(tier, QUIET) for tier in tiers]
    figure, axes = _plain()
    axes.bar_label(axes.barh(tiers, [wallets for _, wallets in mix], color=colours), padding=3)
    return png(figure)


def _coverage(data: ReportData) -> bytes:
    ranked, excluded = (
        frame["coverage"].drop_nulls().to_list() for frame in (data.traders, data.classified)
    )
    figure, axes = _plain()
    axes.hist(
        [ranked, excluded],
        bins=range(0, 101, 5),
        stacked=True,
        color=[INK, QUIET],
        label=["ranked", "excluded"],
    )
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=8, frameon=False)
    return png(figure)


def _plain() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
