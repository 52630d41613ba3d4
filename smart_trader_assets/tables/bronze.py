"""The bronze tables: every field of the source under the source's own name, and the row's state."""

from __future__ import annotations

from smart_trader_assets.delta import column_kinds as col
from smart_trader_assets.delta.contract import Column, SendBack, State, TableContract

_WINDOWS = ("1h", "2h", "4h", "8h", "24h")


def _token_window_columns() -> tuple[Column, ...]:
    return (
        *(
            col.usd(f"volume_{w}_usd", f"Traded volume in the last {w}", preview=w == "24h")
            for w in _WINDOWS
        ),
        *(col.percent(f"volume_{w}_change_percent", f"Change of the {w} volume") for w in _WINDOWS),
        *(col.integer(f"trade_{w}_count", f"Trades in the last {w}") for w in _WINDOWS),
        *(
            col.percent(f"price_change_{w}_percent", f"Price change over {w}", preview=w == "24h")
            for w in _WINDOWS
        ),
    )


TOKENS = TableContract(
    name="bronze/tokens",
    grain="One row per token and snapshot day: the market as the token list showed it.",
    columns=(
        col.day("snapshot_date", "UTC day of the snapshot", required=True),
        col.text("token_address", "Mint address of the token", required=True, preview=True),
        col.text("token_shard", "Shard of the token: a hash of its mint", required=True),
        col.text("symbol", "Symbol as listed; not unique, the mint is the identity", preview=True),
        col.text("name", "Name as listed"),
        col.integer("decimals", "Decimal places of a raw unit"),
        col.text("logo_uri", "URL of the logo"),
        col.text("extensions", "Links and ids of the project, as JSON text"),
        col.usd("price", "Price of one token", preview=True),
        col.usd("liquidity", "Liquidity over all pools", preview=True),
        col.usd("market_cap", "Market capitalisation"),
        col.usd("fdv", "Fully diluted valuation"),
        col.number("total_supply", "Total supply", "tokens"),
        col.number("circulating_supply", "Circulating supply", "tokens"),
        col.integer("holder", "Number of holders"),
        col.seconds("last_trade_unix_time", "Time of the last trade"),
        col.seconds("recent_listing_time", "Time of the latest listing"),
        *_token_window_columns(),
        col.flag("is_scaled_ui_token", "Whether shown amounts are scaled by `multiplier`"),
        col.number("multiplier", "Scale of shown amounts"),
        col.integer("list_rank", "Position in the list, 1 is the most liquid", preview=True),
        col.time(
            "fetched_at", "When the snapshot that last changed the row was taken", required=True
        ),
        col.text("tracking_status", "pending, tracked or rejected", required=True),
        col.time("tracked_at", "When the row was tracked or rejected"),
        col.text("reject_reason", "Why the token was not tracked"),
        col.text(
            "whale_fetch_status",
            "pending, completed or not_needed: mirrors the tracked token",
            required=True,
        ),
        col.time("whale_fetched_at", "When the token's whales were fetched"),
        col.flag("is_newly_tracked", "Whether its whales have never been fetched", required=True),
    ),
    key=("snapshot_date", "token_address"),
    partition_by=("snapshot_date", "token_shard", "tracking_status"),
    dagster_partition="snapshot_date",
    states=(
        State(
            "tracking_status",
            ("pending", "tracked", "rejected"),
            "pending",
            companions=("tracked_at", "reject_reason"),
            moves=(
                ("pending", "tracked"),
                ("pending", "rejected"),
                ("tracked", "pending"),
                ("rejected", "pending"),
                ("tracked", "rejected"),
                ("rejected", "tracked"),
            ),
        ),
        State(
            "whale_fetch_status",
            ("pending", "completed", "not_needed"),
            "pending",
            companions=("whale_fetched_at",),
        ),
        State("is_newly_tracked", (True, False), True),
    ),
    send_backs=(SendBack("tracking_status", "pending", clears=("tracked_at", "reject_reason")),),
    # A snapshot that shows the same market again is not a change, whenever it was taken.
    ignored_changes=("fetched_at",),
    statistics=("whale_fetch_status",),
    renewed_by="snapshot",
)

WHALES = TableContract(
    name="bronze/whales",
    grain="One row per token, holder and fetch day: how much the owner held when it was fetched.",
    columns=(
        col.day("fetched_on", "UTC day of the fetch", required=True),
        col.text("token_address", "Mint address of the token held", required=True, preview=True),
        col.text("wallet_address", "Owner of the token accounts", required=True, preview=True),
        col.text("token_shard", "Shard of the token", required=True),
        col.text("wallet_shard", "Shard of the wallet", required=True),
        col.text("token_symbol", "Symbol of the token as listed", preview=True),
        col.integer(
            "holder_rank",
            "Rank among the token's holders, 1 is the largest",
            required=True,
            preview=True,
        ),
        col.text("amount", "Sum of the owner's token accounts, exact", "raw units", required=True),
        col.integer("decimals", "Decimal places of a raw unit"),
        col.number("ui_amount", "Sum of the owner's token accounts", "tokens"),
        col.texts("token_accounts", "The owner's token accounts, largest first"),
        col.flag("is_scaled_ui_token", "Whether shown amounts are scaled by `multiplier`"),
        col.number("multiplier", "Scale of shown amounts"),
        col.percent("holding_share", "Share of the circulating supply held", preview=True),
        col.usd("price", "Token price used for the value"),
        col.usd("holding_usd", "Value of the holding", preview=True),
        col.time("fetched_at", "When the holders were fetched", required=True),
        col.text("tracking_status", "pending or tracked", required=True),
        col.time("tracked_at", "When silver/tracked_whales took up the row"),
    ),
    key=("fetched_on", "token_address", "wallet_address"),
    partition_by=("token_shard", "wallet_shard", "tracking_status"),
    dagster_partition="token_shard",
    states=(
        State(
            "tracking_status",
            ("pending", "tracked"),
            "pending",
            companions=("tracked_at",),
            moves=(("pending", "tracked"), ("tracked", "pending")),
        ),
    ),
    send_backs=(SendBack("tracking_status", "pending", clears=("tracked_at",)),),
    time_bound="fetched_on",
    statistics=("wallet_address",),
    ignored_changes=("fetched_at",),
    renewed_by="holders",
)


CANDIDATES = TableContract(
    name="bronze/candidates",
    grain="One row per source, wallet and day: a wallet that a list of ranked traders or the user names.",
    columns=(
        col.text("source", "The list (1W, 30d, ...), or watchlist", required=True, preview=True),
        col.text("wallet_address", "Wallet that it names", required=True, preview=True),
        col.day("listed_on", "UTC day on which it was named", required=True),
        col.text("wallet_shard", "Shard of the wallet", required=True),
        col.integer("list_rank", "Place on the list, from 1", preview=True),
        col.usd("pnl", "Gain as the list says, which is no evidence", preview=True),
        col.integer("trade_count", "Trades as the list says", preview=True),
        col.number("volume", "Volume as the list says", "USD"),
        col.text("network", "Chain as the list says"),
        col.flag("is_watched", "Whether the user watches it from then on; null on a list"),
        col.time("fetched_at", "When it was named", required=True),
        col.text("tracking_status", "pending or tracked", required=True),
        col.time("tracked_at", "When silver/tracked_whales took up the row"),
    ),
    key=("source", "wallet_address", "listed_on"),
    partition_by=("wallet_shard", "tracking_status"),
    states=(
        State(
            "tracking_status",
            ("pending", "tracked"),
            "pending",
            companions=("tracked_at",),
            moves=(("pending", "tracked"), ("tracked", "pending")),
        ),
    ),
    # Who is watched again on one day has to be taken up again.
    send_backs=(
        SendBack("tracking_status", "pending", changed=("is_watched",), clears=("tracked_at",)),
    ),
    time_bound="listed_on",
    statistics=("wallet_address",),
    renewed_by="candidates",
)


TRANSFERS = TableContract(
    name="bronze/transfers",
    grain="One row per transfer that a traced wallet sent or received, as the list of that wallet tells it.",
    columns=(
        col.text("transfer_id", "Hash of the row's identity and ordinal", required=True),
        col.text("wallet_address", "Wallet whose list was fetched", required=True, preview=True),
        col.text("wallet_shard", "Shard of the wallet", required=True),
        col.seconds("unix_time", "Time of the block", required=True, preview=True),
        col.text("time", "The same as the source writes it"),
        col.integer("block_number", "Slot of the block"),
        col.text("token_address", "Mint of what was sent", required=True, preview=True),
        col.text("from_address", "Who sent it", required=True, preview=True),
        col.text("to_address", "Who got it", required=True, preview=True),
        col.text("amounts", "How much, as received", "raw units"),
        col.usd("value", "What it was worth", preview=True),
        col.time("fetched_at", "When the row was fetched", required=True),
    ),
    key=("transfer_id",),
    partition_by=("wallet_shard",),
    dagster_partition="wallet_shard",
    insert_only=True,
    time_bound="unix_time",
    time_bound_slack=600,
    statistics=("wallet_address",),
    cluster_by=("wallet_address",),
    renewed_by="transfers",
)


def _leg_columns(leg: str) -> tuple[Column, ...]:
    return (
        col.text(f"{leg}_symbol", f"Symbol of the {leg} leg; not unique", preview=True),
        col.integer(f"{leg}_decimals", f"Decimal places of the {leg} leg"),
        col.text(f"{leg}_address", f"Mint of the {leg} leg"),
        col.text(
            f"{leg}_amount",
            f"Amount of the {leg} leg as received",
            "raw units",
        ),
        col.text(f"{leg}_type", f"Kind of movement of the {leg} leg"),
        col.text(f"{leg}_type_swap", f"Direction of the {leg} leg: from or to"),
        col.number(f"{leg}_ui_amount", f"Unsigned amount of the {leg} leg", "tokens"),
        col.usd(f"{leg}_price", f"Price of the {leg} leg's mint"),
        col.usd(f"{leg}_nearest_price", f"Nearest known price of the {leg} leg's mint"),
        col.text(
            f"{leg}_change_amount",
            f"Signed amount of the {leg} leg as received; the sign is the direction",
            "raw units",
        ),
        col.number(
            f"{leg}_ui_change_amount", f"Signed amount of the {leg} leg", "tokens", preview=True
        ),
        col.flag(f"{leg}_is_scaled_ui_token", f"Whether the {leg} leg's amounts are scaled"),
        col.number(f"{leg}_multiplier", f"Scale of the {leg} leg's shown amounts"),
    )


_READ_BY_PNL = (
    "block_unix_time",
    "tx_type",
    "block_number",
    "volume_usd",
    "ins_index",
    "inner_ins_index",
    *(
        f"{leg}_{name}"
        for leg in ("base", "quote")
        for name in (
            "decimals",
            "ui_change_amount",
            "price",
            "nearest_price",
            "is_scaled_ui_token",
            "multiplier",
        )
    ),
)
"""What may be revised of a swap row and changes a number; its identity is never revised."""

TRANSACTIONS = TableContract(
    name="bronze/transactions",
    grain="One row per swap row of a wallet's history: one exchange of two legs in one pool.",
    columns=(
        col.text("swap_id", "Hash of the row's identity and ordinal", required=True),
        col.text("wallet_address", "Wallet whose history was fetched", required=True, preview=True),
        col.text("wallet_shard", "Shard of the wallet", required=True),
        col.text("tx_hash", "Signature of the transaction; up to 5 rows share one", required=True),
        col.seconds("block_unix_time", "Time of the block", required=True, preview=True),
        col.text("owner", "Owner as the source names it"),
        col.text("source", "Venue of the swap", preview=True),
        col.text("tx_type", "Kind of row; only swaps make trades"),
        col.text("address", "Pool"),
        col.integer("block_number", "Slot of the block"),
        col.usd("volume_usd", "Value of the swap", preview=True),
        col.number("volume", "Volume as the source reports it", "tokens"),
        col.integer("ins_index", "Index of the instruction in the transaction", merge="known"),
        col.integer("inner_ins_index", "Index of the inner instruction", merge="known"),
        col.texts("signers", "Signers of the transaction"),
        col.text("interacted_program_id", "Program that was called"),
        *_leg_columns("base"),
        *_leg_columns("quote"),
        col.time("fetched_at", "When the row was fetched", required=True),
        col.flag(
            "processed_for_pnl",
            "Whether the row is settled: in the PnL or set aside",
            required=True,
        ),
        col.time("pnl_processed_at", "When the row was settled"),
        col.text("set_aside_reason", "Which rule of the contract the row breaks"),
    ),
    key=("swap_id",),
    partition_by=("wallet_shard", "processed_for_pnl"),
    dagster_partition="wallet_shard",
    states=(
        State(
            "processed_for_pnl",
            (False, True),
            False,
            companions=("pnl_processed_at", "set_aside_reason"),
            moves=((False, True), (True, False)),
        ),
    ),
    send_backs=(
        # The source has revised what it said of the row: its wallet is counted again.
        SendBack(
            "processed_for_pnl",
            False,
            changed=_READ_BY_PNL,
            only_from=True,
            clears=("pnl_processed_at", "set_aside_reason"),
        ),
    ),
    # A block's time is settled within minutes.
    time_bound="block_unix_time",
    time_bound_slack=600,
    # The text of an amount is another spelling of one number: the signed ones are part of the row's identity,
    # and the unsigned ones follow them.
    ignored_changes=(
        "fetched_at",
        *(f"{leg}_{name}" for leg in ("base", "quote") for name in ("amount", "change_amount")),
    ),
    statistics=("wallet_address",),
    cluster_by=("wallet_address",),
    renewed_by="wallets",
)
