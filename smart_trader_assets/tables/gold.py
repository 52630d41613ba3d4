"""The gold tables: the classification of every wallet, and what changed since the last one."""

from __future__ import annotations

from smart_trader_assets.delta import column_kinds as col
from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.pnl.columns import CLASSIFIED, RANKED, gold_columns

SMART_TRADERS = TableContract(
    name=RANKED,
    grain="One row per wallet that qualifies as a smart trader, ranked.",
    columns=(
        col.text("wallet_address", "The trader", required=True, preview=True),
        col.text("tier", "ELITE, STRONG, PROMISING or QUALIFIED", required=True, preview=True),
        col.integer("overall_rank", "Rank among all smart traders", required=True, preview=True),
        col.integer("tier_rank", "Rank within the tier", required=True),
        col.number("score", "Score that orders a tier, 0 to 100", required=True, preview=True),
        col.texts("reasons", "Why the wallet ranks where it does, in words"),
        *gold_columns(RANKED),
        col.percent("expected_return", "Return per bet, shrunk toward the population"),
        col.percent("return_floor", "Lower confidence bound of that return"),
        col.percent("skill_confidence", "Confidence that this return is above zero", preview=True),
        col.number("bets", "Closed tokens, as an effective number of equal bets"),
        col.integer("token_count", "Tokens traded"),
    ),
    key=("wallet_address",),
)

CLASSIFIED_WALLETS = TableContract(
    name=CLASSIFIED,
    grain="One row per wallet excluded from the ranking, with what it is or what it lacks.",
    columns=(
        col.text("wallet_address", "The wallet", required=True, preview=True),
        col.text(
            "wallet_class",
            "POOL, ARBITRAGEUR, BOT, SAME_BLOCK, TRANSFERRED_IN, UNTESTED, INACTIVE or UNPROFITABLE: "
            "the first that applies",
            required=True,
            preview=True,
        ),
        col.texts("reasons", "Everything that applies, in words", required=True, preview=True),
        *gold_columns(CLASSIFIED),
    ),
    key=("wallet_address",),
)

TIER_CHANGES = TableContract(
    name="gold/tier_changes",
    grain="One row per change of a wallet's tier: arrivals, promotions, demotions, departures.",
    columns=(
        col.text("wallet_address", "The wallet", required=True, preview=True),
        col.integer(
            "change_number", "Number of the wallet's change, counted from 1", required=True
        ),
        col.time("changed_at", "Time of the ranking that changed it", required=True),
        col.text("change", "ARRIVED, PROMOTED, DEMOTED or LEFT", required=True, preview=True),
        col.text("from_tier", "Tier before; null if it had none", preview=True),
        col.text("to_tier", "Tier after; null if it has none", preview=True),
        col.text("wallet_class", "Its class, if it left the ranking"),
        col.integer("overall_rank", "Rank among all smart traders after it", preview=True),
        col.number("score", "Score, 0 to 100"),
        col.usd("total_pnl", "Realized and unrealized PnL", preview=True),
        col.texts("reasons", "Why, in words"),
    ),
    key=("wallet_address", "change_number"),
)
