"""Who holds what: traders, quiet wallets, pools, exchanges and dust, as token accounts."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter
from random import Random

from smart_trader_assets.sandbox.generated.chain import account_address, wallet_address
from smart_trader_assets.sandbox.generated.coins import SUPPLY, Coin, Mints
from smart_trader_assets.sandbox.generated.wallet import TraderWallet
from smart_trader_assets.sandbox.wire import holder_item
from smart_trader_assets.transforms.known_addresses import KNOWN_OWNERS

MOST_ACCOUNTS = 120
SEVERAL_ACCOUNTS = 0.10
QUIET_SHARE = 0.64
"""Quiet wallets for each trading one: 39 % of all that are worth asking for a history."""
DUST_OWNERS = 400


@dataclass(frozen=True, slots=True)
class Holding:
    """A balance of raw units over time, in one token account or two."""

    owner: str
    accounts: tuple[str, ...]
    times: Sequence[int]
    balances: Sequence[int]

    def parts_at(self, now: int) -> Iterable[tuple[str, int]]:
        """Each account with what lies in it: all of it, or a third in a second account."""
        index = bisect_right(self.times, now) - 1
        balance = self.balances[index] if index >= 0 else 0
        aside = balance // 3 if len(self.accounts) > 1 else 0
        parts = zip(self.accounts, (balance - aside, aside), strict=False)
        return [(account, raw) for account, raw in parts if raw > 0]


class HolderBook:
    """The holdings of every coin; ``quiet`` are the owners that never traded."""

    def __init__(
        self, rng: Random, mints: Mints, wallets: Sequence[TraderWallet], anchor: int
    ) -> None:
        self._rng = rng
        self._anchor = anchor
        self._coins = {coin.mint: coin for coin in mints.all}
        self._holdings: dict[str, list[Holding]] = defaultdict(list)
        for wallet in wallets:
            self._add_trader(wallet)
        self.quiet = [wallet_address(rng) for _ in range(round(QUIET_SHARE * len(wallets)))]
        for owner in self.quiet:
            for coin in rng.sample(mints.passing, min(len(mints.passing), rng.randint(1, 4))):
                self._add(coin, owner, rng.uniform(1_500, 60_000))
        dust = [wallet_address(rng) for _ in range(DUST_OWNERS)]
        for coin in (*mints.coins, *mints.staked):
            self._add_institutions(coin)
            room = MOST_ACCOUNTS - 15 - len(self._holdings[coin.mint])
            for owner in rng.sample(dust, max(0, min(room, rng.randint(25, 90)))):
                self._add(coin, owner, rng.uniform(3, 300))

    def accounts(self, mint: str, now: int) -> list[dict[str, object]]:
        """The token accounts of a mint as the wire shows them, largest first."""
        coin = self._coins.get(mint)
        if coin is None:
            return []
        held = [
            (raw, account, holding.owner)
            for holding in self._holdings[mint]
            for account, raw in holding.parts_at(now)
        ]
        return [
            holder_item(mint, owner, account, raw, coin.decimals, raw / coin.unit)
            for raw, account, owner in sorted(held, reverse=True)
        ]

    def _add_trader(self, wallet: TraderWallet) -> None:
        for mint, changes in wallet.changes.items():
            in_time = sorted(changes, key=itemgetter(0))
            times = [time for time, _ in in_time]
            balances = list(accumulate(change for _, change in in_time))
            holding = Holding(wallet.address, self._token_accounts(), times, balances)
            self._holdings[mint].append(holding)

    def _add(self, coin: Coin, owner: str, worth_usd: float) -> None:
        raw = coin.raw_for(worth_usd, self._anchor)
        self._holdings[coin.mint].append(Holding(owner, self._token_accounts(), (0,), (raw,)))

    def _add_institutions(self, coin: Coin) -> None:
        worth = coin.path.at(self._anchor) * SUPPLY
        for pool in coin.pools:
            self._add(coin, pool.authority, worth * self._rng.uniform(0.01, 0.08))
        for owner in self._rng.sample(sorted(KNOWN_OWNERS), self._rng.randint(2, 5)):
            self._add(coin, owner, worth * self._rng.uniform(0.001, 0.05))

    def _token_accounts(self) -> tuple[str, ...]:
        several = self._rng.random() < SEVERAL_ACCOUNTS
        return tuple(account_address(self._rng) for _ in range(2 if several else 1))
