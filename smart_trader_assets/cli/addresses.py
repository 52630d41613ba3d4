"""Wallets that are named on the command line or in a file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.transforms.whale_screening import may_be_a_trader

_SHORTEST = 32
"""Characters of an address, at least."""


class AddressError(SmartTraderError):
    """No address was given, or none that a wallet can have."""


def named_addresses(console: Console, wallets: Iterable[str], file: Path | None) -> list[str]:
    """What was named and is an address; the rest is told, by its line where it comes from a file.

    AddressError where nothing is left, or the file cannot be read.
    """
    named = [(wallet.strip(), "") for wallet in wallets]
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8-sig", errors="replace")
        except OSError as error:
            raise AddressError(
                f"{file} cannot be read ({error.strerror}): name a file of addresses."
            ) from None
        for number, line in enumerate(text.splitlines(), start=1):
            # What follows the address is a remark, or another column.
            if address := re.split(r"[#,;\s]", line.strip(), maxsplit=1)[0]:
                named.append((address, f"{file}, line {number}: "))
    good = []
    for address, place in named:
        if may_be_a_trader(address):
            good.append(address)
            continue
        why = (
            "give the whole address"
            if len(address) < _SHORTEST
            else "not the address of a wallet that a key can sign for"
        )
        console.print(
            f"[yellow]![/] {escape(place)}{escape(repr(address[:60]))} is left out: {why}.",
            highlight=False,
            soft_wrap=True,
        )
    if not good:
        raise AddressError(
            "No address of a wallet was named: give addresses, or --file with one a line."
        )
    return list(dict.fromkeys(good))
