"""One wallet explained: read from the tables, summed up, and compared with what the table says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.pnl import ALL_TOKENS, WalletExplanation, explain_wallet
from smart_trader_assets.pnl.cash import NATIVE_SOL, WRAPPED_SOL
from smart_trader_assets.report.address_lookup import UnknownAddressError, meant_address, meant_mint
from smart_trader_assets.report.standing import Standing, exclusion, read_standing
from smart_trader_assets.tables.catalog import TOKENS, TRACKED_WHALES, TRANSACTIONS, WALLET_PNL
from smart_trader_assets.tables.pnl_inputs import PnlInputs, read_pnl_inputs
from smart_trader_assets.text import plural, token_symbols
from smart_trader_assets.transforms.shards import shard_of

_CENT = 0.005
SUMMED = ("realized_pnl", "matched_cost", "open_cost", "unrealized_pnl")
"""The columns of silver/wallet_pnl that the lots add up to."""


@dataclass(frozen=True)
class Agreement:
    """Whether silver/wallet_pnl has the same to the cent, and if not, why; `table_as_of` is the time
    that its rows were calculated for, None where it has none."""

    equal: bool
    table_as_of: datetime | None
    verdict: str


@dataclass(frozen=True)
class ExplainedWallet:
    """A wallet's trades and lots as of a time, and its place in the ranking.

    totals: token_address, the `SUMMED` columns as the lots add up to, and beside each as the table has
      it, `table_...`; the portfolio, ALL_TOKENS, last, where no token was chosen
    """

    wallet: str
    as_of: datetime
    explanation: WalletExplanation
    totals: pl.DataFrame
    agreement: Agreement
    standing: Standing
    symbols: dict[str, str]


def explain(
    lake: LakeResource, wallet: str, *, as_of: datetime, token: str | None = None
) -> ExplainedWallet:
    """Explain `wallet`, or only its trades of one `token`, as silver/wallet_pnl calculated it.

    The time and the marks are those of the wallet's rows there, so that the comparison checks the
    numbers and not the market; what was added between then and `as_of` is only counted. Where there are no
    rows, or later ones, it is explained as of `as_of`, at the prices of bronze/tokens.

    `wallet` may be the beginning of an address or its two ends, `token` a symbol too; of a whole address
    only the files of its shard are opened. Raises UnknownAddressError where nothing or more than one
    thing could be meant.
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
        meant = _meant_wallet(store, wallet)
        if meant == wallet:
            raise _without_swaps(store, wallet, shard)
        return explain(lake, meant, as_of=as_of, token=token)
    if token is not None:
        token = _meant_token(inputs, tokens, wallet, token)
    table = _table_rows(store, wallet, shard)
    newer = 0
    calculated = _calculated(table)
    if calculated is not None and calculated <= as_of:
        inputs, newer = _as_calculated(inputs, table, calculated)
    explanation = explain_wallet(
        inputs.swaps,
        as_of=inputs.as_of,
        wallet=wallet,
        token=token,
        marks=inputs.marks,
        histories=inputs.histories,
    )
    if token is not None:
        if explanation.trades.is_empty():
            raise _untraded_token(wallet, token)
        table = table.filter(pl.col("token_address") == token)
    totals = _totals(explanation, table, portfolio=token is None)
    mints = explanation.trades["token_address"].unique().to_list()
    return ExplainedWallet(
        wallet=wallet,
        as_of=inputs.as_of,
        explanation=explanation,
        totals=totals,
        agreement=_agreement(totals, table, inputs, newer),
        standing=read_standing(store, wallet, shard),
        symbols=token_symbols(mints, tokens=tokens, swaps=inputs.swaps),
    )


def _table_rows(store: DeltaStore, wallet: str, shard: str) -> pl.DataFrame:
    rows = store.scan(WALLET_PNL).filter(
        (pl.col("wallet_shard") == shard)
        & (pl.col("wallet_address") == wallet)
        & (pl.col("window") == "all")
    )
    marks = ("mark_price", "marked_at", "mark_source")
    return rows.select("token_address", "as_of", *marks, *SUMMED).collect()


def _calculated(table: pl.DataFrame) -> datetime | None:
    return table["as_of"].max()  # type: ignore[return-value]


def _as_calculated(
    inputs: PnlInputs, table: pl.DataFrame, calculated: datetime
) -> tuple[PnlInputs, int]:
    """What the table's rows were calculated from, and the number of swaps since then."""
    then = pl.col("block_unix_time") <= int(calculated.timestamp())
    swaps = inputs.swaps.filter(then)
    marks = table.filter(pl.col("mark_price").is_not_null()).select(
        "token_address", "marked_at", price="mark_price", source="mark_source"
    )
    return (
        replace(inputs, as_of=calculated, swaps=swaps, marks=marks),
        inputs.swaps.height - swaps.height,
    )


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


def _agreement(
    totals: pl.DataFrame, table: pl.DataFrame, inputs: PnlInputs, newer: int
) -> Agreement:
    calculated = _calculated(table)
    equal = calculated is not None and _equal(totals)
    if calculated is None:
        verdict = "silver/wallet_pnl has no row for this yet: `smart-trader run` computes it."
    elif equal:
        verdict = (
            f"Equal to silver/wallet_pnl, calculated as of {_format_time(calculated)}, to the cent."
        )
    else:
        verdict = f"Differs from silver/wallet_pnl: {_difference(calculated, inputs)}"
    if newer:
        have = "has" if newer == 1 else "have"
        verdict += (
            f" {plural(newer, 'swap')} {have} been added since; `smart-trader run` counts them."
        )
    return Agreement(equal=equal, table_as_of=calculated, verdict=verdict)


def _difference(calculated: datetime, inputs: PnlInputs) -> str:
    if calculated > inputs.as_of:
        return f"it was calculated as of {_format_time(calculated)}, later than {_format_time(inputs.as_of)}."
    uncounted = inputs.swaps.filter(~pl.col("processed_for_pnl")).height
    if uncounted:
        return f"{plural(uncounted, 'swap')} up to then not counted yet: `smart-trader run` counts them."
    return (
        "although both are as of the same time and every swap is counted. The rules have changed since: "
        "materialize silver/wallet_pnl with the tag `reprocess`."
    )


def _equal(totals: pl.DataFrame) -> bool:
    """Where there is no mark, both sides are null."""
    apart = [
        (pl.col(name).fill_null(0) - pl.col(f"table_{name}").fill_null(0)).abs() >= _CENT
        for name in SUMMED
    ]
    missing = pl.col("table_realized_pnl").is_null()
    return totals.filter(pl.any_horizontal(*apart, missing)).is_empty()


def _meant_wallet(store: DeltaStore, asked: str) -> str:
    tables = [store.scan(table) for table in (WALLET_PNL, TRACKED_WHALES, TRANSACTIONS)]
    known = pl.concat([table.select("wallet_address") for table in tables]).unique().collect()
    return meant_address("wallet in the tables", asked, known.to_series().to_list())


def _without_swaps(store: DeltaStore, wallet: str, shard: str) -> UnknownAddressError:
    excluded = exclusion(store, wallet, shard)
    if excluded:
        return UnknownAddressError(
            f"The wallet {wallet} is not ranked, and its swaps are not fetched: {' '.join(excluded)}"
        )
    of_wallet = (pl.col("wallet_shard") == shard) & (pl.col("wallet_address") == wallet)
    whales = store.scan(TRACKED_WHALES).filter(of_wallet)
    states = whales.select("processing_status").unique().collect().to_series()
    known = f" ({', '.join(sorted(states))})" if states.len() else ""
    return UnknownAddressError(
        f"The wallet {wallet} is known{known}, but has no swaps up to this time: "
        "`smart-trader run` fetches what is due, `smart-trader state` shows what is failing."
    )


def _meant_token(inputs: PnlInputs, tokens: pl.LazyFrame, wallet: str, asked: str) -> str:
    if asked == NATIVE_SOL:
        return WRAPPED_SOL
    legs = [inputs.swaps[f"{leg}_address"] for leg in ("base", "quote")]
    mints = pl.concat(legs).drop_nulls().unique().to_list()
    symbols = token_symbols(mints, tokens=tokens, swaps=inputs.swaps)
    return meant_mint(f"token among the trades of the wallet {wallet}", asked, mints, symbols)


def _untraded_token(wallet: str, token: str) -> UnknownAddressError:
    return UnknownAddressError(
        f"The wallet {wallet} has swaps of {token}, but no trade: it is cash, or every transaction "
        "nets it to zero, or its rows are set aside."
    )


def _format_time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
