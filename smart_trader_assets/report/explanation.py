"""One wallet explained: read from the tables, summed up, and compared with what the table says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.pnl import ALL_TOKENS, WalletExplanation, explain_wallet
from smart_trader_assets.pnl.assumptions import (
    DEFAULT_ASSUMPTIONS,
    PNL_RULES,
    Assumptions,
    pnl_edition,
)
from smart_trader_assets.pnl.cash import DEFAULT_CASH_MINTS, NATIVE_SOL, WRAPPED_SOL
from smart_trader_assets.pnl.columns import WINDOWS
from smart_trader_assets.ranking.bets import BET_COLUMNS, DEFAULT_BETS, BetRules, with_bets
from smart_trader_assets.ranking.discovery import LIST_WINDOW, discoveries
from smart_trader_assets.report.address_lookup import UnknownAddressError, meant_address, meant_mint
from smart_trader_assets.report.company import company_of, company_words
from smart_trader_assets.report.lot_totals import SUMMED, agree, lot_totals
from smart_trader_assets.report.standing import Standing, exclusion, read_standing
from smart_trader_assets.report.stored_inputs import REMEMBERED, stored_histories, stored_marks
from smart_trader_assets.report.whence import received_tokens, whence_words
from smart_trader_assets.tables.catalog import (
    COPY_RESULTS,
    TOKENS,
    TRACKED_WHALES,
    TRANSACTIONS,
    WALLET_PNL,
)
from smart_trader_assets.tables.pnl_inputs import PnlInputs, read_pnl_inputs
from smart_trader_assets.text import plural, token_symbols
from smart_trader_assets.transforms.shards import shard_of

_COPIES = (
    "delay_seconds",
    "bets",
    "priced_bets",
    "priced_share",
    "copied_return",
    "copied_floor",
    "price_drift_entry",
    "break_even_delay",
)


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

    totals: of `lot_totals`; the portfolio, ALL_TOKENS, last, where no token was chosen
    bets: token_address and what `ranking.bets` makes of its row, the best first
    copies: its rows of gold/copy_results, by delay
    company: with whom it trades within seconds, or shares a purse, in words
    whence: who had sent it what it sold without having bought it, in words
    metrics: the row that the head shows: the portfolio's, or the chosen token's, of the whole history
    """

    wallet: str
    as_of: datetime
    explanation: WalletExplanation
    totals: pl.DataFrame
    bets: pl.DataFrame
    copies: pl.DataFrame
    agreement: Agreement
    standing: Standing
    symbols: dict[str, str]
    company: tuple[str, ...] = ()
    whence: tuple[str, ...] = ()

    @property
    def metrics(self) -> dict[str, Any]:
        rows = self.explanation.metrics.filter(pl.col("window") == "all")
        # ALL_TOKENS comes first, where it is there.
        return rows.row(0, named=True)


def explain(
    lake: LakeResource,
    wallet: str,
    *,
    as_of: datetime,
    token: str | None = None,
    cash_mints: Mapping[str, float | None] = DEFAULT_CASH_MINTS,
    assumptions: Assumptions = DEFAULT_ASSUMPTIONS,
    bet_rules: BetRules = DEFAULT_BETS,
    list_window: timedelta = LIST_WINDOW,
) -> ExplainedWallet:
    """Explain `wallet`, or only its trades of one `token`, as silver/wallet_pnl calculated it.

    The time, the marks and how far the history was known are those of the wallet's rows there, so that the
    comparison checks the numbers and not the market; what was added between then and `as_of` is only counted.
    Where there are no rows, or later ones, it is explained as of `as_of`, at the prices of bronze/tokens.

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
        recorded=lake.source == "replay",
    )
    if inputs.swaps.is_empty():
        meant = _meant_wallet(store, wallet)
        if meant == wallet:
            raise _without_swaps(store, wallet, shard)
        return explain(
            lake,
            meant,
            as_of=as_of,
            token=token,
            cash_mints=cash_mints,
            assumptions=assumptions,
            bet_rules=bet_rules,
            list_window=list_window,
        )
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
        cash_mints=cash_mints,
        marks=inputs.marks,
        histories=inputs.histories,
        assumptions=assumptions,
    )
    if token is not None:
        if explanation.trades.is_empty():
            raise _untraded_token(wallet, token)
        table = table.filter(pl.col("token_address") == token)
    totals = lot_totals(explanation, table, portfolio=token is None)
    edition = pnl_edition(assumptions, cash_mints)
    moved = (explanation.trades["token_address"], explanation.rollovers["token_address"])
    mints = pl.concat(moved).unique().to_list()
    symbols = token_symbols(mints, tokens=tokens, swaps=inputs.swaps)
    company = company_of(store, [wallet])
    return ExplainedWallet(
        wallet=wallet,
        as_of=inputs.as_of,
        explanation=explanation,
        totals=totals,
        bets=_bets(explanation.metrics, _found(lake, wallet, shard, list_window), bet_rules),
        copies=store.scan(COPY_RESULTS)
        .filter(pl.col("wallet_address") == wallet)
        .select(_COPIES)
        .sort("delay_seconds")
        .collect(),
        agreement=_agreement(totals, table, inputs, newer, edition),
        standing=read_standing(store, wallet, shard),
        symbols=symbols,
        company=tuple(company_words(company, wallet)),
        whence=tuple(whence_words(received_tokens(store, [wallet], company), wallet, symbols)),
    )


def _found(
    lake: LakeResource, wallet: str, shard: str, list_window: timedelta
) -> pl.LazyFrame | None:
    """What the wallet was found by; None where its user chose it."""
    if lake.source == "replay":
        return None
    of_wallet = (pl.col("wallet_shard") == shard) & (pl.col("wallet_address") == wallet)
    whales = lake.store.scan(TRACKED_WHALES).filter(of_wallet)
    return discoveries(whales, list_window=list_window)


def _bets(metrics: pl.DataFrame, found: pl.LazyFrame | None, rules: BetRules) -> pl.DataFrame:
    rows = metrics.filter(pl.col("window") == WINDOWS[0])
    whole = rows.filter(pl.col("token_address") == ALL_TOKENS)
    tokens = rows.filter(pl.col("token_address") != ALL_TOKENS).with_columns(
        wallet_paid_in_sol=pl.lit(whole["paid_in_sol"].max(), dtype=pl.Float64)
    )
    return (
        with_bets(tokens.lazy(), rules, found)
        .select("token_address", *BET_COLUMNS)
        .filter(pl.col("bet_return").is_not_null())
        .sort("bet_result", "token_address", descending=[True, False])
        .collect()
    )


def _table_rows(store: DeltaStore, wallet: str, shard: str) -> pl.DataFrame:
    rows = store.scan(WALLET_PNL).filter(
        (pl.col("wallet_shard") == shard)
        & (pl.col("wallet_address") == wallet)
        & (pl.col("window") == "all")
    )
    names = ("wallet_address", "token_address", "as_of", "pnl_rules", *REMEMBERED, *SUMMED)
    return rows.select(names).collect()


def _calculated(table: pl.DataFrame) -> datetime | None:
    return table["as_of"].max()  # type: ignore[return-value]


def _as_calculated(
    inputs: PnlInputs, table: pl.DataFrame, calculated: datetime
) -> tuple[PnlInputs, int]:
    """What the table's rows were calculated from, and the number of swaps since then."""
    then = pl.col("block_unix_time") <= int(calculated.timestamp())
    swaps = inputs.swaps.filter(then)
    return (
        replace(
            inputs,
            as_of=calculated,
            swaps=swaps,
            marks=stored_marks(table),
            histories=stored_histories(table),
        ),
        inputs.swaps.height - swaps.height,
    )


def _agreement(
    totals: pl.DataFrame, table: pl.DataFrame, inputs: PnlInputs, newer: int, edition: str
) -> Agreement:
    calculated = _calculated(table)
    others = table.filter(pl.col("pnl_rules").ne_missing(edition))["pnl_rules"].to_list()
    equal = calculated is not None and not others and agree(totals)
    if calculated is None:
        verdict = "silver/wallet_pnl has no row for this yet: `smart-trader run` computes it."
    elif others:
        verdict = (
            f"silver/wallet_pnl was calculated {_otherwise(others)}; the next run computes it anew."
        )
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


def _otherwise(editions: Sequence[str | None]) -> str:
    """By what rows were calculated that are of other editions: the definitions come before a `+`."""
    if any((edition or "").split("+")[0] != PNL_RULES for edition in editions):
        return "by another edition of the definitions"
    return "with other settings"


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
