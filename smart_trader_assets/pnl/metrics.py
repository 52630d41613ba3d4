"""Ledger -> metrics by window, of each position and of each wallet's portfolio.

Lots are matched over the whole history; a window selects which disposals, buys, counts and times
count. What is held is as of `as_of`, and is on the `all` rows only.
"""

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
from smart_trader_assets.pnl.columns import ALL_TOKENS, WALLET_PNL_SCHEMA, WINDOWS
from smart_trader_assets.pnl.errors import ColumnsMissingError
from smart_trader_assets.pnl.exact import to_tokens, to_usd
from smart_trader_assets.pnl.lots import Ledger, lot_matches
from smart_trader_assets.pnl.marks import position_marks
from smart_trader_assets.pnl.path_metrics import activity, drawdowns, holdings, sharpes
from smart_trader_assets.pnl.trades import Trades
from smart_trader_assets.pnl.windows import group_id, in_each_window, with_depth

_DAYS_A_SECOND: Final = 1 / 86_400
_NOW: Final = 0
"""The index of the window `all`, whose rows state what is held."""
_FLOWS: Final = (
    "total_bought",
    "total_sold",
    "matched_proceeds",
    "matched_cost",
    "unmatched_proceeds",
)


def wallet_metrics(
    traded: Trades,
    ledger: Ledger,
    *,
    as_of: datetime,
    marks: pl.DataFrame | None = None,
    histories: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Netted trades and their ledger -> the PnL table (`WALLET_PNL_SCHEMA`), in USD and whole
    tokens, sorted by wallet, token and window.

    A token has the windows in which it traded, and `all`; a wallet with any trade or arbitrage has
    all four portfolio rows. Raises `ColumnsMissingError` for `marks` without its columns.
    """
    ledger = Ledger(
        lots=ledger.lots,
        disposals=with_results(with_depth(ledger.disposals, as_of)),
        positions=ledger.positions,
        trades=with_depth(ledger.trades, as_of),
    )
    aggregates = token_aggregates(position_aggregates(ledger, ledger.disposals))
    matches = _timed_matches(ledger)
    held = _held(traded, ledger, marks, as_of)
    tokens = _token_rows(aggregates, ledger, matches, held)
    portfolios = _portfolio_rows(traded, aggregates, ledger, matches, held, as_of)
    rows = pl.concat([_ratios(portfolios), _ratios(tokens)], how="diagonal")
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
        history_complete=_completeness(histories, traded.wallets).gather(rows["wallet"]),
        as_of=pl.lit(as_of.astimezone(UTC)).cast(TIME),
    )
    return rows.select(pl.col(name).cast(dtype) for name, dtype in WALLET_PNL_SCHEMA.items())


def _timed_matches(ledger: Ledger) -> pl.DataFrame:
    """Matches of closing trades with lots of known basis: position, wallet, seconds, cost, depth."""
    matches = lot_matches(ledger)
    disposals = ledger.disposals.select("wallet", "closing", "depth", sold_at="block_unix_time")
    lots = ledger.lots.select("known", bought_at="block_unix_time")
    matches = pl.concat(
        [
            matches.select("position", "cost"),
            disposals.select(pl.all().gather(matches["disposal"])),
            lots.select(pl.all().gather(matches["lot"])),
        ],
        how="horizontal",
    )
    return matches.filter(pl.col("closing") & pl.col("known") & (pl.col("cost") > 0)).select(
        "position", "wallet", "depth", "cost", seconds=pl.col("sold_at") - pl.col("bought_at")
    )


def _with_paths(
    rows: pl.DataFrame, key: str, ledger: Ledger, matches: pl.DataFrame
) -> pl.DataFrame:
    closings = ledger.disposals.select(
        "position", "wallet", "tx", "result", "depth", "closing"
    ).filter("closing")
    for figures in (
        drawdowns(closings, key),
        sharpes(closings, key),
        holdings(matches, key),
        activity(ledger.trades, key),
    ):
        rows = _joined(rows, figures.drop(key))
    return rows


def _joined(rows: pl.DataFrame, figures: pl.DataFrame) -> pl.DataFrame:
    return rows.join(figures.drop("window"), on="group_id", how="left", maintain_order="left")


def _token_rows(
    aggregates: pl.DataFrame, ledger: Ledger, matches: pl.DataFrame, held: pl.DataFrame
) -> pl.DataFrame:
    rows = _joined(_with_paths(aggregates, "position", ledger, matches), held.drop("position"))
    mints = (ledger.positions[name].gather(rows["position"]) for name in ("mint", "decimals"))
    return rows.with_columns(*mints).with_columns(unmatched_quantity=_tokens_of("unmatched_units"))


def _held(
    traded: Trades, ledger: Ledger, marks: pl.DataFrame | None, as_of: datetime
) -> pl.DataFrame:
    """What each position holds and is worth: one row per position, of the window `all`."""
    held = ledger.positions.select(
        "position",
        window=pl.lit(_NOW, dtype=pl.UInt8),
        group_id=group_id(pl.col("position"), pl.lit(_NOW)),
        open_quantity=_tokens_of("open_quantity"),
        open_cost=to_usd(pl.col("open_cost")),
    ).join(
        position_marks(ledger, traded.mints, marks, as_of),
        on="position",
        how="left",
        maintain_order="left",
    )
    worth = pl.col("open_quantity") * pl.col("mark_price")
    return held.with_columns(unrealized_pnl=worth - pl.col("open_cost"))


def _portfolio_rows(
    traded: Trades,
    aggregates: pl.DataFrame,
    ledger: Ledger,
    matches: pl.DataFrame,
    held: pl.DataFrame,
    as_of: datetime,
) -> pl.DataFrame:
    arbitrages = in_each_window(
        with_depth(traded.arbitrages, as_of).sort("wallet"),
        "wallet",
        lambda within: within.group_by("segment", maintain_order=True).agg(
            arbitrage_count=pl.len(),
            # Unknown where not one of them has a known profit.
            arbitrage_profit=pl.when(pl.col("profit").is_not_null().any()).then(
                pl.col("profit").sum()
            ),
        ),
    )
    worth_now = (
        held.with_columns(wallet=ledger.positions["wallet"].gather(held["position"]))
        .group_by("wallet", maintain_order=True)
        .agg(
            open_cost=pl.col("open_cost").sum(),
            unrealized_pnl=pl.when(pl.col("unrealized_pnl").is_not_null().any()).then(
                pl.col("unrealized_pnl").sum()
            ),
            unmarked_tokens=((pl.col("open_quantity") > 0) & pl.col("mark_price").is_null()).sum(),
        )
        .with_columns(
            window=pl.lit(_NOW, dtype=pl.UInt8), group_id=group_id(pl.col("wallet"), pl.lit(_NOW))
        )
    )
    active = pl.concat([aggregates["wallet"], traded.arbitrages["wallet"]]).unique().to_frame()
    windows = pl.DataFrame({"window": range(len(WINDOWS))}, schema={"window": pl.UInt8})
    rows = active.join(windows, how="cross").with_columns(
        group_id=group_id(pl.col("wallet"), pl.col("window"))
    )
    for figures in (portfolio_aggregates(aggregates), arbitrages, worth_now):
        rows = _joined(rows, figures.drop("wallet"))
    rows = _with_paths(rows, "wallet", ledger, matches)
    no_arbitrage = pl.col("arbitrage_count").is_null()
    closing_tokens = pl.col("closing_tokens")
    now = pl.col("window") == _NOW
    return rows.with_columns(
        pl.col(SUMS).fill_null(0),
        pl.col("active_days", "max_trades_per_day").fill_null(0),
        arbitrage_count=pl.col("arbitrage_count").fill_null(0),
        arbitrage_profit_usd=pl.when(no_arbitrage)
        .then(0.0)
        .otherwise(to_usd(pl.col("arbitrage_profit"))),
        token_win_rate=_percent(pl.col("winning_tokens"), closing_tokens),
        top_token_share=_percent(pl.col("best"), pl.col("gained")),
        # A wallet that only does arbitrage holds nothing, which is known.
        open_cost=pl.when(now).then(pl.col("open_cost").fill_null(0.0)),
        unmarked_tokens=pl.when(now).then(pl.col("unmarked_tokens").fill_null(0)),
    )


def _ratios(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds what follows from the sums of one row."""
    rows = rows.with_columns(
        trade_count=pl.col("buy_count") + pl.col("sell_count"),
        realized=pl.col("matched_proceeds") - pl.col("matched_cost"),
        drawdown=pl.col("drawdown").fill_null(0),
    )
    days = (pl.col("last") - pl.col("first")) * _DAYS_A_SECOND
    rows = rows.with_columns(
        realized_pnl=to_usd(pl.col("realized")),
        roi=_percent(pl.col("realized"), pl.col("matched_cost")),
        win_rate=_percent(pl.col("win_count"), pl.col("closing_count")),
        coverage=_percent(pl.col("matched_proceeds"), pl.col("total_sold")),
        same_block_share=_percent(pl.col("same_moment_count"), pl.col("closing_count")),
        profit_factor=_ratio(pl.col("gains"), pl.col("losses")),
        max_drawdown_usd=to_usd(pl.col("drawdown")),
        first_transaction=_time("first"),
        last_transaction=_time("last"),
        trade_frequency_daily=pl.col("trade_count") / days.fill_null(0).clip(lower_bound=1),
    )
    return rows.with_columns(
        *(to_usd(pl.col(name)).alias(name) for name in _FLOWS),
        total_pnl=pl.col("realized_pnl") + pl.col("unrealized_pnl"),
    )


def _ratio(part: pl.Expr, whole_of_it: pl.Expr) -> pl.Expr:
    known = whole_of_it > 0
    return pl.when(known).then(part.cast(pl.Float64) / whole_of_it.cast(pl.Float64))


def _percent(part: pl.Expr, whole_of_it: pl.Expr) -> pl.Expr:
    return 100.0 * _ratio(part, whole_of_it)


def _tokens_of(units: str) -> pl.Expr:
    return to_tokens(pl.col(units), pl.col("decimals"))


def _time(seconds: str) -> pl.Expr:
    return (pl.col(seconds) * 1_000_000).cast(TIME)


def _completeness(histories: pl.DataFrame | None, wallets: pl.DataFrame) -> pl.Series:
    """By wallet code; null where nothing is known of a wallet."""
    schema = {"wallet_address": pl.String, "history_complete": pl.Boolean}
    if histories is None:
        histories = pl.DataFrame(schema=schema)
    missing = [name for name in schema if name not in histories.columns]
    if missing:
        raise ColumnsMissingError("histories", missing)
    # A history that is given twice is complete only where both say so.
    completeness = (
        histories.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
        .group_by("wallet_address")
        .agg(pl.col("history_complete").min())
    )
    known = wallets.join(completeness, on="wallet_address", how="left", maintain_order="left")
    return known["history_complete"]
