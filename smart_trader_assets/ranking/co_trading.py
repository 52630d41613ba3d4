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
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from smart_trader_assets.ranking.chance_meetings import expected_meetings, log_bound
from smart_trader_assets.ranking.paid_by_others import paid_by_others

SIBLINGS: Final = "SIBLINGS"
"""They come together, now one first and now the other: one hand, or one bot, seems to lead both."""
COPIER: Final = "COPIER"
"""One comes after the other nearly always."""

CROWD: Final = "CROWD"
"""They come together, and so do many others with them."""

WASH: Final = "WASH"
"""One sells within seconds after the other has bought, nearly wherever they come together: it is paid by it."""

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
        "tokens_paid": pl.Int64(),
    }
)
"""A pair beyond chance, once: siblings in the order of their addresses, a copier before the one it follows, who
is paid before the one that pays.
`tokens_together`: in which they came within the seconds; of `tokens_shared` that both traded;
`tokens_expected` by the null model; `log10_p`: the decimal logarithm of a bound of its probability under it;
`times_later`: of the tokens together, in how many the first came later; `median_seconds` between them;
`tokens_paid`: in how many tokens the first sold within the seconds after the other had bought."""

PAID: Final = pl.Schema(
    {"wallet_address": pl.String(), "token_address": pl.String(), "other_address": pl.String()}
)
"""A token that a wallet sold within seconds after another, which is in a WASH pair with it, had bought it."""


@dataclass(frozen=True)
class CoTradingRules:
    """When wallets belong together, by the trades of the last `days`.

    `seconds`: how close is close; `confidence` (percent): that no pair of all that were looked at is named by
    chance; `min_tokens` in which they must have come together, and `min_share` (percent) of what the less
    busy of them traded; `follows` (percent): of the tokens together in which one came later, for it to be a
    copier; `paid_share` (percent): of the tokens together in which one sold into the other's buys, from which
    on it is paid by it; `paid_part` (percent): of what it sold, what the other must have bought;
    `most_wallets` that are still one hand, and no crowd.
    """

    days: float = 90.0
    seconds: int = 10
    confidence: float = 99.0
    min_tokens: int = 5
    min_share: float = 20.0
    follows: float = 90.0
    paid_share: float = 50.0
    paid_part: float = 10.0
    most_wallets: int = 12


# Wallets in one token within the seconds from which on they are a crowd and tell nothing about each other.
_CROWD: Final = 200
_FEWEST_ORDERED: Final = 5
# Seconds from a token's first known trade on in which its beginning brings people together.
_LAUNCH: Final = 120
_EVENTS_AT_ONCE: Final = 300_000


def lately(as_of: datetime, rules: CoTradingRules) -> pl.Expr:
    """The trades (block_unix_time, quantity) that tell at `as_of` who belongs together."""
    since = as_of - timedelta(days=rules.days)
    in_time = pl.col("block_unix_time").is_between(int(since.timestamp()), int(as_of.timestamp()))
    return in_time & (pl.col("quantity") != 0)


@dataclass(frozen=True)
class CoTrading:
    """Who trades together.

    pairs: `PAIRS`
    paid: `PAID`
    """

    pairs: pl.DataFrame
    paid: pl.DataFrame


def co_trading(trades: pl.LazyFrame, candidates: pl.Series, rules: CoTradingRules) -> CoTrading:
    """Trades of anybody -> the pairs beyond chance among `candidates`, and with whoever pays one of them.

    In: token_address, wallet_address, block_unix_time (seconds) and quantity (below 0: sold).

    The bound of the probability is Chernoff's, and the level is divided by the number of pairs that were
    looked at (Bonferroni): of candidates with each other, and with anybody whom they may follow. Tokens of
    one hour count once: who sells all that he has is close once. Two that follow the same third, ranked or
    not, are no siblings by that.
    """
    named = (
        trades.select(
            "token_address",
            "wallet_address",
            at="block_unix_time",
            is_sale=pl.col("quantity") < 0,
            quantity=pl.col("quantity").abs(),
        )
        .group_by("token_address", "wallet_address", "at", "is_sale")
        .agg(pl.col("quantity").max())
        .collect()
    )
    if candidates.is_empty() or named.is_empty():
        return CoTrading(pl.DataFrame(schema=PAIRS), pl.DataFrame(schema=PAID))
    # Numbers instead of addresses, in the order of these.
    wallets = named["wallet_address"].unique().sort()
    tokens = named["token_address"].unique().sort()
    numbered = named.select(
        pl.col("wallet_address").cast(pl.Enum(wallets)).to_physical(),
        pl.col("token_address").cast(pl.Enum(tokens)).to_physical(),
        "at",
        "is_sale",
        "quantity",
    )
    own = (
        wallets.to_frame()
        .with_row_index("number")
        .filter(pl.col("wallet_address").is_in(candidates.to_list()))["number"]
    )
    pairs, paid = _beyond_chance(
        numbered, own.cast(numbered.schema["wallet_address"]), wallets.len(), rules
    )
    pairs = pairs.with_columns(
        wallets.gather(pairs[name]).alias(name) for name in ("wallet_address", "other_address")
    )
    return CoTrading(
        pairs.select(pl.col(name).cast(dtype) for name, dtype in PAIRS.items()).sort(
            "wallet_address", "other_address"
        ),
        pl.DataFrame(
            {
                "wallet_address": wallets.gather(paid["wallet"]),
                "token_address": tokens.gather(paid["token_address"]),
                "other_address": wallets.gather(paid["other"]),
            },
            schema=PAID,
        ).sort(*PAID),
    )


def _beyond_chance(
    sides: pl.DataFrame, candidates: pl.Series, everybody: int, rules: CoTradingRules
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`PAIRS` and `PAID` of numbered wallets."""
    events = sides.drop("is_sale", "quantity").unique()
    is_candidate = pl.col("wallet_address").is_in(candidates.implode())
    visits = events.group_by("token_address", "wallet_address").agg(pl.len().alias("events"))
    near = _near(events, is_candidate, rules.seconds)
    pairs = near.group_by("wallet", "other").agg(together=pl.col("hour").n_unique().cast(pl.Int64))
    expected = expected_meetings(
        pairs, near, events, visits, is_candidate, min_tokens=rules.min_tokens
    )
    n = candidates.len()
    looked_at = n * (n - 1) / 2 + n * (everybody - n)
    least = math.log((1 - rules.confidence / 100) / max(looked_at, 1))
    found = (
        _once(pairs)
        .join(expected, on=["wallet", "other"])
        .with_columns(log_p=log_bound(pl.col("together"), pl.col("expected")))
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
    paid = paid_by_others(sides, found, seconds=rules.seconds, least_part=rules.paid_part)
    told = _related(found, near, paid, rules)
    named = candidates.implode()
    both = pl.col("wallet_address").is_in(named) & pl.col("other_address").is_in(named)
    # Who pays a candidate need not be one.
    kept = told.filter(both | (pl.col("relation") == WASH))
    washed = kept.filter(pl.col("relation") == WASH).select("wallet_address", "other_address")
    ways = pl.concat(
        [
            washed.select(wallet="wallet_address", other="other_address"),
            washed.select(wallet="other_address", other="wallet_address"),
        ]
    )
    return kept, paid.join(ways, on=["wallet", "other"], how="semi")


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


def _busy(visits: pl.DataFrame, name: str) -> pl.DataFrame:
    return visits.group_by(pl.col("wallet_address").alias(name)).agg(
        pl.len().cast(pl.Int64).alias(f"tokens_{name}")
    )


def _related(
    found: pl.DataFrame, near: pl.DataFrame, paid: pl.DataFrame, rules: CoTradingRules
) -> pl.DataFrame:
    """`PAIRS`: who pays whom, who follows whom, and who belongs together without following the same third."""
    tokens_paid = paid.group_by("wallet", "other").agg(
        paid=pl.col("token_address").n_unique().cast(pl.Int64)
    )
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
    most_paid = pl.max_horizontal("wallet_paid", "other_paid")
    rows = (
        found.join(lags, on=["wallet", "other"])
        .join(tokens_paid.rename({"paid": "wallet_paid"}), on=["wallet", "other"], how="left")
        .join(
            tokens_paid.select(wallet="other", other="wallet", other_paid="paid"),
            on=["wallet", "other"],
            how="left",
        )
        .with_columns(pl.col("wallet_paid", "other_paid").fill_null(0))
        .with_columns(
            follows=(ordered >= _FEWEST_ORDERED) & (later * 100 >= rules.follows * ordered),
            washes=(most_paid >= rules.min_tokens)
            & (most_paid * 100 >= rules.paid_share * pl.col("together")),
        )
    )
    first, second = pl.col("wallet"), pl.col("other")
    is_swapped = (
        pl.when("washes")
        .then(pl.col("other_paid") > pl.col("wallet_paid"))
        .otherwise(pl.col("follows") & (pl.col("other_later") > pl.col("wallet_later")))
    )
    told = rows.select(
        wallet_address=pl.when(is_swapped).then(second).otherwise(first),
        other_address=pl.when(is_swapped).then(first).otherwise(second),
        relation=pl.when("washes")
        .then(pl.lit(WASH))
        .when("follows")
        .then(pl.lit(COPIER))
        .otherwise(pl.lit(SIBLINGS)),
        tokens_together=pl.col("together").cast(pl.Int64),
        tokens_shared=pl.col("shared").cast(pl.Int64),
        tokens_expected="expected",
        log10_p=pl.col("log_p") / math.log(10),
        times_later=pl.when(is_swapped).then("other_later").otherwise("wallet_later"),
        median_seconds="median_seconds",
        tokens_paid=pl.when(is_swapped).then("other_paid").otherwise("wallet_paid"),
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
