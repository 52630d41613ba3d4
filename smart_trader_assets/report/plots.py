"""Pictures of a ranking, as PNG: what a materialization shows in the Dagster UI."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import polars as pl
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from smart_trader_assets.report.curves import HOLDING_BANDS, equity_curves, holding_shares
from smart_trader_assets.report.page import TIERS, tier_mix
from smart_trader_assets.report.page_charts import BEST_CURVES
from smart_trader_assets.report.report_data import ReportData
from smart_trader_assets.text import short

_TIER_COLOURS = dict(zip(TIERS, ("#b07a05", "#0d7f4f", "#3a62c9", "#69727f"), strict=True))
_OTHER_TIER = "#69727f"
_INK = "#4655d8"
_QUIET = "#5b6472"


def ranking_pictures(evidence: ReportData) -> dict[str, str]:
    """Name of the picture to Markdown that holds it: tier mix, cumulative realized PnL of the best
    wallets, coverage, holding times. None where no wallet is ranked."""
    if evidence.traders.is_empty():
        return {}
    return {
        "tier_mix": _markdown("Wallets by tier", evidence, _tier_mix),
        "best_wallets": _markdown("Cumulative realized PnL, USD", evidence, _best_wallets),
        "coverage": _markdown("Wallets by coverage, %", evidence, _coverage),
        "holding_times": _markdown("Matched cost by holding time, %", evidence, _holding_times),
    }


def _markdown(title: str, evidence: ReportData, draw: Callable[[Axes, ReportData], None]) -> str:
    figure = Figure(figsize=(7.2, 3.2), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_QUIET, labelsize=9)
    draw(axes, evidence)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return f"![{title}](data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()})"


def _tier_mix(axes: Axes, evidence: ReportData) -> None:
    mix = tier_mix(evidence.traders)[::-1]
    tiers = [tier for tier, _ in mix]
    colours = [_TIER_COLOURS.get(tier, _OTHER_TIER) for tier in tiers]
    axes.bar_label(axes.barh(tiers, [wallets for _, wallets in mix], color=colours), padding=3)


def _best_wallets(axes: Axes, evidence: ReportData) -> None:
    curves = equity_curves(evidence.lots.lot_matches)
    for rank, wallet in enumerate(evidence.shown[:BEST_CURVES], start=1):
        curve = curves.filter(pl.col("wallet_address") == wallet)
        axes.step(
            curve["time"].to_list(),
            curve["realized_pnl"].to_list(),
            where="post",
            label=f"#{rank} {short(wallet)}",
        )
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.legend(fontsize=8, frameon=False)


def _coverage(axes: Axes, evidence: ReportData) -> None:
    ranked, kept_out = (
        frame["coverage"].drop_nulls().to_list()
        for frame in (evidence.traders, evidence.classified)
    )
    axes.hist(
        [ranked, kept_out],
        bins=range(0, 101, 5),
        stacked=True,
        color=[_INK, _OTHER_TIER],
        label=["ranked", "excluded"],
    )
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=8, frameon=False)


def _holding_times(axes: Axes, evidence: ReportData) -> None:
    matches = evidence.lots.lot_matches.with_columns(wallet_address=pl.lit("all"))
    shares = dict(holding_shares(matches).select("band", "share").iter_rows())
    names = [name for name, _ in HOLDING_BANDS]
    axes.bar(names, [shares.get(band, 0.0) for band in range(len(names))], color=_INK)
