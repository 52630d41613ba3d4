"""The PnL of a few rows, looked up by token."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from smart_trader_assets.pnl import ALL_TOKENS, compute_wallet_pnl
from smart_trader_assets_tests.pnl.histories import AS_OF, X, frame

Row = dict[str, Any]


def by_token(*rows: Row, window: str = "all", **settings: Any) -> dict[str, Row]:
    """The rows of one window of a single wallet; of settings, what `compute_wallet_pnl` takes."""
    table = compute_wallet_pnl(frame(rows), **{"as_of": AS_OF, **settings})
    inside = table.filter(pl.col("window") == window)
    return {row["token_address"]: row for row in inside.iter_rows(named=True)}


def pnl(*rows: Row, token: str = ALL_TOKENS, window: str = "all", **settings: Any) -> Row:
    return by_token(*rows, window=window, **settings)[token]


def mark(
    price: float,
    *,
    hours_ago: float = 0.0,
    source: str = "token_list",
    token: str = X,
    liquidity: float | None = None,
) -> Row:
    return {
        "token_address": token,
        "price": price,
        "marked_at": AS_OF - timedelta(hours=hours_ago),
        "source": source,
        "liquidity": liquidity,
    }


def marks(*given: Row) -> pl.DataFrame:
    return pl.DataFrame(
        list(given),
        schema={
            "token_address": pl.String,
            "price": pl.Float64,
            "marked_at": pl.Datetime("us", "UTC"),
            "source": pl.String,
            "liquidity": pl.Float64,
        },
    )


def histories(*known: tuple[str, datetime | None]) -> pl.DataFrame:
    """Up to when the history of each wallet is known."""
    return pl.DataFrame(
        [(wallet, None, known_to) for wallet, known_to in known],
        schema={
            "wallet_address": pl.String,
            "history_complete": pl.Boolean,
            "known_to": pl.Datetime("us", "UTC"),
        },
        orient="row",
    )
