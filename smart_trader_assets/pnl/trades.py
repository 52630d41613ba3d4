"""Swap rows -> netted trades: at most one per (wallet, transaction, mint)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import polars as pl

from smart_trader_assets.pnl.assumptions import DEFAULT_ASSUMPTIONS, Assumptions
from smart_trader_assets.pnl.cash import DEFAULT_CASH_MINTS, CashTable
from smart_trader_assets.pnl.exact import to_tokens
from smart_trader_assets.pnl.movements import net_movements
from smart_trader_assets.pnl.prices import leg_value, with_prices
from smart_trader_assets.pnl.sol_price import SolPrices, in_sol, mean_price, sol_moved, sol_of
from smart_trader_assets.pnl.swap_rows import LEGS, is_scaled, known_by, swap_rows
from smart_trader_assets.pnl.swap_screening import screened_rows
from smart_trader_assets.pnl.transaction_order import BUYS, FIRST_ROW, SELLS, in_order, with_groups
from smart_trader_assets.pnl.valuation import (
    ARBITRAGE,
    CASH,
    CONVERSION,
    ROLLOVER,
    VALUATION,
    cash_in_sol,
    transaction_kinds,
    valued,
)

_LEAST_WORTH: Final = 1e-15
"""USD; anything worth less may round to no money at all."""
_LEGS: Final = tuple(
    f"{leg}_{name}"
    for leg in LEGS
    for name in ("mint", "decimals", "quantity", "price", "nearest_price")
)


@dataclass(frozen=True)
class Trades:
    """The trades of some wallets, with codes for addresses. Money and SOL are Int128 of 1e-21.

    trades: tx, wallet, mint (codes), block_unix_time, block_number, decimals, quantity (signed Int128 raw
      units: bought above 0, sold below 0), value (of a trade for cash; null otherwise), value_sol (the same
      in SOL, null where its price is unknown), in_sol (whether most of its cash was SOL, staked or not),
      valuation (cash, rollover or unpriced), sol_price (USD per SOL
      at the time, null where unknown), first (whether it is its transaction's first); in no particular order
    rollovers: of the trades that are one: tx, mint, own (their own value, null where unknown), and of the whole
      transaction cash (received above 0), cash_sol (null where unknown), sol_price
    arbitrages: wallet, block_unix_time, profit (null where SOL had no price), sol_price
    conversions: wallet, block_unix_time
    transactions: tx, wallet, block_unix_time, block_number, row (into `hashes`), sol_price; `tx` ascends in the
      order of time
    hashes: the tx_hash of each swap row
    sol_prices: wallet, sol_price: the newest that the wallet has
    wallets: wallet, wallet_address; mints: mint, token_address
    """

    trades: pl.DataFrame
    rollovers: pl.DataFrame
    arbitrages: pl.DataFrame
    conversions: pl.DataFrame
    transactions: pl.DataFrame
    hashes: pl.Series
    sol_prices: pl.DataFrame
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
    assumptions: Assumptions = DEFAULT_ASSUMPTIONS,
) -> Trades:
    """`bronze/transactions` rows up to and including `as_of` -> what each wallet traded, netted.

    Rows that break the contract, and the transactions that they belong to, are left out (see
    `swap_screening`). Raises `ColumnsMissingError`, `NaiveAsOfError`, `CashMintsError`.
    """
    return netted_rows(
        swap_rows(swaps), as_of=as_of, cash_mints=cash_mints, assumptions=assumptions
    )


def netted_rows(
    rows: pl.DataFrame,
    *,
    as_of: datetime,
    cash_mints: Collection[str] | Mapping[str, float | None],
    assumptions: Assumptions,
) -> Trades:
    """`swap_rows` -> what each wallet traded, netted; see `netted_trades`."""
    rows, mints = _sound_rows(rows, as_of)
    cash = CashTable.of(mints["token_address"], cash_mints)
    rows, wallets = _with_wallet_codes(rows)
    hashes = rows["tx_hash"]
    rows = with_prices(with_groups(rows), cash)

    plain = rows.select(_paid_in_cash("base") | _paid_in_cash("quote")).to_series()
    converted = rows.select(pl.col("lone") & pl.col("base_cash") & pl.col("quote_cash")).to_series()
    netted = rows.filter(~(plain | converted))
    movements = net_movements(netted, cash, most_left_usd=assumptions.most_left_of_a_hop_usd)
    kinds = transaction_kinds(movements, cash)
    paid = _paid(rows.filter(plain), cash)

    ranks = pl.zeros(rows.height, dtype=pl.UInt8, eager=True)
    for group, rank in ((paid["group"], _rank(paid["quantity"])), (kinds["group"], kinds["rank"])):
        ranks = ranks.scatter(group, rank)
    transactions = in_order(rows, ranks).with_row_index("tx")
    number = pl.zeros(rows.height, dtype=pl.UInt32, eager=True)
    number = number.scatter(transactions["group"], transactions["tx"])

    own_price = _own_sol_prices(rows, plain, paid, cash)
    transactions = transactions.with_columns(sol_price=own_price.gather(transactions["group"]))
    prices = SolPrices.of(transactions, rows, cash.is_sol)
    transactions = transactions.with_columns(sol_price=prices.of_their_time(transactions))

    def of_transaction(frame: pl.DataFrame, *columns: str) -> pl.DataFrame:
        """`group` becomes `tx`, which is the place in `transactions`, with columns from there."""
        tx = number.gather(frame["group"]).alias("tx")
        return frame.drop("group").with_columns(
            tx, *(transactions[column].gather(tx).alias(column) for column in columns)
        )

    def of_kind(kind: str) -> pl.DataFrame:
        return kinds.filter(pl.col("kind") == kind)

    time = ("wallet", "block_unix_time")
    positions = _positions(movements, kinds, transactions["sol_price"].gather(number))
    conversions = pl.concat(
        [of_kind(CONVERSION).select("group"), rows.filter(converted).select("group")]
    )
    return Trades(
        trades=of_transaction(
            pl.concat([_with_sol_value(paid, transactions, number), _netted(positions)]),
            *time,
            "block_number",
            "sol_price",
        ),
        rollovers=of_transaction(
            positions.filter(pl.col("kind") == ROLLOVER).select(
                "group", "mint", "own", "cash", "cash_sol"
            ),
            "sol_price",
        ),
        arbitrages=of_transaction(
            of_kind(ARBITRAGE).select("group", profit=pl.when("cash_known").then("cash")),
            *time,
            "sol_price",
        ),
        conversions=of_transaction(conversions, *time),
        transactions=transactions.drop("group"),
        hashes=hashes,
        sol_prices=prices.newest(),
        wallets=wallets,
        mints=mints.select("mint", "token_address"),
    )


def _sound_rows(rows: pl.DataFrame, as_of: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    rows, mints = screened_rows(known_by(rows, as_of).drop("swap_id"))
    if rows["set_aside_reason"].null_count() < rows.height:
        rows = rows.filter(pl.col("set_aside_reason").is_null())
    scaled = (
        is_scaled(pl.col(f"{leg}_multiplier"), pl.col(f"{leg}_is_scaled_ui_token")).alias(
            f"{leg}_scaled"
        )
        for leg in LEGS
    )
    return rows.select(
        "wallet_address", "tx_hash", *FIRST_ROW, "volume_usd", *_LEGS, *scaled
    ), mints


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
    coins = to_tokens(pl.col(f"{cash_leg}_quantity").abs(), pl.col(f"{cash_leg}_decimals"))
    return (
        pl.col("lone")
        & pl.col(f"{cash_leg}_cash")
        & ~pl.col(f"{position_leg}_cash")
        & (coins * pl.col(f"{cash_leg}_rate") >= _LEAST_WORTH).fill_null(value=False)
    )


def _rank(quantity: pl.Series) -> pl.Series:
    ranks = pl.when(quantity > 0).then(pl.lit(BUYS)).otherwise(pl.lit(SELLS))
    return pl.select(ranks.cast(pl.UInt8)).to_series()


def _paid(rows: pl.DataFrame, cash: CashTable) -> pl.DataFrame:
    """Lone rows of cash against a position -> group, mint, decimals, quantity, value, value_sol (null where the
    cash was not SOL), in_sol, sol_rate."""
    in_base = pl.col("quote_cash")

    def leg(name: str, *, is_cash: bool) -> pl.Expr:
        return pl.when(in_base != is_cash).then(f"base_{name}").otherwise(f"quote_{name}")

    is_sol = pl.lit(cash.is_sol).gather(pl.col("cash_mint"))
    return (
        rows.lazy()
        .select(
            "group",
            *(leg(name, is_cash=False).alias(name) for name in ("mint", "decimals", "quantity")),
            *(
                leg(name, is_cash=True).alias(f"cash_{name}")
                for name in ("mint", "decimals", "quantity", "rate")
            ),
        )
        .select(
            "group",
            "mint",
            "decimals",
            "quantity",
            value=leg_value("cash"),
            value_sol=pl.when(is_sol).then(sol_of(pl.col("cash_quantity").abs())),
            in_sol=pl.lit(cash.near_sol).gather(pl.col("cash_mint")),
            sol_rate=pl.when(is_sol).then("cash_rate"),
        )
        .collect()
    )


def _own_sol_prices(
    rows: pl.DataFrame, plain: pl.Series, paid: pl.DataFrame, cash: CashTable
) -> pl.Series:
    """The mean price of the legs of SOL of each transaction by its group, null where it has none."""
    prices = pl.repeat(None, rows.height, dtype=pl.Float64, eager=True)
    prices = prices.scatter(paid["group"], paid["sol_rate"])
    moved = sol_moved(rows.filter(~plain), cash.is_sol, "group")
    return prices.scatter(moved["group"], moved.select(mean_price()).to_series())


def _with_sol_value(
    paid: pl.DataFrame, transactions: pl.DataFrame, number: pl.Series
) -> pl.DataFrame:
    price = transactions["sol_price"].gather(number.gather(paid["group"]))
    return paid.drop("sol_rate").with_columns(
        value_sol=pl.coalesce("value_sol", in_sol(pl.col("value"), pl.lit(price))),
        valuation=pl.lit(CASH, dtype=VALUATION),
        first=pl.lit(value=True),
    )


def _positions(movements: pl.DataFrame, kinds: pl.DataFrame, sol_price: pl.Series) -> pl.DataFrame:
    """The positions that moved, with what their transactions are, by group and mint; `sol_price` is by
    group."""
    kinds = kinds.with_columns(sol_price.gather(kinds["group"]).alias("sol_price"))
    return (
        movements.filter(~pl.col("is_cash") & (pl.col("quantity") != 0))
        .join(
            kinds.select("group", "kind", "cash", "in_sol", cash_sol=cash_in_sol()),
            on="group",
            maintain_order="left",
        )
        .with_columns(first=pl.col("group").is_first_distinct())
    )


def _netted(positions: pl.DataFrame) -> pl.DataFrame:
    for_cash = pl.col("kind") == CASH
    worths = valued(positions.filter(for_cash)).select("group", "mint", "value", "value_sol")
    return positions.join(worths, on=["group", "mint"], how="left").select(
        "group",
        "mint",
        "decimals",
        "quantity",
        "value",
        "value_sol",
        "in_sol",
        valuation=pl.col("kind").cast(pl.String).cast(VALUATION),
        first="first",
    )
