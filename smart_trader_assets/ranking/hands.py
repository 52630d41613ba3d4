"""Pairs of wallets that trade together, or that one purse funds, joined: whom one hand leads, and who has one
vote."""

from __future__ import annotations

import polars as pl

from smart_trader_assets.ranking.co_trading import CROWD, SIBLINGS, WASH, CoTradingRules
from smart_trader_assets.ranking.funding import FUNDED, FUNDED_PAIRS


def with_funding(pairs: pl.DataFrame, funded: pl.DataFrame) -> pl.DataFrame:
    """`PAIRS` and `FUNDED_PAIRS` -> one row per pair, with what each knows of it (null: it does not know the
    pair): the relation of a pair that only its purse joins is FUNDED."""
    first, second = pl.col("wallet_address"), pl.col("other_address")
    key = ["first", "second"]
    traded = pairs.with_columns(
        first=pl.min_horizontal(first, second), second=pl.max_horizontal(first, second)
    )
    by_purse = funded.rename({"wallet_address": "first", "other_address": "second"})
    known = traded.join(by_purse, on=key, how="left", maintain_order="left").drop(key)
    alone = by_purse.join(traded, on=key, how="anti", maintain_order="left")
    added = alone.rename({"first": "wallet_address", "second": "other_address"}).with_columns(
        relation=pl.lit(FUNDED)
    )
    return pl.concat([known, added], how="diagonal")


def with_clusters(
    pairs: pl.DataFrame, rules: CoTradingRules, funded: pl.DataFrame | None = None
) -> pl.DataFrame:
    """`PAIRS` and `FUNDED_PAIRS` with cluster_id and vote_id: the first address of the wallets that one hand
    joins, siblings, who is paid with who pays, and who has one purse (null for others), and of all that hang
    together by any relation, who have one vote: whoever follows does not decide by himself.

    More than `most_wallets` siblings that hang together are a crowd that follows the same calls: they are told
    so, and are no cluster.
    """
    if funded is None:
        funded = pl.DataFrame(schema=FUNDED_PAIRS)
    pairs = with_funding(pairs, funded)
    is_sibling, is_wash = pl.col("relation") == SIBLINGS, pl.col("relation") == WASH
    # Money between them is no matter of chance, however many they are.
    has_purse = pl.col("funder_address").is_not_null()
    joined = _joined(pairs.filter(is_sibling & ~has_purse))
    crowd = joined.filter(pl.len().over("joined") > rules.most_wallets)["wallet_address"]
    is_crowd = is_sibling & ~has_purse & pl.col("wallet_address").is_in(crowd.implode())
    hands = _joined(pairs.filter((is_sibling & ~is_crowd) | is_wash | has_purse))
    votes = _joined(pairs).rename({"joined": "vote_id"})
    return (
        pairs.join(
            hands.rename({"joined": "cluster_id"}),
            on="wallet_address",
            how="left",
            maintain_order="left",
        )
        .join(votes, on="wallet_address", how="left", maintain_order="left")
        .with_columns(
            cluster_id=pl.when((is_sibling & ~is_crowd) | is_wash | has_purse).then("cluster_id"),
            relation=pl.when(is_crowd).then(pl.lit(CROWD)).otherwise("relation"),
        )
    )


def _joined(pairs: pl.DataFrame) -> pl.DataFrame:
    """wallet_address, joined: the first address of those that the pairs join, directly or by others."""
    leader: dict[str, str] = {}

    def top(wallet: str) -> str:
        while leader.setdefault(wallet, wallet) != wallet:
            leader[wallet] = leader[leader[wallet]]
            wallet = leader[wallet]
        return wallet

    for one, other in pairs.select("wallet_address", "other_address").iter_rows():
        first, second = sorted((top(one), top(other)))
        leader[second] = first
    return pl.DataFrame(
        [(wallet, top(wallet)) for wallet in sorted(leader)],
        schema={"wallet_address": pl.String, "joined": pl.String},
        orient="row",
    )


def members_of(clusters: pl.DataFrame, by: str = "cluster_id") -> pl.DataFrame:
    """Pairs `with_clusters`, or rows of gold/wallet_clusters -> wallet_address, cluster_id; `by` vote_id:
    those who have one vote."""
    joined = clusters.filter(pl.col(by).is_not_null())
    return (
        pl.concat(
            [
                joined.select("wallet_address", cluster_id=by),
                joined.select(wallet_address="other_address", cluster_id=by),
            ]
        )
        .unique()
        .sort("cluster_id", "wallet_address")
    )


def with_ranks_by_hand(traders: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """A ranking and `members_of` -> with rank_by_hand (the wallets of a hand count once, and have the rank of
    the best of them), led_by (that wallet; null for itself, and for who trades alone) and siblings (the others
    of the hand that are ranked, best first)."""
    hands = (
        traders.select("wallet_address", "overall_rank")
        .join(members, on="wallet_address", how="left")
        .with_columns(hand=pl.coalesce("cluster_id", "wallet_address"))
        .sort("overall_rank")
    )
    others = hands.select("hand", sibling="wallet_address")
    siblings = (
        hands.join(others, on="hand", maintain_order="left_right")
        .filter(pl.col("wallet_address") != pl.col("sibling"))
        .group_by("wallet_address", maintain_order=True)
        .agg(siblings="sibling")
    )
    best = pl.col("wallet_address").first().over("hand")
    ranks = hands.select(
        "wallet_address",
        rank_by_hand=pl.col("overall_rank").min().over("hand").rank("dense").cast(pl.Int64),
        led_by=pl.when(best != pl.col("wallet_address")).then(best),
    )
    return (
        traders.join(ranks, on="wallet_address", how="left", maintain_order="left")
        .join(siblings, on="wallet_address", how="left", maintain_order="left")
        .with_columns(pl.col("siblings").fill_null([]))
    )


def with_hands(traders: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """Rows of gold/smart_traders and `members_of` -> with hand_rank: the rank of the best wallet of the hand
    that seems to lead it; null for that wallet itself, and for who trades alone."""
    joined = traders.join(members, on="wallet_address", how="left", maintain_order="left")
    best = pl.col("overall_rank").min().over("cluster_id")
    is_sibling = pl.col("cluster_id").is_not_null() & (pl.col("overall_rank") > best)
    return joined.with_columns(hand_rank=pl.when(is_sibling).then(best)).drop("cluster_id")
