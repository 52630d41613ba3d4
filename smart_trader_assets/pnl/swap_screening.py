"""Swap rows that break the contract, and why. One costs its transaction, never its wallet.

What is checked here is whether a row's *quantities* can be believed. A row with sound
quantities and a bad price stays: it is unpriced (see `prices`).
"""

from collections.abc import Callable
from typing import Final

import polars as pl

from smart_trader_assets.pnl.cash import KNOWN_DECIMALS, NATIVE_SOL, WRAPPED_SOL
from smart_trader_assets.pnl.exact import MAX_DECIMALS, MAX_QUANTITY, float_power_of_ten, whole
from smart_trader_assets.pnl.swap_rows import (
    LEGS,
    MILLISECONDS_FROM,
    swap_rows,
    with_quantities,
)
from smart_trader_assets.transforms.known_addresses import is_address

NOT_A_SWAP: Final = "not_a_swap"
BROKEN_NEIGHBOUR: Final = "transaction_has_broken_row"
_CONTRADICTION: Final = 5.0
"""Raw and ui amounts of one leg differ by rounding; by this factor they contradict each other."""


def screen_swaps(swaps: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """The rows that are left out of the PnL: swap_id, set_aside_reason (text), one row per swap_id.

    | reason | the row |
    |---|---|
    | not_a_swap | has another `tx_type`; its transaction is not touched |
    | wallet_missing, tx_hash_missing | cannot be told apart from others |
    | block_unix_time_missing, block_unix_time_not_in_seconds | has no time, or one outside 1..1e10 |
    | mint_not_an_address | has a mint that is not base58 of 32 bytes |
    | decimals_missing, decimals_out_of_range | has decimals that are null or outside 0..30 |
    | quantity_unreadable | has a change that is null, NaN, infinite or not a number |
    | quantity_zero, quantity_beyond_limit | moves nothing, or above 1e20 raw units |
    | legs_same_direction | takes or gives both mints |
    | amounts_contradict | has a raw change that is not its ui change x 10^decimals |
    | decimals_differ | has other decimals than the mint has: in most rows of this wallet, the \
earliest among equals; for SOL, USDC and USDT, the known ones |
    | transaction_has_broken_row | is sound, but its transaction cannot be netted without the rest |

    Decimals are compared inside one wallet, so that a result does not depend on which wallets are
    screened together. Raises `ColumnsMissingError`.
    """
    rows, _ = screened_rows(swap_rows(swaps))
    return rows.filter(pl.col("set_aside_reason").is_not_null()).select(
        "swap_id", "set_aside_reason"
    )


def screened_rows(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`swap_rows` -> (the rows with codes, quantities and `set_aside_reason`, the mints).

    Rows gain `base_mint`, `quote_mint` (UInt32 code), `base_quantity`, `quote_quantity` (signed
    Int128 raw units). Mints: `mint` (code), `token_address`, `is_address`, in the order of the
    addresses, so that codes compare alike whatever else is in the frame. Both addresses of SOL
    have one code.
    """
    rows, mints = _coded(rows)
    for leg in LEGS:
        rows = with_quantities(rows, leg)
    sound = mints["is_address"]
    rows = rows.lazy().with_columns(set_aside_reason=_own_reason(sound)).collect()
    rows = _with_differing_decimals(rows, mints)
    return _with_broken_neighbours(rows), mints


def _coded(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Addresses of mints become codes: text is compared once per mint and not once per row."""
    texts = pl.concat([rows[f"{leg}_address"].unique() for leg in LEGS]).unique().drop_nulls()
    canonical = texts.replace(NATIVE_SOL, WRAPPED_SOL)
    addresses = canonical.unique().sort()
    sound = pl.Series(map(is_address, addresses), dtype=pl.Boolean)
    mints = pl.DataFrame({"token_address": addresses, "is_address": sound})
    mints = mints.with_row_index("mint")
    codes = pl.DataFrame({"text": texts, "token_address": canonical}).join(
        mints.select("token_address", "mint"), on="token_address"
    )
    for leg in LEGS:
        coded = (
            rows.select(text=f"{leg}_address")
            .join(codes.select("text", "mint"), on="text", how="left", maintain_order="left")
            .get_column("mint")
        )
        rows = rows.with_columns(coded.alias(f"{leg}_mint")).drop(f"{leg}_address")
    return rows, mints


def _own_reason(is_address: pl.Series) -> pl.Expr:
    """The first promise that a row breaks by itself; null where it keeps all of them."""
    time = pl.col("block_unix_time")
    checks: list[tuple[pl.Expr, str]] = [
        (pl.col("tx_type") != "swap", NOT_A_SWAP),
        (_blank("wallet_address"), "wallet_missing"),
        (_blank("tx_hash"), "tx_hash_missing"),
        (time.is_null(), "block_unix_time_missing"),
        ((time <= 0) | (time >= MILLISECONDS_FROM), "block_unix_time_not_in_seconds"),
        (_either(lambda leg: ~_is_address(is_address, leg)), "mint_not_an_address"),
        (_either(lambda leg: pl.col(f"{leg}_decimals").is_null()), "decimals_missing"),
        (
            _either(lambda leg: ~pl.col(f"{leg}_decimals").is_between(0, MAX_DECIMALS)),
            "decimals_out_of_range",
        ),
        (_either(_unreadable), "quantity_unreadable"),
        (_either(lambda leg: pl.col(f"{leg}_quantity") == 0), "quantity_zero"),
        (
            _either(lambda leg: pl.col(f"{leg}_quantity").abs() > whole(MAX_QUANTITY)),
            "quantity_beyond_limit",
        ),
        (
            (pl.col("base_quantity") > 0) == (pl.col("quote_quantity") > 0),
            "legs_same_direction",
        ),
        (_either(_contradictory), "amounts_contradict"),
    ]
    return pl.coalesce(*(pl.when(broken).then(pl.lit(reason)) for broken, reason in checks))


def _either(check: Callable[[str], pl.Expr]) -> pl.Expr:
    return pl.any_horizontal(*(check(leg) for leg in LEGS))


def _blank(column: str) -> pl.Expr:
    return pl.col(column).is_null() | (pl.col(column) == "")


def _is_address(is_address: pl.Series, leg: str) -> pl.Expr:
    return pl.lit(is_address).gather(pl.col(f"{leg}_mint")).fill_null(value=False)


def _unreadable(leg: str) -> pl.Expr:
    ui_amount = pl.col(f"{leg}_ui_change_amount")
    return pl.col(f"{leg}_quantity").is_null() | ~ui_amount.is_finite().fill_null(value=True)


def _contradictory(leg: str) -> pl.Expr:
    """Mints whose ui amounts are scaled are flagged, and not compared."""
    scale = float_power_of_ten(pl.col(f"{leg}_decimals").clip(0, MAX_DECIMALS))
    stated = pl.col(f"{leg}_ui_change_amount") * scale
    raw = pl.col(f"{leg}_quantity").cast(pl.Float64)
    ratio = raw / stated
    scaled = pl.col(f"{leg}_is_scaled_ui_token").fill_null(value=False)
    unscaled = ~scaled & pl.col(f"{leg}_multiplier").is_null()
    # Below one raw unit the ui amount was rounded to nothing, which contradicts nothing.
    return unscaled & (stated.abs() >= 1.0) & ~ratio.is_between(1 / _CONTRADICTION, _CONTRADICTION)


def _with_differing_decimals(rows: pl.DataFrame, mints: pl.DataFrame) -> pl.DataFrame:
    """Marks the rows that disagree with the majority; only mints in dispute are examined closely."""
    sound = rows.filter(pl.col("set_aside_reason").is_null())
    disputed = _mints_in_dispute(sound, mints)
    if disputed.is_empty():
        return rows
    stated = pl.concat(
        sound.select(
            "wallet_address", "block_unix_time", mint=f"{leg}_mint", decimals=f"{leg}_decimals"
        )
        for leg in LEGS
    )
    verdicts = (
        stated.join(disputed, on="mint")
        .group_by("wallet_address", "mint", "known", "decimals")
        .agg(votes=pl.len(), earliest=pl.col("block_unix_time").min())
        .sort("votes", "earliest", "decimals", descending=[True, False, False])
        .unique(["wallet_address", "mint"], keep="first", maintain_order=True)
        .select("wallet_address", "mint", verdict=pl.coalesce("known", "decimals"))
    )
    for leg in LEGS:
        rows = rows.join(
            verdicts.rename({"mint": f"{leg}_mint", "verdict": f"{leg}_verdict"}),
            on=["wallet_address", f"{leg}_mint"],
            how="left",
            maintain_order="left",
        )
    differ = _either(lambda leg: pl.col(f"{leg}_decimals") != pl.col(f"{leg}_verdict"))
    reason = pl.coalesce("set_aside_reason", pl.when(differ).then(pl.lit("decimals_differ")))
    return rows.with_columns(set_aside_reason=reason).drop("base_verdict", "quote_verdict")


def _mints_in_dispute(rows: pl.DataFrame, mints: pl.DataFrame) -> pl.DataFrame:
    """mint, known (its decimals, where they are beyond doubt) of mints that any row contradicts.

    Each row is compared with one row of its mint: any dispute shows in one of these comparisons.
    """
    known = mints["token_address"].replace_strict(
        KNOWN_DECIMALS, default=None, return_dtype=pl.Int64
    )
    stated = pl.zeros(mints.height, dtype=pl.Int64, eager=True)
    for leg in LEGS:
        stated = stated.scatter(rows[f"{leg}_mint"], rows[f"{leg}_decimals"])
    stated = known.fill_null(stated) if known.null_count() else known
    odd = [
        rows[f"{leg}_mint"].filter(rows[f"{leg}_decimals"] != stated.gather(rows[f"{leg}_mint"]))
        for leg in LEGS
    ]
    return pl.DataFrame({"mint": mints["mint"], "known": known}).filter(
        pl.col("mint").is_in(pl.concat(odd).unique().implode())
    )


def _with_broken_neighbours(rows: pl.DataFrame) -> pl.DataFrame:
    """A transaction is netted whole or not at all."""
    broken = rows.filter(pl.col("set_aside_reason") != NOT_A_SWAP)
    if broken.is_empty():
        return rows
    transactions = broken.select("wallet_address", "tx_hash").unique().with_columns(broken=True)
    rows = rows.join(
        transactions, on=["wallet_address", "tx_hash"], how="left", maintain_order="left"
    )
    reason = pl.coalesce(
        "set_aside_reason", pl.when(pl.col("broken")).then(pl.lit(BROKEN_NEIGHBOUR))
    )
    return rows.with_columns(set_aside_reason=reason).drop("broken")
