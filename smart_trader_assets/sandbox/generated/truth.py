"""What really happened in an invented market, for tests to compare a result with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import polars as pl

from smart_trader_assets.sandbox.generated.characters import Character

Side = Literal["buy", "sell"]
TIME = pl.Datetime("us", "UTC")


class Trade(NamedTuple):
    """What a transaction changed of one position: raw units, and USD or None where unpriced."""

    wallet_address: str
    token_address: str
    traded_at: datetime
    tx_hash: str
    side: Side
    quantity: int
    value_usd: float | None


class Arbitrage(NamedTuple):
    """A transaction that began and ended in cash, and the USD that it left."""

    wallet_address: str
    traded_at: datetime
    tx_hash: str
    profit_usd: float


class Transfer(NamedTuple):
    """Raw units that a wallet received without a swap: no row tells of them."""

    wallet_address: str
    token_address: str
    received_at: datetime
    quantity: int


@dataclass(frozen=True, slots=True)
class Truth:
    """The characters by wallet, and frames of everything that happens up to the market's end.

    ``trades``: wallet_address, token_address, traded_at, tx_hash, side (buy or sell), quantity
    (raw units), value_usd (null where no row tells a price). ``arbitrages``: wallet_address,
    traded_at, tx_hash, profit_usd. ``transfers``: wallet_address, token_address, received_at,
    quantity.
    """

    characters: Mapping[str, Character]
    trades: pl.DataFrame
    arbitrages: pl.DataFrame
    transfers: pl.DataFrame


def trades_frame(trades: list[Trade]) -> pl.DataFrame:
    """The trades as a frame."""
    return pl.DataFrame(
        trades,
        schema={
            "wallet_address": pl.String,
            "token_address": pl.String,
            "traded_at": TIME,
            "tx_hash": pl.String,
            "side": pl.String,
            "quantity": pl.Int64,
            "value_usd": pl.Float64,
        },
        orient="row",
    )


def arbitrages_frame(arbitrages: list[Arbitrage]) -> pl.DataFrame:
    """The arbitrages as a frame."""
    return pl.DataFrame(
        arbitrages,
        schema={
            "wallet_address": pl.String,
            "traded_at": TIME,
            "tx_hash": pl.String,
            "profit_usd": pl.Float64,
        },
        orient="row",
    )


def transfers_frame(transfers: list[Transfer]) -> pl.DataFrame:
    """The transfers as a frame."""
    return pl.DataFrame(
        transfers,
        schema={
            "wallet_address": pl.String,
            "token_address": pl.String,
            "received_at": TIME,
            "quantity": pl.Int64,
        },
        orient="row",
    )


def utc(time: int) -> datetime:
    """A unix time as an aware datetime."""
    return datetime.fromtimestamp(time, UTC)
