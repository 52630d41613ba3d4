"""The settings as the rules that the pure transforms and the cursors take."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import timedelta
from typing import TypeVar

from smart_trader_assets.birdeye import TokenListFilters
from smart_trader_assets.pnl.assumptions import Assumptions, pnl_edition
from smart_trader_assets.pnl.cash import DEFAULT_CASH_MINTS
from smart_trader_assets.ranking import (
    CoTradingRules,
    ExclusionThresholds,
    RankingRules,
    SkillRules,
    Tier,
)
from smart_trader_assets.ranking.bets import BetRules
from smart_trader_assets.ranking.late_prices import CopyRules
from smart_trader_assets.ranking.traits import LaunchRules
from smart_trader_assets.settings import Settings
from smart_trader_assets.signals import SignalRules
from smart_trader_assets.tables.cursor import DuePolicy
from smart_trader_assets.text import content_hash
from smart_trader_assets.transforms.known_addresses import CASH_AND_STAKING_MINTS
from smart_trader_assets.transforms.tokens import TokenRules
from smart_trader_assets.transforms.whale_screening import ScreeningRules

_Rules = TypeVar("_Rules", ExclusionThresholds, BetRules, LaunchRules, CopyRules)


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
    named = dict.fromkeys(settings.cash_mints, "cash, by the setting cash_mints")
    return TokenRules(
        min_liquidity=settings.track_min_liquidity,
        excluded_mints={**named, **CASH_AND_STAKING_MINTS},
    )


def cash_mints(settings: Settings) -> dict[str, float | None]:
    """What is cash: mint to USD per coin, None where the transaction's price applies."""
    return {**dict.fromkeys(settings.cash_mints), **DEFAULT_CASH_MINTS}


def pnl_assumptions(settings: Settings) -> Assumptions:
    """What the numbers take for granted."""
    return Assumptions(
        network_fee_sol=settings.network_fee_sol,
        trading_fee_percent=settings.trading_fee_percent,
        fallback_sol_usd=settings.fallback_sol_usd,
        mark_life_days=settings.mark_life_days,
        launch_minutes=settings.launch_minutes,
        launch_hours=settings.launch_hours,
    )


def screening_rules(settings: Settings) -> ScreeningRules:
    """What makes a whale not worth fetching."""
    return ScreeningRules(min_holding_usd=settings.min_holding_usd)


def ranking_rules(settings: Settings) -> RankingRules:
    """What makes a wallet a smart trader."""
    proof, promising = settings.evidence_confidence, settings.promising_confidence
    return RankingRules(
        tiers=tuple(
            _tier(settings, name, confidence)
            for name, confidence in (("ELITE", proof), ("STRONG", proof), ("PROMISING", promising))
        ),
        proof=proof,
        incomplete_histories=settings.incomplete_histories,
        exclusion=_of_settings(ExclusionThresholds, settings),
        skill=SkillRules(
            confidence=proof,
            copy_cost_percent=settings.copy_cost_percent,
            prior_bets=settings.prior_bets,
            prior_returns=settings.prior_returns,
            min_population=settings.min_population,
        ),
        bets=_of_settings(BetRules, settings),
        launches=_of_settings(LaunchRules, settings),
        copying=_of_settings(CopyRules, settings),
        company=CoTradingRules(
            days=settings.cluster_days,
            seconds=settings.cluster_seconds,
            min_tokens=settings.cluster_min_tokens,
        ),
        list_window_days=settings.resolved_list_window_days,
        beside=content_hash(asdict(signal_rules(settings))),
    )


def signal_rules(settings: Settings) -> SignalRules:
    """What counts as a deed of a trader."""
    return SignalRules(min_usd=settings.signal_min_usd)


def _of_settings(rules: type[_Rules], settings: Settings) -> _Rules:
    """Rules each of which is the setting of its name."""
    names = [field.name for field in fields(rules)]
    return rules(**{name: getattr(settings, name) for name in names})


def _tier(settings: Settings, name: str, confidence: float) -> Tier:
    def least(of: str) -> float:
        return float(getattr(settings, f"{name.lower()}_min_{of}"))

    return Tier(name, least("pnl"), least("roi"), least("win_rate"), confidence)


def due_policy(settings: Settings) -> DuePolicy:
    """What the cursors' due rules depend on."""
    return DuePolicy(
        whale_refresh=timedelta(hours=settings.whale_refresh_hours),
        wallet_refresh=timedelta(hours=settings.wallet_refresh_hours),
        wallet_refresh_limit=timedelta(hours=settings.wallet_refresh_limit_hours),
        screening_rules=screening_rules(settings).version,
        pnl_rules=pnl_edition(pnl_assumptions(settings), cash_mints(settings)),
        ranking_rules=ranking_rules(settings).edition,
        max_attempts=settings.max_attempts,
        retry_base=timedelta(minutes=settings.retry_base_minutes),
        retry_limit=timedelta(hours=settings.retry_limit_hours),
        transfers_refresh=(
            timedelta(days=settings.trace_refresh_days) if settings.traces_transfers else None
        ),
    )
