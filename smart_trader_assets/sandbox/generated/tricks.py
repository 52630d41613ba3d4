"""Wallets whose numbers look like skill, and that nobody can follow: those who trade their own coins, their own
launches, a handful of price steps, SOL's rise, or what they see others buy."""

from collections.abc import Sequence

from smart_trader_assets.sandbox.generated.behaviour import hold_bags
from smart_trader_assets.sandbox.generated.characters import Character
from smart_trader_assets.sandbox.generated.coins import DAY, HOUR, MINUTE, log_uniform
from smart_trader_assets.sandbox.generated.launches import LaunchPath, thin_coin
from smart_trader_assets.sandbox.generated.wallet import TraderWallet

LATEST_SEEN = 90
"""Seconds after which a copier has followed."""
MISSES = 0.15
LEAST_FOLLOWED_USD = 20
LAUNCHES = (8, 16)
LEAST_PEAK = 5.0
OWN_COINS = (12, 20)
MARKED_UP = 1_000.0
SOLD_FOR_SHOW = 1_000
WASHED_UP = (1.4, 2.4)


def follow(wallet: TraderWallet, leader: TraderWallet) -> None:
    """Buys and sells what another wallet does, up to a minute and a half later."""
    rng, share = wallet.rng, wallet.rng.uniform(0.1, 0.8)
    held: dict[str, tuple[int, int]] = {}
    coins = {coin.mint: coin for coin in wallet.mints.launches}
    for trade in sorted(leader.trades, key=lambda trade: trade.traded_at):
        coin = coins.get(trade.token_address)
        if coin is None or trade.value_usd is None:
            continue
        time = int(trade.traded_at.timestamp()) + rng.randint(15, LATEST_SEEN)
        if time > wallet.calendar.last:
            continue
        if trade.side == "buy":
            if rng.random() >= MISSES and trade.value_usd > LEAST_FOLLOWED_USD:
                bought = wallet.buy(coin, time, trade.value_usd * share)
                held[coin.mint] = (bought, trade.quantity)
        elif coin.mint in held:
            own, theirs = held.pop(coin.mint)
            sold = min(own, own * trade.quantity // theirs)
            wallet.sell(coin, time, sold)
            if own > sold and theirs > trade.quantity:
                held[coin.mint] = (own - sold, theirs - trade.quantity)
    hold_bags(wallet)


def launch(wallet: TraderWallet) -> None:
    """Buys coins in the seconds of their launch, and sells them when the crowd has come."""
    rng, calendar = wallet.rng, wallet.calendar
    hyped = []
    for coin in wallet.mints.launches:
        path = coin.path
        if isinstance(path, LaunchPath) and calendar.first < path.launched < calendar.last - DAY:
            dearest, times = path.best_minutes
            if times >= LEAST_PEAK:
                hyped.append((coin, path.launched, dearest))
    for coin, launched, dearest in rng.sample(hyped, min(len(hyped), rng.randint(*LAUNCHES))):
        held = wallet.buy(coin, launched + rng.randint(1, 15), rng.uniform(40, 400), plain=True)
        wallet.sell(coin, dearest + rng.randint(0, 60), held)
    hold_bags(wallet)


def mark_up(marker: TraderWallet, accomplice: TraderWallet) -> None:
    """Buys coins that nobody wants, and has an accomplice pay a thousand times the price of a thousandth."""
    rng, calendar = marker.rng, marker.calendar
    for _ in range(rng.randint(*OWN_COINS)):
        time = rng.randint(calendar.first, calendar.last - DAY)
        coin, cost = thin_coin(rng, time), log_uniform(rng, 5, 200)
        held = marker.buy(coin, time, cost, plain=True)
        shown = rng.uniform(0.5, 0.95) * MARKED_UP
        later = time + rng.randint(20 * MINUTE, 3 * HOUR)
        part = held // (SOLD_FOR_SHOW * 10)
        accomplice.buy(coin, later - rng.randint(5, 40), cost / 10, plain=True, dearer=MARKED_UP)
        worth = coin.worth(part, later)
        marker.sell(coin, later, part, plain=True, usd=worth * shown)
    hold_bags(marker)
    hold_bags(accomplice)


def wash(group: Sequence[TraderWallet]) -> None:
    """One wallet wins, by what the four others pay too much."""
    front, *others = group
    rng, calendar = front.rng, front.calendar
    for _ in range(rng.randint(15, 30)):
        time = rng.randint(calendar.first, calendar.last - HOUR)
        coin, cost = thin_coin(rng, time), log_uniform(rng, 200, 2_000)
        held = front.buy(coin, time, cost, plain=True)
        up = rng.uniform(*WASHED_UP)
        later = time + rng.randint(2 * MINUTE, 8 * MINUTE)
        for index, other in enumerate(others):
            theirs = other.buy(coin, later - 20 + 4 * index, cost * up / 4, plain=True, dearer=up)
            other.sell(coin, later + rng.randint(70, 8 * MINUTE), theirs, plain=True)
        front.sell(coin, later, held, plain=True, usd=coin.worth(held, later) * up * 0.99)
    for wallet in group:
        hold_bags(wallet)


def trade_steps(wallet: TraderWallet) -> None:
    """Sells each small rise of a few coins, and buys again: many gains that are less than copying costs."""
    rng, calendar = wallet.rng, wallet.calendar
    for coin in rng.sample(wallet.mints.passing, min(len(wallet.mints.passing), 4)):
        step = rng.uniform(1.012, 1.04)
        for _ in range(rng.randint(20, 60)):
            entry = rng.randint(calendar.first, calendar.last - 2 * DAY)
            wanted = coin.path.at(entry) * step
            times = range(entry + 20 * MINUTE, entry + 2 * DAY, 20 * MINUTE)
            leave = next((time for time in times if coin.path.at(time) >= wanted), times[-1])
            held = wallet.buy(coin, entry, rng.uniform(80, 300), plain=True)
            wallet.sell(coin, leave, held, plain=True)
    hold_bags(wallet)


def scalp(wallet: TraderWallet) -> None:
    """Buys and sells within a minute and a half, for a spread."""
    rng, calendar = wallet.rng, wallet.calendar
    for _ in range(rng.randint(80, 200)):
        coin = rng.choice(wallet.mints.coins)
        time = rng.randint(calendar.first, calendar.last - HOUR)
        leave = time + rng.randint(15, 90)
        held = wallet.buy(coin, time, rng.uniform(100, 2_000), plain=True)
        gain = rng.uniform(0.99, 1.03)
        wallet.sell(coin, leave, held, plain=True, usd=coin.worth(held, leave) * gain)
    hold_bags(wallet)


def eat_fees(wallet: TraderWallet) -> None:
    """Ten dollars at a time, for a gain that the fees are larger than."""
    rng, calendar = wallet.rng, wallet.calendar
    for _ in range(rng.randint(200, 350)):
        coin = rng.choice(wallet.mints.coins)
        time = rng.randint(calendar.first, calendar.last - DAY)
        held = wallet.buy(coin, time, rng.uniform(8, 12), plain=True)
        leave = time + rng.randint(10 * MINUTE, 6 * HOUR)
        gain = rng.uniform(0.97, 1.06)
        wallet.sell(coin, leave, held, plain=True, usd=coin.worth(held, time) * gain)
    hold_bags(wallet)


def stake(wallet: TraderWallet) -> None:
    """Holds staked SOL for months, in which SOL may rise."""
    rng, calendar = wallet.rng, wallet.calendar
    for _ in range(rng.randint(3, 7)):
        coin = rng.choice(wallet.mints.staked)
        entry = rng.randint(calendar.first, calendar.anchor - 20 * DAY)
        held = wallet.buy(coin, entry, log_uniform(rng, 2_000, 30_000))
        wallet.sell(coin, entry + rng.randint(10 * DAY, 20 * DAY), held)
    hold_bags(wallet)


def lose_against_sol(wallet: TraderWallet) -> None:
    """Holds coins that lose against SOL, while SOL rises faster."""
    rng, calendar = wallet.rng, wallet.calendar
    length = (calendar.last - calendar.first) // 3
    for coin in wallet.mints.sinking:
        entry = rng.randint(calendar.first, calendar.anchor - DAY)
        held = wallet.buy(coin, entry, log_uniform(rng, 1_000, 8_000))
        leave = entry + rng.randint(length // 2, length)
        if leave < calendar.last:
            wallet.sell(coin, leave, held)
    hold_bags(wallet)


ALONE = {
    Character.LAUNCHER: launch,
    Character.GRID: trade_steps,
    Character.SCALPER: scalp,
    Character.FEE_EATER: eat_fees,
    Character.STAKER: stake,
    Character.SOL_LOSER: lose_against_sol,
}
"""Those who need nobody else."""
