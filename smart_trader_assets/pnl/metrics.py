"""Ledger -> metrics by window, of each position and of each wallet's portfolio.

Lots are matched over the whole history; a window selects which disposals, buys, counts and times
count. What is held is as at `as_of`, and stands on the `all` rows only.
"""

from datetime import UTC, datetime
from typing import Final

import polars as pl

from smart_trader_assets.pnl.errors import ColumnsMissingError
from smart_trader_assets.pnl.exact import to_usd
from smart_trader_assets.pnl.lots import Ledger
from smart_trader_assets.pnl.marks import UTC_MICROSECONDS, position_marks
from smart_trader_assets.pnl.matches import lot_matches
from smart_trader_assets.pnl.paths import activity, drawdowns, holdings, sharpes
from smart_trader_assets.pnl.tallies import SUMS, by_window, judged, position_tallies
from smart_trader_assets.pnl.trades import Trades
from smart_trader_assets.pnl.wallet_table import ALL_TOKENS, WALLET_PNL_SCHEMA
from smart_trader_assets.pnl.windows import WINDOW, WINDOWS, in_each_window, with_band

_DAY: Final = 86_400
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
        disposals=judged(with_band(ledger.disposals, as_of)),
        positions=ledger.positions,
        trades=with_band(ledger.trades, as_of),
    )
    tallies = position_tallies(ledger, ledger.disposals)
    matches = _timed_matches(ledger)
    held = _held(traded, ledger, marks, as_of)
    tokens = _rows_of("position", tallies, ledger, matches).join(
        held, on=["position", "window"], how="left"
    )
    portfolios = _portfolio_rows(traded, tallies, ledger, matches, held, as_of)
    tokens = tokens.join(ledger.positions.select("position", "mint", "decimals"), on="position")
    tokens = tokens.join(traded.mints, on="mint").with_columns(
        unmatched_quantity=_tokens_of("unmatched_units")
    )
    rows = pl.concat(
        [_ratios(tokens), _ratios(portfolios).with_columns(token_address=pl.lit(ALL_TOKENS))],
        how="diagonal",
    )
    rows = rows.join(traded.wallets, on="wallet").join(
        _completeness(histories), on="wallet_address", how="left"
    )
    rows = rows.with_columns(as_of=pl.lit(as_of.astimezone(UTC)).cast(UTC_MICROSECONDS))
    return rows.sort("wallet_address", "token_address", "window").select(
        pl.col(name).cast(dtype) for name, dtype in WALLET_PNL_SCHEMA.items()
    )


def _timed_matches(ledger: Ledger) -> pl.DataFrame:
    """Matches of closing trades with lots of known basis: position, wallet, seconds, cost, band."""
    matches = lot_matches(ledger)
    disposals = ledger.disposals.select("wallet", "closing", "band", sold_at="block_unix_time")
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
        "position", "wallet", "band", "cost", seconds=pl.col("sold_at") - pl.col("bought_at")
    )


def _rows_of(
    key: str, tallies: pl.DataFrame, ledger: Ledger, matches: pl.DataFrame
) -> pl.DataFrame:
    """One row a (key, window) that holds any trade."""
    rows = by_window(tallies, key)
    closings = ledger.disposals.filter("closing")
    for figures in (
        drawdowns(closings, key),
        sharpes(closings, key),
        holdings(matches, key),
        activity(ledger.trades, key),
    ):
        rows = rows.join(figures, on=[key, "window"], how="left", maintain_order="left")
    return rows


def _held(
    traded: Trades, ledger: Ledger, marks: pl.DataFrame | None, as_of: datetime
) -> pl.DataFrame:
    """What each position holds and is worth: one row a position, of the window `all`."""
    held = ledger.positions.select(
        "position",
        window=pl.lit(WINDOWS[0], dtype=WINDOW),
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
    tallies: pl.DataFrame,
    ledger: Ledger,
    matches: pl.DataFrame,
    held: pl.DataFrame,
    as_of: datetime,
) -> pl.DataFrame:
    arbitrages = in_each_window(
        with_band(traded.arbitrages, as_of),
        lambda within: within.group_by("wallet").agg(
            arbitrage_count=pl.len(),
            # Unknown where not one of them has a known profit.
            arbitrage_profit=pl.when(pl.col("profit").is_not_null().any()).then(
                pl.col("profit").sum()
            ),
        ),
    )
    holdings_now = (
        held.join(ledger.positions.select("position", "wallet"), on="position")
        .sort("position")
        .group_by("wallet", "window", maintain_order=True)
        .agg(
            open_cost=pl.col("open_cost").sum(),
            unrealized_pnl=pl.when(pl.col("unrealized_pnl").is_not_null().any()).then(
                pl.col("unrealized_pnl").sum()
            ),
            unmarked_tokens=(
                (pl.col("open_quantity") > 0) & pl.col("mark_price").is_null()
            ).sum(),
        )
    )
    active = pl.concat([tallies["wallet"], traded.arbitrages["wallet"]]).unique().to_frame()
    windows = pl.DataFrame({"window": pl.Series(WINDOWS, dtype=WINDOW)})
    rows = active.join(windows, how="cross")
    for figures in (_rows_of("wallet", tallies, ledger, matches), arbitrages, holdings_now):
        rows = rows.join(figures, on=["wallet", "window"], how="left")
    no_arbitrage = pl.col("arbitrage_count").is_null()
    closing_tokens = pl.col("closing_tokens")
    now = pl.col("window") == WINDOWS[0]
    return rows.with_columns(
        pl.col(SUMS).fill_null(0),
        pl.col("active_days", "max_trades_per_day").fill_null(0),
        arbitrage_count=pl.col("arbitrage_count").fill_null(0),
        arbitrage_profit_usd=pl.when(no_arbitrage)
        .then(0.0)
        .otherwise(to_usd(pl.col("arbitrage_profit"))),
        token_win_rate=_percent(pl.col("winning_tokens"), closing_tokens),
        top_token_share=_percent(pl.col("best"), pl.col("gained")),
        # A wallet of arbitrages only holds nothing, which is known.
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
    days = (pl.col("last") - pl.col("first")) / _DAY
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
    return pl.col(units).cast(pl.Float64) / pl.lit(10.0).pow(pl.col("decimals"))


def _time(seconds: str) -> pl.Expr:
    return (pl.col(seconds) * 1_000_000).cast(UTC_MICROSECONDS)


def _completeness(histories: pl.DataFrame | None) -> pl.DataFrame:
    schema = {"wallet_address": pl.String, "history_complete": pl.Boolean}
    if histories is None:
        return pl.DataFrame(schema=schema)
    missing = [name for name in schema if name not in histories.columns]
    if missing:
        raise ColumnsMissingError("histories", missing)
    # A history that is told twice is complete only where both say so.
    return (
        histories.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
        .group_by("wallet_address")
        .agg(pl.col("history_complete").min())
    )
