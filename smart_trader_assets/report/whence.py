"""Whence a wallet has what it sold without having bought it, as far as transfers were read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import polars as pl

from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.pnl.cash import DEFAULT_CASH_MINTS, NATIVE_SOL
from smart_trader_assets.pnl.swap_rows import time_of
from smart_trader_assets.ranking import members_of
from smart_trader_assets.tables.catalog import TRANSFERS, WALLET_PNL
from smart_trader_assets.text import listed_words, named_mint, plural, price, usd

MOST_TOLD: Final = 3


def received_tokens(
    store: DeltaStore, wallets: Collection[str], company: pl.DataFrame
) -> pl.DataFrame:
    """Tokens that `wallets` sold without having bought them, and who had sent them; `company`: rows of
    gold/wallet_clusters.

    Out, by wallet and what it got for them, who sent most often first: wallet_address, token_address,
    unmatched_proceeds (USD), from_address, transfers, first_at (before the last sale, or it is no source);
    is_sibling: whether one hand seems to lead both; sender_price (USD a token): what the sender paid on average
    for what it has bought and not sold, null where that is not known.
    Transfers are no part of any number: none of this is in a profit.
    """
    own = pl.col("wallet_address").is_in(list(wallets))
    sent = (
        store.scan(TRANSFERS)
        .filter(
            own
            & (pl.col("to_address") == pl.col("wallet_address"))
            & (pl.col("from_address") != pl.col("wallet_address"))
            & ~pl.col("token_address").is_in([NATIVE_SOL, *DEFAULT_CASH_MINTS])
        )
        .group_by("wallet_address", "token_address", "from_address")
        .agg(transfers=pl.len().cast(pl.Int64), first_at=time_of(pl.col("unix_time").min()))
        .collect()
    )
    whole = store.scan(WALLET_PNL).filter(pl.col("window") == "all")
    sold = whole.filter(
        own
        & (pl.col("unmatched_proceeds") > 0)
        & pl.col("token_address").is_in(sent["token_address"].to_list())
    ).select("wallet_address", "token_address", "unmatched_proceeds", "last_transaction")
    paid = whole.filter(
        pl.col("wallet_address").is_in(sent["from_address"].to_list())
        & pl.col("token_address").is_in(sent["token_address"].to_list())
        & (pl.col("open_quantity") > 0)
    ).select(
        "token_address",
        from_address="wallet_address",
        sender_price=pl.col("open_cost") / pl.col("open_quantity"),
    )
    hands = members_of(company)
    of = dict(hands.iter_rows())
    return (
        sent.lazy()
        .join(sold, on=["wallet_address", "token_address"])
        .filter((pl.col("first_at") <= pl.col("last_transaction")).fill_null(value=True))
        .drop("last_transaction")
        .join(paid, on=["token_address", "from_address"], how="left")
        .with_columns(
            is_sibling=(
                pl.col("wallet_address").replace_strict(of, default=None, return_dtype=pl.String)
                == pl.col("from_address").replace_strict(of, default=None, return_dtype=pl.String)
            ).fill_null(value=False)
        )
        .sort(
            "wallet_address",
            "unmatched_proceeds",
            "token_address",
            "transfers",
            "from_address",
            descending=[False, True, False, True, False],
        )
        .collect()
    )


def whence_words(received: pl.DataFrame, wallet: str, symbols: Mapping[str, str]) -> Iterator[str]:
    """What `received_tokens` say of one wallet; a sentence for each of the tokens that brought it most."""
    tokens = received.filter(pl.col("wallet_address") == wallet).partition_by(
        "token_address", maintain_order=True
    )
    for rows in tokens[:MOST_TOLD]:
        mint, proceeds = rows["token_address"][0], rows["unmatched_proceeds"][0]
        senders = [_sender(row) for row in rows.head(MOST_TOLD).iter_rows(named=True)]
        if rows.height > MOST_TOLD:
            senders.append(plural(rows.height - MOST_TOLD, "other"))
        yield (
            f"{named_mint(mint, symbols.get(mint))}, which it sold for {usd(proceeds)} without having bought "
            f"it, may have come from {listed_words(senders)}."
        )
    if len(tokens) > MOST_TOLD:
        more = plural(len(tokens) - MOST_TOLD, "more token")
        yield f"{more} came likewise: bronze/transfers has them."


def _sender(row: Mapping[str, Any]) -> str:
    sibling = ", which one hand seems to lead with it" if row["is_sibling"] else ""
    paid = (
        f", which paid {price(row['sender_price'])} a token for what it holds or has moved away"
        if row["sender_price"] is not None
        else ""
    )
    times = plural(row["transfers"], "transfer")
    return f"{row['from_address']}{sibling}{paid} ({times} from {row['first_at']:%Y-%m-%d} on)"
