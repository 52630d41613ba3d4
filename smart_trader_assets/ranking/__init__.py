"""Who is smart: which wallets show skill, how surely, and why the others are kept out.

`judge_wallets` is the whole way from PnL rows to a verdict on every wallet; `rank_traders` gives its
ranked part alone. `evidence` weighs what a wallet's results prove, `grounds` says what keeps a wallet
out, `score` orders the rest, `changes` compares two rankings.
"""

from smart_trader_assets.ranking.changes import tier_changes
from smart_trader_assets.ranking.classification import Judgement, judge_wallets, rank_traders
from smart_trader_assets.ranking.exclusion import GroundRules
from smart_trader_assets.ranking.skill_estimate import EvidenceRules
from smart_trader_assets.ranking.tiers import QUALIFIED, RankingRules, Tier

__all__ = [
    "QUALIFIED",
    "EvidenceRules",
    "GroundRules",
    "Judgement",
    "RankingRules",
    "Tier",
    "judge_wallets",
    "rank_traders",
    "tier_changes",
]
