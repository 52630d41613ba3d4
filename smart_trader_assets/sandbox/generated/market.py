"""The invented market as a source for the stand-in, and what really happened in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from random import Random
from typing import get_type_hints

import polars as pl

from smart_trader_assets.delta.contract import TIME
from smart_trader_assets.sandbox.errors import SandboxError
from smart_trader_assets.sandbox.generated.chain import NATIVE_SOL, WRAPPED_SOL
from smart_trader_assets.sandbox.generated.characters import FEWEST_WALLETS, Character
from smart_trader_assets.sandbox.generated.coins import (
    DAY,
    SUPPLY,
    Calendar,
    Coin,
    Listing,
    Mints,
    make_mints,
)
from smart_trader_assets.sandbox.generated.crowd import make_crowd
from smart_trader_assets.sandbox.generated.holdings import HolderBook
from smart_trader_assets.sandbox.generated.launches import make_launches, sinking_coin
from smart_trader_assets.sandbox.generated.purses import Sending, sendings
from smart_trader_assets.sandbox.generated.trade_rows import Shapes
from smart_trader_assets.sandbox.generated.wallet import (
    Arbitrage,
    Bet,
    Trade,
    TraderWallet,
    Transfer,
)
from smart_trader_assets.sandbox.source import MintPrice, SwapItem
from smart_trader_assets.sandbox.wire import WINDOWS

FEWEST_TOKENS = 8
FEWEST_HISTORY_DAYS = 60
LAUNCHES_A_DAY = 3
SINKING = 12
LOUD_CHANGE = 21.0
"""Cash and staked SOL are listed with a change that passes the usual filter, so that whoever
tracks tokens has to know them by their mints."""
DTYPES: dict[object, pl.DataType | type[pl.DataType]] = {
    str: pl.String,
    int: pl.Int64,
    float: pl.Float64,
    float | None: pl.Float64,
    int | None: pl.Int64,
    datetime: TIME,
}


@dataclass(frozen=True, slots=True)
class Truth:
    """The characters by wallet, and frames of everything that happens up to the market's end.

    ``trades``: wallet_address, token_address, traded_at, tx_hash, side (buy or sell), quantity
    (raw units), value_usd (null where no row tells a price). ``arbitrages``: wallet_address,
    traded_at, tx_hash, profit_usd. ``transfers``: wallet_address, token_address, received_at,
    quantity. ``sendings``: from_address, to_address, sent_at, lamports. ``bets``, of those who bet by odds (see
    ``odds``): wallet_address, token_address, entered_at and left_at (unix seconds; null: never), bet_return (a
    part of the stake, before costs), stake_usd.
    """

    characters: Mapping[str, Character]
    trades: pl.DataFrame
    arbitrages: pl.DataFrame
    transfers: pl.DataFrame
    sendings: pl.DataFrame
    bets: pl.DataFrame


class GeneratedMarket:
    """Coins, prices and wallets invented from a seed, the same ones in every process.

    The market runs from ``history_days`` before ``anchor`` to ``future_days`` after it; a server
    shows what lies before its clock. ``tokens`` coins are listed, three quarters of which pass the
    usual thresholds at the anchor, beside SOL, stable coins and staked SOL; three coins a day are launched
    without being listed. ``wallets`` trade, each in its character, and about two quiet ones hold coins for
    each three of them. Up to the anchor SOL rises to ``sol_growth`` times its price, beside what chance does.
    What really happened is ``truth``.
    SandboxError where the sizes leave no market.
    """

    def __init__(
        self,
        seed: int,
        anchor: datetime,
        *,
        tokens: int = 40,
        wallets: int = 160,
        history_days: int = 120,
        future_days: int = 30,
        sol_growth: float = 2.0,
    ) -> None:
        if anchor.tzinfo is None:
            raise SandboxError(f"The anchor {anchor} has no zone: give it in UTC.")
        if tokens < FEWEST_TOKENS or wallets < FEWEST_WALLETS:
            raise SandboxError(
                f"{tokens} tokens and {wallets} wallets are not a market: ask for at least "
                f"{FEWEST_TOKENS} tokens and {FEWEST_WALLETS} wallets."
            )
        if history_days < FEWEST_HISTORY_DAYS or future_days < 1:
            raise SandboxError(
                f"A market needs {FEWEST_HISTORY_DAYS} days before its anchor and 1 after it, "
                f"not {history_days} and {future_days}."
            )
        self.seed = seed
        self.anchor = anchor
        epoch = int(anchor.timestamp())
        self._calendar = Calendar(
            start=epoch - (history_days + 1) * DAY,
            anchor=epoch,
            last=epoch + future_days * DAY - 1,
        )
        self._mints = self._make_mints(tokens, sol_growth)
        traders = self._traders(wallets)
        self._histories = {trader.address: _newest_first(trader.items) for trader in traders}
        held = {coin.mint: coin for trader in traders for coin in trader.coins}
        self._coins = held | {coin.mint: coin for coin in self._mints.all}
        self._coins[NATIVE_SOL] = self._coins[WRAPPED_SOL]
        self._holders = HolderBook(self._random("holders"), self._mints, traders, epoch)
        self.wallets = tuple(self._histories)
        self.quiet_wallets = tuple(self._holders.quiet)
        self.truth = Truth(
            characters={trader.address: trader.character for trader in traders},
            trades=_frame(Trade, (trader.trades for trader in traders)),
            arbitrages=_frame(Arbitrage, (trader.arbitrages for trader in traders)),
            transfers=_frame(Transfer, (trader.transfers for trader in traders)),
            sendings=_frame(
                Sending, [list(sendings(self._random("purses"), traders, self._calendar.start))]
            ),
            bets=_frame(Bet, (trader.bets for trader in traders)),
        )

    def tokens(self, now: datetime) -> list[dict[str, object]]:
        """Every mint as the list shows it."""
        time = int(now.timestamp())
        return [_listing(coin, time, self._calendar.anchor) for coin in self._mints.all]

    def holders(self, mint: str, now: datetime) -> list[dict[str, object]]:
        """The token accounts of a mint, largest first."""
        return self._holders.accounts(mint, int(now.timestamp()))

    def swaps(self, wallet: str) -> Sequence[SwapItem]:
        """The rows of a wallet up to the market's end, newest first."""
        return self._histories.get(wallet, ())

    def transfers(self, wallet: str, now: datetime) -> list[dict[str, object]]:
        """What a wallet sent and was sent without a swap, newest first: SOL, and tokens from one helper of
        theirs."""
        truth = self.truth
        moved = pl.concat(
            [
                truth.transfers.select(
                    "token_address",
                    from_address=pl.lit(self.quiet_wallets[0]),
                    to_address="wallet_address",
                    at="received_at",
                    amounts="quantity",
                ),
                truth.sendings.select(
                    pl.lit(NATIVE_SOL).alias("token_address"),
                    "from_address",
                    "to_address",
                    at="sent_at",
                    amounts="lamports",
                ),
            ]
        )
        own = (pl.col("from_address") == wallet) | (pl.col("to_address") == wallet)
        return [
            {
                "time": row["at"].isoformat(),
                "unix_time": int(row["at"].timestamp()),
                "block_number": int(row["at"].timestamp() * 5 / 2),
                "token_address": row["token_address"],
                "from_address": row["from_address"],
                "to_address": row["to_address"],
                "amounts": str(row["amounts"]),
                "value": None,
            }
            for row in moved.filter(own & (pl.col("at") <= now))
            .sort("at", "to_address", descending=[True, False])
            .iter_rows(named=True)
        ]

    def price(self, mint: str, now: datetime) -> MintPrice | None:
        """The price of a mint."""
        coin = self._coins.get(mint)
        if coin is None:
            return None
        time = int(now.timestamp())
        return MintPrice(coin.path.at(time), time - time % 60, coin.liquidity)

    def true_price(self, mint: str, time: int) -> float:
        """What a whole token of a mint that anybody traded is worth at a unix time, in USD: what somebody pays
        who comes along then. KeyError for a mint of another market."""
        return self._coins[mint].path.at(time)

    def _make_mints(self, tokens: int, sol_growth: float) -> Mints:
        calendar = self._calendar
        mints = make_mints(self._random("mints"), calendar, tokens, sol_growth=sol_growth)
        days = (calendar.last - calendar.first) // DAY
        launches = make_launches(self._random("launches"), calendar, LAUNCHES_A_DAY * days)
        rng = self._random("sinking")
        sinking = tuple(sinking_coin(rng, calendar, mints.sol) for _ in range(SINKING))
        return replace(mints, launches=launches, sinking=sinking)

    def _traders(self, wallets: int) -> list[TraderWallet]:
        shapes = Shapes(self._random("shapes"), self._mints)

        def trader(character: Character, index: int) -> TraderWallet:
            rng = self._random(f"{character} {index}")
            return TraderWallet(rng, character, shapes, self._calendar)

        return make_crowd(wallets, trader)

    def _random(self, part: str) -> Random:
        # A text seeds the same way everywhere, and each part has its own stream of numbers.
        return Random(f"{self.seed} {self.anchor.isoformat()} {part}")


def _newest_first(items: list[SwapItem]) -> list[SwapItem]:
    # Within a second the last transaction comes first too, as the API sorts them.
    return sorted(items, key=lambda item: item.block_unix_time)[::-1]


def _frame(record: type, by_trader: Iterable[Sequence[tuple[object, ...]]]) -> pl.DataFrame:
    schema = {name: DTYPES[kind] for name, kind in get_type_hints(record).items()}
    return pl.DataFrame(list(chain.from_iterable(by_trader)), schema=schema, orient="row")


def _listing(coin: Coin, now: int, anchor: int) -> dict[str, object]:
    """The item of the list; liquidity and volume follow the price."""
    price = coin.path.at(now)
    drift = (price / coin.path.at(anchor)) ** 0.5
    changes = {hours: coin.path.change_percent(now, hours) for hours in WINDOWS}
    if coin.listing in (Listing.CASH, Listing.STAKED_SOL):
        drift = 1.0
        changes = dict.fromkeys(WINDOWS, LOUD_CHANGE)
    volume = coin.volume * drift * (1.0 + max(0.0, changes[24]) / 100.0)
    website = {"website": f"https://{coin.mint[:8].lower()}.example", "twitter": None}
    return {
        "address": coin.mint,
        "name": coin.name,
        "symbol": None if coin.listing is Listing.WITHOUT_SYMBOL else coin.symbol,
        "decimals": coin.decimals,
        "logo_uri": f"https://img.example/{coin.mint}.png",
        "extensions": website if coin.known_holders % 3 else None,
        "market_cap": price * SUPPLY * 0.97,
        "fdv": price * SUPPLY,
        "total_supply": float(SUPPLY),
        "circulating_supply": SUPPLY * 0.97,
        "liquidity": coin.liquidity * drift,
        "last_trade_unix_time": now - now % 60,
        "price": None if coin.listing is Listing.WITHOUT_PRICE else price,
        "holder": coin.known_holders,
        "recent_listing_time": None,
        "is_scaled_ui_token": False,
        "multiplier": None,
        **{f"volume_{hours}h_usd": volume * hours for hours in WINDOWS},
        **{f"volume_{hours}h_change_percent": changes[hours] / 2 for hours in WINDOWS},
        **{f"price_change_{hours}h_percent": changes[hours] for hours in WINDOWS},
        **{f"trade_{hours}h_count": int(volume * hours / 400) for hours in WINDOWS},
    }
