"""The settings: every threshold and limit, and what the plans of BirdEye allow and cost."""

from smart_trader_assets.settings.environment import (
    API_KEY_VARIABLE,
    HELIUS_KEY_VARIABLE,
    HELIUS_URL,
    LIVE_URL,
    PREFIX,
    Settings,
    SettingsError,
    Source,
    load_settings,
)
from smart_trader_assets.settings.notification_settings import TierName, quiet_hours
from smart_trader_assets.settings.plans import CREDIT_PRICES, PLANS, PRICES, Plan, PlanName, Price

__all__ = [
    "API_KEY_VARIABLE",
    "CREDIT_PRICES",
    "HELIUS_KEY_VARIABLE",
    "HELIUS_URL",
    "LIVE_URL",
    "PLANS",
    "PREFIX",
    "PRICES",
    "Plan",
    "PlanName",
    "Price",
    "Settings",
    "SettingsError",
    "Source",
    "TierName",
    "load_settings",
    "quiet_hours",
]
