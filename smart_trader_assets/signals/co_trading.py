"""Wallets that trade the same tokens within seconds of each other, more often than chance.

The null model: where two wallets trade a token, how often would one come within seconds of the other's
trades, if it came when others come? That is asked of the token's own crowd: the part of all other wallets of
that token that did come so close, whereby who is close to many is closer to anybody. The first minutes of a
token count for nothing: they bring together whoever waits for launches. Tokens are counted and not trades,
since the trades of one token hang together. Nobody is compared with everybody: only who did come close
somewhere is a pair, so that the work follows the trades that lie close together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import polars as pl

SIBLINGS: Final = "SIBLINGS"
"""They come together, now one first and now the other: one hand, or one bot, seems to lead both."""
COPIER: Final = "COPIER"
"""One comes after the other nearly always."""

CROWD: Final = "CROWD"
"""They come together, and so do many others with them."""

PAIRS: Final = pl.Schema(
    {
        "wallet_address": pl.String(),
        "other_address": pl.String(),
        "relation": pl.String(),
        "tokens_together": pl.Int64(),
        "tokens_shared": pl.Int64(),
        "tokens_expected": pl.Float64(),
        "log10_p": pl.Float64(),
        "times_later": pl.Int64(),
        "median_seconds": pl.Float64(),
    }
)
"""A pair beyond chance, once: siblings in the order of their addresses, a copier before the one it follows.
`tokens_together`: in which they came within the seconds; of `tokens_shared` that both traded;
`tokens_expected` by the null model; `log10_p`: the decimal logarithm of a bound of its probability under it;
`times_later`: of the tokens together, in how many the first came later; `median_seconds` between them."""


@dataclass(frozen=True)
class CoTradingRules:
    """When wallets belong together.

    `seconds`: how close is close; `confidence` (percent): that no pair of all that were looked at is named by
    chance; `min_tokens` in which they must have come together, and `min_share` (percent) of what the less
    busy of them traded; `follows` (percent): of the tokens together in which one came later, for it to be a
    copier; `most_wallets` that are still one hand, and no crowd.
    """

    seconds: int = 10
    confidence: float = 99.0
    min_tokens: int = 5
    min_share: float = 20.0
    follows: float = 90.0
    most_wallets: int = 12


# Whose company is known is no part of the crowd: a group of so many would else explain itself.
_COMPANIONS: Final = 8
# Weight, in wallets, of how often anybody comes close by chance, beside a token's own crowd.
_PRIOR_WALLETS: Final = 8.0
# Wallets in one token within the seconds from which on they are a crowd and tell nothing about each other.
_CROWD: Final = 200
_FEWEST_ORDERED: Final = 8
# Seconds from a token's first known trade on in which its beginning brings people together.
_LAUNCH: Final = 120


def co_trading_pairs(
    trades: pl.LazyFrame, candidates: pl.Series, rules: CoTradingRules
) -> pl.DataFrame:
    """token_address, wallet_address and block_unix_time of trades of anybody -> `PAIRS` among `candidates`.

    The bound of the probability is Chernoff's, and the level is divided by the number of pairs of candidates
    (Bonferroni). Two that follow the same third are no siblings by that.
    """
    events = (
        trades.select("token_address", "wallet_address", at="block_unix_time").unique().collect()
    )
    is_candidate = pl.col("wallet_address").is_in(candidates.to_list())
    if candidates.len() < 2 or events.is_empty():  # noqa: PLR2004 - a pair
        return pl.DataFrame(schema=PAIRS)
    visits = events.group_by("token_address", "wallet_address").agg(pl.len().alias("events"))
    near = _near(events, is_candidate, rules.seconds)
    if near.is_empty():
        return pl.DataFrame(schema=PAIRS)
    tokens = visits.group_by("token_address").agg(
        wallets=pl.len(), events_each=pl.col("events").mean()
    )
    together = near.group_by("wallet", "other").agg(together=pl.len())
    companions = (
        together.filter(pl.col("together") > 1)
        .sort("together", "other", descending=[True, False])
        .group_by("wallet", maintain_order=True)
        .agg(pl.col("other").head(_COMPANIONS))
        .explode("other")
    )
    chances = _chances(near, visits, tokens, companions, is_candidate)
    pairs = together.filter(
        (pl.col("together") >= rules.min_tokens)
        & pl.col("other").is_in(candidates.to_list())
        & (pl.col("wallet") < pl.col("other"))
    )
    if pairs.is_empty():
        return pl.DataFrame(schema=PAIRS)
    looked_at = candidates.len() * (candidates.len() - 1) / 2
    least = math.log((1 - rules.confidence / 100) / looked_at)
    found = (
        pairs.join(_expected(pairs, chances, visits, tokens), on=["wallet", "other"])
        .with_columns(log_p=_log_bound(pl.col("together"), pl.col("expected")))
        .join(_busy(visits, "wallet"), on="wallet")
        .join(_busy(visits, "other"), on="other")
        .filter(
            (pl.col("log_p") < least)
            & (
                pl.col("together") * 100
                >= rules.min_share * pl.min_horizontal("tokens_wallet", "tokens_other")
            )
        )
    )
    return _related(found, near, rules)


def _near(events: pl.DataFrame, is_candidate: pl.Expr, seconds: int) -> pl.DataFrame:
    """token_address, wallet (a candidate), other, lag: in which tokens another came how many seconds later
    (below 0: earlier) than one of its trades, the closest one."""
    cell = pl.col("at") // (seconds + 1)
    began = pl.col("at").min().over("token_address")
    placed = events.filter(pl.col("at") >= began + _LAUNCH).with_columns(cell=cell)
    crowded = (
        placed.group_by("token_address", "cell")
        .agg(pl.col("wallet_address").n_unique().alias("wallets"))
        .filter(pl.col("wallets") > _CROWD)
    )
    placed = placed.join(crowded, on=["token_address", "cell"], how="anti")
    of_candidates = placed.filter(is_candidate).with_columns(
        cell=pl.concat_list(pl.col("cell") - 1, "cell", pl.col("cell") + 1)
    )
    return (
        of_candidates.rename({"wallet_address": "wallet"})
        .explode("cell")
        .join(
            placed.rename({"wallet_address": "other", "at": "other_at"}),
            on=["token_address", "cell"],
        )
        .with_columns(lag=pl.col("other_at") - pl.col("at"))
        .filter((pl.col("wallet") != pl.col("other")) & (pl.col("lag").abs() <= seconds))
        .sort(pl.col("lag").abs(), "lag")
        .unique(["token_address", "wallet", "other"], keep="first", maintain_order=True)
        .select("token_address", "wallet", "other", "lag")
    )


def _chances(
    near: pl.DataFrame,
    visits: pl.DataFrame,
    tokens: pl.DataFrame,
    companions: pl.DataFrame,
    is_candidate: pl.Expr,
) -> pl.DataFrame:
    """token_address, wallet, chance: that somebody of the token's crowd comes close to the wallet there,
    without its companions."""
    close = near.group_by("token_address", "wallet").agg(close=pl.len())
    beside = (
        companions.join(visits.rename({"wallet_address": "other"}), on="other")
        .join(
            near.select("token_address", "wallet", "other", is_near=1),
            on=["token_address", "wallet", "other"],
            how="left",
        )
        .group_by("token_address", "wallet")
        .agg(companions=pl.len(), companions_close=pl.col("is_near").sum())
    )
    rows = (
        visits.filter(is_candidate)
        .select("token_address", wallet="wallet_address")
        .join(tokens, on="token_address")
        .join(close, on=["token_address", "wallet"], how="left")
        .join(beside, on=["token_address", "wallet"], how="left")
        .with_columns(pl.col("close", "companions", "companions_close").fill_null(0))
        .with_columns(
            all_close="close",
            close=pl.col("close") - pl.col("companions_close"),
            crowd=(pl.col("wallets") - 1 - pl.col("companions")).clip(0),
        )
    )
    near_by, crowd = (int(rows[name].sum()) for name in ("close", "crowd"))
    usual = near_by / crowd if crowd else 0.0
    return rows.select(
        "token_address",
        "wallet",
        "close",
        chance=(pl.col("close") + _PRIOR_WALLETS * usual) / (pl.col("crowd") + _PRIOR_WALLETS),
        all_close=pl.col("all_close").mean().over("token_address") * pl.col("wallets"),
    )


def _expected(
    pairs: pl.DataFrame, chances: pl.DataFrame, visits: pl.DataFrame, tokens: pl.DataFrame
) -> pl.DataFrame:
    """wallet, other, expected, shared: in how many of the tokens that both traded they would come close by
    chance, as seen by the one of whom it is likelier.

    Who is close to many is closer to anybody: as many as a random graph with the same numbers of neighbours
    has.
    """
    both_ways = pl.concat(
        [pairs.select("wallet", "other"), pairs.select(wallet="other", other="wallet")]
    )
    of_other = chances.select("token_address", other="wallet", other_close="close")
    busy = visits.rename({"wallet_address": "other"}).join(
        tokens.select("token_address", "events_each"), on="token_address"
    )
    seen = (
        both_ways.join(chances, on="wallet")
        .join(of_other, on=["token_address", "other"])
        .join(busy, on=["token_address", "other"])
        # Who trades more often comes close more often.
        .with_columns(
            chance=1 - (1 - pl.col("chance")) ** (pl.col("events") / pl.col("events_each")).clip(1)
        )
        .with_columns(
            by_neighbours=pl.when(pl.col("all_close") > 0)
            .then(pl.col("close") * pl.col("other_close") / pl.col("all_close"))
            .otherwise(0.0)
            .clip(0, 1)
        )
        .group_by("wallet", "other")
        .agg(
            expected=pl.max_horizontal("chance", "by_neighbours").sum(),
            shared=pl.len(),
        )
    )
    return (
        seen.select(
            pl.min_horizontal("wallet", "other").alias("wallet"),
            pl.max_horizontal("wallet", "other").alias("other"),
            "expected",
            "shared",
        )
        .group_by("wallet", "other")
        .agg(pl.col("expected", "shared").max())
    )


def _log_bound(found: pl.Expr, expected: pl.Expr) -> pl.Expr:
    """Chernoff: the natural logarithm of a bound of the probability of `found` or more where `expected` are."""
    return (
        pl.when(found > expected)
        .then(found - expected + found * (expected / found).log())
        .otherwise(0.0)
    )


def _busy(visits: pl.DataFrame, name: str) -> pl.DataFrame:
    return visits.group_by(pl.col("wallet_address").alias(name)).agg(
        pl.len().cast(pl.Int64).alias(f"tokens_{name}")
    )


def _related(found: pl.DataFrame, near: pl.DataFrame, rules: CoTradingRules) -> pl.DataFrame:
    """`PAIRS`: who follows whom, and who belongs together without following the same third."""
    lags = (
        near.join(found.select("wallet", "other"), on=["wallet", "other"])
        .group_by("wallet", "other")
        .agg(
            other_later=(pl.col("lag") > 0).sum().cast(pl.Int64),
            wallet_later=(pl.col("lag") < 0).sum().cast(pl.Int64),
            median_seconds=pl.col("lag").abs().median(),
        )
    )
    ordered = pl.col("other_later") + pl.col("wallet_later")
    later = pl.max_horizontal("other_later", "wallet_later")
    rows = found.join(lags, on=["wallet", "other"]).with_columns(
        follows=(ordered >= _FEWEST_ORDERED) & (later * 100 >= rules.follows * ordered),
        swapped=pl.col("other_later") > pl.col("wallet_later"),
    )
    first, second = pl.col("wallet"), pl.col("other")
    is_swapped = pl.col("follows") & pl.col("swapped")
    told = rows.select(
        wallet_address=pl.when(is_swapped).then(second).otherwise(first),
        other_address=pl.when(is_swapped).then(first).otherwise(second),
        relation=pl.when("follows").then(pl.lit(COPIER)).otherwise(pl.lit(SIBLINGS)),
        tokens_together=pl.col("together").cast(pl.Int64),
        tokens_shared=pl.col("shared").cast(pl.Int64),
        tokens_expected="expected",
        log10_p=pl.col("log_p") / math.log(10),
        times_later=pl.when(is_swapped).then("other_later").otherwise("wallet_later"),
        median_seconds="median_seconds",
    )
    return (
        _without_fellow_copiers(told)
        .select(pl.col(name).cast(dtype) for name, dtype in PAIRS.items())
        .sort("wallet_address", "other_address")
    )


def _without_fellow_copiers(pairs: pl.DataFrame) -> pl.DataFrame:
    """Two that follow the same one come close to each other by that alone."""
    leaders = pairs.filter(pl.col("relation") == COPIER).select(
        "wallet_address", leader="other_address"
    )
    fellows = leaders.join(leaders, on="leader", suffix="_2").select(
        "wallet_address", other_address="wallet_address_2"
    )
    is_sibling = pl.col("relation") == SIBLINGS
    return pl.concat(
        [
            pairs.filter(~is_sibling),
            pairs.filter(is_sibling).join(
                fellows, on=["wallet_address", "other_address"], how="anti"
            ),
        ]
    )


def with_clusters(pairs: pl.DataFrame, rules: CoTradingRules) -> pl.DataFrame:
    """`PAIRS` with cluster_id: the first address of the wallets that siblings join; null for copiers.

    More than `most_wallets` that hang together are a crowd that follows the same calls: they are told so, and
    are no cluster.
    """
    leader: dict[str, str] = {}

    def top(wallet: str) -> str:
        while leader.setdefault(wallet, wallet) != wallet:
            leader[wallet] = leader[leader[wallet]]
            wallet = leader[wallet]
        return wallet

    siblings = pairs.filter(pl.col("relation") == SIBLINGS)
    for one, other in siblings.select("wallet_address", "other_address").iter_rows():
        first, second = sorted((top(one), top(other)))
        leader[second] = first
    members = pl.DataFrame(
        [(wallet, top(wallet)) for wallet in sorted(leader)],
        schema={"wallet_address": pl.String, "cluster_id": pl.String},
        orient="row",
    )
    size = pl.len().over("cluster_id")
    members = members.with_columns(is_crowd=size > rules.most_wallets)
    is_sibling = pl.col("relation") == SIBLINGS
    return (
        pairs.join(members, on="wallet_address", how="left", maintain_order="left")
        .with_columns(
            cluster_id=pl.when(is_sibling & ~pl.col("is_crowd")).then("cluster_id"),
            relation=pl.when(is_sibling & pl.col("is_crowd"))
            .then(pl.lit(CROWD))
            .otherwise("relation"),
        )
        .drop("is_crowd")
    )


def members_of(clusters: pl.DataFrame) -> pl.DataFrame:
    """Pairs with their cluster_id, or rows of gold/wallet_clusters -> wallet_address, cluster_id."""
    joined = clusters.filter(pl.col("cluster_id").is_not_null())
    return (
        pl.concat(
            [
                joined.select("wallet_address", "cluster_id"),
                joined.select("cluster_id", wallet_address="other_address").select(
                    "wallet_address", "cluster_id"
                ),
            ]
        )
        .unique()
        .sort("cluster_id", "wallet_address")
    )


def with_hands(traders: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """Rows of gold/smart_traders and `members_of` -> with hand_rank: the rank of the best wallet of the hand
    that seems to lead it; null for that wallet itself, and for who trades alone."""
    joined = traders.join(members, on="wallet_address", how="left", maintain_order="left")
    best = pl.col("overall_rank").min().over("cluster_id")
    is_sibling = pl.col("cluster_id").is_not_null() & (pl.col("overall_rank") > best)
    return joined.with_columns(hand_rank=pl.when(is_sibling).then(best)).drop("cluster_id")
