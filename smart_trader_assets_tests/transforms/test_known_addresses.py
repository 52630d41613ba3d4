"""What is a Solana address: base58 of exactly 32 bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from solders.pubkey import Pubkey

from smart_trader_assets.transforms.known_addresses import (
    CASH_MINTS,
    KNOWN_OWNERS,
    STAKING_MINTS,
    is_address,
)

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
quickly = settings(max_examples=60, deadline=None)


def decoded_length(text: str) -> int:
    """Bytes that a base58 text stands for: a leading `1` is a zero byte, the rest one large number."""
    number = 0
    for character in text:
        number = number * len(BASE58) + BASE58.index(character)
    zeros = len(text) - len(text.lstrip("1"))
    return zeros + (number.bit_length() + 7) // 8


@quickly
@given(st.binary(min_size=32, max_size=32))
def test_every_key_of_32_bytes_is_an_address(key):
    assert is_address(str(Pubkey(key)))


@quickly
@given(st.text(BASE58, min_size=1, max_size=50) | st.text(BASE58, min_size=42, max_size=45))
def test_a_text_is_an_address_where_it_decodes_to_32_bytes(text):
    assert is_address(text) is (decoded_length(text) == 32)


@pytest.mark.parametrize(
    "text", ["", "0" * 40, "O" * 40, "I" * 40, "l" * 40, " " + "1" * 32, "SOL", "1" * 33]
)
def test_other_texts_are_not_addresses(text):
    assert not is_address(text)
    assert is_address("1" * 32)


@pytest.mark.parametrize("address", [*CASH_MINTS, *STAKING_MINTS, *KNOWN_OWNERS])
def test_what_is_listed_is_an_address(address):
    assert is_address(address)
