"""Why a trader ranks where it does, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from smart_trader_assets.wording import percent, usd


def reasons_of(trader: Mapping[str, Any], token_symbols: Mapping[str, str]) -> list[str]:
    """What speaks for the trader first, then what its numbers do not know.

    `trader` is a row of the ranking: the measures of silver/wallet_pnl with token_count, best_token
    and best_token_pnl; `token_symbols` maps mints to symbols.
    """
    return [*_merits(trader, token_symbols), *_caveats(trader)]


def _merits(trader: Mapping[str, Any], token_symbols: Mapping[str, str]) -> Iterator[str]:
    realized = usd(trader["realized_pnl"])
    if trader["total_pnl"] is None:
        yield (
            f"Realized PnL of {realized}, standing in for the total: "
            "nothing that is held has a known price."
        )
    else:
        yield f"Total PnL of {usd(trader['total_pnl'])}, of which {realized} realized."
    if trader["roi"] is not None:
        yield f"ROI of {percent(trader['roi'])} on what the sold tokens had cost."
    if trader["win_rate"] is not None:
        yield (
            f"{_count(trader['win_count'], 'win')} in "
            f"{_count(trader['closing_count'], 'closing trade')}: {percent(trader['win_rate'])}."
        )
    best_pnl = trader["best_token_pnl"]
    if best_pnl is not None and best_pnl > 0:
        mint = trader["best_token"]
        name = token_symbols.get(mint, "").strip() or mint
        traded = _count(trader["token_count"], "token")
        yield f"Best of {traded}: {name} with {usd(best_pnl)}."


def _caveats(trader: Mapping[str, Any]) -> Iterator[str]:
    yield f"The basis of {percent(trader['coverage'])} of what was sold is known."
    if trader["unmarked_tokens"]:
        held = _count(trader["unmarked_tokens"], "held token")
        yield f"The worth of {held} is unknown and not counted."
    if trader["unpriced_count"]:
        trades = _count(trader["unpriced_count"], "trade")
        yield f"The worth of {trades} is unknown and not counted."
    if trader["history_complete"] is False:
        yield "The history is not known back to the first trade."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
