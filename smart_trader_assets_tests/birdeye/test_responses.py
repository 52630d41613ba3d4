"""Numbers and texts come through as the server wrote them, or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest

from smart_trader_assets.birdeye.responses import decode_json


def test_amounts_keep_their_text() -> None:
    decoded = decode_json(b'[123456789012345678901234567890, 0.1000, 1e-7, -5.25e3, "007"]')
    assert [str(value) for value in decoded] == [
        "123456789012345678901234567890",
        "0.1000",
        "1E-7",
        "-5.25E+3",
        "007",
    ]
    assert isinstance(decoded[1], Decimal)


def test_what_is_no_number_is_absent() -> None:
    assert decode_json(b"[NaN, Infinity, -Infinity, 1e999, -1e999, 1e308]") == [
        None, None, None, None, None, Decimal("1e308"),
    ]  # fmt: skip


def test_text_is_always_text_that_a_column_can_hold() -> None:
    decoded = decode_json(rb'{"cut \ud83d": ["\udc00x", "whole \ud83d\ude00"]}')
    assert decoded == {"cut \ufffd": ["\ufffdx", "whole \U0001f600"]}
    str(decoded).encode()


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\xfd", b"[" * 100_000, b"1" * 5000])
def test_a_body_that_is_no_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        decode_json(body)
