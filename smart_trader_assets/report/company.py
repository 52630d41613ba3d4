"""With whom a wallet trades within seconds, beyond chance, or shares a purse: in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.ranking import members_of
from smart_trader_assets.ranking.co_trading import COPIER, CROWD, SIBLINGS, WASH
from smart_trader_assets.tables.catalog import WALLET_CLUSTERS
from smart_trader_assets.text import listed_words, plural, short

_MOST_NAMED = 5


def company_of(store: DeltaStore, wallets: Collection[str]) -> pl.DataFrame:
    """Rows of gold/wallet_clusters that any of `wallets`, or of their clusters, is in: without audit trail, the
    surest first."""
    pairs = (
        store.scan(WALLET_CLUSTERS)
        .select(column.name for column in WALLET_CLUSTERS.columns)
        .sort("log10_p", "wallet_address", "other_address", nulls_last=True)
        .collect()
    )
    return company_among(pairs, wallets)


def company_among(pairs: pl.DataFrame, wallets: Collection[str]) -> pl.DataFrame:
    """The same out of rows of `company_of` for these wallets and more."""
    named = list(wallets)
    own = pl.col("wallet_address").is_in(named) | pl.col("other_address").is_in(named)
    clusters = pairs.filter(own)["cluster_id"].drop_nulls().unique().to_list()
    return pairs.filter(own | pl.col("cluster_id").is_in(clusters))


def company_words(pairs: pl.DataFrame, wallet: str) -> list[str]:
    """What the rows of `company_of` say of one of its wallets; a sentence each, none where it trades alone."""
    rows = [
        row
        for row in pairs.iter_rows(named=True)
        if wallet in (row["wallet_address"], row["other_address"])
    ]
    told = []
    paid = [row for row in rows if row["relation"] == WASH and row["wallet_address"] == wallet]
    if paid:
        payer, tokens = short(paid[0]["other_address"]), plural(paid[0]["tokens_paid"], "token")
        more = f", and so does {plural(len(paid) - 1, 'other')}" if len(paid) > 1 else ""
        told.append(
            f"{payer} seems to pay it{more}: it sold within seconds after that wallet had bought in "
            f"{tokens}, and came {_closely(paid[0])}."
        )
    pays = [row for row in rows if row["relation"] == WASH and row["other_address"] == wallet]
    if pays:
        tokens = plural(pays[0]["tokens_paid"], "token")
        told.append(
            f"It seems to pay {_named([row['wallet_address'] for row in pays])}: within seconds after it had "
            f"bought, that wallet sold, in {tokens}."
        )
    if siblings := [row for row in rows if row["relation"] == SIBLINGS and row["cluster_id"]]:
        own = members_of(pairs).filter(pl.col("cluster_id") == siblings[0]["cluster_id"])
        others = [member for member in own["wallet_address"] if member != wallet]
        told.append(
            f"One hand seems to lead it and {_named(others)}: with {short(_other(siblings[0], wallet))} it "
            f"came {_closely(siblings[0])}. Together they have one rank and one vote."
        )
    told += _purse_words([row for row in rows if row["funder_address"]], wallet)
    for row in rows:
        if row["relation"] == COPIER and row["wallet_address"] == wallet:
            told.append(
                f"It seems to copy {short(row['other_address'])}: it came {_closely(row)}, later in "
                f"{row['times_later']} of them."
                + ("" if row["cluster_id"] else " Together they have one vote.")
            )
    copiers = [
        row["wallet_address"]
        for row in rows
        if row["relation"] == COPIER and row["other_address"] == wallet
    ]
    if copiers:
        told.append(f"It seems to be copied by {_named(copiers)}.")
    crowd = [_other(row, wallet) for row in rows if row["relation"] == CROWD]
    if crowd:
        told.append(
            f"It seems to follow the same calls as {_named(crowd)}: together they have one vote."
        )
    return told


def _purse_words(rows: Sequence[Mapping[str, Any]], wallet: str) -> Iterator[str]:
    """A sentence for each purse that joins the wallet to others: it is theirs, one of them, or a third."""
    together = "Together they have one rank and one vote."
    for purse in dict.fromkeys(row["funder_address"] for row in rows):
        own = [row for row in rows if row["funder_address"] == purse]
        others = [_other(row, wallet) for row in own]
        # The later of the two had it from then on.
        since = f"{min(row['funded_at'] for row in own):%Y-%m-%d}"
        if purse == wallet:
            yield f"It has sent cash to {_named(others)}, since {since}. {together}"
            continue
        fellows = [other for other in others if other != purse]
        to_them = f" and {_named(fellows)}" if fellows else ""
        reach = f"{own[0]['funder_recipients']:,} addresses"
        yield (
            f"{short(purse)} has sent cash to it{to_them}, since {since}; it is known to have sent to {reach}. "
            f"{together}"
        )


def _other(row: Mapping[str, Any], wallet: str) -> str:
    return str(row["other_address"] if row["wallet_address"] == wallet else row["wallet_address"])


def _named(wallets: Collection[str]) -> str:
    shown = [short(wallet) for wallet in list(wallets)[:_MOST_NAMED]]
    more = len(wallets) - len(shown)
    return listed_words([*shown, plural(more, "other")] if more else shown)


def _closely(row: Mapping[str, Any]) -> str:
    return (
        f"within seconds in {row['tokens_together']} of {row['tokens_shared']} tokens "
        f"({row['tokens_expected']:.1f} by chance)"
    )
