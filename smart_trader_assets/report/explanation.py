"""One wallet laid open: read from the tables, summed up, and compared with what the table says."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from smart_trader_assets.assets.pnl_inputs import PnlInputs, read_pnl_inputs
from smart_trader_assets.delta.resource import LakeResource
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.delta.tables import TOKENS, TRACKED_WHALES, TRANSACTIONS, WALLET_PNL
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.pnl import ALL_TOKENS, WalletExplanation, explain_wallet
from smart_trader_assets.shards import shard_of
from smart_trader_assets.symbols import token_symbols

_CENT = 0.005
SUMMED = ("realized_pnl", "matched_cost", "open_cost", "unrealized_pnl")
"""The columns of silver/wallet_pnl that the lots add up to."""


class UnknownAddressError(SmartTraderError):
    """A wallet or token to explain is not in the tables."""


@dataclass(frozen=True)
class Agreement:
    """Whether silver/wallet_pnl says the same to the cent, and if not, why; `table_as_of` is the time
    that its rows were calculated for, None where it has none."""

    equal: bool
    table_as_of: datetime | None
    verdict: str


@dataclass(frozen=True)
class ExplainedWallet:
    """A wallet's trades and lots as of a time.

    totals: token_address, the `SUMMED` columns as the lots add up to, and beside each as the table has
      it, `table_...`; the portfolio, ALL_TOKENS, last, where no token was chosen
    """

    wallet: str
    as_of: datetime
    explanation: WalletExplanation
    totals: pl.DataFrame
    agreement: Agreement
    symbols: dict[str, str]


def explain(
    lake: LakeResource, wallet: str, *, as_of: datetime, token: str | None = None
) -> ExplainedWallet:
    """Lay `wallet` open as of `as_of`, or its trades of one `token` alone.

    Only the files of the wallet's shard are opened. Raises UnknownAddressError, naming the nearest
    address that is known.
    """
    store = lake.store
    shard = shard_of(wallet, lake.wallet_shards)
    tokens = store.scan(TOKENS)
    inputs = read_pnl_inputs(
        [wallet],
        shards=[shard],
        as_of=as_of,
        transactions=store.scan(TRANSACTIONS),
        tracked_whales=store.scan(TRACKED_WHALES),
        tokens=tokens,
    )
    if inputs.swaps.is_empty():
        raise _unknown_wallet(store, wallet, shard)
    explanation = explain_wallet(
        inputs.swaps,
        as_of=as_of,
        wallet=wallet,
        token=token,
        marks=inputs.marks,
        histories=inputs.histories,
    )
    if token is not None and explanation.trades.is_empty():
        raise _unknown_token(inputs, wallet, token)
    table = _table_rows(store, wallet, shard, token)
    totals = _totals(explanation, table, portfolio=token is None)
    mints = explanation.trades["token_address"].unique().to_list()
    return ExplainedWallet(
        wallet=wallet,
        as_of=as_of,
        explanation=explanation,
        totals=totals,
        agreement=_agreement(totals, table, inputs),
        symbols=token_symbols(mints, tokens=tokens, swaps=inputs.swaps),
    )


def _table_rows(store: DeltaStore, wallet: str, shard: str, token: str | None) -> pl.DataFrame:
    rows = store.scan(WALLET_PNL).filter(
        (pl.col("wallet_shard") == shard)
        & (pl.col("wallet_address") == wallet)
        & (pl.col("window") == "all")
    )
    if token is not None:
        rows = rows.filter(pl.col("token_address") == token)
    return rows.select("token_address", "as_of", *SUMMED).collect()


def _totals(
    explanation: WalletExplanation, table: pl.DataFrame, *, portfolio: bool
) -> pl.DataFrame:
    known = pl.col("result").is_not_null()
    sold = explanation.lot_matches.group_by("token_address").agg(
        realized_pnl=pl.col("result").sum(), matched_cost=pl.col("cost").filter(known).sum()
    )
    unmarked = pl.col("cost").is_not_null() & pl.col("unrealized_pnl").is_null()
    held = explanation.open_lots.group_by("token_address").agg(
        open_cost=pl.col("cost").sum(),
        unrealized_pnl=pl.col("unrealized_pnl").sum(),
        unmarked=unmarked.any(),
    )
    tokens = (
        explanation.trades.select(pl.col("token_address").unique())
        .join(sold, on="token_address", how="left")
        .join(held, on="token_address", how="left")
        .with_columns(pl.col(SUMMED).fill_null(0.0))
        .with_columns(
            unrealized_pnl=pl.when(~pl.col("unmarked").fill_null(value=False)).then(
                "unrealized_pnl"
            )
        )
        .select("token_address", *SUMMED)
        .sort("realized_pnl", "token_address", descending=[True, False])
    )
    if portfolio:
        whole = tokens.select(pl.lit(ALL_TOKENS).alias("token_address"), pl.col(SUMMED).sum())
        tokens = pl.concat([tokens, whole])
    return tokens.join(
        table.select("token_address", pl.col(SUMMED).name.prefix("table_")),
        on="token_address",
        how="left",
        maintain_order="left",
    )


def _agreement(totals: pl.DataFrame, table: pl.DataFrame, inputs: PnlInputs) -> Agreement:
    calculated: datetime | None = table["as_of"].max()  # type: ignore[assignment]
    if calculated is None:
        return Agreement(
            equal=False,
            table_as_of=None,
            verdict="silver/wallet_pnl has no row of this yet: `smart-trader run` computes it.",
        )
    if _equal(totals):
        told = f"Equal to silver/wallet_pnl, calculated as of {_told(calculated)}, to the cent."
        return Agreement(equal=True, table_as_of=calculated, verdict=told)
    uncounted = inputs.swaps.filter(~pl.col("processed_for_pnl")).height
    if calculated < inputs.as_of:
        newer = inputs.swaps.filter(pl.col("block_unix_time") > int(calculated.timestamp())).height
        why = (
            f"it was calculated as of {_told(calculated)}, earlier than {_told(inputs.as_of)}: {newer} swaps "
            "and the marks since then are not in it. `smart-trader run` brings it up to date."
        )
    elif calculated > inputs.as_of:
        why = f"it was calculated as of {_told(calculated)}, later than {_told(inputs.as_of)}."
    elif uncounted:
        why = f"{uncounted} swaps are not counted there yet: `smart-trader run` counts them."
    else:
        why = (
            "though both are of the same time and every swap is counted. The rules have changed since: "
            "materialize silver/wallet_pnl with the tag `reprocess`."
        )
    return Agreement(
        equal=False, table_as_of=calculated, verdict=f"Differs from silver/wallet_pnl: {why}"
    )


def _equal(totals: pl.DataFrame) -> bool:
    """Where there is no mark, both sides are null."""
    apart = [
        (pl.col(name).fill_null(0) - pl.col(f"table_{name}").fill_null(0)).abs() >= _CENT
        for name in SUMMED
    ]
    missing = pl.col("table_realized_pnl").is_null()
    return totals.filter(pl.any_horizontal(*apart, missing)).is_empty()


def _unknown_wallet(store: DeltaStore, wallet: str, shard: str) -> UnknownAddressError:
    of_wallet = (pl.col("wallet_shard") == shard) & (pl.col("wallet_address") == wallet)
    whales = store.scan(TRACKED_WHALES)
    states = whales.filter(of_wallet).select("processing_status").unique().collect().to_series()
    if states.len():
        return UnknownAddressError(
            f"The wallet {wallet} is known ({', '.join(sorted(states))}), but has no swaps up to this time: "
            "`smart-trader run` fetches what is due, `smart-trader state` shows what is in trouble."
        )
    known = pl.concat(
        [table.select("wallet_address") for table in (store.scan(WALLET_PNL), whales)]
    )
    return _unknown("wallet in the tables", wallet, known.unique().collect().to_series().to_list())


def _unknown_token(inputs: PnlInputs, wallet: str, token: str) -> UnknownAddressError:
    mints = pl.concat([inputs.swaps["base_address"], inputs.swaps["quote_address"]]).unique()
    if token in mints:
        return UnknownAddressError(
            f"The wallet {wallet} has swaps of {token}, but no trade: it is cash, or every transaction "
            "nets it to nothing, or its rows are set aside."
        )
    return _unknown(f"token among the trades of the wallet {wallet}", token, mints.to_list())


def _unknown(what: str, address: str, known: list[str]) -> UnknownAddressError:
    begun = sorted(other for other in known if address and other.startswith(address))
    near = begun[:1] or difflib.get_close_matches(address, known, n=1, cutoff=0.0)
    hint = f" The nearest is {near[0]}." if near else " None is known yet: `smart-trader run`."
    return UnknownAddressError(f"There is no {what} with the address {address!r}.{hint}")


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
