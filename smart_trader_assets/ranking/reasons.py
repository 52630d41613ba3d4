"""Why a trader ranks where it does, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from smart_trader_assets.text import money, percent, plural


def reasons_of(
    trader: Mapping[str, Any], token_symbols: Mapping[str, str], *, confidence: float
) -> list[str]:
    """First what speaks for the trader, then what that proves, then what is unknown.

    `trader` is a row of the ranking: the measures of silver/wallet_pnl with its evidence, token_count,
    best_token and best_token_pnl; `token_symbols` maps mints to symbols, `confidence` is in percent.
    """
    return [
        *_merits(trader, token_symbols),
        *_evidence(trader, confidence),
        *_caveats(trader),
    ]


def _merits(trader: Mapping[str, Any], token_symbols: Mapping[str, str]) -> Iterator[str]:
    realized = money(trader["realized_pnl"])
    if trader["total_pnl"] is None:
        yield (
            f"Realized PnL of {realized}, used instead of the total: "
            "no token that it holds has a known price."
        )
    else:
        yield f"Total PnL of {money(trader['total_pnl'])}, of which {realized} realized."
    if trader["roi"] is not None:
        yield f"ROI of {percent(trader['roi'])} on the cost of the tokens sold."
    if trader["win_rate"] is not None:
        yield (
            f"{plural(trader['win_count'], 'win')} in "
            f"{plural(trader['closing_count'], 'closing trade')}: {percent(trader['win_rate'])}."
        )
    best_pnl = trader["best_token_pnl"]
    if best_pnl is not None and best_pnl > 0:
        mint = trader["best_token"]
        name = token_symbols.get(mint, "").strip() or mint
        yield f"Best of {plural(trader['token_count'], 'token')}: {name} with {money(best_pnl)}."


def _evidence(trader: Mapping[str, Any], confidence: float) -> Iterator[str]:
    floor = trader["return_floor"]
    if floor is None:
        return
    sentence = (
        f"From its {plural(trader['closed_tokens'], 'closed token')}, worth {trader['bets']:.1f} equal bets, "
        f"a return of {percent(trader['expected_return'])} per bet is expected"
    )
    if floor > 0:
        yield f"{sentence}, and more than {percent(floor)} with {confidence:g} % confidence."
    else:
        sure = percent(trader["skill_confidence"] or 0.0)
        yield f"{sentence}; it is only {sure} sure to be above zero, and may be luck."


def _caveats(trader: Mapping[str, Any]) -> Iterator[str]:
    yield f"The basis of {percent(trader['coverage'])} of what was sold is known."
    share = trader["top_token_share"]
    if share is not None and share > 50:  # noqa: PLR2004 - more than all others together
        yield f"One token made {percent(share)} of the gains."
    if trader["unmarked_tokens"]:
        held = plural(trader["unmarked_tokens"], "held token")
        yield f"The value of {held} is unknown and not counted."
    if trader["unpriced_count"]:
        trades = plural(trader["unpriced_count"], "trade")
        yield f"The value of {trades} is unknown and not counted."
    if trader["history_complete"] is False:
        yield "The history is not known back to the first trade."
