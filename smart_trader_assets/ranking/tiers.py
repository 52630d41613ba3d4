"""The rules of the ranking: tiers, and all settings of its parts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Literal

from smart_trader_assets.ranking.bets import BetRules
from smart_trader_assets.ranking.co_trading import CoTradingRules
from smart_trader_assets.ranking.discovery import LIST_WINDOW
from smart_trader_assets.ranking.exclusion import ExclusionThresholds
from smart_trader_assets.ranking.funding import FundingRules
from smart_trader_assets.ranking.late_prices import CopyRules
from smart_trader_assets.ranking.skill_estimate import SkillRules
from smart_trader_assets.ranking.traits import LaunchRules
from smart_trader_assets.text import content_hash

QUALIFIED = "QUALIFIED"
"""Excluded by nothing, and proven by nothing: in words, unproven."""

_EDITION = 5
"""Of what the code makes of the thresholds."""


@dataclass(frozen=True)
class Tier:
    """What a wallet must reach, all at once: conservative PnL in USD; ROI, the share of bets won, and the
    confidence that a bet returns more than copying it costs, in percent."""

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
    confidence in percent. `list_window_days`: over which a list of ranked traders looks back. `beside`: the
    edition of what is made together with a ranking.
    """

    tiers: tuple[Tier, ...]
    proof: float
    incomplete_histories: Literal["rank", "cap", "leave_out"]
    exclusion: ExclusionThresholds
    skill: SkillRules
    bets: BetRules = field(default_factory=BetRules)
    launches: LaunchRules = field(default_factory=LaunchRules)
    list_window_days: float = LIST_WINDOW / timedelta(days=1)
    copying: CopyRules = field(default_factory=CopyRules)
    company: CoTradingRules = field(default_factory=CoTradingRules)
    funding: FundingRules = field(default_factory=FundingRules)
    beside: str = ""

    @property
    def tier_names(self) -> tuple[str, ...]:
        """All tiers, best first."""
        return (*(tier.name for tier in self.tiers), QUALIFIED)

    def asks_for_whole_history(self, tier: Tier) -> bool:
        """Whether a wallet whose history is known to be incomplete is kept below `tier`."""
        return tier.confidence >= self.proof and self.incomplete_histories != "rank"

    def asks_to_be_copyable(self, tier: Tier) -> bool:
        """Whether a wallet that nobody could have copied with a gain is kept below `tier`."""
        return tier.confidence >= self.proof

    @property
    def list_window(self) -> timedelta:
        """`list_window_days` as a time."""
        return timedelta(days=self.list_window_days)

    @property
    def edition(self) -> str:
        """A short hash of all rules: by another edition a wallet may be ranked elsewhere with the same
        numbers."""
        return content_hash([_EDITION, asdict(self)])
