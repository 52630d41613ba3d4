"""Tokens and holders that a recording does not hold, derived from its swap rows."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from math import isinf

from solders.pubkey import Pubkey

from smart_trader_assets.sandbox.recorded_row import RecordedLeg, RecordedRow
from smart_trader_assets.sandbox.source import MintPrice
from smart_trader_assets.transforms.known_addresses import CASH_MINTS, STAKING_MINTS

HOLDING_USD = 25_000
"""What every derived holding is worth, well above any limit for dust."""
TOP_LIQUIDITY = 150_000_000.0
BOTTOM_LIQUIDITY = 150_000.0
STAKE_POOL = "stake_pool"


@dataclass(slots=True)
class ListedMint:
    """A mint's priced rows in time, and the wallets that traded it with the time of their first."""

    mint: str
    times: list[int] = field(default_factory=list)
    legs: list[RecordedLeg] = field(default_factory=list)
    held_from: dict[str, int] = field(default_factory=dict)
    liquidity: float = 0.0

    def leg_at(self, now: int) -> tuple[int, RecordedLeg] | None:
        """The last priced leg up to now, with its time."""
        index = bisect_right(self.times, now) - 1
        return None if index < 0 else (self.times[index], self.legs[index])

    def price_at(self, now: int) -> MintPrice | None:
        """The price of that leg."""
        last = self.leg_at(now)
        if last is None or last[1].price is None:
            return None
        return MintPrice(last[1].price, last[0], self.liquidity)


class RecordedListings:
    """Lists every mint that was traded and is not cash, held by every wallet that traded it.

    Price, symbol and decimals are those of the mint's last row; liquidity, volume and price change
    are invented so that a listing passes the usual filters, and each holding is worth 25,000 USD.
    The most liquid tokens are chosen so that together they are held by every wallet, because a
    client that reads only the first page must still meet all of them. Staked SOL is listed last;
    a wallet that traded nothing else also holds the most liquid token.
    """

    def __init__(self, rows: Sequence[RecordedRow]) -> None:
        self._mints: dict[str, ListedMint] = {}
        self._staked = set(STAKING_MINTS)
        volume: Counter[str] = Counter()
        first_seen: dict[str, int] = {}
        for row in sorted(rows, key=lambda row: row.block_unix_time):
            first_seen.setdefault(row.wallet, row.block_unix_time)
            for leg in row.legs:
                self._observe(leg, row)
                volume[leg.mint] += int(row.volume_usd)
        ranked = self._rank(volume)
        self._place_unreached(ranked, first_seen)
        step = (BOTTOM_LIQUIDITY / TOP_LIQUIDITY) ** (1 / max(1, len(ranked) - 1))
        for rank, mint in enumerate(ranked):
            self._mints[mint].liquidity = TOP_LIQUIDITY * step**rank
        self._listed = ranked

    def mint(self, address: str) -> ListedMint | None:
        """What is known of a mint."""
        return self._mints.get(address)

    def tokens(self, now: int) -> list[dict[str, object]]:
        """The listings as of now."""
        listings = (_listing(self._mints[mint], now) for mint in self._listed)
        return [listing for listing in listings if listing is not None]

    def holders(self, mint: str, now: int) -> list[dict[str, object]]:
        """The token accounts of a mint as of now, largest first."""
        listed = self._mints.get(mint)
        last = None if listed is None else listed.leg_at(now)
        if listed is None or mint in CASH_MINTS or last is None or not last[1].price:
            return []
        leg = last[1]
        decimals = leg.decimals or 0
        accounts = []
        holders = sorted(wallet for wallet, since in listed.held_from.items() if since <= now)
        for rank, wallet in enumerate(holders):
            # Each a little smaller than the one before, so that the order is one.
            worth = HOLDING_USD * (len(holders) - rank + 1000) / 1000
            raw = int(Decimal(worth) / Decimal(str(leg.price)) * 10**decimals) + 1
            balance = float(Decimal(raw).scaleb(-decimals))
            if isinf(balance):  # at a price as good as nothing
                return []
            accounts.append(
                {
                    "amount": str(raw),
                    "decimals": decimals,
                    "mint": mint,
                    "owner": wallet,
                    "token_account": _token_account(wallet, mint),
                    "ui_amount": balance,
                    "is_scaled_ui_token": False,
                    "multiplier": None,
                }
            )
        return accounts

    def _observe(self, leg: RecordedLeg, row: RecordedRow) -> None:
        listed = self._mints.setdefault(leg.mint, ListedMint(leg.mint))
        listed.held_from.setdefault(row.wallet, row.block_unix_time)
        if leg.price is not None:
            listed.times.append(row.block_unix_time)
            listed.legs.append(leg)
        if row.source == STAKE_POOL and leg.mint not in CASH_MINTS:
            self._staked.add(leg.mint)

    def _rank(self, volume: Mapping[str, int]) -> list[str]:
        def weight(mint: str) -> tuple[int, str]:
            return -volume[mint], mint

        tradable = {
            mint for mint, listed in self._mints.items() if listed.times
        } - CASH_MINTS.keys()
        covering: list[str] = []
        candidates = sorted(tradable - self._staked, key=weight)
        reached: set[str] = set()
        while candidates:
            best = max(candidates, key=lambda mint: len(self._holders_of(mint) - reached))
            gained = self._holders_of(best) - reached
            if not gained:
                break
            reached |= gained
            covering.append(best)
            candidates.remove(best)
        return covering + candidates + sorted(tradable & self._staked, key=weight)

    def _place_unreached(self, ranked: Sequence[str], first_seen: Mapping[str, int]) -> None:
        holdings: dict[str, int] = defaultdict(int)
        for mint in ranked:
            if mint not in self._staked:
                for wallet in self._mints[mint].held_from:
                    holdings[wallet] += 1
        for wallet, since in first_seen.items():
            if not holdings[wallet] and ranked:
                self._mints[ranked[0]].held_from[wallet] = since

    def _holders_of(self, mint: str) -> set[str]:
        return set(self._mints[mint].held_from)


def _token_account(wallet: str, mint: str) -> str:
    return str(Pubkey(sha256(f"{wallet} {mint}".encode()).digest()))


def _listing(listed: ListedMint, now: int) -> dict[str, object] | None:
    last = listed.leg_at(now)
    if last is None:
        return None
    time, leg = last
    changes = {f"price_change_{window}h_percent": 25.0 for window in (1, 2, 4, 8, 24)}
    volumes = {f"volume_{window}h_usd": 60_000.0 * window for window in (1, 2, 4, 8, 24)}
    trades = {f"trade_{window}h_count": 100 * window for window in (1, 2, 4, 8, 24)}
    return {
        "address": listed.mint,
        "name": leg.symbol or listed.mint[:6],
        "symbol": leg.symbol or listed.mint[:6],
        "decimals": leg.decimals or 0,
        "logo_uri": None,
        "extensions": None,
        "market_cap": None,
        "fdv": None,
        "total_supply": None,
        "circulating_supply": None,
        "liquidity": listed.liquidity,
        "last_trade_unix_time": time,
        "price": leg.price,
        "holder": len(listed.held_from),
        "recent_listing_time": None,
        "is_scaled_ui_token": False,
        "multiplier": None,
        **volumes,
        **{f"volume_{window}h_change_percent": None for window in (1, 2, 4, 8, 24)},
        **changes,
        **trades,
    }
