"""Twenty generated markets with planted groups of one hand, and twenty without: who is found to belong
together.

    python -m smart_trader_assets_tests.proofs.clusters [--markets 20]

Groups of five trade within eight seconds of each other in three of four of their tokens; copiers follow
others some seconds later; chasers are at launches, listeners at the same calls. Ends with a failure where
fewer than 95 % of the pairs that are found were planted, fewer than 80 % of those planted are found, or any
is found where none was.
"""

from __future__ import annotations

import argparse
import sys

import polars as pl

from smart_trader_assets.ranking.co_trading import COPIER
from smart_trader_assets_tests.ranking.planted_market import (
    found_groups,
    pairs_of,
    planted_market,
)

PRECISION, RECALL = 95.0, 80.0
_WITHOUT = 1_000


def main() -> None:
    """Print what was found; exit with 1 where it falls short."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--markets", type=int, default=20)
    markets = parser.parse_args().markets
    right = wrong = missed = copiers = copying = invented = 0
    for seed in range(markets):
        market = planted_market(seed)
        pairs = pairs_of(market)
        found = found_groups(pairs)
        planted = market.planted_pairs
        right, wrong = right + len(found & planted), wrong + len(found - planted)
        missed += len(planted - found)
        told = pairs.filter(pl.col("relation") == COPIER)
        copying += len(market.copiers)
        copiers += len(
            set(market.copiers.items()) & set(told.select("wallet_address", "other_address").rows())
        )
        none = planted_market(_WITHOUT + seed, groups=0, copiers=0)
        invented += len(found_groups(pairs_of(none)))
    precision, recall = 100 * right / max(1, right + wrong), 100 * right / (right + missed)
    print(f"{markets} markets with groups: precision {precision:.2f} %, recall {recall:.2f} %")
    print(f"copiers told from siblings: {copiers} of {copying}")
    print(f"{markets} markets without groups: {invented} pairs in one cluster")
    if precision < PRECISION or recall < RECALL or invented:
        sys.exit(1)


if __name__ == "__main__":
    main()
