"""Who is smart: whom would a copier have done well to follow, how surely, and why the others are excluded.

`rank_wallets` is the whole way from PnL rows to a class or a tier for every wallet. `bets` says what was staked
and what came of it, `discovery` which bets are no evidence, `skill_estimate` what the others prove
(`gamma_sums` does the sums), `exclusion` what excludes a wallet (`traits` finds out), `score` orders the
rest, `co_trading` finds who trades together (`chance_meetings` is its null model, `hands` joins the pairs),
`reasons` tells it, `changes` compares two rankings, `backtest` asks what a ranking was worth
afterwards.
"""

from smart_trader_assets.ranking.changes import tier_changes
from smart_trader_assets.ranking.classification import (
    PNL_COLUMNS_READ,
    Classification,
    rank_wallets,
)
from smart_trader_assets.ranking.co_trading import CoTradingRules, co_trading
from smart_trader_assets.ranking.exclusion import ExclusionThresholds
from smart_trader_assets.ranking.hands import members_of, with_clusters, with_hands
from smart_trader_assets.ranking.skill_estimate import SkillRules
from smart_trader_assets.ranking.tiers import QUALIFIED, RankingRules, Tier

__all__ = [
    "PNL_COLUMNS_READ",
    "QUALIFIED",
    "Classification",
    "CoTradingRules",
    "ExclusionThresholds",
    "RankingRules",
    "SkillRules",
    "Tier",
    "co_trading",
    "members_of",
    "rank_wallets",
    "tier_changes",
    "with_clusters",
    "with_hands",
]
