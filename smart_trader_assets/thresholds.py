"""The settings as the rules that the pure transforms and the cursors take."""

from __future__ import annotations

from datetime import timedelta

from smart_trader_assets.birdeye import TokenListFilters
from smart_trader_assets.ranking import ExclusionThresholds, RankingRules, SkillRules, Tier
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.cursor import DuePolicy
from smart_trader_assets.transforms.tokens import TokenRules
from smart_trader_assets.transforms.whale_screening import ScreeningRules


def list_filters(settings: Settings) -> TokenListFilters:
    """What the token list is asked for."""
    return TokenListFilters(
        min_liquidity=settings.list_min_liquidity,
        max_liquidity=settings.list_max_liquidity,
        min_volume_1h_usd=settings.list_min_volume_1h,
        min_price_change_24h_percent=settings.list_min_change_24h,
    )


def token_rules(settings: Settings) -> TokenRules:
    """What a listed token must have to be tracked."""
    return TokenRules(min_liquidity=settings.track_min_liquidity)


def screening_rules(settings: Settings) -> ScreeningRules:
    """What makes a whale no trader worth fetching."""
    return ScreeningRules(min_holding_usd=settings.min_holding_usd)


def ranking_rules(settings: Settings) -> RankingRules:
    """What makes a wallet a smart trader."""
    return RankingRules(
        tiers=(
            Tier(
                "ELITE",
                settings.elite_min_pnl,
                settings.elite_min_roi,
                settings.elite_min_win_rate,
                settings.evidence_confidence,
            ),
            Tier(
                "STRONG",
                settings.strong_min_pnl,
                settings.strong_min_roi,
                settings.strong_min_win_rate,
                settings.evidence_confidence,
            ),
            Tier(
                "PROMISING",
                settings.promising_min_pnl,
                settings.promising_min_roi,
                settings.promising_min_win_rate,
                settings.promising_confidence,
            ),
        ),
        proof=settings.evidence_confidence,
        incomplete_histories=settings.incomplete_histories,
        exclusion=ExclusionThresholds(
            bot_trades_in_day=settings.bot_trades_in_day,
            bot_trades_daily=settings.bot_trades_daily,
            min_arbitrages=settings.min_arbitrages,
            arbitrage_share=settings.arbitrage_share,
            same_block_share=settings.same_block_share,
            min_coverage=settings.min_coverage,
            min_closings=settings.min_closing_trades,
            min_active_days=settings.min_active_days,
            max_idle_days=settings.max_idle_days,
        ),
        skill=SkillRules(confidence=settings.evidence_confidence),
    )


def due_policy(settings: Settings) -> DuePolicy:
    """What the cursors' due rules depend on."""
    return DuePolicy(
        whale_refresh=timedelta(hours=settings.whale_refresh_hours),
        wallet_refresh=timedelta(hours=settings.wallet_refresh_hours),
        wallet_refresh_limit=timedelta(hours=settings.wallet_refresh_limit_hours),
        screening_rules=screening_rules(settings).version,
        max_attempts=settings.max_attempts,
        retry_base=timedelta(minutes=settings.retry_base_minutes),
        retry_limit=timedelta(hours=settings.retry_limit_hours),
    )
