"""Addresses and signatures that look like Solana's because they are of the same kind."""

from random import Random

from solders.pubkey import Pubkey
from solders.signature import Signature


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
    while True:
        candidate = Pubkey(rng.randbytes(32))
        if candidate.is_on_curve() is on_curve:
            return str(candidate)
