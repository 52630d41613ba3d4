"""What an invented market takes from the real chain: kinds of address, mints, and where swaps happen."""

from dataclasses import dataclass
from random import Random

from solders.pubkey import Pubkey
from solders.signature import Signature

WRAPPED_SOL = "So11111111111111111111111111111111111111112"
NATIVE_SOL = "So11111111111111111111111111111111111111111"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
USDT = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
MSOL = "mSoLzYCxHdYgdzU16g5QSh3i5K3z3KZK7ytfqcJm7So"
JITOSOL = "J1toso1uCk3RLmjorhTtrVwY9HJ7X8V9yYac6Y7kGCPn"
JUPITER = "JUP6LkbZbjS1jKKwapdHNy74zcZ3tLUZoi5QNyVTaV4"


@dataclass(frozen=True, slots=True)
class Venue:
    """A source of rows, its program, and the ways in which its rows differ.

    ``transfer`` is the type of its legs. ``raw_as_text`` sources give the raw amount as a string.
    ``order_book`` sources give no place inside the transaction, sometimes a raw amount with a
    fraction, and repeat identical fills.
    """

    source: str
    program: str
    transfer: str
    weight: float
    raw_as_text: bool = False
    order_book: bool = False


POOL_VENUES = (
    Venue("whirlpool", "whirLbMiicVdio4qvUfM5KAg6Ct8VwpYzGff3uctyCc", "transfer", 30),
    Venue("raydium", "675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8", "transfer", 22),
    Venue("raydium_clamm", "CAMMCzo5YL8w4VFF8KVHrK22GGUsp5VTaW7grrKgrWqK", "transferChecked", 16),
    Venue("meteora_dlmm", "LBUZKhRxPF3XUpBCjp4YzTKgLccjZhTSDM9YuVaPwxo", "log", 14, True),
    Venue("pump_amm", "pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA", "transferChecked", 10),
    Venue("raydium_cp", "CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C", "transferChecked", 4),
    Venue("pump_dot_fun", "6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P", "log", 2, True),
    Venue("meteora_damm_v2", "cpamdpZCGKUy5JxQXB4dcpGPiikHawvSWAd6mEn1sGG", "log", 2, True),
)
ORDER_BOOK = Venue(
    "openbook_v2", "opnb2LAfJYbRMAHHvqjCwQxanZn7ReEHp1k81EohpZb", "log", 0, order_book=True
)
STAKE_POOL = Venue("stake_pool", "SPoo1Ku8WFXoNDMHPsrGSTSG1Y47rzgn41SLUNakuHy", "transfer", 0)


def pool_venue(rng: Random) -> Venue:
    """A venue with pools, in the proportions above."""
    return rng.choices(POOL_VENUES, [venue.weight for venue in POOL_VENUES])[0]


def wallet_address(rng: Random) -> str:
    """A point on the ed25519 curve: somebody may hold its key."""
    return _address(rng, on_curve=True)


def program_address(rng: Random) -> str:
    """An address off the curve, as programs derive them: nobody holds a key."""
    return _address(rng, on_curve=False)


def account_address(rng: Random) -> str:
    """Any address: a mint or a token account."""
    return str(Pubkey(rng.randbytes(32)))


def transaction_signature(rng: Random) -> str:
    """The signature that names a transaction."""
    return str(Signature(rng.randbytes(64)))


def _address(rng: Random, *, on_curve: bool) -> str:
    while (candidate := Pubkey(rng.randbytes(32))).is_on_curve() is not on_curve:
        continue
    return str(candidate)
