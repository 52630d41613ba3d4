"""Who is smart: which wallets show skill, how surely, and why the others are excluded.

`rank_wallets` is the whole way from PnL rows to a classification of every wallet; `rank_traders` gives its
ranked part alone. `skill_estimate` weighs what a wallet's results prove, `exclusion` says why a wallet is
excluded, `score` orders the rest, `changes` compares two rankings.
"""

from smart_trader_assets.ranking.changes import tier_changes
from smart_trader_assets.ranking.classification import Classification, rank_traders, rank_wallets
from smart_trader_assets.ranking.exclusion import ExclusionThresholds
from smart_trader_assets.ranking.skill_estimate import SkillRules
from smart_trader_assets.ranking.tiers import QUALIFIED, RankingRules, Tier

__all__ = [
    "QUALIFIED",
    "Classification",
    "ExclusionThresholds",
    "RankingRules",
    "SkillRules",
    "Tier",
    "rank_traders",
    "rank_wallets",
    "tier_changes",
]
