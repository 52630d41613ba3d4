"""Mutated rows read as a run reads them, and each number of the result looked up in what was sent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from smart_trader_assets.birdeye.responses import (
    Envelope,
    HolderItem,
    Page,
    SwapItem,
    TokenItem,
    decode_json,
    sift,
)
from smart_trader_assets.delta.contract import BATCH, OPERATION, VERSION, TableContract
from smart_trader_assets.delta.schema import conform
from smart_trader_assets.pnl import compute_wallet_pnl
from smart_trader_assets.sandbox import Endpoint, Recording, RecordingError
from smart_trader_assets.sandbox.birdeye_api import BirdEyeApi, Drift
from smart_trader_assets.tables.catalog import TOKENS, TRANSACTIONS, WHALES
from smart_trader_assets.transforms.holders import holder_rows
from smart_trader_assets.transforms.swaps import transaction_rows
from smart_trader_assets.transforms.tokens import screen_tokens, snapshot_rows
from smart_trader_assets_tests.support.defaults import TOKENS as DEFAULT_RULES

NOW = datetime(2025, 8, 1, tzinfo=UTC)
WALLET = "the wallet that was asked for"
SHARDS = 4

Read = Callable[[Sequence[bytes]], Counter[str]]


class InventedNumberError(AssertionError):
    """A number in the result that was not in what was sent."""


def read_swaps(lines: Sequence[bytes]) -> Counter[str]:
    """Swap items on their way from an answer into bronze/transactions, and on into the PnL."""
    items, told = _items(lines)
    kept, _ = sift(items, SwapItem, str)
    rows = transaction_rows({WALLET: kept}, fetched_at=NOW, wallet_shards=SHARDS)
    _check_table(rows, TRANSACTIONS)
    _check_numbers(rows, kept)
    compute_wallet_pnl(rows, as_of=NOW)
    return told + Counter({"rows": len(kept), "items refused": len(items) - len(kept)})


def read_tokens(lines: Sequence[bytes]) -> Counter[str]:
    """Items of the token list on their way into bronze/tokens, and their classification."""
    items, told = _items(lines)
    kept, _ = sift(items, TokenItem, str)
    rows = snapshot_rows(kept, fetched_at=NOW, token_shards=SHARDS).frame
    _check_table(rows, TOKENS)
    _check_numbers(rows.drop("list_rank"), [kept[rank - 1] for rank in rows["list_rank"]])
    screen_tokens(rows, rules=DEFAULT_RULES)
    return told + Counter({"rows": rows.height, "items refused": len(items) - rows.height})


def read_holders(lines: Sequence[bytes]) -> Counter[str]:
    """Items of a holder list on their way into bronze/whales, each as the only holder of its token."""
    items, told = _items(lines)
    kept, _ = sift(items, HolderItem, str)
    read = 0
    for item in kept:
        token = {"token_address": item.get("mint") or "a mint", "price": 2.0, "symbol": "T"}
        rows = holder_rows(
            [item], token=token, fetched_at=NOW, top=5, token_shards=SHARDS, wallet_shards=SHARDS
        ).frame
        if rows.height:
            _check_table(rows, WHALES)
            _check_holding(rows.row(0, named=True), item)
        read += rows.height
    return told + Counter({"rows": read, "items refused": len(items) - read})


def read_answers(lines: Sequence[bytes]) -> Counter[str]:
    """Whole answers: an envelope and its page, or a ValueError that the client names."""
    told: Counter[str] = Counter()
    for line in lines:
        try:
            envelope = Envelope.model_validate(decode_json(line))
            Page.model_validate(envelope.data)
        except ValueError:
            told["answers refused"] += 1
        else:
            told["answers read"] += 1
    return told


def replay(lines: Sequence[bytes]) -> Counter[str]:
    """Recorded lines on their way through the stand-in: what is served is what was recorded, no other. Lines of
    one swap are served as one, which may have each of its values from another of them."""
    recorded = [line.replace(b"\n", b" ").replace(b"\r", b" ") for line in lines]
    with TemporaryDirectory() as folder:
        (Path(folder) / f"{WALLET}.jsonl").write_bytes(b"\n".join(recorded))
        try:
            recording = Recording.load(Path(folder))
        except RecordingError:
            return Counter({"lines not served": len(lines)})
    texts = {line.decode("utf-8-sig", "replace").strip() for line in recorded}
    for wallet in recording.wallets:
        others = [item.text for item in recording.swaps(wallet) if item.text not in texts]
        if strange := [text for text in others if not _is_put_together(text, recorded)]:
            raise InventedNumberError(f"served, and not recorded: {strange[0]}")
    _serve(recording)
    return Counter({"lines served": recording.rows, "lines not served": len(recording.problems)})


def _is_put_together(text: str, recorded: Sequence[bytes]) -> bool:
    """Whether each value of the line stands under its name in a recorded line of the same transaction."""
    served = decode_json(text.encode())
    lines, _ = _items(recorded)
    swaps = [line for line in lines if isinstance(line, dict)]
    same = [line for line in swaps if line.get("tx_hash") == served["tx_hash"]]
    return all(
        any(name in line and line[name] == value for line in same) for name, value in served.items()
    )


READERS: Mapping[str, Read] = {
    "swaps": read_swaps,
    "replay": replay,
    "tokens": read_tokens,
    "holders": read_holders,
    "answers": read_answers,
}


def _items(lines: Sequence[bytes]) -> tuple[list[Any], Counter[str]]:
    """The lines as the items of a page; what is no JSON would break its page, and is counted."""
    items = []
    for line in lines:
        try:
            items.append(decode_json(line))
        except ValueError:
            continue
    page = Page.model_validate({"items": items})
    return page.items, Counter({"no JSON": len(lines) - len(items)})


def _serve(recording: Recording) -> None:
    """Every list that the stand-in derives, at the end of the recording."""
    api = BirdEyeApi(recording, clock=lambda: recording.last_row_at, drift=Drift(0), account=dict)
    answer = json.loads(api.answer(Endpoint.LISTINGS, {"limit": "100"}))
    for listing in answer["data"]["items"]:
        mint = listing["address"]
        api.answer(Endpoint.HOLDERS, {"address": mint})
    for wallet in recording.wallets:
        decode_json(api.answer(Endpoint.SWAPS, {"address": wallet}).encode())


def _check_table(rows: pl.DataFrame, contract: TableContract) -> None:
    """FrameError where the table would refuse the rows."""
    audit = {OPERATION: "CREATE", BATCH: "run"}
    conform(
        rows.with_columns(
            *(pl.lit(text).alias(name) for name, text in audit.items()),
            pl.lit(NOW, dtype=contract.schema[VERSION]).alias(VERSION),
        ),
        contract,
    )


def _check_numbers(rows: pl.DataFrame, items: Sequence[Mapping[str, Any]]) -> None:
    """Each number of a row is what its item says in that very field."""
    raw_amounts = {name for name in rows.columns if name.endswith(("_amount", "_change_amount"))}
    numeric = {name for name, dtype in rows.schema.items() if dtype.is_numeric()} | raw_amounts
    for name in sorted(numeric):
        for value, item in zip(rows[name], items, strict=True):
            if value is not None and not same_number(_field(item, name), value):
                raise InventedNumberError(f"{name} is {value!r}, sent was {_field(item, name)!r}")


def _field(item: Mapping[str, Any], name: str) -> Any:
    side, _, inner = name.partition("_")
    if side in {"base", "quote"}:
        leg = item.get(side)
        return leg.get(inner) if isinstance(leg, Mapping) else None
    return item.get(name)


def same_number(sent: Any, value: float | str) -> bool:
    """Whether `value` is the number that was sent: exactly, or as the float that is nearest to it."""
    if isinstance(sent, bool) or not isinstance(sent, int | Decimal | str):
        return False
    if isinstance(value, str):
        return str(sent) == value
    try:
        exact = Decimal(sent)
    except InvalidOperation:
        return False
    return exact == value if isinstance(value, int) else float(exact) == value


def _check_holding(row: Mapping[str, Any], item: Mapping[str, Any]) -> None:
    amount, decimals, shown = row["amount"], row["decimals"], row["ui_amount"]
    sums = same_number(item["amount"], int(amount))
    places = decimals is None or same_number(item.get("decimals"), decimals)
    shows = (
        shown is None
        or same_number(item.get("ui_amount"), shown)
        or (decimals is not None and shown == float(Fraction(int(amount), 10**decimals)))
    )
    if not (sums and places and shows):
        raise InventedNumberError(
            f"a holding of {amount}, {decimals}, {shown} was made of {item!r}"
        )
