"""What is worth telling, out of the tables: each function takes rows and gives news.

The same rows give the same news, whoever looks and how often: an event's id follows from what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import polars as pl

from smart_trader_assets.birdeye import StopFetchingError
from smart_trader_assets.birdeye.circuit_breaker import OpenBreaker
from smart_trader_assets.checks.results import FailedCheck
from smart_trader_assets.notify.news_rules import (
    CHECKS,
    CREDITS,
    DIGEST,
    RUNS,
    SIGNALS,
    TIERS,
    TRADES,
    NewsRules,
)
from smart_trader_assets.notify.wording import News, harmless, named_token
from smart_trader_assets.ranking import QUALIFIED
from smart_trader_assets.report.links import token_links, transaction_link, wallet_links
from smart_trader_assets.report.words import tier_word
from smart_trader_assets.text import listed_words, percent, plural, price, short, usd

NO_ADVICE: Final = "Nothing here is advice to invest."

_LONGEST_ERROR: Final = 400
_DIGEST_TOKENS: Final = 3
_FIGURES: Final = re.compile(r"\d[\d.,:]*")
_CAUSES: Final = {
    "TRADES": "its trades",
    "RULES": "other rules",
    "RULES_AND_TRADES": "other rules and its trades",
    "OTHERS": "time, and what others reach",
}


def _names_of(error: type[Exception]) -> frozenset[str]:
    return frozenset({error.__name__}).union(*map(_names_of, error.__subclasses__()))


# Errors of the account or of the service, which are told as paused fetching.
_PAUSING: Final = _names_of(StopFetchingError)


def tier_changes(changes: pl.DataFrame, rules: NewsRules) -> Iterator[News]:
    """Rows of gold/tier_changes -> those that lead into, out of or between the rules' tiers."""
    told = pl.col("from_tier").is_in(rules.tiers) | pl.col("to_tier").is_in(rules.tiers)
    rows = changes.filter(told.fill_null(value=False)).sort("changed_at", "wallet_address")
    for row in rows.iter_rows(named=True):
        wallet, now = row["wallet_address"], row["to_tier"]
        if now is None:
            title = f"{short(wallet)} left {row['from_tier']}"
            body = f"It is excluded now: {row['wallet_class'] or 'no longer ranked'}."
        else:
            came = f"from {tier_word(row['from_tier'])}" if row["from_tier"] else "new"
            title = f"{short(wallet)} is {tier_word(now)}, {came}"
            rank = "–" if row["overall_rank"] is None else f"{row['overall_rank']}"
            body = f"Rank {rank}, conservative PnL {usd(row['conservative_pnl'])}."
        if cause := _CAUSES.get(row["cause"] or ""):
            body += f" What changed: {cause}."
        yield News(
            TIERS,
            f"{wallet} {row['change_number']}",
            row["changed_at"],
            title,
            f"{body}\n{wallet_links(wallet)[0].url}",
        )


def signals(rows: pl.DataFrame, rules: NewsRules) -> Iterator[News]:
    """Rows of gold/token_signals -> tokens that enough traders of the proven tiers bought within a day; each
    once, until its first buyers are a day ago."""
    bought = rows.filter(
        (pl.col("window") == "24h")
        & (pl.col("traders_bought") >= rules.signal_traders)
        & (pl.col("net_flow_usd") >= rules.signal_usd)
    ).sort("traders_bought", "token_address", descending=[True, False])
    for row in bought.iter_rows(named=True):
        mint = row["token_address"]
        tiers = [
            f"{row[f'{tier}_bought']} {tier.upper()}"
            for tier in ("elite", "strong", "promising")
            if row[f"{tier}_bought"]
        ]
        since = row["entry_return"]
        where = (
            ""
            if since is None
            else f" The price is {percent(abs(since))} {'above' if since >= 0 else 'below'} what they paid."
        )
        yield News(
            SIGNALS,
            f"{mint} {(row['first_trade_at'] or row['as_of']).date()}",
            row["as_of"],
            f"{plural(row['traders_bought'], 'trader')} bought {named_token(mint, row['symbol'])} in 24 h",
            f"{listed_words(tiers)}; {usd(row['net_flow_usd'])} more bought than sold.{where}\n"
            f"{token_links(mint)[0].url}",
        )


def trades(
    rows: pl.DataFrame, traders: pl.DataFrame, symbols: Mapping[str, str | None], rules: NewsRules
) -> Iterator[News]:
    """Netted trades (silver/recent_trades) of wallets that are ranked in the rules' tiers (gold/smart_traders)
    -> those for enough cash."""
    chosen = traders.filter(pl.col("tier").is_in(rules.trade_tiers)).select(
        "wallet_address", "tier", "overall_rank"
    )
    told = (
        rows.filter((pl.col("quantity") != 0) & (pl.col("value_usd") >= rules.trade_usd))
        .join(chosen, on="wallet_address")
        .sort("block_unix_time", "tx_hash", "token_address")
    )
    for row in told.iter_rows(named=True):
        mint, wallet = row["token_address"], row["wallet_address"]
        deed = "bought" if row["quantity"] > 0 else "sold"
        at = datetime.fromtimestamp(row["block_unix_time"], tz=UTC)
        yield News(
            TRADES,
            f"{wallet} {row['tx_hash']} {mint}",
            at,
            f"{tier_word(row['tier'])} #{row['overall_rank']} {short(wallet)} {deed} "
            f"{named_token(mint, symbols.get(mint))} for {usd(row['value_usd'])}",
            f"At {price(row['price'])}, {at:%d %b %H:%M:%S} UTC.\n{transaction_link(row['tx_hash'])}\n"
            f"{token_links(mint)[0].url}",
        )


def failed_runs(rows: pl.DataFrame) -> Iterator[News]:
    """Rows of ops/runs (run_id, asset, finished_at, outcome, error) -> runs that failed, or were overtaken by
    another: of an asset and kind of error one a day."""
    failed = rows.filter(pl.col("outcome") == "failed").sort("finished_at", "asset")
    for (run_id,), parts in failed.group_by("run_id", maintain_order=True):
        first = parts.row(0, named=True)
        error = first["error"] or "It did not come to say why: its process may have been killed."
        kind = error.partition(":")[0]
        if kind in _PAUSING:
            continue
        assets = listed_words(parts["asset"].to_list()[:3])
        overtaken = kind == "OvertakenError"
        yield News(
            RUNS,
            f"{first['asset']} {kind} {first['finished_at'].date()}",
            first["finished_at"],
            f"A run of {assets} was overtaken" if overtaken else f"A run of {assets} failed",
            f"{harmless(error, _LONGEST_ERROR)}\nIts rows are still due. Run {str(run_id)[:8]}",
        )


def checks(failed: Iterable[FailedCheck]) -> Iterator[News]:
    """Blocking checks that failed -> news, once a day each; what lies downstream of them waits."""
    for check in failed:
        yield News(
            CHECKS,
            f"{check.key.to_user_string()} {check.at.date()}",
            check.at,
            f"The check {check.key.name} of {check.table} failed",
            f"{harmless(check.found, _LONGEST_ERROR)}\nNothing is made from that table until it passes. "
            f"{check.remedy}",
        )


def paused(breaker: OpenBreaker | None, now: datetime) -> Iterator[News]:
    """Fetching is paused: spent credits, a refused key, an outage; once a day for each reason."""
    if breaker is not None:
        yield News(
            CREDITS,
            f"{now.date()} {_FIGURES.sub('', breaker.reason)}",
            now,
            "Fetching is paused",
            f"Until {breaker.until:%d %b %H:%M} UTC. {harmless(breaker.reason, _LONGEST_ERROR)}",
        )


@dataclass(frozen=True)
class DayAtAGlance:
    """What a digest is made from: rows of gold/smart_traders, gold/tier_changes and ops/runs of the last day,
    and gold/token_signals; how many rows have failed for good; the credits that are left, where that is
    known."""

    traders: pl.DataFrame
    changes: pl.DataFrame
    signals: pl.DataFrame
    runs: pl.DataFrame
    failed_rows: int
    credits_left: int | None


def digest_day(now: datetime, rules: NewsRules) -> date:
    """The day of the last digest that was due by `now`."""
    return (now - timedelta(hours=rules.digest_hour)).date()


def digest_id(day: date) -> str:
    """The id of the day's digest."""
    return News(DIGEST, day.isoformat(), datetime.min.replace(tzinfo=UTC), "").event_id


def digest(day: date, glance: DayAtAGlance, at: datetime) -> News:
    """The day's digest."""
    return News(
        DIGEST, day.isoformat(), at, f"Smart traders, {day:%d %B %Y}", "\n".join(_digest(glance))
    )


def _digest(glance: DayAtAGlance) -> Iterator[str]:
    tiers = glance.traders["tier"].value_counts().to_dicts()
    count = {row["tier"]: row["count"] for row in tiers}
    ranked = [f"{count[tier]} {tier}" for tier in ("ELITE", "STRONG", "PROMISING") if tier in count]
    unproven = count.get(QUALIFIED, 0)
    yield f"Ranked: {listed_words(ranked) or 'nobody proven'}, and {unproven} unproven."
    moves = dict(glance.changes["change"].value_counts().iter_rows())
    told = [f"{number} {change.lower()}" for change, number in sorted(moves.items())]
    yield f"Changes in 24 h: {listed_words(told) or 'none'}."
    bought = (
        glance.signals.filter((pl.col("window") == "24h") & (pl.col("traders_bought") > 0))
        .sort("traders_bought", "net_flow_usd", "token_address", descending=[True, True, False])
        .head(_DIGEST_TOKENS)
    )
    names = [
        f"{named_token(row['token_address'], row['symbol'])} by {plural(row['traders_bought'], 'trader')}"
        for row in bought.iter_rows(named=True)
    ]
    yield f"Most bought: {'; '.join(names) or 'nothing'}."
    runs = glance.runs["run_id"].n_unique()
    failed = glance.runs.filter(pl.col("outcome") == "failed")["run_id"].n_unique()
    left = glance.credits_left
    yield (
        f"Runs: {runs}, {failed} failed. Rows that failed for good: {glance.failed_rows}."
        + ("" if left is None else f" Credits that may be spent now: {left:,}.")
    )
    yield NO_ADVICE
