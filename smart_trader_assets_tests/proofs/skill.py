"""Does the ranking find skill? Generated markets, ranked at one day and copied for a month afterwards.

    python -m smart_trader_assets_tests.proofs.skill [--markets N] [--seed FIRST] [--wallets N] ...

Each market knows who is skilled, and what a coin costs in every second. A copier stakes the same on every bet
that begins after the ranking, comes `--delay` seconds late and pays the cost of copying. Prints a line a
market and a group, and how often each figure that counts was reached. Exit code 1 where copying the best
tiers does not earn in nine markets of ten, or where somebody is in them who can only look skilled.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

from smart_trader_assets.ranking.forward import TOPS, top_name
from smart_trader_assets.sandbox import SKILLS, Character
from smart_trader_assets_tests.ranking.forward_market import BEST, PROVEN, ForwardMarket
from smart_trader_assets_tests.support.defaults import RANKING

NINE_OF_TEN = 0.9
GROUPS = (BEST, "ELITE", "STRONG", "PROMISING", "QUALIFIED", *(top_name(by) for by in TOPS))
FOLLOWED = {Character.LUCKY, Character.COPIER}
"""Who may be in the best tiers beside the skilled."""


@dataclass(frozen=True)
class Outcome:
    """One market. `groups`: rows of `copied_groups` by group; `judges`: of the skilled that a judge finds who
    knows all odds, how many and how many of them are in the best tiers; the same for a judge who cuts
    returns."""

    seed: int
    named: Counter[Character]
    groups: dict[str, dict[str, Any]]
    judges: tuple[tuple[int, int], ...]
    seconds: float

    def earned(self, group: str) -> float | None:
        """What copying a group returned a bet, in percent."""
        row = self.groups.get(group)
        return None if row is None else row["copied_return"]


def outcome_of(market: ForwardMarket) -> Outcome:
    """Make a market, rank it, and copy it."""
    began = time.monotonic()
    best = set(market.best["wallet_address"])
    judges = (market.found_by_a_judge, market.found_by_a_careful_judge)
    return Outcome(
        market.seed,
        market.named(*PROVEN),
        {row["group"]: row for row in market.outcome.to_dicts()},
        tuple((len(found), len(found & best)) for found in judges),
        time.monotonic() - began,
    )


def lines_of(outcome: Outcome) -> list[str]:
    """A market, for people."""
    who = ", ".join(f"{count} {one}" for one, count in sorted(outcome.named.items())) or "nobody"
    lines = [f"seed {outcome.seed}: in {BEST}: {who} ({outcome.seconds:.0f} s)"]
    for group in GROUPS:
        if row := outcome.groups.get(group):
            bounds = (row["return_from"], row["return_to"])
            lines.append(
                f"  {group:<20} {row['wallets']:>4} wallets {row['copied_bets']:>5} bets "
                f"{_percent(row['copied_return'])} a bet"
                + (
                    f"  ({_percent(bounds[0])} to {_percent(bounds[1])})"
                    if None not in bounds
                    else ""
                )
            )
    return lines


def _percent(value: float | None) -> str:
    return "      –" if value is None else f"{value:+6.1f} %"


def summary_of(outcomes: list[Outcome]) -> tuple[list[str], bool]:
    """The figures over all markets, and whether those that must be reached are."""
    count = len(outcomes)
    pays = sum((one.earned(BEST) or 0.0) > 0 for one in outcomes)
    top = top_name(TOPS[0])
    beats = sum((one.earned(BEST) or 0.0) > (one.earned(top) or 0.0) for one in outcomes)
    named = sum((one.named for one in outcomes), Counter[Character]())
    skilled = sum(named[skill] for skill in SKILLS)
    strangers = named.total() - skilled - sum(named[one] for one in FOLLOWED)
    lines = [
        f"{count} markets",
        f"copying {BEST} earned in {pays} of {count}, and more than the {top} in {beats} of {count}",
        f"of {named.total()} in {BEST} {skilled} are skilled, {named[Character.LUCKY]} lucky, "
        f"{named[Character.COPIER]} copy somebody, {strangers} are of another character",
    ]
    for place, judge in enumerate(("knows all odds", "knows all odds and cuts returns at the cap")):
        found = sum(one.judges[place][0] for one in outcomes)
        both = sum(one.judges[place][1] for one in outcomes)
        share = f"{100 * both / found:.0f} %" if found else "–"
        lines.append(
            f"of {found} skilled that a judge finds who {judge}, {both} are in them: {share}"
        )
    for group in GROUPS:
        returns = [one.earned(group) for one in outcomes]
        known = [one for one in returns if one is not None]
        if known:
            lines.append(
                f"{group:<20} {sum(known) / len(known):+6.1f} % a bet, the mean over {len(known)} markets; "
                f"above zero in {sum(one > 0 for one in known)}"
            )
    return lines, pays >= NINE_OF_TEN * count and not strangers


def main() -> int:
    """Run all markets; 0 where the figures are reached that must be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--markets", type=int, default=20)
    parser.add_argument("--seed", type=int, default=101, help="Of the first market; others follow")
    parser.add_argument("--wallets", type=int, default=1_000)
    parser.add_argument("--history-days", type=int, default=120)
    parser.add_argument("--future-days", type=int, default=30, help="Days that are copied")
    parser.add_argument("--sol-growth", type=float, default=2.0, help="Of SOL up to the ranking")
    parser.add_argument("--delay", type=int, default=60, help="Seconds that the copier is late")
    parser.add_argument("--cost", type=float, default=3.0, help="Of a round trip, percent")
    parser.add_argument("--workers", type=int, default=2, help="Markets at once")
    asked = parser.parse_args()
    skill = replace(RANKING.skill, copy_cost_percent=asked.cost)
    markets = [
        ForwardMarket(
            seed,
            replace(RANKING, skill=skill),
            wallets=asked.wallets,
            history_days=asked.history_days,
            future_days=asked.future_days,
            sol_growth=asked.sol_growth,
            delay=asked.delay,
        )
        for seed in range(asked.seed, asked.seed + asked.markets)
    ]
    outcomes = []
    # A forked process would inherit the threads of Polars.
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as pool:
        for outcome in pool.map(outcome_of, markets):
            outcomes.append(outcome)
            print("\n".join(lines_of(outcome)), flush=True)
    lines, reached = summary_of(outcomes)
    print("\n" + "\n".join(lines))
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
