"""Ledger -> metrics by window, of each position and of each wallet's portfolio.

Lots are matched over the whole history; a window selects which disposals, buys, counts and times
count. What is held is as of `as_of`, and is on the `all` rows only.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.pnl.aggregates import (
    SUMS,
    portfolio_aggregates,
    position_aggregates,
    token_aggregates,
    with_results,
)
from smart_trader_assets.pnl.assumptions import DEFAULT_ASSUMPTIONS, Assumptions
from smart_trader_assets.pnl.cash_moves import arbitrages_by_window, conversions_by_window
from smart_trader_assets.pnl.columns import ALL_TOKENS, WALLET_PNL_SCHEMA, WINDOWS
from smart_trader_assets.pnl.decoding import tokens_of
from smart_trader_assets.pnl.errors import ColumnsMissingError
from smart_trader_assets.pnl.exact import quotient, to_usd
from smart_trader_assets.pnl.held import held_portfolios, held_positions
from smart_trader_assets.pnl.lots import Ledger, lot_matches
from smart_trader_assets.pnl.path_metrics import activity, drawdowns, holdings, sharpes
from smart_trader_assets.pnl.segments import starts
from smart_trader_assets.pnl.stakes import early_sales, peak_costs
from smart_trader_assets.pnl.swap_rows import time_of
from smart_trader_assets.pnl.trades import Trades
from smart_trader_assets.pnl.windows import group_id, with_depth

_DAYS_A_SECOND: Final = 1 / 86_400
_FLOWS: Final = (
    "total_bought",
    "total_sold",
    "matched_proceeds",
    "matched_cost",
    "unmatched_proceeds",
    "unknown_basis_proceeds",
    "lost_cost",
)


def wallet_metrics(
    traded: Trades,
    ledger: Ledger,
    *,
    as_of: datetime,
    marks: pl.DataFrame | None = None,
    histories: pl.DataFrame | None = None,
    assumptions: Assumptions = DEFAULT_ASSUMPTIONS,
) -> pl.DataFrame:
    """Netted trades and their ledger -> the PnL table (`WALLET_PNL_SCHEMA`), in USD and whole
    tokens, sorted by wallet, token and window.

    A token has the windows in which it traded, and `all`; a wallet with any trade, arbitrage or
    conversion has all four portfolio rows. Raises `ColumnsMissingError` for `marks` without its columns.
    """
    ledger = replace(
        ledger,
        disposals=with_results(with_depth(ledger.disposals, as_of)),
        trades=with_depth(ledger.trades, as_of),
    )
    known = histories_by_wallet(histories, traded.wallets)
    aggregates = token_aggregates(position_aggregates(ledger, assumptions))
    matches = _timed_matches(ledger)
    held = held_positions(
        traded, ledger, marks, known["known_to"], as_of=as_of, assumptions=assumptions
    )
    early = early_sales(matches, assumptions)
    tokens = _token_rows(aggregates, ledger, matches, [held, peak_costs(ledger), early])
    portfolios = _portfolio_rows(traded, aggregates, ledger, matches, held, as_of, assumptions)
    rows = pl.concat(
        [_ratios(portfolios, assumptions), _ratios(tokens, assumptions)], how="diagonal"
    )
    # Codes ascend as addresses do, and the portfolio, which has no mint, comes first.
    mint = (pl.col("mint").cast(pl.Int64) + 1).fill_null(0)
    pair = pl.col("wallet").cast(pl.Int64) * (traded.mints.height + 1) + mint
    order = rows.select(group_id(pair, pl.col("window"))).to_series().arg_sort()
    rows = rows.select(pl.all().gather(order))
    wallet_address = traded.wallets["wallet_address"].gather(rows["wallet"])
    token_address = traded.mints["token_address"].gather(rows["mint"])
    rows = rows.with_columns(
        wallet_address=wallet_address,
        token_address=token_address.fill_null(ALL_TOKENS),
        window=pl.lit(pl.Series(WINDOWS)).gather(pl.col("window")),
        history_complete=_complete(known, ledger).gather(rows["wallet"]),
        known_to=known["known_to"].gather(rows["wallet"]),
        as_of=pl.lit(as_of.astimezone(UTC)).cast(TIME),
    )
    return rows.select(pl.col(name).cast(dtype) for name, dtype in WALLET_PNL_SCHEMA.items())


def _timed_matches(ledger: Ledger) -> pl.DataFrame:
    """Matches of closing trades with lots of known basis: position, wallet, seconds, cost, proceeds (USD),
    depth, and since_first, the seconds from the wallet's first trade of the token to the purchase."""
    matches = lot_matches(ledger)
    disposals = ledger.disposals.select(
        "wallet",
        "closing",
        "depth",
        "matched_value",
        "known_matched",
        sold_at="block_unix_time",
    )
    first = ledger.trades["block_unix_time"].filter(starts(ledger.trades["position"]))
    lots = ledger.lots.select("known", "age", bought_at="block_unix_time")
    matches = pl.concat(
        [
            matches.select(
                "position", "cost", "quantity", first_at=first.gather(matches["position"])
            ),
            disposals.select(pl.all().gather(matches["disposal"])),
            lots.select(pl.all().gather(matches["lot"])),
        ],
        how="horizontal",
    )
    seconds = pl.col("sold_at") - pl.col("bought_at")
    since = pl.col("bought_at") - pl.col("first_at")
    part = quotient(pl.col("quantity"), pl.col("known_matched"))
    # Whole seconds, but for lots that came by a rollover.
    aged = (ledger.lots["age"] != 0.0).any()
    return matches.filter(pl.col("closing") & pl.col("known") & (pl.col("cost") > 0)).select(
        "position",
        "wallet",
        "depth",
        "cost",
        proceeds=to_usd(pl.col("matched_value")) * part,
        seconds=seconds + pl.col("age") if aged else seconds,
        since_first=since - pl.col("age") if aged else since,
    )


def _with_paths(
    rows: pl.DataFrame, key: str, ledger: Ledger, matches: pl.DataFrame
) -> pl.DataFrame:
    results = ledger.disposals.select(
        "position", "wallet", "tx", "result", "step", "depth", "closing"
    )
    closings = results.filter("closing")
    for figures in (
        drawdowns(results.filter(pl.col("step").is_not_null()), key),
        sharpes(closings, key),
        holdings(matches, key),
        activity(ledger.trades, key),
    ):
        rows = _joined(rows, figures.drop(key))
    return rows


def _joined(rows: pl.DataFrame, figures: pl.DataFrame) -> pl.DataFrame:
    """A left join by `group_id`, whose values are so dense that the rows can be looked up, of the columns that
    `rows` lacks."""
    names = [name for name in figures.columns if name not in rows.columns]
    groups = rows["group_id"]
    size = int(groups.max()) + 1 if groups.len() else 0  # type: ignore[arg-type]
    places = pl.repeat(None, size, dtype=pl.UInt32, eager=True)
    inside = figures.filter(pl.col("group_id") < size)
    places = places.scatter(inside["group_id"], pl.int_range(inside.height, eager=True))
    return rows.with_columns(
        inside.select(pl.col(names).gather(places.gather(groups))).get_columns()
    )


def _token_rows(
    aggregates: pl.DataFrame,
    ledger: Ledger,
    matches: pl.DataFrame,
    of_all: Sequence[pl.DataFrame],
) -> pl.DataFrame:
    """`of_all`: what belongs to the window `all` alone."""
    rows = _with_paths(aggregates, "position", ledger, matches)
    for figures in of_all:
        rows = _joined(rows, figures.drop("position"))
    mints = (ledger.positions[name].gather(rows["position"]) for name in ("mint", "decimals"))
    return rows.with_columns(*mints, conversion_count=pl.lit(0, dtype=pl.UInt32)).with_columns(
        unmatched_quantity=tokens_of("unmatched_units")
    )


def _portfolio_rows(
    traded: Trades,
    aggregates: pl.DataFrame,
    ledger: Ledger,
    matches: pl.DataFrame,
    held: pl.DataFrame,
    as_of: datetime,
    assumptions: Assumptions,
) -> pl.DataFrame:
    others = (traded.arbitrages["wallet"], traded.conversions["wallet"])
    active = pl.concat([aggregates["wallet"], *others]).unique().to_frame()
    windows = pl.DataFrame({"window": range(len(WINDOWS))}, schema={"window": pl.UInt8})
    rows = active.join(windows, how="cross").with_columns(
        group_id=group_id(pl.col("wallet"), pl.col("window"))
    )
    for figures in (
        portfolio_aggregates(aggregates),
        arbitrages_by_window(traded, as_of, assumptions),
        conversions_by_window(traded, as_of),
        held_portfolios(held, active, traded.sol_prices),
    ):
        rows = _joined(rows, figures.drop("wallet"))
    rows = _with_paths(rows, "wallet", ledger, matches)
    fees = pl.col("network_fees").fill_null(0) + pl.col("arbitrage_fees").fill_null(0)
    arbitrage_profit = to_usd(pl.col("arbitrage_profit"))
    counts = ("active_days", "max_trades_per_day", "conversion_count", "arbitrage_count")
    return rows.with_columns(network_fees=fees).with_columns(
        pl.col(SUMS).fill_null(0),
        pl.col(counts).fill_null(0),
        arbitrage_profit_usd=pl.when(pl.col("arbitrage_count").is_null())
        .then(0.0)
        .otherwise(arbitrage_profit),
        token_win_rate=_percent(pl.col("winning_tokens"), pl.col("closing_tokens")),
        top_token_share=_percent(pl.col("best"), pl.col("gained")),
    )


def _ratios(rows: pl.DataFrame, assumptions: Assumptions) -> pl.DataFrame:
    """Adds what follows from the sums of one row."""
    rows = rows.with_columns(
        trade_count=pl.col("buy_count") + pl.col("sell_count"),
        realized=pl.col("matched_proceeds") - pl.col("matched_cost"),
        drawdown=pl.col("drawdown").fill_null(0),
        realized_sol=pl.col("sol_proceeds") - pl.col("sol_cost"),
    )
    told_in_sol = pl.col("sol_count") > 0
    traded = pl.col("total_bought") + pl.col("total_sold")
    days = (pl.col("last") - pl.col("first")) * _DAYS_A_SECOND
    rows = rows.with_columns(
        realized_pnl=to_usd(pl.col("realized")),
        roi=_percent(pl.col("realized"), pl.col("matched_cost")),
        realized_pnl_sol=pl.when(told_in_sol).then(to_usd(pl.col("realized_sol"))),
        roi_sol=pl.when(told_in_sol).then(_percent(pl.col("realized_sol"), pl.col("sol_cost"))),
        matched_cost_sol=pl.when(told_in_sol).then(to_usd(pl.col("sol_cost"))),
        paid_in_sol=_percent(pl.col("bought_in_sol"), pl.col("total_bought")),
        sol_coverage=_percent(pl.col("sol_known_cost"), pl.col("matched_cost")),
        estimated_fees_usd=to_usd(pl.col("network_fees"))
        + to_usd(traded) * (assumptions.trading_fee_percent / 100),
        win_rate=_percent(pl.col("win_count"), pl.col("closing_count")),
        coverage=_percent(pl.col("matched_proceeds"), pl.col("total_sold")),
        same_block_share=_percent(pl.col("same_moment_count"), pl.col("closing_count")),
        profit_factor=_ratio(pl.col("gains"), pl.col("losses")),
        max_drawdown_usd=to_usd(pl.col("drawdown")),
        first_transaction=time_of(pl.col("first")),
        last_transaction=time_of(pl.col("last")),
        trade_frequency_daily=quotient(
            pl.col("trade_count"), days.fill_null(0).clip(lower_bound=1)
        ),
    )
    rows = rows.with_columns(
        *(to_usd(pl.col(name)).alias(name) for name in _FLOWS),
        total_pnl=pl.col("realized_pnl") + pl.col("unrealized_pnl"),
    )
    given_up = pl.col("open_cost") + pl.col("lost_cost") + pl.col("estimated_fees_usd")
    return rows.with_columns(
        conservative_pnl=pl.col("realized_pnl") + pl.col("conservative_value") - given_up
    )


def _ratio(part: pl.Expr, whole_of_it: pl.Expr) -> pl.Expr:
    known = whole_of_it > 0
    return pl.when(known).then(quotient(part, whole_of_it))


def _percent(part: pl.Expr, whole_of_it: pl.Expr) -> pl.Expr:
    return 100.0 * _ratio(part, whole_of_it)


def _complete(known: pl.DataFrame, ledger: Ledger) -> pl.Series:
    """Whether each history reaches the wallet's first trade: a recording in which the first trade of some
    token is a sell began midway, and its beginning is unknown."""
    if not known["recorded"].any():
        return known["history_complete"]
    first = ledger.trades.filter(starts(ledger.trades["position"]))
    midway = first.filter(pl.col("quantity") < 0)["wallet"].unique()
    unknown = pl.col("recorded").fill_null(value=False) & pl.col("wallet").is_in(midway.implode())
    return known.select(pl.when(~unknown).then("history_complete")).to_series()


def histories_by_wallet(histories: pl.DataFrame | None, wallets: pl.DataFrame) -> pl.DataFrame:
    """By wallet code: history_complete; known_to, up to when it is known; recorded, whether it is a
    recording. Null where nothing is known.

    Raises `ColumnsMissingError`.
    """
    needed = ("wallet_address", "history_complete")
    optional = ("known_to", "recorded")
    schema = pl.Schema(
        {
            "wallet_address": pl.String(),
            "history_complete": pl.Boolean(),
            "known_to": TIME,
            "recorded": pl.Boolean(),
        }
    )
    if histories is None:
        histories = pl.DataFrame(schema=schema)
    missing = [name for name in needed if name not in histories.columns]
    if missing:
        raise ColumnsMissingError("histories", missing)
    absent = [name for name in optional if name not in histories.columns]
    histories = histories.with_columns(
        pl.lit(None, dtype=schema[name]).alias(name) for name in absent
    )
    # A history that is given twice is complete, and known, only as far as both say so.
    known = (
        histories.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
        .group_by("wallet_address")
        .agg(pl.col("history_complete", "known_to").min(), pl.col("recorded").max())
    )
    return wallets.join(known, on="wallet_address", how="left", maintain_order="left")
