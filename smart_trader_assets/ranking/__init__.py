"""Who is smart: whom would a copier have done well to follow, how surely, and why the others are excluded.

`rank_wallets` is the whole way from PnL rows to a class or a tier for every wallet. `bets` says what was staked
and what came of it, `discovery` which bets are no evidence, `skill_estimate` what the others prove
(`gamma_sums` does the sums), `exclusion` what excludes a wallet (`traits` finds out), `score` orders the
rest, `reasons` tells it, `changes` compares two rankings, `backtest` asks what a ranking was worth
afterwards.
"""

from smart_trader_assets.ranking.changes import tier_changes
from smart_trader_assets.ranking.classification import (
    PNL_COLUMNS_READ,
    Classification,
    rank_wallets,
)
from smart_trader_assets.ranking.exclusion import ExclusionThresholds
from smart_trader_assets.ranking.skill_estimate import SkillRules
from smart_trader_assets.ranking.tiers import QUALIFIED, RankingRules, Tier

__all__ = [
    "PNL_COLUMNS_READ",
    "QUALIFIED",
    "Classification",
    "ExclusionThresholds",
    "RankingRules",
    "SkillRules",
    "Tier",
    "rank_wallets",
    "tier_changes",
]
