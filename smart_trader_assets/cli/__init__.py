"""The command `smart-trader`: what Dagster has no command for."""

from smart_trader_assets.cli.app import main

__all__ = ["main"]
