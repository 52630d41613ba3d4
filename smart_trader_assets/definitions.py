"""The code location that `dagster` loads."""

from smart_trader_assets.assembly import make_definitions
from smart_trader_assets.automation.home import claim_home
from smart_trader_assets.settings import load_settings
from smart_trader_assets.sources import with_sandbox_epoch

settings = load_settings()
claim_home(settings)
defs = make_definitions(with_sandbox_epoch(settings))
