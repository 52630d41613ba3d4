"""What a credit is expected to bring: which wallets to read next, and how many pages of each.

Spending is a search. A wallet of which nothing is read promises what its origin promises; one that is read in
part promises what its bets have shown so far, and costs the more the longer its history has proved to be. It is
a pure function of what the tables know, so that the order can be explained, and compared with others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from smart_trader_assets.ranking.exclusion import UNTESTED
from smart_trader_assets.transforms.candidates import LEADERBOARD, WATCHLIST
from smart_trader_assets.transforms.holders import HOLDER

PAGE_ROWS: Final = 100

SHOWN_AT_ONCE: Final = ("POOL", "ARBITRAGEUR", "BOT", "SAME_BLOCK")
"""Classes that a first page shows, and that no further one takes back: no page more is paid for them."""

PRIOR: Final = {WATCHLIST: 0.5, LEADERBOARD: 0.1, HOLDER: 0.03}
"""By origin: how probably a wallet is skilled before a swap of it is read."""

_MOST_CONFIDENT: Final = 0.99
_NOTHING_SHOWN: Final = 0.5
_NOT_CONVINCING: Final = 0.1
_KNOWN_WHOLE: Final = 0.3
"""Of a wallet whose history is whole: another look brings the swaps of a day, a fraction of a page."""

KNOWN = pl.Schema(
    {
        "wallet_address": pl.String(),
        "origin": pl.String(),
        "is_watched": pl.Boolean(),
        "holding_usd": pl.Float64(),
        "is_read": pl.Boolean(),
        "is_going_on": pl.Boolean(),
        "swaps": pl.Int64(),
        "place": pl.Int64(),
        "confidence": pl.Float64(),
        "wallet_class": pl.String(),
    }
)
"""What is known of a due wallet: its best origin, whether the user watches it, its largest holding (USD),
whether anything of its history is read and whether its walk has to go on, swap rows read, its place among those
who have a tier (null: none), the ranking's confidence that it is skilled (percent) and its class, where it is
excluded."""


@dataclass(frozen=True, slots=True)
class PageRules:
    """Pages of swaps: of a wallet at first sight, the most of one in a run, and those that may be spent on all
    (None: any number), of which following may take so many before anything new is looked at."""

    first: int
    most: int
    all: int | None
    following: int | None


def with_promise(wallets: pl.DataFrame) -> pl.DataFrame:
    """`KNOWN` -> with `is_followed` and `promise`, the most promising first.

    Followed are the user's own wallets and those with a tier. The promise is the chance of finding a skilled
    wallet by one more page: of the odds that its origin gives, times the odds of its bets (confidence against
    doubt), divided by the pages read, since a history of which n pages are read has about n more. A holder's
    odds grow with what it holds, by half for ten times as much.
    """
    read = pl.col("is_read")
    confidence = (
        pl.when(~read)
        .then(_NOTHING_SHOWN)
        .when(pl.col("confidence").is_not_null())
        .then((pl.col("confidence") / 100).clip(1 - _MOST_CONFIDENT, _MOST_CONFIDENT))
        .when(pl.col("wallet_class").is_null() | (pl.col("wallet_class") == UNTESTED))
        .then(_NOTHING_SHOWN)
        .otherwise(_NOT_CONVINCING)
    )
    prior = pl.col("origin").replace_strict(PRIOR, default=PRIOR[HOLDER], return_dtype=pl.Float64)
    worth = (pl.col("holding_usd").fill_null(0).clip(1_000, 1_000_000) / 1_000).log10()
    prior = pl.when(pl.col("origin") == HOLDER).then(prior * (1 + worth / 2)).otherwise(prior)
    odds = prior / (1 - prior) * confidence / (1 - confidence)
    pages = (pl.col("swaps").fill_null(0) / PAGE_ROWS).ceil().clip(1)
    whole = read & ~pl.col("is_going_on")
    return wallets.with_columns(
        is_followed=pl.col("is_watched") | pl.col("place").is_not_null(),
        promise=odds / (1 + odds) / pages * pl.when(whole).then(_KNOWN_WHOLE).otherwise(1.0),
    ).sort(
        pl.col("is_watched"),
        pl.col("place").fill_null(2**31),
        pl.col("promise"),
        pl.col("wallet_address"),
        descending=[True, False, True, False],
    )


def planned_pages(wallets: pl.DataFrame, rules: PageRules) -> pl.DataFrame:
    """`with_promise` -> wallet_address and `pages` of those that are fetched in this run.

    Where pages are not limited each gets what it may have. Else following comes first, as far as its part goes:
    its pages are shared equally, and each has at least one. Then the others by promise, a wallet that is read
    in part no more than an equal share of what is left among all that wait, and at least a page.
    """
    asked = wallets.with_columns(
        pages=pl.when(pl.col("is_read")).then(rules.most).otherwise(min(rules.first, rules.most))
    )
    if rules.all is None:
        return asked.select("wallet_address", pages=pl.col("pages").cast(pl.Int64))
    most = rules.all if rules.following is None else min(rules.all, rules.following)
    followed = asked.filter("is_followed").head(most)
    equally = max(1, most // max(1, followed.height))
    followed = followed.with_columns(pages=pl.min_horizontal("pages", equally))
    left = rules.all - int(followed["pages"].sum())
    # Those beyond following's part come last of all.
    rest = asked.filter("is_followed").slice(followed.height)
    others = pl.concat([asked.filter(~pl.col("is_followed")), rest])
    share = max(1, left // max(1, others.height))
    others = others.with_columns(
        pages=pl.when("is_going_on")
        .then(pl.min_horizontal("pages", share))
        .otherwise(pl.min_horizontal("pages", rules.first))
    )
    taken = pl.col("pages").cum_sum() - pl.col("pages")
    others = others.with_columns(pages=pl.min_horizontal("pages", left - taken))
    others = others.filter(pl.col("pages") > 0)
    return pl.concat([followed, others]).select(
        "wallet_address", pages=pl.col("pages").cast(pl.Int64)
    )
