"""`python -m smart_trader_assets.cli`."""

from smart_trader_assets.cli import main

main()
