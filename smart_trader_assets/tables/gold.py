"""The gold tables: the classification of every wallet, and what changed since the last one."""

from __future__ import annotations

import polars as pl

from smart_trader_assets.delta.contract import TEXTS, TIME, Column, TableContract
from smart_trader_assets.pnl.columns import CLASSIFIED, RANKED, gold_columns

SMART_TRADERS = TableContract(
    name=RANKED,
    grain="One row per wallet that qualifies as a smart trader, ranked.",
    columns=(
        Column("wallet_address", pl.String, "The trader", required=True, preview=True),
        Column(
            "tier", pl.String, "ELITE, STRONG, PROMISING or QUALIFIED", required=True, preview=True
        ),
        Column(
            "overall_rank", pl.Int64, "Rank among all smart traders", required=True, preview=True
        ),
        Column("tier_rank", pl.Int64, "Rank within the tier", required=True),
        Column(
            "score", pl.Float64, "Score that orders a tier, 0 to 100", required=True, preview=True
        ),
        Column("reasons", TEXTS, "Why the wallet ranks where it does, in words"),
        *gold_columns(RANKED),
        Column("expected_return", pl.Float64, "Return per bet, shrunk toward the population", "%"),
        Column("return_floor", pl.Float64, "Lower confidence bound of that return", "%"),
        Column(
            "skill_confidence",
            pl.Float64,
            "Confidence that this return is above zero",
            "%",
            preview=True,
        ),
        Column("bets", pl.Float64, "Closed tokens, as an effective number of equal bets"),
        Column("token_count", pl.Int64, "Tokens traded"),
    ),
    key=("wallet_address",),
)

CLASSIFIED_WALLETS = TableContract(
    name=CLASSIFIED,
    grain="One row per wallet excluded from the ranking, with what it is or what it lacks.",
    columns=(
        Column("wallet_address", pl.String, "The wallet", required=True, preview=True),
        Column(
            "wallet_class",
            pl.String,
            "POOL, ARBITRAGEUR, BOT, SAME_BLOCK, TRANSFERRED_IN, UNTESTED, INACTIVE or UNPROFITABLE: "
            "the first that applies",
            required=True,
            preview=True,
        ),
        Column("reasons", TEXTS, "Everything that applies, in words", required=True, preview=True),
        *gold_columns(CLASSIFIED),
    ),
    key=("wallet_address",),
)

TIER_CHANGES = TableContract(
    name="gold/tier_changes",
    grain="One row per change of a wallet's tier: arrivals, promotions, demotions, departures.",
    columns=(
        Column("wallet_address", pl.String, "The wallet", required=True, preview=True),
        Column(
            "change_number",
            pl.Int64,
            "Number of the wallet's change, counted from 1",
            required=True,
        ),
        Column("changed_at", TIME, "Time of the ranking that changed it", required=True),
        Column(
            "change", pl.String, "ARRIVED, PROMOTED, DEMOTED or LEFT", required=True, preview=True
        ),
        Column("from_tier", pl.String, "Tier before; null if it had none", preview=True),
        Column("to_tier", pl.String, "Tier after; null if it has none", preview=True),
        Column("wallet_class", pl.String, "Its class, if it left the ranking"),
        Column("overall_rank", pl.Int64, "Rank among all smart traders after it", preview=True),
        Column("score", pl.Float64, "Score, 0 to 100"),
        Column("total_pnl", pl.Float64, "Realized and unrealized PnL", "USD", preview=True),
        Column("reasons", TEXTS, "Why, in words"),
    ),
    key=("wallet_address", "change_number"),
)
