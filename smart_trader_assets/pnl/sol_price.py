"""The price of SOL as a wallet saw it: which of its prices are believed, and what it was at any time."""

from dataclasses import dataclass
from typing import Final

import polars as pl

from smart_trader_assets.pnl.cash import SOL_DECIMALS
from smart_trader_assets.pnl.exact import MONEY_DIGITS, divided, usd_value, whole
from smart_trader_assets.pnl.segments import ends
from smart_trader_assets.pnl.swap_rows import LEGS, MILLISECONDS_FROM

BELIEVED_WITHIN: Final = 2.0
"""SOL's price does not double within a day; a price farther than this from the median is an error."""
DAY_SECONDS: Final = 86_400
_LEAST_PRICES: Final = 3


def with_believed_sol_prices(rows: pl.DataFrame, is_sol: pl.Series) -> pl.DataFrame:
    """Rows with `wallet`, `block_unix_time`, mint codes and rates -> the same, with believed rates of SOL.

    A rate of SOL more than a factor of 2 from the median of the wallet's rates of SOL within 24 h either way,
    itself included and three at least, is replaced by that median.
    """
    legs = [
        rows.select(
            "wallet",
            "block_unix_time",
            row=pl.int_range(pl.len(), dtype=pl.UInt32),
            rate=f"{leg}_rate",
        )
        .filter(
            is_sol.gather(rows[f"{leg}_mint"]) & pl.col("rate").is_not_null(),
        )
        .with_columns(leg=pl.lit(place, dtype=pl.UInt8))
        for place, leg in enumerate(LEGS)
    ]
    doubtful = _of_doubtful_wallets(pl.concat(legs))
    if doubtful.is_empty():
        return rows
    wrong = _beside_their_medians(doubtful)
    for place, leg in enumerate(LEGS):
        own = wrong.filter(pl.col("leg") == place)
        if own.height:
            rows = rows.with_columns(rows[f"{leg}_rate"].scatter(own["row"], own["median"]))
    return rows


def _of_doubtful_wallets(legs: pl.DataFrame) -> pl.DataFrame:
    """Only where the largest and the smallest price of three days are far apart can one be far from a
    median."""
    rate = pl.col("rate")
    apart = rate.max() > rate.min() * BELIEVED_WITHIN
    wallets = legs.group_by("wallet").agg(apart=apart).filter("apart")["wallet"]
    if wallets.is_empty():
        return legs.clear()
    legs = legs.filter(pl.col("wallet").is_in(wallets.implode()))
    day = pl.col("block_unix_time") // DAY_SECONDS
    days = legs.group_by("wallet", day=day).agg(least=rate.min(), most=rate.max())
    near = pl.concat(
        days.select("wallet", pl.col("day") + shift, "least", "most") for shift in (-1, 0, 1)
    )
    near = near.group_by("wallet", "day").agg(
        apart=pl.col("most").max() > pl.col("least").min() * BELIEVED_WITHIN
    )
    wallets = near.filter("apart")["wallet"].unique()
    return legs.filter(pl.col("wallet").is_in(wallets.implode()))


def _beside_their_medians(legs: pl.DataFrame) -> pl.DataFrame:
    """The legs whose rate is not believed, with the `median` that is.

    The window of a rolling median ends at its row: each leg asks a day late for what lies two days back from
    there. Wallets lie far apart on the one line of time.
    """
    at = _line(pl.col("wallet"))
    asked = legs.select(at=at + DAY_SECONDS, rate=pl.lit(None, dtype=pl.Float64))
    line = pl.concat([legs.select(at=at, rate="rate"), asked.unique()]).sort("at")
    window = f"{2 * DAY_SECONDS}i"
    medians = line.select(
        "at",
        median=pl.col("rate").rolling_median_by(
            "at", window_size=window, min_samples=_LEAST_PRICES, closed="both"
        ),
    ).unique("at")
    median, rate = pl.col("median"), pl.col("rate")
    return (
        legs.with_columns(at=at + DAY_SECONDS)
        .join(medians, on="at", how="inner")
        .filter((rate > median * BELIEVED_WITHIN) | (median > rate * BELIEVED_WITHIN))
    )


def sol_moved(rows: pl.DataFrame, is_sol: pl.Series, key: str) -> pl.DataFrame:
    """Rows -> key, sol_units (lamports moved either way at a known price) and sol_usd (their money), by
    `key`."""
    decimals = pl.lit(SOL_DECIMALS, dtype=pl.Int64)
    legs = pl.concat(
        rows.lazy()
        .filter(is_sol.gather(rows[f"{leg}_mint"]) & pl.col(f"{leg}_rate").is_not_null())
        .select(key, units=pl.col(f"{leg}_quantity").abs(), rate=f"{leg}_rate")
        for leg in LEGS
    )
    return (
        legs.with_columns(usd=usd_value(pl.col("units"), decimals, pl.col("rate")))
        .group_by(key)
        .agg(sol_units=pl.col("units").sum(), sol_usd=pl.col("usd").sum())
        .collect()
    )


def in_sol(money: pl.Expr, price: pl.Expr) -> pl.Expr:
    """Money (1e-21 USD) -> 1e-21 SOL at a price, null without one."""
    return divided(money.cast(pl.Float64), price).round().cast(pl.Int128, strict=False)


def sol_of(lamports: pl.Expr) -> pl.Expr:
    """Lamports -> 1e-21 SOL, exactly."""
    return lamports * whole(10 ** (MONEY_DIGITS - SOL_DECIMALS))


def mean_price() -> pl.Expr:
    """USD per SOL of `sol_usd` for `sol_units`, both exact sums."""
    scale = 10.0 ** (SOL_DECIMALS - MONEY_DIGITS)
    return divided(pl.col("sol_usd").cast(pl.Float64), pl.col("sol_units").cast(pl.Float64)) * scale


def _line(wallet: pl.Expr) -> pl.Expr:
    """Wallets lie so far apart on one line of time that none reaches into another."""
    return wallet.cast(pl.Int64) * (4 * MILLISECONDS_FROM) + pl.col("block_unix_time")


@dataclass(frozen=True)
class SolPrices:
    """What SOL was worth to each wallet, from its own legs of SOL.

    seconds: at (wallet and second on one line), wallet, price (the mean of the second's legs); ascending
    """

    seconds: pl.DataFrame

    @classmethod
    def of(cls, transactions: pl.DataFrame, rows: pl.DataFrame, is_sol: pl.Series) -> "SolPrices":
        """transactions: wallet, block_unix_time, sol_price (of its own legs, null where it has none), in the
        order of wallet and time; rows: all rows that they were made from."""
        known = (
            transactions.lazy()
            .filter(pl.col("sol_price").is_not_null())
            .select("wallet", at=_line(pl.col("wallet")), price="sol_price")
            .collect()
        )
        first = known["at"] != known["at"].shift(1)
        single = first.fill_null(value=True) & first.shift(-1).fill_null(value=True)
        if single.all():
            return cls(known)
        shared = known.filter(~single)["at"].unique()
        of_shared = rows.with_columns(at=_line(pl.col("wallet"))).filter(
            pl.col("at").is_in(shared.implode())
        )
        means = (
            sol_moved(of_shared, is_sol, "at")
            .select("at", price=mean_price())
            .join(known.select("at", "wallet").unique(), on="at")
        )
        return cls(pl.concat([known.filter(single), means.select(known.columns)]).sort("at"))

    def newest(self) -> pl.DataFrame:
        """wallet, sol_price: at its newest second with any."""
        last = ends(self.seconds["wallet"])
        return self.seconds.filter(last).select("wallet", sol_price="price")

    def of_their_time(self, transactions: pl.DataFrame) -> pl.Series:
        """`sol_price`, and where that is null the price of the wallet's nearest second with any within 24 h,
        the earlier of two equally near; null where there is none."""
        price = transactions["sol_price"]
        if not price.null_count() or self.seconds.is_empty():
            return price
        lacking = price.is_null()
        asked = transactions.filter(lacking).select(at=_line(pl.col("wallet"))).set_sorted("at")
        seconds = self.seconds.select("at", "price", found="at").set_sorted("at")
        before, after = (
            asked.join_asof(seconds, on="at", strategy=side, tolerance=DAY_SECONDS)
            for side in ("backward", "forward")
        )
        nearest = pl.DataFrame(
            {
                "back": asked["at"] - before["found"],
                "ahead": after["found"] - asked["at"],
                "before": before["price"],
                "after": after["price"],
            }
        ).select(
            pl.when(pl.col("ahead").is_null() | (pl.col("back") <= pl.col("ahead")))
            .then("before")
            .otherwise("after")
        )
        return price.scatter(lacking.arg_true(), nearest.to_series())
