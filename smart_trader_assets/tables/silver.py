"""The silver tables: what is derived, and the state of the entities that are followed."""

from __future__ import annotations

from smart_trader_assets.delta import column_kinds as col
from smart_trader_assets.delta.contract import Column, SendBack, State, TableContract
from smart_trader_assets.pnl.columns import KEY_COLUMNS, PNL_COLUMNS
from smart_trader_assets.transforms.swap_history import HISTORY, HISTORY_COLUMNS


def _trouble_columns() -> tuple[Column, ...]:
    return (
        col.integer("attempts", "Failed attempts since the last success", required=True, initial=0),
        col.text("last_error", "Error of the last failed attempt"),
        col.time("next_attempt_at", "When the next attempt is due"),
    )


_TROUBLE = ("attempts", "last_error", "next_attempt_at")

TRACKED_TOKENS = TableContract(
    name="silver/tracked_tokens",
    grain="One row per token worth watching, with its latest listed metrics.",
    columns=(
        col.text("token_address", "Mint address of the token", required=True, preview=True),
        col.text("token_shard", "Shard of the token", required=True),
        col.text("symbol", "Symbol as last listed", preview=True),
        col.text("name", "Name as last listed"),
        col.integer("decimals", "Decimal places of a raw unit"),
        col.usd("price", "Price as last listed", preview=True),
        col.usd("liquidity", "Liquidity as last listed", preview=True),
        col.usd("market_cap", "Market capitalisation as last listed"),
        col.usd("volume_24h_usd", "24 h volume as last listed"),
        col.percent("price_change_24h_percent", "24 h price change as last listed"),
        col.number("circulating_supply", "Circulating supply as last listed", "tokens"),
        col.integer("holder", "Number of holders as last listed"),
        col.flag("is_scaled_ui_token", "Whether shown amounts are scaled by `multiplier`"),
        col.number("multiplier", "Scale of shown amounts"),
        col.day(
            "first_listed_on",
            "UTC day of the first snapshot that tracked it",
            required=True,
            merge="least",
        ),
        col.day(
            "last_listed_on",
            "UTC day of the latest snapshot that tracked it",
            required=True,
            merge="greatest",
            preview=True,
        ),
        col.time("metrics_at", "When the metrics were fetched", required=True),
        col.text("whale_fetch_status", "pending, retry, failed or completed", required=True),
        col.time("whale_fetched_at", "When its whales were last fetched"),
        col.flag("is_newly_tracked", "Whether its whales have never been fetched", required=True),
        col.integer("whale_count", "Owners found by the last fetch of its whales"),
        *_trouble_columns(),
    ),
    key=("token_address",),
    newest_by="metrics_at",
    statistics=("whale_fetched_at", "next_attempt_at", "last_listed_on"),
    partition_by=("token_shard", "whale_fetch_status"),
    dagster_partition="token_shard",
    states=(
        State(
            "whale_fetch_status",
            ("pending", "retry", "failed", "completed"),
            "pending",
            companions=("whale_fetched_at", "whale_count", *_TROUBLE),
            moves=tuple(
                (before, after)
                for before in ("pending", "retry", "failed", "completed")
                for after in ("retry", "failed", "completed")
            ),
        ),
        State("is_newly_tracked", (True, False), True),
    ),
    renewed_by="snapshot",
)

TRACED_WALLETS = TableContract(
    name="silver/traced_wallets",
    grain="One row per wallet whose transfers are looked at: a ranked one, or who has sent cash to several.",
    columns=(
        col.text("wallet_address", "The wallet", required=True, preview=True),
        col.text("wallet_shard", "Shard of the wallet", required=True, preview=True),
        col.text("role", "ranked, or funder of ranked ones", required=True, preview=True),
        col.integer(
            "traced_rank",
            "Overall rank when it was first traced; of a funder the best of those that it has funded",
            required=True,
            preview=True,
        ),
        col.time(
            "traced_since",
            "Time of the ranking that it was first traced by",
            required=True,
            preview=True,
        ),
        col.text(
            "transfers_status",
            "pending, retry, failed, fetched, completed (a ranking has looked at them)",
            required=True,
        ),
        col.time("transfers_fetched_at", "When its transfers were last fetched"),
        col.integer("transfers_read", "Transfers in the last answer"),
        col.flag("transfers_whole", "Whether these are all of its transfers, and not the newest"),
        col.time("gold_processed_at", "When a ranking last looked at them"),
        *_trouble_columns(),
    ),
    key=("wallet_address",),
    insert_only=True,
    statistics=("transfers_fetched_at", "next_attempt_at"),
    partition_by=("wallet_shard", "transfers_status"),
    states=(
        State(
            "transfers_status",
            ("pending", "retry", "failed", "fetched", "completed"),
            "pending",
            companions=(
                "transfers_fetched_at",
                "transfers_read",
                "transfers_whole",
                "gold_processed_at",
                *_TROUBLE,
            ),
            moves=(
                *(
                    (before, after)
                    for before in ("pending", "retry", "completed")
                    for after in ("retry", "failed", "fetched")
                ),
                ("fetched", "completed"),
            ),
        ),
    ),
)

TRACKED_WHALES = TableContract(
    name="silver/tracked_whales",
    grain="One row per wallet and token that it is a whale of, with what is known of its history.",
    columns=(
        col.text("whale_id", "wallet_address, an underscore, token_address", required=True),
        col.text("wallet_address", "The whale", required=True, preview=True),
        col.text("token_address", "The token that it holds", required=True, preview=True),
        col.text("wallet_shard", "Shard of the wallet", required=True),
        col.text("origin", "How the wallet was found: holder, leaderboard, watchlist or asked"),
        col.text("token_symbol", "Symbol of the token as listed", preview=True),
        col.integer("holder_rank", "Latest rank among the token's holders"),
        col.number("ui_amount", "Latest holding", "tokens"),
        col.percent("holding_share", "Latest share of the circulating supply"),
        col.usd("holding_usd", "Latest value of the holding", preview=True),
        col.day(
            "first_seen_on",
            "UTC day it was first seen among the holders",
            required=True,
            merge="least",
        ),
        col.day(
            "last_seen_on",
            "UTC day it was last seen among the holders",
            required=True,
            merge="greatest",
            preview=True,
        ),
        col.text(
            "processing_status", "pending, excluded, ready, retry, failed, processed", required=True
        ),
        *HISTORY,
        col.text("exclude_reason", "Which screening rule excluded it"),
        col.text("excluded_by_rules", "Version of the rules that excluded it"),
        *_trouble_columns(),
    ),
    key=("whale_id",),
    newest_by="last_seen_on",
    statistics=(
        "wallet_address",
        "transactions_fetched_at",
        "next_attempt_at",
        "excluded_by_rules",
    ),
    partition_by=("wallet_shard", "processing_status"),
    dagster_partition="wallet_shard",
    states=(
        State(
            "processing_status",
            ("pending", "excluded", "ready", "retry", "failed", "processed"),
            "pending",
            companions=(
                *HISTORY_COLUMNS,
                "exclude_reason",
                "excluded_by_rules",
                *_TROUBLE,
            ),
            moves=(
                *(
                    (before, after)
                    for before in ("ready", "retry", "failed", "processed")
                    for after in ("ready", "retry", "failed", "processed")
                ),
                ("pending", "ready"),
                ("pending", "excluded"),
                # What its swaps have shown.
                *((before, "excluded") for before in ("ready", "retry", "failed", "processed")),
                ("excluded", "ready"),
                ("excluded", "pending"),
            ),
        ),
    ),
    send_backs=(
        # A new holding may no longer be dust.
        SendBack(
            "processing_status",
            "pending",
            changed=("ui_amount", "holding_usd"),
            only_from="excluded",
            clears=("exclude_reason", "excluded_by_rules"),
        ),
    ),
    renewed_by="holders",
)

_TRADE = (
    col.text("token_address", "Mint that was traded", required=True, preview=True),
    col.text("wallet_address", "Wallet that traded it", required=True, preview=True),
    col.text("tx_hash", "Signature of the transaction", required=True),
    col.seconds("block_unix_time", "Time of the block", required=True, preview=True),
    col.number(
        "quantity",
        "Bought above 0, sold below; 0 where the trade is no more",
        "tokens",
        preview=True,
    ),
    col.usd("value_usd", "Cash that changed hands; null where it was no trade for cash"),
    col.usd("price", "That for a whole token", preview=True),
    col.number("price_sol", "The same in SOL", "SOL"),
)
_TRADE_KEY = ("token_address", "wallet_address", "tx_hash")

TOKEN_TRADES = TableContract(
    name="silver/token_trades",
    grain="One row per wallet, transaction and token: a netted trade, to be found by its token.",
    columns=_TRADE,
    key=_TRADE_KEY,
    time_bound="block_unix_time",
    time_bound_slack=600,
    cluster_by=("token_address",),
)

RECENT_TRADES = TableContract(
    name="silver/recent_trades",
    grain="One row per netted trade of the last days, those of silver/token_trades once more, to be found by "
    "their time.",
    columns=_TRADE,
    key=_TRADE_KEY,
    time_bound="block_unix_time",
    time_bound_slack=600,
)

WALLET_PNL = TableContract(
    name="silver/wallet_pnl",
    grain="One row per wallet, token (or ALL_TOKENS) and window: first in, first out PnL.",
    columns=(
        *KEY_COLUMNS,
        col.text("wallet_shard", "Shard of the wallet", required=True),
        *PNL_COLUMNS,
        col.text("pnl_rules", "Edition of the definitions that the numbers follow"),
        col.time(
            "ages_at",
            "When the wallet's numbers change next by time alone; 2200 for never, and beside its portfolio",
        ),
        col.integer(
            "swaps_counted", "Swap rows that the wallet's numbers are made from; on ALL_TOKENS, all"
        ),
        col.flag("processed_for_gold", "Whether the ranking has seen the row", required=True),
        col.time("gold_processed_at", "When the ranking saw the row"),
        col.text("gold_rules", "Edition of the rules that it was ranked by"),
    ),
    key=("wallet_address", "token_address", "window"),
    partition_by=("wallet_shard", "processed_for_gold"),
    dagster_partition="wallet_shard",
    states=(
        State(
            "processed_for_gold",
            (False, True),
            False,
            companions=("gold_processed_at", "gold_rules"),
        ),
    ),
    send_backs=(SendBack("processed_for_gold", False, clears=("gold_processed_at",)),),
    # The same numbers at a later time are no news.
    ignored_changes=("as_of",),
    statistics=("as_of", "ages_at", "pnl_rules", "gold_rules"),
    cluster_by=("wallet_address",),
)
