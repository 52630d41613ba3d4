"""Why a wallet is excluded from the tiers: what it is, or what it has not shown.

Each exclusion rule is a wallet class with a condition and a sentence. Those that say what a wallet **is** (a
pool, a bot, ...) come before those that say what it **lacks**; a wallet's class is that of the first rule that
applies, and all that apply are its reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from smart_trader_assets.ranking.score import idle_days
from smart_trader_assets.text import money, percent, plural


@dataclass(frozen=True)
class ExclusionThresholds:
    """Thresholds; percentages as such.

    A bot trades `bot_trades_in_day` times in one UTC day, or `bot_trades_daily` times a day between its
    first and its last trade; an arbitrageur has `min_arbitrages`, and they are `arbitrage_share` of all that it
    did; a same-block trader closed `same_block_share` of its trades within seconds of buying. A trader needs
    `min_coverage` of its proceeds to be of known basis, `min_closing_trades`, `min_active_days` with a trade,
    and a trade within `max_idle_days`. Each is the setting of its name.
    """

    bot_trades_in_day: int
    bot_trades_daily: float
    min_arbitrages: int
    arbitrage_share: float
    same_block_share: float
    min_coverage: float
    min_closing_trades: int
    min_active_days: int
    max_idle_days: float


@dataclass(frozen=True)
class RuleContext:
    """What a rule depends on: the thresholds, the time, and whether an incomplete history excludes a wallet."""

    rules: ExclusionThresholds
    as_of: datetime
    history_must_be_complete: bool


@dataclass(frozen=True)
class ExclusionRule:
    """A class of excluded wallets: when it applies, and the sentence about the wallet."""

    name: str
    applies: Callable[[RuleContext], pl.Expr]
    sentence: Callable[[Mapping[str, Any], RuleContext], str]


def _arbitrage_share() -> pl.Expr:
    done = pl.col("arbitrage_count") + pl.col("trade_count")
    return 100 * pl.col("arbitrage_count") / done


def _is_bot(context: RuleContext) -> pl.Expr:
    return (pl.col("max_trades_per_day") >= context.rules.bot_trades_in_day) | (
        pl.col("trade_frequency_daily") >= context.rules.bot_trades_daily
    )


def _is_arbitrageur(context: RuleContext) -> pl.Expr:
    often = pl.col("arbitrage_count") >= context.rules.min_arbitrages
    return often & (_arbitrage_share() >= context.rules.arbitrage_share)


def _is_same_block(context: RuleContext) -> pl.Expr:
    # A few round trips within seconds may be a change of mind.
    return (pl.col("closing_count") >= context.rules.min_closing_trades) & (
        pl.col("same_block_share") >= context.rules.same_block_share
    )


def _lacks_basis(context: RuleContext) -> pl.Expr:
    return pl.col("coverage") < context.rules.min_coverage


def _known_to_the_start() -> pl.Expr:
    return pl.col("history_complete").fill_null(value=True)


def _is_untested(context: RuleContext) -> pl.Expr:
    unseen = _lacks_basis(context) & ~_known_to_the_start()
    if context.history_must_be_complete:
        unseen |= ~_known_to_the_start()
    return (
        unseen
        | pl.col("coverage").is_null()
        | (pl.col("closing_count") < context.rules.min_closing_trades)
        | (pl.col("active_days") < context.rules.min_active_days)
    )


def _is_unprofitable(_: RuleContext) -> pl.Expr:
    return (pl.col("standing_pnl") <= 0).fill_null(value=True)


def _bot_sentence(wallet: Mapping[str, Any], _: RuleContext) -> str:
    return (
        f"Up to {plural(wallet['max_trades_per_day'], 'trade')} a day, "
        f"{wallet['trade_frequency_daily']:,.1f} on average: more than a person would make."
    )


def _arbitrage_sentence(wallet: Mapping[str, Any], _: RuleContext) -> str:
    arbitrages, trades = wallet["arbitrage_count"], wallet["trade_count"]
    return f"{plural(arbitrages, 'cyclic arbitrage')} against {plural(trades, 'trade')}."


def _untested_sentence(wallet: Mapping[str, Any], context: RuleContext) -> str:
    rules, lacking = context.rules, []
    if wallet["coverage"] is None:
        lacking.append("nothing was sold at a known price")
    if wallet["closing_count"] < rules.min_closing_trades:
        lacking.append(
            f"{plural(wallet['closing_count'], 'closing trade')} of {rules.min_closing_trades}"
        )
    if wallet["active_days"] < rules.min_active_days:
        lacking.append(f"{plural(wallet['active_days'], 'active day')} of {rules.min_active_days}")
    if wallet["history_complete"] is False:
        lacking.append("the history is not fetched back to the first trade")
    return f"Not enough evidence: {', '.join(lacking)}."


def _idle_sentence(wallet: Mapping[str, Any], context: RuleContext) -> str:
    last = wallet["last_transaction"]
    return (
        f"No trade since {last:%Y-%m-%d}, longer than {context.rules.max_idle_days:g} days."
        if last
        else "No trade at all."
    )


def _loss_sentence(wallet: Mapping[str, Any], _: RuleContext) -> str:
    pnl = wallet["standing_pnl"]
    return "No PnL is known." if pnl is None else f"PnL of {money(pnl)}: no profit."


EXCLUSION_RULES: tuple[ExclusionRule, ...] = (
    ExclusionRule(
        "POOL",
        lambda _: pl.col("is_pool"),
        lambda *_: "It is the pool of a swap, not a trader.",
    ),
    ExclusionRule("ARBITRAGEUR", _is_arbitrageur, _arbitrage_sentence),
    ExclusionRule("BOT", _is_bot, _bot_sentence),
    ExclusionRule(
        "SAME_BLOCK",
        _is_same_block,
        lambda wallet, _: (
            f"{percent(wallet['same_block_share'])} of its closing trades sold what was bought in the same "
            "block or seconds before."
        ),
    ),
    ExclusionRule(
        "TRANSFERRED_IN",
        lambda context: _lacks_basis(context) & _known_to_the_start(),
        lambda wallet, _: (
            f"{money(wallet['unmatched_proceeds'])} of its proceeds come from tokens without a known purchase; "
            f"only {percent(wallet['coverage'])} has a known basis."
        ),
    ),
    ExclusionRule("UNTESTED", _is_untested, _untested_sentence),
    ExclusionRule(
        "INACTIVE",
        lambda context: (idle_days(context.as_of) > context.rules.max_idle_days).fill_null(
            value=True
        ),
        _idle_sentence,
    ),
    ExclusionRule("UNPROFITABLE", _is_unprofitable, _loss_sentence),
)


def with_exclusions(wallets: pl.DataFrame, context: RuleContext) -> pl.DataFrame:
    """Adds `wallet_class`, the first rule that applies to a wallet (null: none), and `exclusions`, all of them.

    In: the ALL_TOKENS rows of the window `all`, with `standing_pnl` and `is_pool`. A rule whose number
    is unknown does not apply, unless it asks for that number.
    """
    names = [
        pl.when(rule.applies(context).fill_null(value=False)).then(pl.lit(rule.name))
        for rule in EXCLUSION_RULES
    ]
    return wallets.with_columns(
        pl.coalesce(names).alias("wallet_class"),
        pl.concat_list(names).list.drop_nulls().alias("exclusions"),
    )


def sentences(wallet: Mapping[str, Any], context: RuleContext) -> list[str]:
    """Why the wallet is excluded, one sentence per rule; `wallet` is a row of `with_exclusions`."""
    return [
        rule.sentence(wallet, context)
        for rule in EXCLUSION_RULES
        if rule.name in wallet["exclusions"]
    ]
