"""Screening: which whales are not traders, and so are not fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl
from solders.pubkey import Pubkey

from smart_trader_assets.text import content_hash, money
from smart_trader_assets.transforms.known_addresses import KNOWN_OWNERS


@dataclass(frozen=True)
class ScreeningRules:
    """What makes a whale not worth fetching.

    `denylist` maps an address to the name of its owner; `min_holding_usd` is the value below
    which a holding is dust; `allow_off_curve` lets owners pass that no key can sign for.
    """

    min_holding_usd: float
    denylist: Mapping[str, str] = field(default_factory=lambda: KNOWN_OWNERS)
    allow_off_curve: bool = False

    @property
    def version(self) -> str:
        """A short hash of the rules' content: another version may exclude other whales."""
        content = [sorted(self.denylist.items()), float(self.min_holding_usd), self.allow_off_curve]
        return content_hash(content)


def screen_whales(rows: pl.DataFrame, *, rules: ScreeningRules) -> pl.DataFrame:
    """Adds `exclude_reason` (text): why the whale is not fetched, null where it is ready.

    Columns in: wallet_address, holding_usd (USD, null where unknown). Excluded are, in this order,
    owners on the denylist, invalid addresses, owners off the ed25519 curve (addresses derived
    by a program, which no key signs for: pools, vaults, bonding curves), and dust. An unknown value
    is not dust.
    """
    wallets = rows.get_column("wallet_address").unique()
    reasons = pl.Series([_owner_fault(wallet, rules) for wallet in wallets], dtype=pl.String)
    worth = pl.col("holding_usd")
    least = money(rules.min_holding_usd)
    # In Python, which formats the amounts; a shard has a few thousand due whales.
    dust = (
        pl.when(worth.is_finite() & (worth < rules.min_holding_usd))
        .then(worth)
        .map_elements(
            lambda amount: f"The holding is worth {money(amount)}, less than {least}.",
            return_dtype=pl.String,
        )
    )
    owner_fault = pl.col("wallet_address").replace_strict(
        wallets, reasons, default=None, return_dtype=pl.String
    )
    return rows.with_columns(pl.coalesce(owner_fault, dust).alias("exclude_reason"))


def may_be_a_trader(address: str) -> bool:
    """Whether a person's wallet can have this address: one that a key can sign for."""
    return _address_fault(address, allow_off_curve=False) is None


def _owner_fault(wallet: str, rules: ScreeningRules) -> str | None:
    label = rules.denylist.get(wallet)
    if label is not None:
        return f"The owner is on the denylist: {label}."
    return _address_fault(wallet, allow_off_curve=rules.allow_off_curve)


def _address_fault(wallet: str, *, allow_off_curve: bool) -> str | None:
    try:
        owner = Pubkey.from_string(wallet)
    except ValueError:
        return "The owner is not a base58 address of 32 bytes."
    if not allow_off_curve and not owner.is_on_curve():
        return (
            "The owner is off the ed25519 curve: an address derived by a program, not a person's."
        )
    return None
