"""The rules of the ranking: tiers, and all that the parts of the judgement are set by."""

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

    `tiers` stand best first; who is not kept out and reaches none of them is QUALIFIED.
    `incomplete_histories`: a wallet whose history is not fetched to its first trade may reach any tier
    (`rank`), none that asks for `proof` (`cap`), or is kept out until it is (`leave_out`). `proof` is a
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
