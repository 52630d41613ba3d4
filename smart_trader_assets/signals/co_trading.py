"""Wallets that trade the same tokens within seconds of each other, more often than chance.

The null model: where two wallets trade a token, how often would one come within seconds of the other's trades,
if it came when others come? That is asked of the token's own crowd, whereby who is close to many is closer to
anybody, and of those who trade it in the same hour: a call or a move brings many together. The first minutes of
a token count for nothing: they bring together whoever waits for launches. Tokens are counted and not trades,
those of one hour once, since what happens together hangs together. Nobody is compared with everybody: only who
did come close somewhere is a pair, so that the work follows the trades that lie close together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
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
_PRIOR_IN_HOUR: Final = 4.0
# Wallets in one token within the seconds from which on they are a crowd and tell nothing about each other.
_CROWD: Final = 200
_FEWEST_ORDERED: Final = 5
# Seconds from a token's first known trade on in which its beginning brings people together.
_LAUNCH: Final = 120
_EVENTS_AT_ONCE: Final = 300_000


def co_trading_pairs(
    trades: pl.LazyFrame, candidates: pl.Series, rules: CoTradingRules
) -> pl.DataFrame:
    """token_address, wallet_address and block_unix_time of trades of anybody -> `PAIRS` among `candidates`.

    The bound of the probability is Chernoff's, and the level is divided by the number of pairs that were
    looked at (Bonferroni): of candidates with each other, and with anybody whom they may follow. Tokens of
    one hour count
    once: who sells all that he has is close once. Two that follow the same third, ranked or not, are no
    siblings by that.
    """
    named = (
        trades.select("token_address", "wallet_address", at="block_unix_time").unique().collect()
    )
    if candidates.len() < 2 or named.is_empty():  # noqa: PLR2004 - a pair
        return pl.DataFrame(schema=PAIRS)
    # Numbers instead of addresses, in the order of these.
    wallets = named["wallet_address"].unique().sort()
    number = {
        "wallet_address": pl.Enum(wallets),
        "token_address": pl.Enum(named["token_address"].unique().sort()),
    }
    events = named.select(
        *(pl.col(name).cast(kind).to_physical().alias(name) for name, kind in number.items()), "at"
    )
    own = (
        wallets.to_frame()
        .with_row_index("number")
        .filter(pl.col("wallet_address").is_in(candidates.to_list()))["number"]
    )
    found = _beyond_chance(events, own.cast(events.schema["wallet_address"]), wallets.len(), rules)
    return (
        found.with_columns(
            wallets.gather(found[name]).alias(name) for name in ("wallet_address", "other_address")
        )
        .select(pl.col(name).cast(dtype) for name, dtype in PAIRS.items())
        .sort("wallet_address", "other_address")
    )


def _beyond_chance(
    events: pl.DataFrame, candidates: pl.Series, everybody: int, rules: CoTradingRules
) -> pl.DataFrame:
    """`PAIRS` of numbered wallets."""
    is_candidate = pl.col("wallet_address").is_in(candidates.implode())
    visits = events.group_by("token_address", "wallet_address").agg(pl.len().alias("events"))
    near = _near(events, is_candidate, rules.seconds)
    tokens = visits.group_by("token_address").agg(
        wallets=pl.len().cast(pl.Int64), events_each=pl.col("events").median()
    )
    pairs = near.group_by("wallet", "other").agg(together=pl.col("hour").n_unique().cast(pl.Int64))
    companions = (
        pairs.filter(pl.col("together") > 1)
        .sort("together", "other", descending=[True, False])
        .group_by("wallet", maintain_order=True)
        .agg(pl.col("other").head(_COMPANIONS))
        .explode("other")
    )
    chances = _chances(near, visits, tokens, companions, is_candidate)
    asked = pairs.filter(pl.col("together") >= rules.min_tokens)
    n = candidates.len()
    looked_at = n * (n - 1) / 2 + n * (everybody - n)
    least = math.log((1 - rules.confidence / 100) / looked_at)
    by_hour = _chances_by_hour(events, near, companions, is_candidate)
    expected = _expected(asked, chances, by_hour, visits, tokens)
    found = (
        _once(asked)
        .join(expected, on=["wallet", "other"])
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
    both = pl.col("wallet_address").is_in(candidates.implode()) & pl.col("other_address").is_in(
        candidates.implode()
    )
    return _related(found, near, rules).filter(both)


def _once(pairs: pl.DataFrame) -> pl.DataFrame:
    """Each pair once, the lesser number first."""
    return (
        pairs.select(
            pl.min_horizontal("wallet", "other").alias("wallet"),
            pl.max_horizontal("wallet", "other").alias("other"),
            "together",
        )
        .group_by("wallet", "other")
        .agg(pl.col("together").max())
    )


def _near(events: pl.DataFrame, is_candidate: pl.Expr, seconds: int) -> pl.DataFrame:
    """token_address, wallet (a candidate), other, lag, hour: in which tokens another came how many seconds
    later (below 0: earlier) than one of its trades, the closest one, and when."""
    cell = pl.col("at") // (seconds + 1)
    began = pl.col("at").min().over("token_address")
    placed = events.filter(pl.col("at") >= began + _LAUNCH).with_columns(cell=cell)
    crowded = (
        placed.group_by("token_address", "cell")
        .agg(pl.col("wallet_address").n_unique().alias("wallets"))
        .filter(pl.col("wallets") > _CROWD)
    )
    placed = placed.join(crowded, on=["token_address", "cell"], how="anti").sort("token_address")
    parts = [_near_in(part, is_candidate, seconds) for part in _slices_of_tokens(placed)]
    return pl.concat(parts) if parts else _near_in(placed, is_candidate, seconds)


def _slices_of_tokens(placed: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Whole tokens, as many at once as fit easily into memory."""
    sizes = placed.group_by("token_address", maintain_order=True).len()
    parts = sizes.with_columns(part=(pl.col("len").cum_sum() // _EVENTS_AT_ONCE))
    for (_,), part in parts.group_by("part", maintain_order=True):
        yield placed.join(part.select("token_address"), on="token_address", how="semi")


def _near_in(placed: pl.DataFrame, is_candidate: pl.Expr, seconds: int) -> pl.DataFrame:
    of_candidates = placed.filter(is_candidate).with_columns(
        cell=pl.concat_list(pl.col("cell") - 1, "cell", pl.col("cell") + 1)
    )
    lag = pl.col("lag")
    closest = lag.get((lag.abs() * 2 + (lag > 0).cast(pl.Int64)).arg_min())
    return (
        of_candidates.rename({"wallet_address": "wallet"})
        .explode("cell")
        .join(
            placed.rename({"wallet_address": "other", "at": "other_at"}),
            on=["token_address", "cell"],
        )
        .with_columns(lag=pl.col("other_at") - pl.col("at"))
        .filter((pl.col("wallet") != pl.col("other")) & (lag.abs() <= seconds))
        .group_by("token_address", "wallet", "other")
        .agg(closest.alias("lag"), hour=pl.col("at").min() // 3_600)
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
    places = visits.select("token_address", other="wallet_address")
    beside = _companions_in(places, companions, near, ["token_address", "wallet"])
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
    # With the companions: who is left out because they came close would else make coming close rare.
    near_by, pairs = int(rows["all_close"].sum()), int((rows["wallets"] - 1).sum())
    usual = max(near_by, 1) / max(pairs, 1)
    return rows.select(
        "token_address",
        "wallet",
        "close",
        chance=(pl.col("close") + _PRIOR_WALLETS * usual) / (pl.col("crowd") + _PRIOR_WALLETS),
        all_close=pl.col("all_close").mean().over("token_address") * pl.col("wallets"),
    )


def _companions_in(
    places: pl.DataFrame, companions: pl.DataFrame, near: pl.DataFrame, key: list[str]
) -> pl.DataFrame:
    """By `key`: how many of a wallet's companions are in its places, and how many of them close; `places` says
    who is where."""
    return (
        companions.join(places, on="other")
        .join(near.select(*key, "other", is_near=1), on=[*key, "other"], how="left")
        .group_by(key)
        .agg(companions=pl.len(), companions_close=pl.col("is_near").sum())
    )


def _chances_by_hour(
    events: pl.DataFrame, near: pl.DataFrame, companions: pl.DataFrame, is_candidate: pl.Expr
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """token_address, hour, wallet, by_hour: that somebody who trades the token in that hour comes close to the
    wallet, without its companions; and token_address, hour, other of everybody.

    What brings people together, a call or a move, does so for an hour.
    """
    cells = events.select(
        "token_address", hour=pl.col("at") // 3_600, other="wallet_address"
    ).unique()
    sizes = cells.group_by("token_address", "hour").agg(people=pl.len().cast(pl.Int64))
    key = ["token_address", "hour", "wallet"]
    close = near.group_by(key).agg(close=pl.len())
    beside = _companions_in(cells, companions, near, key)
    rows = (
        cells.rename({"other": "wallet_address"})
        .filter(is_candidate)
        .rename({"wallet_address": "wallet"})
        .join(sizes, on=["token_address", "hour"])
        .filter(pl.col("people") > 1)
        .join(close, on=key, how="left")
        .join(beside, on=key, how="left")
        .with_columns(pl.col("close", "companions", "companions_close").fill_null(0))
    )
    near_by, pairs = int(rows["close"].sum()), int((rows["people"] - 1).sum())
    usual = max(near_by, 1) / max(pairs, 1)
    others = (pl.col("people") - 1 - pl.col("companions")).clip(0)
    foreign = (pl.col("close") - pl.col("companions_close")).clip(0)
    return (
        rows.select(*key, by_hour=(foreign + _PRIOR_IN_HOUR * usual) / (others + _PRIOR_IN_HOUR)),
        cells,
    )


def _expected(
    pairs: pl.DataFrame,
    chances: pl.DataFrame,
    in_hours: tuple[pl.DataFrame, pl.DataFrame],
    visits: pl.DataFrame,
    tokens: pl.DataFrame,
) -> pl.DataFrame:
    """wallet, other, expected, shared: in how many of the tokens that both traded they would come close by
    chance, as seen by the one of whom it is likelier.

    Who is close to many is closer to anybody: as many as a random graph with the same numbers of neighbours
    has.
    """
    both_ways = pl.concat(
        [pairs.select("wallet", "other"), pairs.select(wallet="other", other="wallet")]
    ).unique()
    of_other = chances.select("token_address", other="wallet", other_close="close")
    busy = visits.rename({"wallet_address": "other"}).join(
        tokens.select("token_address", "events_each"), on="token_address"
    )
    by_hour, cells = in_hours
    hourly = (
        both_ways.join(by_hour, on="wallet")
        .join(cells, on=["token_address", "hour", "other"])
        .group_by("wallet", "other", "token_address")
        .agg(pl.col("by_hour").max())
    )
    seen = (
        both_ways.join(chances, on="wallet")
        .join(of_other, on=["token_address", "other"], how="left")
        .join(busy, on=["token_address", "other"])
        # Who trades more often comes close more often.
        .with_columns(
            chance=1 - (1 - pl.col("chance")) ** (pl.col("events") / pl.col("events_each")).clip(1)
        )
        .with_columns(
            by_neighbours=pl.when(pl.col("all_close") > 0)
            .then(pl.col("close") * pl.col("other_close").fill_null(0) / pl.col("all_close"))
            .otherwise(0.0)
            .clip(0, 1)
        )
        .join(hourly, on=["wallet", "other", "token_address"], how="left")
        .group_by("wallet", "other")
        .agg(
            expected=pl.max_horizontal("chance", "by_neighbours", "by_hour").sum(),
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
    keys = ["token_address", "wallet", "other", "lag", "hour"]
    both_ways = pl.concat(
        [
            near.select(keys),
            near.select(
                "token_address", wallet="other", other="wallet", lag=-pl.col("lag"), hour="hour"
            ),
        ]
    )
    lags = (
        both_ways.join(found.select("wallet", "other"), on=["wallet", "other"])
        .sort(pl.col("lag").abs(), "token_address", "lag")
        .unique(["wallet", "other", "hour"], keep="first", maintain_order=True)
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
    return _without_fellow_copiers(told)


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
    """`PAIRS` with cluster_id and vote_id: the first address of the wallets that siblings join (null for
    others), and of all that hang together by any relation, who have one vote: whoever follows does not decide
    by himself.

    More than `most_wallets` siblings that hang together are a crowd that follows the same calls: they are told
    so, and are no cluster.
    """
    is_sibling = pl.col("relation") == SIBLINGS
    hands = _joined(pairs.filter(is_sibling)).rename({"joined": "cluster_id"})
    hands = hands.with_columns(is_crowd=pl.len().over("cluster_id") > rules.most_wallets)
    votes = _joined(pairs).rename({"joined": "vote_id"})
    return (
        pairs.join(hands, on="wallet_address", how="left", maintain_order="left")
        .join(votes, on="wallet_address", how="left", maintain_order="left")
        .with_columns(
            cluster_id=pl.when(is_sibling & ~pl.col("is_crowd")).then("cluster_id"),
            relation=pl.when(is_sibling & pl.col("is_crowd"))
            .then(pl.lit(CROWD))
            .otherwise("relation"),
        )
        .drop("is_crowd")
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


def with_hands(traders: pl.DataFrame, members: pl.DataFrame) -> pl.DataFrame:
    """Rows of gold/smart_traders and `members_of` -> with hand_rank: the rank of the best wallet of the hand
    that seems to lead it; null for that wallet itself, and for who trades alone."""
    joined = traders.join(members, on="wallet_address", how="left", maintain_order="left")
    best = pl.col("overall_rank").min().over("cluster_id")
    is_sibling = pl.col("cluster_id").is_not_null() & (pl.col("overall_rank") > best)
    return joined.with_columns(hand_rank=pl.when(is_sibling).then(best)).drop("cluster_id")
