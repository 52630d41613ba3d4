"""Wallets that one purse has funded, by the transfers of cash that were read of them and of who sent it.

An exchange, a bridge or an airdrop sends to everybody, and joins nobody. A sender counts only once its own
newest transfers have been read, and show that it sends to few: so the addresses of exchanges need not be known.
Tokens that are moved tell whence a bag came, and no more: a project pays many helpers.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.pnl.swap_rows import time_of

FUNDED: Final = "FUNDED"
"""Nothing but their purse joins them."""

FUNDED_PAIRS: Final = pl.Schema(
    {
        "wallet_address": pl.String(),
        "other_address": pl.String(),
        "funder_address": pl.String(),
        "funder_recipients": pl.Int64(),
        "funded_at": TIME,
    }
)
"""A pair, once, in the order of the addresses: `funder_address` sent cash to both, or is one of them and sent
it to the other; `funder_recipients`: addresses that it is known to have sent to; `funded_at`: when the
later of the two first got some of it."""


@dataclass(frozen=True)
class FundingRules:
    """Who sends cash to more than `most_recipients` addresses, or deals in it with more than `most_parties`, by
    the newest `page` transfers of its own, is a service and no purse. What is known to be worth less than
    `min_usd` is dust that anybody sends to anybody, and counts for neither."""

    most_recipients: int = 12
    most_parties: int = 50
    min_usd: float = 10.0
    page: int = 100


@dataclass(frozen=True)
class Funding:
    """Who has sent cash to whom, and how many each deals with.

    receipts: wallet_address, funder_address, first_at (unix seconds): what the lists of the receivers tell
    sends: funder_address, wallet_address: what the newest list of the sender tells
    reach: wallet_address, parties: of those whose own list was read
    """

    receipts: pl.DataFrame
    sends: pl.DataFrame
    reach: pl.DataFrame

    @classmethod
    def of(cls, transfers: pl.LazyFrame, cash: Collection[str], rules: FundingRules) -> Funding:
        """By rows of bronze/transfers; `cash` are the mints of SOL and of the other cash."""
        own, sender, receiver = (
            pl.col(name) for name in ("wallet_address", "from_address", "to_address")
        )
        is_dust = (pl.col("value") < rules.min_usd).fill_null(value=False)
        is_cash = (sender != receiver) & pl.col("token_address").is_in(list(cash)) & ~is_dust
        receipts = (
            transfers.filter(is_cash & (receiver == own))
            .group_by(wallet_address=own, funder_address=sender)
            .agg(first_at=pl.col("unix_time").min())
        )
        newest = transfers.filter(
            pl.col("unix_time").rank("ordinal", descending=True).over("wallet_address")
            <= rules.page
        )
        moved = newest.filter(is_cash)
        sends = moved.filter(sender == own).select(funder_address=own, wallet_address=receiver)
        reach = newest.group_by("wallet_address").agg(
            parties=pl.when(sender == own)
            .then(receiver)
            .otherwise(sender)
            .filter(is_cash)
            .n_unique()
        )
        return cls(*pl.collect_all([receipts, sends.unique(), reach]))


def funded_pairs(funding: Funding, wallets: pl.Series, rules: FundingRules) -> pl.DataFrame:
    """`FUNDED_PAIRS` among `wallets`: those that one purse has sent cash to, and itself where it is one."""
    known = pl.concat(
        [funding.sends, funding.receipts.select("funder_address", "wallet_address")]
    ).unique()
    recipients = known.group_by("funder_address").agg(funder_recipients=pl.len().cast(pl.Int64))
    purses = (
        funding.reach.filter(pl.col("parties") <= rules.most_parties)
        .select(funder_address="wallet_address")
        .join(recipients, on="funder_address")
        .filter(pl.col("funder_recipients") <= rules.most_recipients)
    )
    own = funding.receipts.filter(pl.col("wallet_address").is_in(wallets.implode())).join(
        purses, on="funder_address"
    )
    itself = own.filter(pl.col("funder_address").is_in(wallets.implode()))
    direct = itself.select(
        "wallet_address", "funder_address", "funder_recipients", "first_at", other="funder_address"
    )
    shared = (
        own.join(
            own.select("funder_address", "first_at", other="wallet_address"), on="funder_address"
        )
        .filter(pl.col("wallet_address") < pl.col("other"))
        .select(
            "wallet_address",
            "funder_address",
            "funder_recipients",
            pl.max_horizontal("first_at", "first_at_right").alias("first_at"),
            "other",
        )
    )
    found = pl.concat([direct.with_columns(is_third=False), shared.with_columns(is_third=True)])
    return (
        found.select(
            wallet_address=pl.min_horizontal("wallet_address", "other"),
            other_address=pl.max_horizontal("wallet_address", "other"),
            funder_address="funder_address",
            funder_recipients="funder_recipients",
            funded_at=time_of(pl.col("first_at")),
            is_third="is_third",
        )
        .sort("is_third", "funded_at", "funder_address")
        .unique(["wallet_address", "other_address"], keep="first", maintain_order=True)
        .drop("is_third")
        .sort("wallet_address", "other_address")
        .match_to_schema(FUNDED_PAIRS)
    )


def funders_to_read(funding: Funding, traders: pl.DataFrame, known: pl.Series) -> pl.DataFrame:
    """Who has sent cash to several of the ranked `traders` (wallet_address, overall_rank) and is not among the
    `known`: wallet_address, traced_rank (the best rank of those)."""
    return (
        funding.receipts.join(traders.select("wallet_address", "overall_rank"), on="wallet_address")
        .filter(~pl.col("funder_address").is_in(known.implode()))
        .group_by(wallet_address="funder_address")
        .agg(funded=pl.len(), traced_rank=pl.col("overall_rank").min())
        .filter(pl.col("funded") > 1)
        .sort("traced_rank", "wallet_address")
        .select("wallet_address", "traced_rank")
    )
