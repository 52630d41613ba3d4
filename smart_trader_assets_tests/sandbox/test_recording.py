"""Recorded rows: what is read, what is named as broken, what is derived."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from smart_trader_assets.sandbox import (
    Endpoint,
    MintPrice,
    Recording,
    RecordingError,
    RecordingProblem,
)

SOL = "So11111111111111111111111111111111111111112"
MSOL = "mSoLzYCxHdYgdzU16g5QSh3i5K3z3KZK7ytfqcJm7So"
SWAPS = Endpoint.SWAPS.value


def row(
    time: int = 100,
    *,
    owner: str | None = "alice",
    mint: str = "PUP",
    price: float | None = 2.0,
    **others: Any,
) -> dict[str, Any]:
    return {
        "tx_hash": f"t{time}",
        "block_unix_time": time,
        "tx_type": "swap",
        "owner": owner,
        "source": "orca",
        "volume_usd": 10.0,
        "base": {"address": SOL, "change_amount": -1, "price": 100.0, "decimals": 9},
        "quote": {
            "address": mint,
            "change_amount": 5,
            "price": price,
            "decimals": 6,
            "symbol": mint,
        },
    } | others


def write(folder: Path, name: str, *lines: dict[str, Any] | list[Any] | bytes) -> None:
    text = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    (folder / f"{name}.jsonl").write_bytes(b"\n".join(text))


def listings(recording: Recording) -> list[dict[str, Any]]:
    return recording.tokens(recording.last_row_at)


def holders(recording: Recording, mint: str) -> list[dict[str, Any]]:
    return recording.holders(mint, recording.last_row_at)


def test_broken_lines_are_named_and_the_rest_is_served(tmp_path):
    write(
        tmp_path,
        "bad",
        row(1),
        b"{",
        b"",
        b"[]",
        b'"\xff"',
        {**row(2), "tx_hash": ""},
        {**row(3), "block_unix_time": "3"},
        {**row(4), "base": None},
        {**row(5), "quote": {"change_amount": 1}},
        {**row(6), "quote": {"address": "PUP"}},
        b'{"tx_hash": NaN}',
        row(7),
    )
    write(tmp_path, "good", row(8))
    recording = Recording.load(tmp_path)
    assert recording.rows == 3
    assert recording.problems == [
        RecordingProblem("bad.jsonl", line, reason)
        for line, reason in [
            (2, "not JSON: Expecting property name enclosed in double quotes at character 1"),
            (4, "not a JSON object"),
            (5, "not UTF-8 at byte 1"),
            (6, "tx_hash is missing"),
            (7, "block_unix_time is missing or no time in seconds"),
            (8, "base is missing"),
            (9, "quote.address is missing"),
            (10, "quote.change_amount is missing"),
            (11, "not JSON: NaN is not a number"),
        ]
    ]
    assert str(recording.problems[3]) == "bad.jsonl line 6: tx_hash is missing"


def test_files_may_be_compressed_and_named_in_any_case(tmp_path):
    (tmp_path / "bob.JSONL").write_text(json.dumps(row(1, owner=None)))
    with gzip.open(tmp_path / "cid.jsonl.gz", "wt") as packed:
        packed.write(json.dumps(row(2, owner=None)))
    (tmp_path / "dee.jsonl.gz").write_bytes(b"not packed at all")
    recording = Recording.load(tmp_path)
    assert recording.wallets == ("bob", "cid")
    (problem,) = recording.problems
    assert str(problem).startswith("dee.jsonl.gz line 0: cannot be read: Not a gzipped file")


@pytest.mark.parametrize("indented", [[row(1)], row(1)])
def test_json_that_was_spread_over_lines_is_one_problem_with_the_remedy(tmp_path, indented):
    write(tmp_path, "good", row(8))
    (tmp_path / "bad.jsonl").write_text(json.dumps(indented, indent=2))
    recording = Recording.load(tmp_path)
    (problem,) = recording.problems
    assert "not one row a line: write the file anew" in str(problem)
    assert recording.rows == 1


def test_a_row_of_a_time_that_is_yet_to_come_sets_no_clock(tmp_path):
    write(tmp_path, "bad", row(9_999_999_999), row(8))
    recording = Recording.load(tmp_path)
    assert recording.last_row_at == datetime.fromtimestamp(8, UTC)
    (problem,) = recording.problems
    assert str(problem) == "bad.jsonl line 1: block_unix_time is 2286-11-20, which is yet to come"


def test_a_folder_with_nothing_to_serve_is_refused_and_named(tmp_path):
    with pytest.raises(RecordingError, match=r"There is no folder .*missing"):
        Recording.load(tmp_path / "missing")
    with pytest.raises(RecordingError, match=r"no \*\.jsonl or \*\.jsonl\.gz file"):
        Recording.load(tmp_path)
    write(tmp_path, "empty")
    with pytest.raises(
        RecordingError, match=r"1 \*\.jsonl file and not one usable row; nothing is"
    ):
        Recording.load(tmp_path)
    write(tmp_path, "bad", b"{")
    with pytest.raises(RecordingError, match=r"not one usable row.*bad\.jsonl"):
        Recording.load(tmp_path)


def served(recording: Recording, wallet: str = "alice") -> list[dict[str, Any]]:
    return [json.loads(item.text) for item in recording.swaps(wallet)]


def leg_of(mint: str, change: object, **fields: Any) -> dict[str, Any]:
    return {"address": mint, "change_amount": change, "decimals": 6, "price": 2.0, **fields}


def test_a_row_that_was_recorded_again_in_another_spelling_is_served_once_as_it_came_last(tmp_path):
    lines = [
        row(quote=leg_of("PUP", 5), ins_index=2, inner_ins_index=1),
        row(quote=leg_of("PUP", "5"), owner=None),
        row(quote=leg_of("PUP", 5.0, price=3.0)),
    ]
    write(tmp_path, "alice", *lines, row(200))
    recording = Recording.load(tmp_path)
    assert (recording.rows, recording.repeats) == (2, 2)
    kept = served(recording)[1]
    assert kept["quote"]["price"] == 3.0
    assert (kept["ins_index"], kept["inner_ins_index"]) == (2, 1)


@pytest.mark.parametrize(
    ("indexes", "rows"),
    [
        ([(1, 0), (2, 0)], 2),
        ([(1, 0), (1, 0)], 1),
        ([(1, 0), (1, None)], 1),
        ([(None, None), (None, None)], 1),
        ([(1, 0), (None, None), (2, 0)], 2),
        ([(None, None), (1, 0), (2, 0)], 2),
        ([(1, 1), (2, 2), (1, None)], 2),
    ],
)
def test_lines_of_one_identity_are_several_rows_only_where_their_indexes_say_so(
    tmp_path, indexes, rows
):
    write(
        tmp_path,
        "alice",
        *[row(ins_index=outer, inner_ins_index=inner) for outer, inner in indexes],
    )
    recording = Recording.load(tmp_path)
    assert (recording.rows, recording.repeats) == (rows, len(indexes) - rows)


def test_the_owner_is_the_wallet_and_the_file_where_there_is_none(tmp_path):
    write(tmp_path, "carol", row(1, owner="alice"), row(2, owner=None), row(3, owner="bob"))
    recording = Recording.load(tmp_path)
    assert recording.wallets == ("alice", "bob", "carol")
    assert recording.last_row_at == datetime.fromtimestamp(3, UTC)


def test_numbers_are_served_as_they_were_recorded(tmp_path, serving):
    line = json.dumps(row(9)).replace(
        '"change_amount": 5', '"change_amount": 1.23456789012345678901e3'
    )
    line = line.replace('"volume_usd": 10.0', '"volume_usd": 10.000000000000000000')
    write(tmp_path, "alice", line.encode())
    recording = Recording.load(tmp_path)
    with serving(recording, clock=lambda: recording.last_row_at) as (_, api):
        text = api.get(SWAPS, params={"address": "alice"}).text
    assert text == f'{{"success":true,"data":{{"items":[{line}],"has_next":false}}}}'


def test_a_listing_is_that_of_the_last_row_up_to_now(tmp_path):
    write(tmp_path, "alice", row(10, price=2.0), row(20, price=3.0), row(30, price=None))
    recording = Recording.load(tmp_path)

    def prices(time: int) -> list[object]:
        return [item["price"] for item in recording.tokens(datetime.fromtimestamp(time, UTC))]

    assert prices(9) == []
    assert prices(10) == prices(19) == [2.0]
    assert prices(30) == [3.0]
    later = datetime.fromtimestamp(30, UTC)
    liquidity = 150_000_000.0
    assert recording.price("PUP", later) == MintPrice(3.0, 20, liquidity)
    assert recording.price(SOL, later) == MintPrice(100.0, 30, 0.0)
    assert recording.price("MOG", later) is None


def test_nearest_price_stands_in_for_a_price_that_is_null(tmp_path):
    quote = row()["quote"] | {"price": None, "nearest_price": 4.5}
    write(tmp_path, "alice", row(10, quote=quote))
    recording = Recording.load(tmp_path)
    assert [item["price"] for item in recording.tokens(recording.last_row_at)] == [4.5]


def test_cash_is_not_listed_and_every_holding_is_worth_far_more_than_dust(tmp_path):
    write(tmp_path, "a", row(10, owner="alice", price=2.0), row(11, owner="bob", price=1e-9))
    recording = Recording.load(tmp_path)
    assert [item["address"] for item in listings(recording)] == ["PUP"]
    accounts = holders(recording, "PUP")
    assert sorted(account["owner"] for account in accounts) == ["alice", "bob"]
    for account in accounts:
        assert account["ui_amount"] * 1e-9 > 20_000
        assert account["ui_amount"] == int(account["amount"]) / 10**6
    assert holders(recording, SOL) == []


def test_the_most_liquid_tokens_reach_every_wallet(tmp_path):
    crowd = [row(i, owner=f"w{i % 9}", mint=f"COIN{i}") for i in range(1, 300)]
    loner = row(1000, owner="loner", mint="RARE", volume_usd=0.01)
    staker = row(1001, owner="staker", mint=MSOL)
    write(tmp_path, "rows", *crowd, loner, staker)
    recording = Recording.load(tmp_path)
    listed = listings(recording)
    assert len(listed) == 301
    top = sorted(listed, key=lambda item: -item["liquidity"])[:100]
    owners = {account["owner"] for item in top for account in holders(recording, item["address"])}
    assert owners == set(recording.wallets)
    assert len(owners) == 11
    assert MSOL not in {item["address"] for item in top}
    for item in listed:
        assert 100_000 <= item["liquidity"] <= 200_000_000
        assert item["volume_1h_usd"] >= 50_000
        assert item["price_change_24h_percent"] >= 20
        assert item["symbol"] == item["address"]
