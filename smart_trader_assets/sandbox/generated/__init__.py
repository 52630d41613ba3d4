"""An invented market: coins with prices over time, and wallets of known character that trade them."""

from smart_trader_assets.sandbox.generated.characters import SKILLS, Character
from smart_trader_assets.sandbox.generated.market import GeneratedMarket, Truth

__all__ = ["SKILLS", "Character", "GeneratedMarket", "Truth"]
