"""The tests, proofs and benchmarks of `smart_trader_assets`."""

# First, since it says how Polars is to be loaded.
import smart_trader_assets as smart_trader_assets
