"""The rules by the settings' defaults, for tests that ask for no others."""

from smart_trader_assets.birdeye.session import open_times
from smart_trader_assets.settings import load_settings
from smart_trader_assets.thresholds import due_policy, ranking_rules, screening_rules, token_rules

_SETTINGS = load_settings({"source": "sandbox"})
RANKING = ranking_rules(_SETTINGS)
TOKENS = token_rules(_SETTINGS)
SCREENING = screening_rules(_SETTINGS)
POLICY = due_policy(_SETTINGS)
OPEN_TIMES = open_times(_SETTINGS)
