"""The page: one HTML file that fetches nothing, for the desktop and for the phone."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, get_args

import jinja2
import polars as pl
from markupsafe import Markup

from smart_trader_assets import text
from smart_trader_assets.ranking import QUALIFIED, members_of, with_hands
from smart_trader_assets.report.board import HEADINGS, board_rows, excluded_list, signal_rows
from smart_trader_assets.report.links import token_links, wallet_links
from smart_trader_assets.report.page_charts import page_charts
from smart_trader_assets.report.report_data import ReportData
from smart_trader_assets.report.wallet_parts import wallet_parts
from smart_trader_assets.report.words import copied_figure, copied_words, hand_words, tier_word
from smart_trader_assets.settings import TierName
from smart_trader_assets.signals import SIGNAL_WINDOWS
from smart_trader_assets.text import short

TIERS: tuple[str, ...] = get_args(TierName)
MOST_CLASSIFIED = 100
"""Excluded wallets that are in the page as they are; its script shows the others."""
MOST_SIGNALS = 40
"""Tokens of each window of what they buy."""

_SOURCES = {
    "live": "BirdEye",
    "sandbox": "an invented market: no wallet, token or trade on this page exists",
    "replay": "recorded swap rows",
}


def render_page(data: ReportData, *, stamp: str) -> str:
    """The whole page. `stamp` says which state of the tables it was made from.

    Every text that comes from outside is escaped and isolated from its surroundings' direction; the
    content security policy lets nothing run but the page's own script, by its hash, and nothing be
    fetched at all.
    """
    parts = wallet_parts(data)
    script = _asset("page.js")
    rows = board_rows(
        with_hands(data.traders, members_of(data.company)),
        data.portfolios,
        {part.trader["wallet_address"]: part.searched for part in parts},
    )
    carded = {part.trader["wallet_address"] for part in parts}
    until = (data.as_of or datetime.now(UTC)).date()
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            stamp=stamp,
            evidence=data,
            parts=parts,
            tiers=tier_mix(data.traders),
            board=[row for row in rows if row.wallet in carded],
            board_rest=[row.as_list() for row in rows if row.wallet not in carded],
            headings=HEADINGS,
            signals={
                window: signal_rows(
                    data.signals.filter(pl.col("window") == window).head(MOST_SIGNALS),
                    data.signal_traders,
                    data.symbols,
                )
                for window in SIGNAL_WINDOWS
            },
            signal_counts={
                window: data.signals.filter(pl.col("window") == window).height
                for window in SIGNAL_WINDOWS
            },
            totals=_totals(data.traders),
            classes=class_mix(data.classified),
            classified=data.classified.head(MOST_CLASSIFIED).to_dicts(),
            classified_rest=excluded_list(data.classified.slice(MOST_CLASSIFIED)),
            changes=data.tier_changes.to_dicts(),
            source=_SOURCES.get(data.source, data.source),
            charts=page_charts(parts, until),
            style=_asset("page.css"),
            script=script,
            policy=_policy(script),
        )
    )


def tier_mix(traders: pl.DataFrame) -> list[tuple[str, int]]:
    """How many wallets each tier has: the best tier first, tiers of other names after the known ones."""
    counts = dict(traders.group_by("tier").len().sort("tier").iter_rows())
    return [(tier, counts.pop(tier)) for tier in TIERS if tier in counts] + list(counts.items())


def class_mix(classified: pl.DataFrame) -> list[tuple[str, int]]:
    """How many wallets are excluded by class, the most frequent class first."""
    counts = classified.group_by("wallet_class").len()
    return list(counts.sort("len", "wallet_class", descending=[True, False]).iter_rows())


def _totals(traders: pl.DataFrame) -> dict[str, Any]:
    """Of the smart traders, the unproven counted beside them."""
    smart = traders.filter(pl.col("tier") != QUALIFIED)
    return {
        "unproven": traders.height - smart.height,
        **smart.select(
            smart=pl.len(),
            conservative_pnl=pl.when(pl.len() > 0).then(pl.col("conservative_pnl").sum()),
            confidence=pl.col("skill_confidence").median(),
            coverage=pl.col("coverage").median(),
            holding_hours=pl.col("avg_holding_hours").median(),
        ).row(0, named=True),
    }


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _asset(name: str) -> Markup:
    """A script or style sheet of this package, which is trusted and goes into the page as it is."""
    return Markup(resources.files(__package__).joinpath("templates", name).read_text("utf-8"))  # noqa: S704


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("smart_trader_assets.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        function.__name__: function
        for function in (
            text.usd,
            text.sol,
            text.percent,
            text.count,
            text.ratio,
            text.quantity,
            text.price,
            text.duration,
            text.moment,
            text.sign,
            short,
            copied_figure,
            copied_words,
            tier_word,
            hand_words,
            wallet_links,
            token_links,
        )
    }
    return environment
