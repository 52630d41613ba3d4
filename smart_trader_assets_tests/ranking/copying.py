"""What copying wallets would have earned, from their swaps; and a plain recount of the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from smart_trader_assets.pnl import compute_wallet_pnl, fifo, netted_trades
from smart_trader_assets.ranking import RankingRules
from smart_trader_assets.ranking.copied_lots import lot_parts, token_trades, traded_prices
from smart_trader_assets.ranking.copied_returns import bets_to_copy, copied_returns
from smart_trader_assets_tests.pnl.histories import AS_OF, frame
from smart_trader_assets_tests.support.defaults import RANKING

Row = dict[str, Any]


def copied(rows: Iterable[Row], rules: RankingRules = RANKING) -> dict[tuple[str, int], Row]:
    """By wallet and delay, what `copied_returns` says of all wallets in the rows."""
    swaps = frame(rows)
    traded = netted_trades(swaps, as_of=AS_OF)
    found = copied_returns(
        lot_parts(traded, fifo(traded.trades, traded.rollovers)),
        traded_prices(token_trades(traded).lazy()),
        bets_to_copy(compute_wallet_pnl(swaps, as_of=AS_OF).lazy(), rules),
        rules,
    )
    return {(row["wallet_address"], row["delay_seconds"]): row for row in found.to_dicts()}


@dataclass(frozen=True)
class Deal:
    """A trade for dollars: `quantity` bought above 0, sold below."""

    wallet: str
    token: str
    time: int
    quantity: float
    price: float


def recount(
    deals: list[Deal], delay: int, *, window: int = 600, cost: float = 0.03, least_usd: float = 1.0
) -> dict[str, tuple[int, int, float | None]]:
    """By wallet: bets, priced bets, and the mean copied return in percent, by loops over deals with different
    times; positions that are still open have been bought at their mark."""
    found: dict[str, list[float | None]] = defaultdict(list)
    by_position: dict[tuple[str, str], list[Deal]] = defaultdict(list)
    for deal in sorted(deals, key=lambda deal: deal.time):
        by_position[deal.wallet, deal.token].append(deal)

    def late(token: str, time: int) -> float | None:
        later = [
            deal
            for deal in deals
            if deal.token == token
            and time + delay <= deal.time <= time + delay + window
            and abs(deal.quantity) * deal.price >= least_usd
        ]
        return min(later, key=lambda deal: deal.time).price if later else None

    for (wallet, token), own in by_position.items():
        lots: list[list[float]] = []
        staked = sold = left = got = got_for = 0.0
        for deal in own:
            if deal.quantity > 0:
                lots.append([deal.quantity, deal.price, deal.time])
                staked += deal.quantity * deal.price
                continue
            wanted = -deal.quantity
            while wanted > 1e-9 and lots:
                part = min(wanted, lots[0][0])
                entry, leaving = late(token, int(lots[0][2])), late(token, deal.time)
                sold += part
                if leaving is not None:
                    left += part
                if entry is not None and leaving is not None:
                    got += part * lots[0][1] * leaving / entry
                    got_for += part * lots[0][1]
                wanted -= part
                lots[0][0] -= part
                if lots[0][0] <= 1e-9:
                    lots.pop(0)
        if not staked or lots:
            raise AssertionError("the recount knows closed positions alone")
        priced = got_for >= staked / 2 and left >= sold / 2 and got_for > 0
        found[wallet].append(got / got_for - 1 - cost if priced else None)
    return {
        wallet: (
            len(bets),
            len(known := [bet for bet in bets if bet is not None]),
            100 * sum(known) / len(known) if known else None,
        )
        for wallet, bets in found.items()
    }
