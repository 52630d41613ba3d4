"""The invented market as a source for the stand-in."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from smart_trader_assets.sandbox.errors import SandboxError
from smart_trader_assets.sandbox.generated.behaviour import Calendar, live
from smart_trader_assets.sandbox.generated.characters import (
    BUSY_BOT_ROUND_TRIPS,
    Character,
    cast,
)
from smart_trader_assets.sandbox.generated.coins import Span, make_mints
from smart_trader_assets.sandbox.generated.holders import HolderBook
from smart_trader_assets.sandbox.generated.known_mints import NATIVE_SOL, WRAPPED_SOL
from smart_trader_assets.sandbox.generated.listings import listing_of
from smart_trader_assets.sandbox.generated.price_path import HOURS_A_DAY, STEP_SECONDS
from smart_trader_assets.sandbox.generated.shapes import Shapes
from smart_trader_assets.sandbox.generated.truth import (
    Truth,
    arbitrages_frame,
    trades_frame,
    transfers_frame,
)
from smart_trader_assets.sandbox.generated.wallet import TraderWallet, Venues
from smart_trader_assets.sandbox.source import MintPrice, SwapItem

FEWEST_TOKENS = 8
FEWEST_HISTORY_DAYS = 60
WALLETS_WITH_A_BUSY_BOT = 40
OLD_ROWS_DAYS = 20
"""The first days of a history are written as the API wrote rows in its earlier years."""


class GeneratedMarket:
    """Coins, prices and wallets invented from a seed, the same ones in every process.

    The market runs from ``history_days`` before ``anchor`` to ``future_days`` after it; a server
    shows what lies before its clock. ``tokens`` coins are listed, three quarters of which pass the
    usual thresholds at the anchor, beside SOL, stable coins and staked SOL; ``wallets`` trade, and
    about two quiet ones hold coins for each three of them. What really happened is ``truth``.
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
    ) -> None:
        if anchor.tzinfo is None:
            raise SandboxError(f"The anchor {anchor} has no zone: give it in UTC.")
        if tokens < FEWEST_TOKENS or wallets < len(Character):
            raise SandboxError(
                f"{tokens} tokens and {wallets} wallets are no market: take at least "
                f"{FEWEST_TOKENS} tokens and {len(Character)} wallets."
            )
        if history_days < FEWEST_HISTORY_DAYS or future_days < 1:
            raise SandboxError(
                f"A market needs {FEWEST_HISTORY_DAYS} days before its anchor and 1 after it, "
                f"not {history_days} and {future_days}."
            )
        self.seed = seed
        self.anchor = anchor
        self.ends_at = anchor + timedelta(days=future_days)
        self._anchor = int(anchor.timestamp())
        history = (history_days + 1) * HOURS_A_DAY
        span = Span(
            start=self._anchor - history * STEP_SECONDS,
            hours=history + future_days * HOURS_A_DAY,
            anchor=history,
        )
        self._mints = make_mints(self._random("mints"), span, tokens)
        traders = self._traders(span, wallets)
        self._histories = {trader.address: _newest_first(trader.items) for trader in traders}
        self._coins = {coin.mint: coin for coin in self._mints.all}
        self._coins[NATIVE_SOL] = self._coins[WRAPPED_SOL]
        self._holders = HolderBook(self._random("holders"), self._mints, traders, self._anchor)
        self.rows = sum(len(trader.items) for trader in traders)
        self.wallets = tuple(trader.address for trader in traders)
        self.quiet_wallets = tuple(self._holders.quiet)
        self.truth = Truth(
            characters={trader.address: trader.character for trader in traders},
            trades=trades_frame([trade for trader in traders for trade in trader.trades]),
            arbitrages=arbitrages_frame([each for trader in traders for each in trader.arbitrages]),
            transfers=transfers_frame([each for trader in traders for each in trader.transfers]),
        )

    def tokens(self, now: datetime) -> list[dict[str, object]]:
        """Every mint as the list shows it."""
        time = int(now.timestamp())
        return [listing_of(coin, time, self._anchor) for coin in self._mints.all]

    def holders(self, mint: str, now: datetime) -> list[dict[str, object]]:
        """The token accounts of a mint, largest first."""
        return self._holders.accounts(mint, int(now.timestamp()))

    def swaps(self, wallet: str) -> Sequence[SwapItem]:
        """The rows of a wallet up to the market's end, newest first."""
        return self._histories.get(wallet, ())

    def price(self, mint: str, now: datetime) -> MintPrice | None:
        """The price of a mint."""
        coin = self._coins.get(mint)
        if coin is None:
            return None
        time = int(now.timestamp())
        return MintPrice(coin.path.at(time), time - time % 60, coin.liquidity)

    def _traders(self, span: Span, wallets: int) -> list[TraderWallet]:
        first = span.start + HOURS_A_DAY * STEP_SECONDS
        calendar = Calendar(
            first=first, anchor=self._anchor, last=int(self.ends_at.timestamp()) - 1
        )
        venues = Venues(
            mints=self._mints,
            shapes=Shapes(self._random("shapes"), self._mints),
            start=span.start,
            old_before=first + OLD_ROWS_DAYS * HOURS_A_DAY * STEP_SECONDS,
        )
        traders = []
        busy = BUSY_BOT_ROUND_TRIPS if wallets >= WALLETS_WITH_A_BUSY_BOT else None
        for index, character in enumerate(cast(wallets)):
            trader = TraderWallet(self._random(f"wallet {index}"), character, venues)
            round_trips = busy if character is Character.BOT else None
            live(trader, self._mints, calendar, round_trips)
            busy = None if character is Character.BOT else busy
            traders.append(trader)
        return traders

    def _random(self, part: str) -> Random:
        # A text seeds the same way everywhere, and each part has its own stream of numbers.
        return Random(f"{self.seed} {self.anchor.isoformat()} {part}")


def _newest_first(items: list[SwapItem]) -> list[SwapItem]:
    # Within a second the last transaction comes first too, as the API sorts them.
    return sorted(items, key=lambda item: item.block_unix_time)[::-1]
