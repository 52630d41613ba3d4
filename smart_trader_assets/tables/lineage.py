"""Which columns of the upstream tables a column is made of: the main ones, for the UI to follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from smart_trader_assets.delta.contract import TableContract
from smart_trader_assets.tables.catalog import (
    CLASSIFIED_WALLETS,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKENS,
    TRACKED_TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
    WHALES,
)

Sources = tuple[tuple[TableContract, str], ...]


def _of(table: TableContract, *columns: str) -> Sources:
    return tuple((table, column) for column in columns)


def _as_they_are(table: TableContract, *columns: str) -> dict[str, Sources]:
    return {column: _of(table, column) for column in columns}


def _each(columns: Iterable[str], sources: Sources) -> dict[str, Sources]:
    return dict.fromkeys(columns, sources)


def _legs(*fields: str) -> Sources:
    return _of(TRANSACTIONS, *(f"{leg}_{field}" for leg in ("base", "quote") for field in fields))


# What moves in a swap, and what it is worth.
_QUANTITY = _legs("address", "decimals", "change_amount", "ui_change_amount")
_WORTH = (*_legs("price", "nearest_price"), *_of(TRANSACTIONS, "volume_usd"))
_ORDER = _of(
    TRANSACTIONS, "block_unix_time", "block_number", "ins_index", "inner_ins_index", "tx_hash"
)
_TRADES = (*_of(TRANSACTIONS, "tx_hash"), *_QUANTITY)
_LOTS = (*_QUANTITY, *_WORTH, *_ORDER)
_LISTED = _of(TOKENS, "price", "fetched_at")

_TIER = _of(
    WALLET_PNL,
    "total_pnl",
    "realized_pnl",
    "roi",
    "win_rate",
    "matched_cost",
    "history_complete",
)
_SCORE = _of(
    WALLET_PNL,
    "realized_pnl",
    "matched_cost",
    "profit_factor",
    "win_count",
    "max_drawdown_usd",
    "coverage",
    "top_token_share",
    "last_transaction",
)
_CLASS = (
    *_of(
        WALLET_PNL,
        "total_pnl",
        "realized_pnl",
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


def _shared(table: TableContract) -> tuple[str, ...]:
    """The columns of a gold table that are the PnL's own."""
    return tuple(c.name for c in table.columns if c.name in {p.name for p in WALLET_PNL.columns})


LINEAGE: Mapping[str, Mapping[str, Sources]] = {
    TRACKED_TOKENS.name: {
        **_as_they_are(
            TOKENS,
            "token_address",
            "token_shard",
            "symbol",
            "name",
            "decimals",
            "price",
            "liquidity",
            "market_cap",
            "volume_24h_usd",
            "price_change_24h_percent",
            "circulating_supply",
            "holder",
            "is_scaled_ui_token",
            "multiplier",
        ),
        **_each(("first_listed_on", "last_listed_on"), _of(TOKENS, "snapshot_date")),
        "metrics_at": _of(TOKENS, "fetched_at"),
    },
    WHALES.name: {
        **_as_they_are(TRACKED_TOKENS, "token_address", "token_shard", "price"),
        "token_symbol": _of(TRACKED_TOKENS, "symbol"),
        "holding_share": _of(TRACKED_TOKENS, "circulating_supply"),
        "holding_usd": _of(TRACKED_TOKENS, "price"),
    },
    TRACKED_WHALES.name: {
        "whale_id": _of(WHALES, "wallet_address", "token_address"),
        **_as_they_are(
            WHALES,
            "wallet_address",
            "token_address",
            "wallet_shard",
            "token_symbol",
            "holder_rank",
            "ui_amount",
            "holding_share",
            "holding_usd",
        ),
        **_each(("first_seen_on", "last_seen_on"), _of(WHALES, "fetched_on")),
    },
    TRANSACTIONS.name: _as_they_are(TRACKED_WHALES, "wallet_address", "wallet_shard"),
    WALLET_PNL.name: {
        **_as_they_are(TRANSACTIONS, "wallet_address", "wallet_shard"),
        "token_address": _legs("address"),
        "history_complete": _of(TRACKED_WHALES, "history_complete"),
        **_each(("buy_count", "sell_count", "trade_count", "arbitrage_count"), _TRADES),
        **_each(
            ("total_bought", "total_sold", "unpriced_count", "arbitrage_profit_usd"),
            (*_TRADES, *_WORTH),
        ),
        **_each(("unmatched_quantity", "open_quantity"), (*_QUANTITY, *_ORDER)),
        **_each(
            (
                "matched_proceeds",
                "matched_cost",
                "unmatched_proceeds",
                "realized_pnl",
                "roi",
                "closing_count",
                "win_count",
                "win_rate",
                "token_win_rate",
                "coverage",
                "avg_holding_hours",
                "median_holding_hours",
                "profit_factor",
                "max_drawdown_usd",
                "trade_sharpe",
                "open_cost",
                "top_token_share",
                "same_block_share",
            ),
            _LOTS,
        ),
        **_each(("mark_price", "marked_at", "mark_source"), (*_LISTED, *_LOTS)),
        **_each(("unrealized_pnl", "total_pnl", "unmarked_tokens"), (*_LOTS, *_LISTED)),
        **_each(
            (
                "first_transaction",
                "last_transaction",
                "trade_frequency_daily",
                "active_days",
                "max_trades_per_day",
            ),
            (*_of(TRANSACTIONS, "block_unix_time"), *_TRADES),
        ),
    },
    SMART_TRADERS.name: {
        **_as_they_are(WALLET_PNL, *_shared(SMART_TRADERS)),
        "tier": _TIER,
        "score": _SCORE,
        **_each(("overall_rank", "tier_rank"), tuple(dict.fromkeys((*_TIER, *_SCORE)))),
        **_each(
            ("expected_return", "return_floor", "skill_confidence", "bets"),
            _of(WALLET_PNL, "token_address", "realized_pnl", "matched_cost"),
        ),
        "token_count": _of(WALLET_PNL, "token_address"),
    },
    CLASSIFIED_WALLETS.name: {
        **_as_they_are(WALLET_PNL, *_shared(CLASSIFIED_WALLETS)),
        **_each(("wallet_class", "reasons"), _CLASS),
    },
    TIER_CHANGES.name: {
        **_as_they_are(WALLET_PNL, *_shared(TIER_CHANGES)),
        **_each(("change", "from_tier", "to_tier"), _TIER),
        "score": _SCORE,
        "overall_rank": tuple(dict.fromkeys((*_TIER, *_SCORE))),
        "wallet_class": _CLASS,
    },
}
