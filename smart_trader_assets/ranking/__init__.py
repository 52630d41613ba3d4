"""Who is smart: which wallets show skill, how surely, and why the others are excluded.

`rank_wallets` is the whole way from PnL rows to a class or a tier for every wallet. `skill_estimate` weighs
what a wallet's results prove, `exclusion` says what excludes a wallet, `score` orders the rest, `changes`
compares two rankings, `backtest` asks what a ranking was worth afterwards.
"""

from smart_trader_assets.ranking.changes import tier_changes
from smart_trader_assets.ranking.classification import Classification, rank_wallets
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
    "rank_wallets",
    "tier_changes",
]
