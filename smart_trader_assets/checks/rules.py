"""The rules: each takes rows and returns those that break it, with a column `fault` that says how.

Pure frames in, frames out. An empty frame means that the rule holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import polars as pl

from smart_trader_assets.delta.contract import State, TableContract
from smart_trader_assets.pnl.columns import ALL_TOKENS, WINDOWS, is_portfolio

# By how much float64 columns that must be equal may differ, relative to the flow that they come from.
_TOLERANCE = 1e-9

_WIDENING = WINDOWS[::-1]


def doubled_keys(rows: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """Rows that share their key with another one. Columns out: the key, fault."""
    return (
        rows.filter(rows.select(key).is_duplicated())
        .select(key)
        .unique()
        .with_columns(fault=pl.lit("the key occurs more than once"))
    )


def unsound_states(
    rows: pl.DataFrame, contract: TableContract, times: Mapping[str, tuple[str | bool, str]]
) -> pl.DataFrame:
    """Rows whose state is not allowed, or is done without the time when it was done.

    times: state column to (the value that means done, the column of its time).
    Columns out: the key, fault.
    """
    faults = [_not_allowed(state) for state in contract.states]
    faults += [
        pl.when((pl.col(column) == done) & pl.col(at).is_null()).then(
            pl.lit(f"{column} is {done} without {at}")
        )
        for column, (done, at) in times.items()
    ]
    return _faulty(rows, contract.key, faults)


def forbidden_moves(changes: pl.DataFrame, key: Sequence[str], state: State) -> pl.DataFrame:
    """Changes of state that no transition of the contract allows.

    changes: the key, and the state column's value as text `before` and `after`, one row per change.
    Columns out: the key, fault.
    """
    allowed = pl.any_horizontal(
        pl.col("before") == pl.col("after"),
        *(
            (pl.col("before") == str(before).lower()) & (pl.col("after") == str(after).lower())
            for before, after in state.moves
        ),
    )
    return changes.filter(~allowed).select(
        *key,
        fault=format_fault(f"{state.column} went from ", "before", " to ", "after"),
    )


def orphans(
    rows: pl.DataFrame, column: str, parents: pl.DataFrame, parent_table: str
) -> pl.DataFrame:
    """Values of `column` that `parents` (same column name) does not hold. Columns out: it, fault."""
    return (
        rows.select(column)
        .unique()
        .join(parents, on=column, how="anti")
        .with_columns(fault=pl.lit(f"it is not in {parent_table}"))
    )


def broken_identities(pnl: pl.DataFrame) -> pl.DataFrame:
    """Rows of silver/wallet_pnl whose numbers contradict each other. Columns out: the key, fault."""
    given_up = pl.col("open_cost") + pl.col("lost_cost") + pl.col("estimated_fees_usd")
    kept = pl.col("realized_pnl") + pl.col("conservative_value")
    sold = ("matched_proceeds", "unmatched_proceeds", "unknown_basis_proceeds")
    faults = [
        _differ("realized_pnl", pl.col("matched_proceeds") - pl.col("matched_cost")),
        _differ("total_sold", pl.sum_horizontal(sold, ignore_nulls=False)),
        _differ("total_pnl", pl.col("realized_pnl") + pl.col("unrealized_pnl")),
        _differ("conservative_pnl", kept - given_up),
        _unless(
            ~_exceeds("conservative_value", pl.col("open_value")),
            "conservative_value exceeds open_value",
        ),
        _unless(
            ~_exceeds("conservative_pnl", pl.col("total_pnl")), "conservative_pnl exceeds total_pnl"
        ),
        _unless(
            ~_exceeds("stale_open_cost", pl.col("open_cost")), "stale_open_cost exceeds open_cost"
        ),
        _unless(pl.col("rollover_count") <= pl.col("trade_count"), "more rollovers than trades"),
        _unless(
            pl.col("sol_coverage").is_between(-1e-9, 100 + 1e-9),
            "sol_coverage is not between 0 and 100 %",
        ),
        _unless(
            pl.col("paid_in_sol").is_between(-1e-9, 100 + 1e-9),
            "paid_in_sol is not between 0 and 100 %",
        ),
        _unless(
            pl.col("trade_count") == pl.col("buy_count") + pl.col("sell_count"),
            "trade_count is not buys and sells",
        ),
        _unless(
            (pl.col("win_count") <= pl.col("closing_count"))
            & (pl.col("closing_count") <= pl.col("sell_count")),
            "wins, closing trades and sells do not nest",
        ),
        _unless(
            pl.col("coverage").is_between(-1e-9, 100 + 1e-9), "coverage is not between 0 and 100 %"
        ),
        _unless(
            pl.col("coverage").is_null() == (pl.col("total_sold") == 0),
            "coverage does not say that nothing was sold",
        ),
    ]
    return _faulty(pnl, ("wallet_address", "token_address", "window"), faults)


def broken_sums(pnl: pl.DataFrame) -> pl.DataFrame:
    """Portfolios that are not the sum of their tokens, and windows that hold more than a wider one.

    pnl: whole wallets of silver/wallet_pnl. Columns out: wallet_address, window, fault.
    """
    summed = (
        "realized_pnl",
        "total_bought",
        "total_sold",
        "matched_cost",
        "unmatched_proceeds",
        "unknown_basis_proceeds",
        "lost_cost",
        "trade_count",
    )
    held = ("open_cost", "conservative_value", "stale_open_cost")
    is_portfolio = pl.col("token_address") == ALL_TOKENS
    tokens = (
        pnl.filter(~is_portfolio)
        .group_by("wallet_address", "window")
        .agg(pl.col(*summed, *held).sum())
    )
    both = pnl.filter(is_portfolio).join(
        tokens, on=["wallet_address", "window"], how="left", suffix="_of_tokens"
    )
    # What was bought was closed, is open or was lost; a rollover may have added cash to it.
    spent = pl.sum_horizontal("matched_cost", "open_cost", "lost_cost", ignore_nulls=False)
    rolled = pl.col("rollover_count") > 0
    added = (
        pl.when(rolled).then(pl.max_horizontal(spent - pl.col("total_bought"), 0.0)).otherwise(0.0)
    )
    sums = _faulty(
        both,
        ("wallet_address", "window"),
        [
            *(_differ(name, pl.col(f"{name}_of_tokens").fill_null(0)) for name in (*summed, *held)),
            pl.when(pl.col("window") == WINDOWS[0]).then(
                _differ(
                    "total_bought",
                    spent - added,
                    "total_bought is not what was closed, open or lost",
                )
            ),
        ],
    )
    counts = pnl.filter(is_portfolio).pivot(
        "window", index="wallet_address", values="trade_count", aggregate_function="first"
    )
    pairs = [
        (narrow, wide)
        for narrow, wide in pairwise(_WIDENING)
        if narrow in counts.columns and wide in counts.columns
    ]
    nested = [
        _faulty(
            counts.with_columns(window=pl.lit(narrow)),
            ("wallet_address", "window"),
            [_unless(pl.col(narrow) <= pl.col(wide), f"more trades in {narrow} than in {wide}")],
        )
        for narrow, wide in pairs
    ]
    return pl.concat([sums, *nested])


def poorly_covered(pnl: pl.DataFrame, *, min_coverage: float) -> pl.DataFrame:
    """Portfolios of whose proceeds less than `min_coverage` percent have a known basis.

    Columns out: wallet_address, fault.
    """
    return pnl.filter(is_portfolio() & (pl.col("coverage") < min_coverage)).select(
        "wallet_address", fault=format_fault("coverage is ", pl.col("coverage").round(1), " %")
    )


def stale_numbers(pnl: pl.DataFrame, swaps: pl.DataFrame) -> pl.DataFrame:
    """Wallets whose numbers are not made from the swaps that count as processed.

    An older result that was put over a newer one leaves nothing due behind it: it shows only here.
    pnl: wallet_address, swaps_counted, as_of; swaps: all rows of their wallets in bronze/transactions. A wallet
    that is due is left out, since it will be computed. Columns out: wallet_address, fault.
    """
    numbers = pnl.filter(pl.col("swaps_counted").is_not_null())
    processed = pl.col("processed_for_pnl")
    in_time = pl.col("block_unix_time") <= pl.col("as_of").dt.epoch("s")
    counts = processed & pl.col("set_aside_reason").is_null() & in_time
    return (
        swaps.join(numbers, on="wallet_address")
        .group_by("wallet_address", "swaps_counted")
        .agg(counts.sum().cast(pl.Int64).alias("held"), processed.all().alias("nothing_due"))
        .filter(pl.col("nothing_due") & (pl.col("swaps_counted") != pl.col("held")))
        .select(
            "wallet_address",
            fault=format_fault("made from ", "swaps_counted", " swaps of ", "held"),
        )
    )


def stale_ranking(traders: pl.DataFrame, pnl: pl.DataFrame) -> pl.DataFrame:
    """Ranked wallets whose numbers are not those that the ranking has seen.

    traders: rows of gold/smart_traders; pnl: their portfolios in silver/wallet_pnl, window all, but those that
    the ranking has yet to see. Columns out: wallet_address, fault.
    """
    shown = ("realized_pnl", "trade_count")
    both = traders.join(pnl, on="wallet_address", suffix="_now")
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_now")) for name in shown)
    return both.filter(differs).select(
        "wallet_address",
        fault=format_fault(
            "ranked by a PnL of ", "realized_pnl", ", which is ", "realized_pnl_now"
        ),
    )


def disagreeing_tiers(traders: pl.DataFrame, changes: pl.DataFrame) -> pl.DataFrame:
    """Ranked wallets whose tier is not the one that their last change led to.

    changes: gold/tier_changes. Columns out: wallet_address, fault.
    """
    last = (
        changes.sort("change_number")
        .group_by("wallet_address")
        .agg(pl.col("change", "to_tier").last())
    )
    return (
        traders.join(last, on="wallet_address", how="left")
        .filter(pl.col("tier").ne_missing(pl.col("to_tier")))
        .select(
            "wallet_address",
            fault=format_fault("it is ", "tier", " and its last change was ", "change"),
        )
    )


def parted_listings(parted: pl.DataFrame) -> pl.DataFrame:
    """Listings that say something else than silver/tracked_tokens. Columns out: the key, fault."""
    fault = pl.lit("it says pending, and its whales were fetched")
    return parted.select("snapshot_date", "token_address", fault=fault)


def disagreeing_prices(swaps: pl.DataFrame, *, most_apart: float = 10.0) -> pl.DataFrame:
    """Swap rows whose legs' values are more than `most_apart` times apart.

    Thin tokens differ by tens of percent; more means that a price is wrong.
    Columns out: swap_id, fault.
    """

    def worth(leg: str) -> pl.Expr:
        price = pl.coalesce(pl.col(f"{leg}_price"), pl.col(f"{leg}_nearest_price"))
        return pl.col(f"{leg}_ui_change_amount").abs() * price

    ratio = pl.max_horizontal(worth("base"), worth("quote")) / pl.min_horizontal(
        worth("base"), worth("quote")
    )
    return (
        swaps.with_columns(ratio=ratio)
        .filter((pl.col("ratio") > most_apart) & pl.col("set_aside_reason").is_null())
        .select(
            "swap_id",
            fault=format_fault("the legs' values are ", pl.col("ratio").round(1), " times apart"),
        )
    )


def implausible_liquidity(tokens: pl.DataFrame) -> pl.DataFrame:
    """Listed tokens whose liquidity exceeds their market capitalisation several times over.

    Columns out: token_address, fault.
    """
    return tokens.filter(
        (pl.col("market_cap") > 0) & (pl.col("liquidity") > 10 * pl.col("market_cap"))
    ).select(
        "token_address",
        fault=format_fault(
            "liquidity ",
            pl.col("liquidity").round(0),
            " against a market capitalisation of ",
            pl.col("market_cap").round(0),
        ),
    )


def format_fault(*parts: str | pl.Expr) -> pl.Expr:
    """A sentence made of literal pieces (those with a blank) and of columns or expressions.

    Instead of `pl.format`, which panics in Polars 2.1 on empty frames.
    """
    return pl.concat_str(
        [pl.lit(part) if isinstance(part, str) and " " in part else _text(part) for part in parts]
    )


def _text(part: str | pl.Expr) -> pl.Expr:
    return (pl.col(part) if isinstance(part, str) else part).cast(pl.String)


def _not_allowed(state: State) -> pl.Expr:
    column = pl.col(state.column)
    return pl.when(~column.is_in(list(state.values)).fill_null(False)).then(
        format_fault(f"{state.column} is ", column.cast(pl.String).fill_null("null"))
    )


def _flow() -> pl.Expr:
    """What passed through a row's books, USD; a dollar at least."""
    flows = ("total_bought", "total_sold", "matched_cost", "open_cost", "estimated_fees_usd")
    return pl.sum_horizontal(flows) + 1.0


def _differ(name: str, other: pl.Expr, fault: str | None = None) -> pl.Expr:
    apart = (pl.col(name) - other).abs() > _TOLERANCE * _flow()
    return pl.when(apart).then(pl.lit(fault or f"{name} does not equal its parts"))


def _exceeds(name: str, other: pl.Expr) -> pl.Expr:
    return pl.col(name) > other + _TOLERANCE * _flow()


def _unless(holds: pl.Expr, fault: str) -> pl.Expr:
    return pl.when(~holds).then(pl.lit(fault))


def _faulty(rows: pl.DataFrame, key: Sequence[str], faults: Sequence[pl.Expr]) -> pl.DataFrame:
    if not faults:
        return rows.head(0).select(*key, fault=pl.lit("", pl.String))
    all_of_them = pl.concat_str(
        [fault.cast(pl.String) for fault in faults], separator="; ", ignore_nulls=True
    )
    return rows.select(*key, fault=all_of_them).filter(pl.col("fault") != "")
