"""Long proofs, each a program of its own: `python -m smart_trader_assets_tests.proofs.<name>`."""
