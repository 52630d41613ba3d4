"""Why a trader ranks where it does, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from smart_trader_assets.ranking.bets import DUST
from smart_trader_assets.ranking.tiers import RankingRules, Tier
from smart_trader_assets.text import listed_words, money, percent, plural, sol

_MOST_NAMED = 3
_ONE_TOKEN = 50.0
"""Percent of the gains from which one token is worth a sentence."""

Trader = Mapping[str, Any]


def reasons_of(trader: Trader, token_symbols: Mapping[str, str], rules: RankingRules) -> list[str]:
    """First what it earned, then what that proves, then what is held against it.

    `trader` is a row of the ranking: the measures of silver/wallet_pnl with its evidence, `tier`, `judged_roi`,
    copied_return, copied_priced_share, uncopyable, token_count, bet_count, best_token, best_token_pnl and
    uncounted_tokens; `token_symbols` maps mints to symbols.
    """
    return [
        *_earned(trader, token_symbols),
        *_proven(trader, rules),
        *_copied(trader, rules),
        *_held_against(trader, token_symbols, rules),
    ]


def _earned(trader: Trader, token_symbols: Mapping[str, str]) -> Iterator[str]:
    yield f"Conservative PnL of {money(trader['conservative_pnl'])}: {_made_of(trader)}."
    if trader["roi"] is not None:
        yield f"ROI of {percent(trader['roi'])} on the cost of what was sold{_in_sol(trader)}."
    if trader["bet_win_rate"] is not None:
        bets = plural(trader["bet_count"], "token")
        won = percent(trader["bet_win_rate"])
        yield f"It won {won} of its bets by weight, on {bets}, those still held included."
    best_pnl = trader["best_token_pnl"]
    if best_pnl is not None and best_pnl > 0:
        name = _named(trader["best_token"], token_symbols)
        yield f"Best of {plural(trader['token_count'], 'token')}: {name} with {money(best_pnl)}."


def _made_of(trader: Trader) -> str:
    """The parts of the conservative PnL that are not zero, the realized one always."""
    parts = [f"realized {money(trader['realized_pnl'])}"]
    stale, lost = trader["stale_open_cost"] or 0.0, trader["lost_cost"] or 0.0
    fees = trader["estimated_fees_usd"] or 0.0
    rest = trader["conservative_pnl"] - trader["realized_pnl"] + stale + lost + fees
    if abs(rest) > DUST * (1 + abs(trader["conservative_pnl"])):
        parts.append(f"open at fading marks {money(rest)}")
    for name, cost in (("stale bags", stale), ("lost cost", lost), ("estimated fees", fees)):
        if cost > 0:
            parts.append(f"{name} {money(-cost)}")
    return listed_words(parts)


def _in_sol(trader: Trader) -> str:
    """What the ROI is in SOL, where that is the one that counts."""
    if trader["judged_roi"] is None or trader["judged_roi"] == trader["roi"]:
        return ""
    return (
        f", but {percent(trader['roi_sol'])} measured in SOL ({sol(trader['realized_pnl_sol'])}), which it "
        "pays with: the lesser counts"
    )


def _proven(trader: Trader, rules: RankingRules) -> Iterator[str]:
    expected = percent(trader["expected_return"])
    cost = f"{rules.skill.copy_cost_percent:g} %"
    if not trader["counted_bets"]:
        yield (
            "No token of it counts as evidence: without any, a copier has to expect "
            f"{expected} a token."
        )
        return
    judged = (
        f"Judged by {_evidence(trader)}, a copier who stakes the same on each can expect "
        f"{expected} a token before the cost of copying"
    )
    if trader["skill_confidence"] >= rules.proof:
        yield (
            f"{judged}, with {rules.proof:g} % confidence {percent(trader['return_floor'])} or more. That it "
            f"is more than the {cost} that copying costs is {percent(trader['skill_confidence'])} sure."
        )
    else:
        luck = (
            ": it may be luck" if trader["expected_return"] > rules.skill.copy_cost_percent else ""
        )
        yield (
            f"{judged}. That it is more than the {cost} that copying costs is only "
            f"{percent(trader['skill_confidence'])} sure{luck}."
        )


def _copied(trader: Trader, rules: RankingRules) -> Iterator[str]:
    share, after = trader["copied_priced_share"], f"{rules.copying.copy_delay} s later"
    if share is None:
        return
    if trader["copied_return"] is None:
        yield f"What copying it {after} would have earned is not known: nobody else's trade shows a price."
        return
    earned = (
        f"Copied {after}, its bets would have returned {percent(trader['copied_return'])} each, after the cost "
        f"of copying; {percent(share)} of them, by what they cost, could be priced"
    )
    yield (
        f"{earned}."
        if share >= rules.copying.copy_min_priced_share
        else f"{earned}, too few to decide."
    )


def _evidence(trader: Trader) -> str:
    """`12 tokens`, `600 tokens (small stakes count in part, 60.0 in all)`."""
    tokens = plural(trader["counted_bets"], "token")
    weight = trader["bets"]
    if weight > trader["counted_bets"] - 0.05:
        return tokens
    return f"{tokens} (small stakes count in part, {weight:,.1f} in all)"


def _held_against(
    trader: Trader, token_symbols: Mapping[str, str], rules: RankingRules
) -> Iterator[str]:
    if lacking := _lacking(trader, rules):
        yield lacking
    if uncounted := trader["uncounted_tokens"]:
        names = [_named(mint, token_symbols) for mint in uncounted[:_MOST_NAMED]]
        if len(uncounted) > _MOST_NAMED:
            names.append(f"{len(uncounted) - _MOST_NAMED:,} more")
        yield f"It was found by {listed_words(names)}: what chose a wallet is no evidence about it."
    if trader["coverage"] is not None and trader["coverage"] < 100:  # noqa: PLR2004 - percent
        yield f"The basis of {percent(trader['coverage'])} of what was sold is known."
    share = trader["top_token_share"]
    if share is not None and share >= _ONE_TOKEN:
        yield f"One token made {percent(share)} of the gains."
    if trader["unmarked_tokens"]:
        held = plural(trader["unmarked_tokens"], "held token")
        yield f"The value of {held} is unknown and counts as nothing."
    if trader["unpriced_count"]:
        trades = plural(trader["unpriced_count"], "trade")
        yield f"The value of {trades} is unknown and not counted."
    if trader["history_complete"] is False:
        yield "The history is not known back to the first trade."


def _lacking(trader: Trader, rules: RankingRules) -> str | None:
    """What the next better tier asks for that is not reached."""
    place = rules.tier_names.index(trader["tier"])
    if place == 0:
        return None
    tier = rules.tiers[place - 1]
    missing = list(_missed(trader, tier, rules))
    if not missing:
        return None
    return f"Not {tier.name}: {listed_words(missing)}."


def _missed(trader: Trader, tier: Tier, rules: RankingRules) -> Iterator[str]:
    if trader["conservative_pnl"] < tier.min_pnl:
        yield f"conservative PnL {money(trader['conservative_pnl'])} instead of {money(tier.min_pnl)}"
    for name, reached, needed in (
        ("ROI", trader["judged_roi"], tier.min_roi),
        ("bets won", trader["bet_win_rate"], tier.min_win_rate),
        ("confidence", trader["skill_confidence"], tier.confidence),
    ):
        if reached is None or reached < needed:
            yield f"{name} {percent(reached) if reached is not None else 'unknown'} instead of {needed:g} %"
    if rules.asks_for_whole_history(tier) and trader["history_complete"] is False:
        yield "a history known back to the first trade"
    if rules.asks_to_be_copyable(tier) and trader["uncopyable"]:
        yield f"copied {rules.copying.copy_delay} s later, its bets have lost on average"


def _named(mint: str, token_symbols: Mapping[str, str]) -> str:
    return token_symbols.get(mint, "").strip() or mint
