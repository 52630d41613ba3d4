"""An engine over Delta tables: contracts, keyed merges, settlements, fences, upkeep.

It names no table and knows no Dagster.
"""
