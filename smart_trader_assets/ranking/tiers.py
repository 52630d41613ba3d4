"""The rules of the ranking: tiers, and all settings of its parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from smart_trader_assets.ranking.exclusion import ExclusionThresholds
from smart_trader_assets.ranking.score import ScoreRules
from smart_trader_assets.ranking.skill_estimate import SkillRules

QUALIFIED = "QUALIFIED"


@dataclass(frozen=True)
class Tier:
    """What a wallet must reach, all at once: PnL in USD, ROI and win rate in percent.

    `confidence`, in percent: how sure it must be that the return of a bet is above zero.
    """

    name: str
    min_pnl: float
    min_roi: float
    min_win_rate: float
    confidence: float


@dataclass(frozen=True)
class RankingRules:
    """Who is ranked, and how high.

    `tiers` are ordered best first; a wallet that is not excluded and reaches none of them is QUALIFIED.
    `incomplete_histories`: a wallet whose history is not fetched to its first trade may reach any tier
    (`rank`), none that requires `proof` (`cap`), or is excluded until it is (`leave_out`). `proof` is a
    confidence in percent.
    """

    tiers: tuple[Tier, ...]
    proof: float
    incomplete_histories: Literal["rank", "cap", "leave_out"]
    exclusion: ExclusionThresholds
    skill: SkillRules
    score: ScoreRules = field(default_factory=ScoreRules)

    @property
    def tier_names(self) -> tuple[str, ...]:
        """All tiers, best first."""
        return (*(tier.name for tier in self.tiers), QUALIFIED)
