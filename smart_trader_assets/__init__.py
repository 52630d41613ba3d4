"""Finds smart traders on Solana: a Dagster asset graph over Delta tables with row-level state."""
