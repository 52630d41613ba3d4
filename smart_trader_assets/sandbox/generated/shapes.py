"""The shapes that one trade takes on the chain: direct, routed, split, or filled from a book."""

from random import Random

from smart_trader_assets.sandbox.generated.addresses import program_address
from smart_trader_assets.sandbox.generated.coins import Coin, Listing, Mints, Pool
from smart_trader_assets.sandbox.generated.swap_rows import Swap
from smart_trader_assets.sandbox.generated.venues import ORDER_BOOK, STAKE_POOL

ROUTED = 0.10
SPLIT = 0.08
FILLED = 0.03
FILLS = 3
EXACT_FLOAT = 2**48
"""Above, what is shown of an amount no longer tells its last unit."""


class Shapes:
    """Finds pools for trades and cuts them into swaps that sum to the trade exactly."""

    def __init__(self, rng: Random, mints: Mints) -> None:
        self._mints = mints
        self._book = Pool(ORDER_BOOK, program_address(rng), program_address(rng))
        self._stake = Pool(STAKE_POOL, program_address(rng), program_address(rng))

    def pool(self, rng: Random, sold: Coin, bought: Coin) -> Pool:
        """Where two mints are exchanged: staked SOL at its stake pool, others at a coin's pool."""
        if Listing.STAKED_SOL in (sold.listing, bought.listing):
            return self._stake
        position = bought if sold.listing is Listing.CASH else sold
        return rng.choice(position.pools)

    def any_shape(self, rng: Random, trade: Swap, time: int) -> tuple[Swap, ...]:
        """A shape by chance; staked SOL goes the direct way."""
        if trade.pool is self._stake:
            return (trade,)
        chance = rng.random()
        if chance < ROUTED:
            return self._routed(rng, trade, time)
        if chance < ROUTED + SPLIT:
            return self._split(rng, trade)
        if chance < ROUTED + SPLIT + FILLED and max(trade.sold_raw, trade.bought_raw) < EXACT_FLOAT:
            return _filled(trade, self._book)
        return (trade,)

    def _routed(self, rng: Random, trade: Swap, time: int) -> tuple[Swap, ...]:
        ends = {trade.sold.mint, trade.bought.mint}
        hops = (self._mints.sol, *self._mints.stables, *rng.sample(self._mints.coins, 3))
        hop = rng.choice([coin for coin in hops if coin.mint not in ends])
        value = trade.sold_raw / trade.sold.unit * trade.sold.path.at(time)
        through = max(1, int(value / hop.path.at(time) * hop.unit))
        first = Swap(trade.sold, trade.sold_raw, hop, through, self.pool(rng, trade.sold, hop))
        second = Swap(
            hop, through, trade.bought, trade.bought_raw, self.pool(rng, hop, trade.bought)
        )
        return first, second

    def _split(self, rng: Random, trade: Swap) -> tuple[Swap, ...]:
        share = rng.uniform(0.2, 0.8)
        sold, bought = int(trade.sold_raw * share), int(trade.bought_raw * share)
        other = self.pool(rng, trade.sold, trade.bought)
        return (
            Swap(trade.sold, sold, trade.bought, bought, trade.pool),
            Swap(trade.sold, trade.sold_raw - sold, trade.bought, trade.bought_raw - bought, other),
        )


def _filled(trade: Swap, book: Pool) -> tuple[Swap, ...]:
    sold, bought = trade.sold_raw // FILLS, trade.bought_raw // FILLS
    fill = Swap(trade.sold, sold, trade.bought, bought, book)
    rest = Swap(
        trade.sold,
        trade.sold_raw - (FILLS - 1) * sold,
        trade.bought,
        trade.bought_raw - (FILLS - 1) * bought,
        book,
    )
    return (*(fill for _ in range(FILLS - 1)), rest)
