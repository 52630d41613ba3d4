"""Swap rows -> netted trades: at most one per (wallet, transaction, mint)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import polars as pl

from smart_trader_assets.pnl.cash import DEFAULT_CASH_MINTS, cash_pegs
from smart_trader_assets.pnl.movements import net_movements
from smart_trader_assets.pnl.prices import leg_value, with_prices
from smart_trader_assets.pnl.swap_rows import LEGS, known_by, swap_rows
from smart_trader_assets.pnl.swap_screening import screened_rows
from smart_trader_assets.pnl.transaction_order import FIRST_ROW, with_transactions
from smart_trader_assets.pnl.valuation import CASH, VALUATION, cash_flows, valued

_LEAST_WORTH: Final = 1e-15
"""USD; anything worth less may round to no money at all."""
_LEGS: Final = tuple(
    f"{leg}_{name}"
    for leg in LEGS
    for name in ("mint", "decimals", "quantity", "price", "nearest_price")
)


@dataclass(frozen=True)
class Trades:
    """The trades of some wallets, with codes for addresses.

    trades: tx, wallet, mint (codes), block_unix_time, block_number, decimals, quantity (signed
      Int128 raw units: bought above 0, sold below 0), value (Int128 money, null where unpriced),
      valuation; in no particular order
    arbitrages: wallet, block_unix_time, profit (money; null where SOL had no price)
    transactions: tx, wallet, block_unix_time, block_number, row (into `hashes`); `tx` ascends in
      time
    hashes: the tx_hash of each swap row
    wallets: wallet, wallet_address; mints: mint, token_address
    """

    trades: pl.DataFrame
    arbitrages: pl.DataFrame
    transactions: pl.DataFrame
    hashes: pl.Series
    wallets: pl.DataFrame
    mints: pl.DataFrame

    def without_single_trades(self) -> "Trades":
        """What metrics need once the lots are made; the rest, which is large, can be freed."""
        return replace(
            self,
            trades=self.trades.clear(),
            transactions=self.transactions.clear(),
            hashes=self.hashes.clear(),
        )


def netted_trades(
    swaps: pl.DataFrame | pl.LazyFrame,
    *,
    as_of: datetime,
    cash_mints: Collection[str] | Mapping[str, float | None] = DEFAULT_CASH_MINTS,
) -> Trades:
    """`bronze/transactions` rows up to and including `as_of` -> what each wallet traded, netted.

    Rows that break the contract, and the transactions that they belong to, are left out (see
    `screening`). Raises `ColumnsMissingError`, `NaiveAsOfError`, `CashMintsError`.
    """
    pegs = cash_pegs(cash_mints)
    rows, mints = screened_rows(known_by(swap_rows(swaps), as_of).drop("swap_id"))
    rows = rows.select(
        "wallet_address", "tx_hash", *FIRST_ROW, "volume_usd", *_LEGS, "set_aside_reason"
    )
    if rows["set_aside_reason"].null_count() < rows.height:
        rows = rows.filter(pl.col("set_aside_reason").is_null())
    rows = rows.drop("set_aside_reason")
    mints = mints.select(
        "mint",
        "token_address",
        is_cash=pl.col("token_address").is_in(list(pegs)),
        peg=pl.col("token_address").replace_strict(pegs, default=None, return_dtype=pl.Float64),
    )
    rows, wallets = _with_wallet_codes(rows)
    hashes = rows["tx_hash"]
    rows, transactions = with_transactions(rows)
    rows = with_prices(rows, mints["peg"]).with_columns(
        pl.lit(mints["is_cash"]).gather(pl.col(f"{leg}_mint")).alias(f"{leg}_cash") for leg in LEGS
    )
    plain = rows.select(_paid_in_cash("base") | _paid_in_cash("quote")).to_series()
    movements = net_movements(rows.filter(~plain)).with_columns(
        is_cash=pl.lit(mints["is_cash"]).gather(pl.col("mint"))
    )
    flows = cash_flows(movements)
    trades = pl.concat([_plain_trades(rows.filter(plain)), valued(movements, flows)])
    arbitrages = flows.filter(pl.col("hop") & ~pl.col("moved")).select(
        "tx", profit=pl.when("cash_known").then("cash")
    )
    return Trades(
        trades=_of_transaction(trades, transactions, "wallet", "block_unix_time", "block_number"),
        arbitrages=_of_transaction(arbitrages, transactions, "wallet", "block_unix_time"),
        transactions=transactions,
        hashes=hashes,
        wallets=wallets,
        mints=mints.select("mint", "token_address"),
    )


def _with_wallet_codes(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    wallets = rows.select(pl.col("wallet_address").unique().sort()).with_row_index("wallet")
    codes = rows.select("wallet_address").join(
        wallets, on="wallet_address", how="left", maintain_order="left"
    )
    return rows.drop("wallet_address").with_columns(codes["wallet"]), wallets


def _paid_in_cash(cash_leg: str) -> pl.Expr:
    """A lone row of cash against a position: nothing to net, nothing to share, worth its cash.

    Most rows are of this kind. The general rules give the same; this saves their groupings.
    """
    position_leg = "quote" if cash_leg == "base" else "base"
    return (
        pl.col("lone")
        & pl.col(f"{cash_leg}_cash")
        & ~pl.col(f"{position_leg}_cash")
        & (pl.col(f"{cash_leg}_worth") >= _LEAST_WORTH).fill_null(value=False)
    )


def _plain_trades(rows: pl.DataFrame) -> pl.DataFrame:
    in_base = pl.col("quote_cash")

    def leg(name: str, *, cash: bool) -> pl.Expr:
        return pl.when(in_base != cash).then(f"base_{name}").otherwise(f"quote_{name}")

    priced = ("quantity", "decimals", "rate")
    trades = (
        rows.lazy()
        .select(
            "tx",
            *(leg(name, cash=False).alias(name) for name in ("mint", "decimals", "quantity")),
            *(leg(name, cash=True).alias(f"cash_{name}") for name in priced),
        )
        .select(
            "tx",
            "mint",
            "decimals",
            "quantity",
            value=leg_value("cash"),
            valuation=pl.lit(CASH, dtype=VALUATION),
        )
    )
    return trades.collect()


def _of_transaction(frame: pl.DataFrame, transactions: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """`tx` is the index of its row in `transactions`."""
    return frame.with_columns(transactions[column].gather(frame["tx"]) for column in columns)
