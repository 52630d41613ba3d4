"""Which columns of the upstream tables a column is made of: the main ones, for the UI to follow.

A column that has an upstream column's name is made of that one; only what is made of others is listed here.
What only orders rows of the same second, scales a number or stands in for an absent one is not: nearly every
metric has it, each materialization carries the lineage of all columns, and a picture of twenty sources tells
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.pnl.columns import PNL_COLUMNS, MadeOf
from smart_trader_assets.tables.bronze import (
    CANDIDATES,
    TOKENS,
    TRANSACTIONS,
    TRANSFERS,
    WHALES,
)
from smart_trader_assets.tables.gold import (
    CLASSIFIED_WALLETS,
    COPY_RESULTS,
    POSITIONS,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKEN_SIGNALS,
    WALLET_CLUSTERS,
)
from smart_trader_assets.tables.silver import (
    RECENT_TRADES,
    TOKEN_TRADES,
    TRACED_WALLETS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    WALLET_PNL,
)

Sources = tuple[tuple[TableContract, str], ...]


def _of(table: TableContract, *columns: str) -> Sources:
    return tuple((table, column) for column in columns)


def _like_named(child: TableContract, *parents: TableContract) -> dict[str, Sources]:
    """The child's columns that a parent has too, but for its own states."""
    return {
        column.name: _of(parent, column.name)
        for parent in reversed(parents)
        for column in child.columns
        if column.name in {c.name for c in parent.columns} - child.state_columns
    }


def _legs(*fields: str) -> Sources:
    return _of(TRANSACTIONS, *(f"{leg}_{field}" for leg in ("base", "quote") for field in fields))


# What moves in a swap, what it is worth, and when.
_QUANTITY = _legs("address", "change_amount")
_WORTH = (*_legs("price"), *_of(TRANSACTIONS, "volume_usd"))
_ORDER = _of(TRANSACTIONS, "block_unix_time")
_TRADES = (*_of(TRANSACTIONS, "tx_hash"), *_QUANTITY)
_LOTS = (*_QUANTITY, *_WORTH, *_ORDER)

_METRICS: Mapping[MadeOf, Sources] = {
    "trades": _TRADES,
    "worths": (*_TRADES, *_WORTH),
    "quantities": (*_QUANTITY, *_ORDER),
    "lots": _LOTS,
    "marks": (*_LOTS, *_of(TOKENS, "price", "fetched_at")),
    "times": (*_of(TRANSACTIONS, "block_unix_time"), *_TRADES),
    "history": _of(TRACKED_WHALES, "history_complete"),
}

_BETS = (
    *_of(
        WALLET_PNL,
        "token_address",
        "conservative_pnl",
        "matched_cost",
        "open_cost",
        "lost_cost",
        "realized_pnl_sol",
        "matched_cost_sol",
        "open_cost_sol",
        "conservative_value_sol",
        "paid_in_sol",
    ),
    *_of(TRACKED_WHALES, "token_address", "origin", "first_seen_on"),
)
_COPIED = (
    *_WORTH,
    *_of(TRANSACTIONS, "block_unix_time"),
    *_of(WALLET_PNL, "conservative_value", "open_quantity"),
)
_TIER = tuple(
    dict.fromkeys(
        (
            *_BETS,
            *_of(COPY_RESULTS, "copied_return", "priced_share"),
            *_of(
                WALLET_PNL, "conservative_pnl", "roi", "roi_sol", "sol_coverage", "history_complete"
            ),
        )
    )
)
_SCORE = _BETS
_RANK = _TIER
_CLASS = (
    *_of(
        WALLET_PNL,
        "conservative_pnl",
        "realized_pnl",
        "unmatched_proceeds",
        "total_sold",
        "conversion_count",
        "median_holding_hours",
        "first_transaction",
        "roi",
        "coverage",
        "closing_count",
        "trade_count",
        "active_days",
        "max_trades_per_day",
        "trade_frequency_daily",
        "same_block_share",
        "arbitrage_count",
        "history_complete",
        "last_transaction",
    ),
    *_of(TRANSACTIONS, "address"),
)
_LISTED_ON = _of(TOKENS, "snapshot_date")
_SEEN_ON = (*_of(WHALES, "fetched_on"), *_of(CANDIDATES, "listed_on"))


def _netted(trades: TableContract) -> dict[str, Sources]:
    """Of a table of netted trades."""
    return (
        _like_named(trades, TRANSACTIONS)
        | {"token_address": _legs("address"), "quantity": _TRADES}
        | dict.fromkeys(("value_usd", "price", "price_sol"), (*_TRADES, *_WORTH))
    )


LINEAGE: Mapping[str, Mapping[str, Sources]] = {
    TRACKED_TOKENS.name: _like_named(TRACKED_TOKENS, TOKENS)
    | {
        "first_listed_on": _LISTED_ON,
        "last_listed_on": _LISTED_ON,
        "metrics_at": _of(TOKENS, "fetched_at"),
    },
    WHALES.name: {
        **{name: _of(TRACKED_TOKENS, name) for name in ("token_address", "token_shard", "price")},
        "token_symbol": _of(TRACKED_TOKENS, "symbol"),
        "holding_share": _of(TRACKED_TOKENS, "circulating_supply"),
        "holding_usd": _of(TRACKED_TOKENS, "price"),
    },
    TRACKED_WHALES.name: _like_named(TRACKED_WHALES, WHALES, CANDIDATES)
    | {
        "whale_id": _of(WHALES, "wallet_address", "token_address"),
        "origin": _of(CANDIDATES, "source"),
        "first_seen_on": _SEEN_ON,
        "last_seen_on": _SEEN_ON,
    },
    TRANSACTIONS.name: _like_named(TRANSACTIONS, TRACKED_WHALES),
    WALLET_PNL.name: _like_named(WALLET_PNL, TRANSACTIONS)
    | {"token_address": _legs("address"), "swaps_counted": _of(TRANSACTIONS, "swap_id")}
    | {"ages_at": tuple(dict.fromkeys((*_of(TRANSACTIONS, "block_unix_time"), *_METRICS["marks"])))}
    | {column.name: _METRICS[column.made_of] for column in PNL_COLUMNS if column.made_of},
    TOKEN_TRADES.name: _netted(TOKEN_TRADES),
    RECENT_TRADES.name: _netted(RECENT_TRADES),
    COPY_RESULTS.name: _like_named(COPY_RESULTS, WALLET_PNL)
    | dict.fromkeys(("bets", "based_on"), _BETS)
    | dict.fromkeys(
        (
            "priced_bets",
            "priced_share",
            "copied_return",
            "copied_floor",
            "price_drift_entry",
            "break_even_delay",
        ),
        _COPIED,
    ),
    SMART_TRADERS.name: _like_named(SMART_TRADERS, COPY_RESULTS, WALLET_PNL)
    | {"tier": _TIER, "score": _SCORE, "overall_rank": _RANK, "tier_rank": _RANK}
    | dict.fromkeys(
        ("rank_by_hand", "led_by", "siblings"),
        (*_RANK, *_of(TOKEN_TRADES, "token_address", "wallet_address", "block_unix_time")),
    )
    | dict.fromkeys(
        (
            "expected_return",
            "return_floor",
            "skill_confidence",
            "bets",
            "bet_win_rate",
            "bet_count",
        ),
        _BETS,
    )
    | {"copied_priced_share": _of(COPY_RESULTS, "priced_share")}
    | {"token_count": _of(WALLET_PNL, "token_address")},
    CLASSIFIED_WALLETS.name: _like_named(CLASSIFIED_WALLETS, WALLET_PNL)
    | {"wallet_class": _CLASS, "reasons": _CLASS},
    TIER_CHANGES.name: _like_named(TIER_CHANGES, WALLET_PNL)
    | dict.fromkeys(("change", "from_tier", "to_tier"), _TIER)
    | {"cause": _of(WALLET_PNL, "processed_for_gold", "gold_rules")}
    | {"score": _SCORE, "overall_rank": _RANK, "wallet_class": _CLASS},
    WALLET_CLUSTERS.name: {
        "wallet_address": _of(TOKEN_TRADES, "wallet_address"),
        "other_address": _of(TOKEN_TRADES, "wallet_address"),
        **dict.fromkeys(
            (
                "relation",
                "cluster_id",
                "vote_id",
                "tokens_together",
                "tokens_shared",
                "tokens_expected",
                "log10_p",
                "times_later",
                "median_seconds",
                "tokens_paid",
            ),
            _of(TOKEN_TRADES, "token_address", "wallet_address", "block_unix_time", "quantity"),
        ),
    },
    TRACED_WALLETS.name: {
        "wallet_address": _of(WALLET_PNL, "wallet_address"),
        "traced_rank": _RANK,
    },
    TRANSFERS.name: {
        name: _of(TRACED_WALLETS, name) for name in ("wallet_address", "wallet_shard")
    },
    POSITIONS.name: _like_named(POSITIONS, WALLET_PNL)
    | {"tier": _TIER, "overall_rank": _RANK}
    | {
        column: _of(WALLET_PNL, source)
        for column, source in (
            ("quantity", "open_quantity"),
            ("cost", "open_cost"),
            ("value", "open_value"),
            ("faded_value", "conservative_value"),
            ("first_trade_at", "first_transaction"),
            ("last_trade_at", "last_transaction"),
        )
    }
    | {"entry_price": _of(WALLET_PNL, "open_cost", "open_quantity")},
    TOKEN_SIGNALS.name: _like_named(TOKEN_SIGNALS, TRACKED_TOKENS, RECENT_TRADES)
    | {
        column.name: (*_of(WALLET_PNL, "open_quantity"), *_TIER)
        if column.name.endswith("_holding")
        else (*_of(RECENT_TRADES, "quantity"), *_TIER)
        for column in TOKEN_SIGNALS.columns
        if column.name.endswith(("_holding", "_bought", "_sold"))
    }
    | dict.fromkeys(("trades", "unpriced_trades"), _of(RECENT_TRADES, "tx_hash"))
    | dict.fromkeys(
        ("bought_usd", "sold_usd", "net_flow_usd"), _of(RECENT_TRADES, "value_usd", "quantity")
    )
    | {"entry_price": _of(RECENT_TRADES, "value_usd", "quantity")}
    | dict.fromkeys(
        ("mark_price", "marked_at"),
        (*_of(RECENT_TRADES, "price"), *_of(WALLET_PNL, "mark_price", "marked_at")),
    )
    | {
        "entry_return": (
            *_of(RECENT_TRADES, "price", "value_usd", "quantity"),
            *_of(WALLET_PNL, "mark_price"),
        )
    }
    | dict.fromkeys(("first_trade_at", "last_trade_at"), _of(RECENT_TRADES, "block_unix_time")),
}
