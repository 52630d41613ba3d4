"""The code location that `dagster` loads."""

from smart_trader_assets.anchors import anchored
from smart_trader_assets.assembly import make_definitions
from smart_trader_assets.settings import load_settings

defs = make_definitions(anchored(load_settings()))
