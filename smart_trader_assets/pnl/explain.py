"""One wallet's numbers, explained: its trades, which lot each sale took, and what is still held."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.pnl.aggregates import with_results
from smart_trader_assets.pnl.cash import DEFAULT_CASH_MINTS, NATIVE_SOL, WRAPPED_SOL
from smart_trader_assets.pnl.errors import UnknownWalletError
from smart_trader_assets.pnl.exact import multiply_divide, to_tokens, to_usd, whole
from smart_trader_assets.pnl.lots import Ledger, fifo, lot_matches
from smart_trader_assets.pnl.marks import position_marks
from smart_trader_assets.pnl.metrics import wallet_metrics
from smart_trader_assets.pnl.trades import Trades, netted_trades

NO_LOT: Final = "no_lot"
UNKNOWN_BASIS: Final = "lot_of_unknown_basis"
UNPRICED_SALE: Final = "unpriced_sale"
_HOURS_A_SECOND: Final = 1 / 3_600


@dataclass(frozen=True)
class LotEvidence:
    """The frames of `WalletExplanation` for many wallets, wallet_address in front of each."""

    trades: pl.DataFrame
    lot_matches: pl.DataFrame
    open_lots: pl.DataFrame


@dataclass(frozen=True)
class WalletExplanation:
    """Frames behind one wallet's rows, money in USD, quantities in whole tokens, in time order.

    trades: token_address, time, tx_hash, side (buy or sell), quantity, value, valuation
    lot_matches: token_address, sold_at, sale_tx, bought_at, purchase_tx, quantity, proceeds, cost,
      holding_hours, result, unmatched_reason. One row per (sale, lot), and one for what a sale took
      beyond all lots. Where a reason is given, there is no result: `no_lot`, `lot_of_unknown_basis`,
      `unpriced_sale`
    open_lots: token_address, bought_at, purchase_tx, quantity, cost (null where unknown),
      mark_price, marked_at, mark_source, unrealized_pnl
    metrics: the wallet's rows of the PnL table
    """

    wallet: str
    trades: pl.DataFrame
    lot_matches: pl.DataFrame
    open_lots: pl.DataFrame
    metrics: pl.DataFrame


def explain_wallet(
    swaps: pl.DataFrame | pl.LazyFrame,
    *,
    as_of: datetime,
    wallet: str,
    token: str | None = None,
    cash_mints: Collection[str] | Mapping[str, float | None] = DEFAULT_CASH_MINTS,
    marks: pl.DataFrame | None = None,
    histories: pl.DataFrame | None = None,
) -> WalletExplanation:
    """The frames behind `compute_wallet_pnl`'s rows of one wallet, and of one `token` if given.

    Per token, the sum of `result` is realized_pnl, that of `cost` beside a result matched_cost, that
    of the open lots' cost open_cost. With `token`, the portfolio rows are left out.

    Raises `UnknownWalletError` where the wallet has no row, and what `compute_wallet_pnl` raises.
    """
    rows = swaps.lazy()
    names = [n for n in ("wallet_address", "owner") if n in rows.collect_schema().names()]
    if names:
        rows = rows.filter(pl.coalesce(names) == wallet)
    own = rows.collect()
    if own.is_empty():
        raise UnknownWalletError(wallet)
    traded = netted_trades(own, as_of=as_of, cash_mints=cash_mints)
    ledger = fifo(traded.trades)
    metrics = wallet_metrics(traded, ledger, as_of=as_of, marks=marks, histories=histories)
    evidence = _evidence(traded, ledger, as_of, marks)
    laid_open = (evidence.trades, evidence.lot_matches, evidence.open_lots)
    frames = (*(frame.drop("wallet_address") for frame in laid_open), metrics)
    if token is not None:
        token = WRAPPED_SOL if token == NATIVE_SOL else token
        only = pl.col("token_address") == token
        frames = tuple(frame.filter(only) for frame in frames)
    return WalletExplanation(wallet, *frames)


def lot_evidence(
    swaps: pl.DataFrame | pl.LazyFrame,
    *,
    as_of: datetime,
    cash_mints: Collection[str] | Mapping[str, float | None] = DEFAULT_CASH_MINTS,
    marks: pl.DataFrame | None = None,
) -> LotEvidence:
    """The trades and lots of all wallets in `swaps` at once; the frames of `explain_wallet`.

    Raises what `compute_wallet_pnl` raises.
    """
    traded = netted_trades(swaps, as_of=as_of, cash_mints=cash_mints)
    return _evidence(traded, fifo(traded.trades), as_of, marks)


def _evidence(
    traded: Trades, ledger: Ledger, as_of: datetime, marks: pl.DataFrame | None
) -> LotEvidence:
    marked = position_marks(ledger, traded.mints, marks, as_of)
    return LotEvidence(
        _trades(traded, ledger), _matches(traded, ledger), _open_lots(traded, ledger, marked)
    )


def _trades(traded: Trades, ledger: Ledger) -> pl.DataFrame:
    trades = ledger.trades.join(traded.mints, on="mint").join(traded.wallets, on="wallet")
    return trades.sort("tx", "token_address").select(
        "wallet_address",
        "token_address",
        time=_time("block_unix_time"),
        tx_hash=_hash(traded, "tx"),
        side=pl.when(pl.col("quantity") > 0).then(pl.lit("buy")).otherwise(pl.lit("sell")),
        quantity=_tokens("quantity").abs(),
        value=to_usd(pl.col("value")),
        valuation="valuation",
    )


def _matches(traded: Trades, ledger: Ledger) -> pl.DataFrame:
    matches = lot_matches(ledger)
    lots = ledger.lots.select("known", bought_at="block_unix_time", purchase="tx")
    taken = pl.concat(
        [
            matches.select("disposal", "quantity", "cost"),
            lots.select(pl.all().gather(matches["lot"])),
        ],
        how="horizontal",
    )
    disposals = with_results(ledger.disposals).with_row_index("disposal")
    beyond = disposals.select("disposal", quantity=pl.col("quantity") - pl.col("matched")).filter(
        pl.col("quantity") > 0
    )
    rows = pl.concat([taken, beyond], how="diagonal").join(
        disposals.select("disposal", "position", "tx", "block_unix_time", "value", sold="quantity"),
        on="disposal",
    )
    rows = _with_tokens(rows, traded, ledger).sort(
        "tx", "token_address", "disposal", "purchase", nulls_last=True
    )
    reason = (
        pl.when(pl.col("value").is_null()).then(pl.lit(UNPRICED_SALE))
        .when(pl.col("known").is_null()).then(pl.lit(NO_LOT))
        .when(~pl.col("known")).then(pl.lit(UNKNOWN_BASIS))
    )  # fmt: skip
    known_cost = pl.when("known").then("cost")
    rows = rows.with_columns(
        unmatched_reason=reason,
        proceeds=to_usd(multiply_divide(pl.col("value"), pl.col("quantity"), pl.col("sold"))),
        cost=to_usd(known_cost),
    )
    return rows.select(
        "wallet_address",
        "token_address",
        sold_at=_time("block_unix_time"),
        sale_tx=_hash(traded, "tx"),
        bought_at=_time("bought_at"),
        purchase_tx=_hash(traded, "purchase"),
        quantity=_tokens("quantity"),
        proceeds="proceeds",
        cost="cost",
        holding_hours=(pl.col("block_unix_time") - pl.col("bought_at")) * _HOURS_A_SECOND,
        result=pl.when(pl.col("unmatched_reason").is_null()).then(
            pl.col("proceeds") - pl.col("cost")
        ),
        unmatched_reason="unmatched_reason",
    )


def _open_lots(traded: Trades, ledger: Ledger, marks: pl.DataFrame) -> pl.DataFrame:
    """What the matches left of each lot."""
    taken = (
        lot_matches(ledger)
        .group_by("lot")
        .agg(taken=pl.col("quantity").sum(), taken_cost=pl.col("cost").sum())
    )
    lots = ledger.lots.with_row_index("lot").join(taken, on="lot", how="left")
    lots = lots.with_columns(
        quantity=pl.col("quantity") - pl.col("taken").fill_null(whole(0)),
        cost=pl.when("known").then(pl.col("cost") - pl.col("taken_cost").fill_null(whole(0))),
    ).filter(pl.col("quantity") > 0)
    lots = _with_tokens(lots, traded, ledger).join(marks, on="position", how="left")
    lots = lots.sort("tx", "token_address").with_columns(
        cost=to_usd(pl.col("cost")), quantity=_tokens("quantity")
    )
    return lots.select(
        "wallet_address",
        "token_address",
        "quantity",
        "cost",
        "mark_price",
        "marked_at",
        "mark_source",
        bought_at=_time("block_unix_time"),
        purchase_tx=_hash(traded, "tx"),
        unrealized_pnl=pl.col("quantity") * pl.col("mark_price") - pl.col("cost"),
    )


def _with_tokens(rows: pl.DataFrame, traded: Trades, ledger: Ledger) -> pl.DataFrame:
    positions = ledger.positions.select("position", "wallet", "mint", "decimals")
    positions = positions.join(traded.wallets, on="wallet").join(traded.mints, on="mint")
    return rows.join(positions, on="position")


def _hash(traded: Trades, tx: str) -> pl.Expr:
    row = pl.lit(traded.transactions["row"]).gather(pl.col(tx))
    return pl.lit(traded.hashes).gather(row)


def _tokens(units: str) -> pl.Expr:
    return to_tokens(pl.col(units), pl.col("decimals"))


def _time(seconds: str) -> pl.Expr:
    return (pl.col(seconds) * 1_000_000).cast(TIME)
