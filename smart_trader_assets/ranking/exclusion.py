"""Why a wallet is excluded from the tiers: what it is, or what it has not shown.

Each exclusion rule is a wallet class with a condition and a sentence. A wallet's class is that of the first
rule that applies, and all that apply are its reasons. Those that say what a wallet **is** (a pool, a bot,
...) come before those that say what it **lacks**.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from smart_trader_assets.pnl.exact import quotient
from smart_trader_assets.text import money, percent, plural, sol, times

UNTESTED = "UNTESTED"

_HOURS_A_DAY = 24

_DECISIVE = 0.5
"""Of a loss: what something must account for to be named."""


@dataclass(frozen=True)
class ExclusionThresholds:
    """Thresholds; percentages as such. Each is the setting of its name.

    A bot trades `bot_trades_in_day` times in one UTC day, or `bot_trades_daily` times a day between its first
    and its last trade; an arbitrageur has `min_arbitrages`, and they are `arbitrage_share` of all that it
    did; a same-block trader closed `same_block_share` of its trades within seconds of buying; one that is too
    fast holds its closed bets for less than `min_holding_minutes`; a launch insider has `min_launch_bets`
    (see `traits.LaunchRules`) and more than `launch_gain_share` of its gains from them; a wash group's winner
    has more than `wash_gain_share` of its gains from what it sold into the buys of its own company. A profit
    or loss is not known where more than `max_unknown_share` of the proceeds behind it come from nowhere, and
    a seller of what was transferred in has sold more than `max_unmatched_ratio` times its profit of that. A
    trader needs `min_coverage` of its proceeds to be of known basis, `min_closing_trades`, `min_active_days`
    with a trade, and a trade within `max_idle_days`.
    """

    bot_trades_in_day: int
    bot_trades_daily: float
    min_arbitrages: int
    arbitrage_share: float
    same_block_share: float
    min_holding_minutes: float
    min_launch_bets: int
    launch_gain_share: float
    wash_gain_share: float
    max_unknown_share: float
    max_unmatched_ratio: float
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


Wallet = Mapping[str, Any]


@dataclass(frozen=True)
class ExclusionRule:
    """A class of excluded wallets: when it applies, and the sentence about the wallet.

    `says_what_it_is`: its results say nothing about what traders reach.
    """

    name: str
    applies: Callable[[RuleContext], pl.Expr]
    sentence: Callable[[Wallet, RuleContext], str]
    says_what_it_is: bool = False


def _arbitrage_share() -> pl.Expr:
    done = pl.col("arbitrage_count") + pl.col("trade_count")
    return quotient(100 * pl.col("arbitrage_count"), done)


def _is_bot(context: RuleContext) -> pl.Expr:
    return (pl.col("max_trades_per_day") >= context.rules.bot_trades_in_day) | (
        pl.col("trade_frequency_daily") >= context.rules.bot_trades_daily
    )


def _is_arbitrageur(context: RuleContext) -> pl.Expr:
    often = pl.col("arbitrage_count") >= context.rules.min_arbitrages
    return often & (_arbitrage_share() >= context.rules.arbitrage_share)


def _moves_cash_only(_: RuleContext) -> pl.Expr:
    return (pl.col("conversion_count") > 0) & (pl.col("trade_count") == 0)


def _has_closed_some(context: RuleContext) -> pl.Expr:
    """A few round trips within seconds or minutes may be a change of mind."""
    return pl.col("closing_count") >= context.rules.min_closing_trades


def _is_same_block(context: RuleContext) -> pl.Expr:
    return _has_closed_some(context) & (
        pl.col("same_block_share") >= context.rules.same_block_share
    )


def _is_too_fast(context: RuleContext) -> pl.Expr:
    return _has_closed_some(context) & (
        pl.col("median_bet_minutes") < context.rules.min_holding_minutes
    )


def _is_launch_insider(context: RuleContext) -> pl.Expr:
    return (pl.col("launch_bets") >= context.rules.min_launch_bets) & (
        pl.col("launch_gain_share") > context.rules.launch_gain_share
    )


def _is_paid_by_its_own(context: RuleContext) -> pl.Expr:
    return pl.col("paid_gain_share") > context.rules.wash_gain_share


def _is_not_known(context: RuleContext) -> pl.Expr:
    complete = pl.col("history_complete").fill_null(value=False)
    return ~complete & (pl.col("unknown_share") > context.rules.max_unknown_share)


def _lacks_basis(context: RuleContext) -> pl.Expr:
    return pl.col("coverage") < context.rules.min_coverage


def _known_to_the_start() -> pl.Expr:
    return pl.col("history_complete").fill_null(value=True)


def _sells_what_came_in(context: RuleContext) -> pl.Expr:
    profit = pl.col("realized_pnl")
    unbought = pl.sum_horizontal("unmatched_proceeds", "unknown_basis_proceeds")
    outweighed = unbought > context.rules.max_unmatched_ratio * profit
    return _known_to_the_start() & (
        _lacks_basis(context).fill_null(value=False)
        | ((profit > 0) & outweighed).fill_null(value=False)
    )


def _is_untested(context: RuleContext) -> pl.Expr:
    unseen = _lacks_basis(context) & ~_known_to_the_start()
    if context.history_must_be_complete:
        unseen |= ~_known_to_the_start()
    return (
        unseen
        | pl.col("coverage").is_null()
        | ~_has_closed_some(context)
        | (pl.col("active_days") < context.rules.min_active_days)
    )


def _idle_days(as_of: datetime) -> pl.Expr:
    """Days since the last trade; null without any."""
    hours = (pl.lit(as_of) - pl.col("last_transaction")).dt.total_hours(fractional=True)
    return (hours / _HOURS_A_DAY).clip(lower_bound=0.0)


def _is_idle(context: RuleContext) -> pl.Expr:
    return (_idle_days(context.as_of) > context.rules.max_idle_days).fill_null(value=True)


def _is_unprofitable(_: RuleContext) -> pl.Expr:
    return (pl.col("conservative_pnl") <= 0).fill_null(value=True)


def _bot_sentence(wallet: Wallet, _: RuleContext) -> str:
    return (
        f"Up to {plural(wallet['max_trades_per_day'], 'trade')} a day, "
        f"{wallet['trade_frequency_daily']:,.1f} on average: more than a person would make."
    )


def _arbitrage_sentence(wallet: Wallet, _: RuleContext) -> str:
    arbitrages, trades = wallet["arbitrage_count"], wallet["trade_count"]
    return f"{plural(arbitrages, 'cyclic arbitrage')} against {plural(trades, 'trade')}."


def _cash_sentence(wallet: Wallet, _: RuleContext) -> str:
    return (
        f"It changed cash into cash {times(wallet['conversion_count'])} (SOL, staked SOL, pegged coins), and "
        "traded no token."
    )


def _same_block_sentence(wallet: Wallet, _: RuleContext) -> str:
    return (
        f"{percent(wallet['same_block_share'])} of its closing trades sold what was bought in the same block "
        "or seconds before."
    )


def _fast_sentence(wallet: Wallet, context: RuleContext) -> str:
    return (
        f"Half of its closed bets, by weight, were held for {wallet['median_bet_minutes'] * 60:,.0f} seconds "
        f"or less, below {context.rules.min_holding_minutes:g} minutes: nobody can follow that fast."
    )


def _launch_sentence(wallet: Wallet, _: RuleContext) -> str:
    return (
        f"{percent(wallet['launch_gain_share'])} of its gains come from "
        f"{plural(wallet['launch_bets'], 'token')} bought minutes after the first known trade and "
        "sold within the hour at several times the price: whoever follows comes too late for these prices."
    )


def _wash_sentence(wallet: Wallet, _: RuleContext) -> str:
    return (
        f"{percent(wallet['paid_gain_share'])} of its gains come from {plural(wallet['paid_bets'], 'token')} "
        f"that it sold within seconds after {plural(wallet['payers'], 'wallet')} had bought, far more often "
        "than chance: one hand seems to pay the other."
    )


def _not_known_sentence(wallet: Wallet, _: RuleContext) -> str:
    kind = "profit" if wallet["realized_pnl"] > 0 else "loss"
    return (
        f"Whether it wins or loses is not known: {percent(wallet['unknown_share'])} of the sales behind its "
        f"{kind} are of tokens whose purchase lies outside the known history."
    )


def _transferred_sentence(wallet: Wallet, _: RuleContext) -> str:
    unbought = (wallet["unmatched_proceeds"] or 0.0) + (wallet["unknown_basis_proceeds"] or 0.0)
    return (
        f"{money(unbought)} of its proceeds come from tokens that it was not seen to buy, "
        f"beside a realized PnL of {money(wallet['realized_pnl'])}; the basis of "
        f"{percent(wallet['coverage'])} of what it sold is known."
    )


def _untested_sentence(wallet: Wallet, context: RuleContext) -> str:
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


def _idle_sentence(wallet: Wallet, context: RuleContext) -> str:
    last = wallet["last_transaction"]
    return (
        f"No trade since {last:%Y-%m-%d}, longer than {context.rules.max_idle_days:g} days."
        if last
        else "No trade at all."
    )


def _loss_sentence(wallet: Wallet, _: RuleContext) -> str:
    pnl = wallet["conservative_pnl"]
    if pnl is None:
        return "No PnL is known."
    sentence = f"Conservative PnL of {money(pnl)}: no profit"
    decisive = list(_what_decides(wallet))
    return f"{sentence}; {'; '.join(decisive)}." if decisive else f"{sentence}."


def _what_decides(wallet: Wallet) -> Iterator[str]:
    """Each thing without which at least half of the loss would be gone."""
    enough = max(0.0, -wallet["conservative_pnl"]) * _DECISIVE
    cost, worth = wallet["open_cost"] or 0.0, wallet["conservative_value"] or 0.0
    stale, lost = wallet["stale_open_cost"] or 0.0, wallet["lost_cost"] or 0.0
    fees, gained_in_sol = wallet["estimated_fees_usd"] or 0.0, wallet["realized_pnl_sol"] or 0.0
    if cost > worth and cost - worth >= enough:
        bags = f"bags that cost {money(cost)} are worth {money(worth)} at prices that fade with their age"
        unpriced = f", {money(stale)} of them unpriced for days" if stale > 0 else ""
        yield f"{bags}{unpriced} ({_where_bags_are(wallet)})"
    if lost > 0 and lost >= enough:
        yield f"what cost {money(lost)} left without a known price"
    if gained_in_sol > 0 and (wallet["realized_pnl"] or 0.0) < 0:
        yield f"measured in SOL it realized {sol(gained_in_sol)}: what it lost is SOL's own fall"
    if fees > 0 and fees >= enough:
        yield f"fees are estimated at {money(fees)}"


def _where_bags_are(wallet: Wallet) -> str:
    if wallet.get("moved_away"):
        return "newer lists of holders show less than half of them: moved away"
    return "still held, or moved away: transfers are not seen"


EXCLUSION_RULES: tuple[ExclusionRule, ...] = (
    ExclusionRule(
        "POOL",
        lambda _: pl.col("is_pool"),
        lambda *_: "It is the pool of a swap, not a trader.",
        says_what_it_is=True,
    ),
    ExclusionRule("ARBITRAGEUR", _is_arbitrageur, _arbitrage_sentence, says_what_it_is=True),
    ExclusionRule("BOT", _is_bot, _bot_sentence, says_what_it_is=True),
    ExclusionRule("CASH_ONLY", _moves_cash_only, _cash_sentence, says_what_it_is=True),
    ExclusionRule("SAME_BLOCK", _is_same_block, _same_block_sentence, says_what_it_is=True),
    ExclusionRule("TOO_FAST", _is_too_fast, _fast_sentence, says_what_it_is=True),
    ExclusionRule("LAUNCH_INSIDER", _is_launch_insider, _launch_sentence, says_what_it_is=True),
    ExclusionRule("WASH_GROUP", _is_paid_by_its_own, _wash_sentence, says_what_it_is=True),
    ExclusionRule(UNTESTED, _is_not_known, _not_known_sentence),
    ExclusionRule(
        "TRANSFERRED_IN", _sells_what_came_in, _transferred_sentence, says_what_it_is=True
    ),
    ExclusionRule(UNTESTED, _is_untested, _untested_sentence),
    ExclusionRule("INACTIVE", _is_idle, _idle_sentence),
    ExclusionRule("UNPROFITABLE", _is_unprofitable, _loss_sentence),
)

WALLET_CLASSES = tuple(dict.fromkeys(rule.name for rule in EXCLUSION_RULES))
"""In their order."""

NO_TRADERS = tuple(rule.name for rule in EXCLUSION_RULES if rule.says_what_it_is)
"""Classes of wallets that show nothing about what traders reach."""


def with_exclusions(wallets: pl.DataFrame, context: RuleContext) -> pl.DataFrame:
    """Adds `wallet_class`, the first rule that applies to a wallet (null: none), and `exclusions`, the places
    of all that do in `EXCLUSION_RULES`.

    In: the ALL_TOKENS rows of the window `all`, with `is_pool` and the columns of `traits`. A rule whose
    number is unknown does not apply, unless it asks for that number.
    """
    applying = [
        pl.when(rule.applies(context).fill_null(value=False)).then(pl.lit(place, dtype=pl.UInt8))
        for place, rule in enumerate(EXCLUSION_RULES)
    ]
    first = pl.coalesce(applying)
    names = [rule.name for rule in EXCLUSION_RULES]
    return wallets.with_columns(
        first.replace_strict(
            list(range(len(names))), names, default=None, return_dtype=pl.String
        ).alias("wallet_class"),
        pl.concat_list(applying).list.drop_nulls().alias("exclusions"),
    )


def sentences(wallet: Wallet, context: RuleContext) -> list[str]:
    """Why the wallet is excluded, one sentence per rule; `wallet` is a row of `with_exclusions`."""
    return [EXCLUSION_RULES[place].sentence(wallet, context) for place in wallet["exclusions"]]
