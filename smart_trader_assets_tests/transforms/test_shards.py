import subprocess
import sys

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.transforms.shards import ShardCountError, shard_keys, shard_of, with_shard

SOL = "So11111111111111111111111111111111111111112"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"


def test_a_shard_is_what_tables_already_hold():
    assert [shard_of(SOL, 16), shard_of(USDC, 16)] == ["07", "12"]
    assert [shard_of(SOL, 4), shard_of(USDC, 4)] == ["03", "00"]


def test_a_shard_is_the_same_in_another_process():
    program = (
        f"from smart_trader_assets.transforms.shards import shard_of; print(shard_of({SOL!r}, 16))"
    )
    other = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "77"},
    )
    assert other.stdout.strip() == shard_of(SOL, 16)


def test_keys_have_two_digits_and_three_only_above_a_hundred():
    assert shard_keys(4) == ["00", "01", "02", "03"]
    assert shard_keys(100)[-1] == "99"
    assert shard_keys(101)[0] == "000"
    assert shard_keys(101)[-1] == "100"


@given(st.text(), st.integers(min_value=1, max_value=300))
def test_every_address_lies_in_a_listed_shard(address, count):
    assert shard_of(address, count) in shard_keys(count)


def test_addresses_spread_evenly():
    counts = pl.Series([shard_of(f"wallet-{n}", 16) for n in range(16_000)]).value_counts()
    assert counts.height == 16
    # Binomial with mean 1,000 and deviation 31: six deviations on either side.
    assert counts["count"].is_between(815, 1185).all()


def test_a_column_is_sharded_row_by_row_and_null_stays_null():
    frame = pl.DataFrame({"wallet": [USDC, None, SOL, USDC]})
    sharded = with_shard(frame, "wallet", "shard", 16)
    assert sharded["shard"].to_list() == ["12", None, "07", "12"]


def test_an_empty_column_is_sharded_to_text():
    frame = pl.DataFrame({"wallet": []}, schema={"wallet": pl.String})
    assert with_shard(frame, "wallet", "shard", 16).schema["shard"] == pl.String


@pytest.mark.parametrize("count", [0, -1])
def test_less_than_one_shard_is_refused(count):
    with pytest.raises(ShardCountError, match=f"{count} is not a possible number of shards"):
        shard_of(SOL, count)
    with pytest.raises(ShardCountError):
        shard_keys(count)
    with pytest.raises(ShardCountError):
        with_shard(pl.DataFrame({"wallet": [SOL]}), "wallet", "shard", count)
