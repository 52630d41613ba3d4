"""Wallets that bet on launched coins by their odds: the skilled, the lucky, and who never sells a loser."""

from dataclasses import dataclass
from random import Random

from smart_trader_assets.sandbox.generated.behaviour import hold_bags
from smart_trader_assets.sandbox.generated.characters import Character
from smart_trader_assets.sandbox.generated.coins import DAY, HOUR, MINUTE, Coin, log_uniform
from smart_trader_assets.sandbox.generated.launches import LIVES_DAYS, LaunchPath
from smart_trader_assets.sandbox.generated.odds import odds_of
from smart_trader_assets.sandbox.generated.wallet import Bet, TraderWallet

BETS = {
    Character.SKILLED: (45, 90),
    Character.MOONSHOT: (45, 90),
    Character.DUSTY: (45, 90),
    Character.LUCKY: (6, 60),
    Character.BAG_HOLDER: (25, 45),
}
STAKE_USD = (250.0, 5_000.0)
SETTLED = 3 * HOUR
"""A coin is older when one of these buys it."""
LONGEST_DAYS = 7
SEARCHES = 400
"""How many coins a wallet looks at before it leaves a bet alone."""
HOLDS_BELOW = -0.85
"""Dead coins are not worth a sale, for the most part."""
NEVER_SOLD = 0.5
CONVERTS = 0.05
SELLS_IN_PARTS = 0.25

MOONSHOT_GAIN = (12.0, 40.0)
DUST_BUYS = (100, 200)
DUST_USD = (0.4, 3.0)
BAGS = (50, 120)
BAG_USD = (60.0, 150.0)


def bet(wallet: TraderWallet) -> None:
    """Lets a wallet bet through the calendar; its extras follow from its character."""
    _Bettor(wallet).live()
    hold_bags(wallet)


@dataclass(slots=True)
class _Bettor:
    wallet: TraderWallet

    def live(self) -> None:
        wallet, rng = self.wallet, self.wallet.rng
        odds = odds_of(rng, wallet.character)
        for _ in range(rng.randint(*BETS[wallet.character])):
            self._bet(odds.draw(rng), wallet.calendar.last)
        match wallet.character:
            case Character.MOONSHOT:
                self._moonshot()
            case Character.DUSTY:
                self._dust()
            case Character.BAG_HOLDER:
                self._bags()
            case _:
                pass

    def _bet(self, result: float, before: int) -> bool:
        """A bet that returns what it should, at some time: looks for a coin that really moved so far."""
        wallet, rng, calendar = self.wallet, self.wallet.rng, self.wallet.calendar
        for _ in range(SEARCHES):
            entry = rng.randint(calendar.first, before - 2 * HOUR)
            coin = self._coin_at(rng, entry)
            if coin is None or not isinstance(coin.path, LaunchPath):
                continue
            until = min(entry + LONGEST_DAYS * DAY, calendar.last)
            leave = coin.path.first_reach(entry, 1.0 + result, until)
            if leave is not None and leave - entry > 10 * MINUTE:
                break
        else:
            return False
        stake = log_uniform(rng, *STAKE_USD)
        held = wallet.buy(coin, entry, stake)
        if result < HOLDS_BELOW and rng.random() < NEVER_SOLD:
            leave = None
        else:
            self._sell(coin, held, leave)
        wallet.bets.append(Bet(wallet.address, coin.mint, entry, leave, result, stake))
        return True

    def _sell(self, coin: Coin, held: int, leave: int) -> None:
        wallet, rng = self.wallet, self.wallet.rng
        if rng.random() < SELLS_IN_PARTS:
            part = int(held * rng.uniform(0.3, 0.7))
            wallet.sell(coin, leave, part)
            held -= part
            leave = min(leave + rng.randint(1, 120), wallet.calendar.last)
        wallet.sell(coin, leave, held)
        if rng.random() < CONVERTS:
            wallet.convert(leave, rng.uniform(100, 3_000))

    def _coin_at(self, rng: Random, time: int) -> Coin | None:
        """A coin that is traded then."""
        launches = self.wallet.mints.launches
        coin = rng.choice(launches)
        for _ in range(8):
            path = coin.path
            if not isinstance(path, LaunchPath):
                return None
            if path.launched + SETTLED <= time <= path.launched + (LIVES_DAYS - 2) * DAY:
                return coin
            coin = rng.choice(launches)
        return None

    def _moonshot(self) -> None:
        """One bet, before the anchor, that brings a fortune."""
        rng = self.wallet.rng
        for _ in range(30):
            if self._bet(rng.uniform(*MOONSHOT_GAIN), self.wallet.calendar.anchor):
                return

    def _dust(self) -> None:
        """Next to nothing of many coins, never sold."""
        rng, calendar = self.wallet.rng, self.wallet.calendar
        for _ in range(rng.randint(*DUST_BUYS)):
            time = rng.randint(calendar.first, calendar.last)
            if coin := self._coin_at(rng, time):
                self.wallet.buy(coin, time, rng.uniform(*DUST_USD), plain=True)

    def _bags(self) -> None:
        """Coins that were bought, died and were never sold."""
        rng, calendar = self.wallet.rng, self.wallet.calendar
        for _ in range(rng.randint(*BAGS)):
            time = rng.randint(calendar.first, calendar.anchor - 10 * DAY)
            if coin := self._coin_at(rng, time):
                self.wallet.buy(coin, time, rng.uniform(*BAG_USD))
