"""gold/copy_results through Dagster and Delta: what is due, and how news of others reach whom they price."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import dagster as dg
import polars as pl
import pytest

from smart_trader_assets.assets.scope import AS_OF_TAG
from smart_trader_assets.delta.batch import Batch, CommitInfo
from smart_trader_assets.delta.batch_group import GroupOutcome
from smart_trader_assets.delta.contract import AUDIT, TableContract
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.settings import load_settings
from smart_trader_assets.tables.catalog import (
    COPY_RESULTS,
    RECENT_TRADES,
    SMART_TRADERS,
    TOKEN_TRADES,
    TRANSACTIONS,
    WALLET_PNL,
)
from smart_trader_assets_tests.pnl.histories import AS_OF, Leg, buy, mint, sell, swap
from smart_trader_assets_tests.support.asset_runs import AssetRuns
from smart_trader_assets_tests.support.made_once import MadeOnce
from smart_trader_assets_tests.support.samples import frame

ANN, BOB, CID, DEE = WALLETS = [mint(name) for name in ("ann", "bob", "cid", "dee")]
CAT, DOG = TOKENS = [mint("cat"), mint("dog")]
STAMP = CommitInfo("a test", TRANSACTIONS.name)
HOUR = 3_600
COPYING = [TOKEN_TRADES.name, RECENT_TRADES.name, COPY_RESULTS.name]
WRITTEN = [column.name for column in COPY_RESULTS.columns if column.name != "as_of"]

Row = dict[str, Any]


class DiedError(Exception):
    """What a process that is killed before a commit would have raised."""


@contextmanager
def dying_before(table: TableContract) -> Iterator[None]:
    """The run within dies before it writes this table."""
    whole = DeltaStore.write_group

    def dies(self: DeltaStore, contract: TableContract, *given: Any) -> GroupOutcome:
        if contract is table:
            raise DiedError
        return whole(self, contract, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DeltaStore, "write_group", dies)
        with pytest.raises(DiedError):
            yield


class Copying:
    """A root with swaps, and the runs that count and copy them."""

    def __init__(self, root: Path, **changes: Any) -> None:
        settings = {"source": "sandbox", "root": str(root), "wallet_shards": 1}
        self._runs = AssetRuns(load_settings({**settings, "sandbox_anchor": AS_OF, **changes}))
        self.root = root
        self.store: DeltaStore = self._runs.store

    def put(self, *rows: Row) -> None:
        """Swap rows as they are fetched."""
        known = [row | {"wallet_shard": "00", "fetched_at": AS_OF} for row in rows]
        columns = set(TRANSACTIONS.schema)
        cut = [{name: row[name] for name in row if name in columns} for row in known]
        self.store.write(TRANSACTIONS, Batch(frame(TRANSACTIONS, cut), "00"), STAMP)

    def run(self, minutes: float = 0, **options: Any) -> dict[str, float]:
        """Count what is new, and copy; the metrics of gold/copy_results."""
        moment = AS_OF + timedelta(minutes=minutes)
        self.materialize([WALLET_PNL.name], moment, "00")
        result = self.materialize(COPYING, moment, **options)
        key = dg.AssetKey.from_user_string(COPY_RESULTS.name)
        (event,) = (
            one for one in result.get_asset_materialization_events() if one.asset_key == key
        )
        return {
            name: float(value.value or 0)
            for name, value in event.materialization.metadata.items()
            if isinstance(value, dg.IntMetadataValue | dg.FloatMetadataValue)
        }

    def materialize(
        self, tables: list[str], moment: datetime, partition: str | None = None, **tags: str
    ) -> dg.ExecuteInProcessResult:
        return self._runs.run(
            [dg.AssetKey.from_user_string(table) for table in tables],
            partition=partition,
            tags={AS_OF_TAG: moment.isoformat(), **tags},
        )

    def results(self) -> pl.DataFrame:
        return self.store.scan(COPY_RESULTS).select(WRITTEN).sort(COPY_RESULTS.key).collect()

    def of(self, wallet: str, delay: int = 60) -> Row:
        return self.results().row(
            by_predicate=(pl.col("wallet_address") == wallet) & (pl.col("delay_seconds") == delay),
            named=True,
        )

    def versions(self) -> list[int | None]:
        return [self.store.version(table) for table in (TOKEN_TRADES, COPY_RESULTS)]


@pytest.fixture
def copying(tmp_path: Path) -> Copying:
    return Copying(tmp_path / "root")


@pytest.fixture
def copied(tmp_path: Path, made_once: MadeOnce) -> Copying:
    """ANN and DEE went in and out of CAT, BOB bought it in between: entries are priced, exits are not."""

    def make(folder: Path) -> None:
        copying = Copying(folder / "root")
        copying.put(*trip(ANN), *trip(DEE, "dee"), seen("a", 1.25, 61))
        copying.run()

    folder, _ = made_once("test_copying.copied", make)
    shutil.copytree(folder / "root", tmp_path / "root")
    return Copying(tmp_path / "root")


def at(seconds: float) -> dict[str, Any]:
    return {"hours_ago": 240 - seconds / HOUR}


def trip(wallet: str, name: str = "") -> tuple[Row, Row]:
    return (
        buy(f"{name or wallet[:4]} in", 100, 1.0, CAT, wallet=wallet, **at(0)),
        sell(f"{name or wallet[:4]} out", 100, 3.0, CAT, wallet=wallet, **at(HOUR)),
    )


def seen(name: str, price: float, seconds: float, wallet: str = BOB) -> Row:
    return buy(name, 100, price, CAT, wallet=wallet, **at(seconds))


def test_a_row_for_each_wallet_and_delay(copying):
    copying.put(*trip(ANN), seen("a", 1.25, 61), seen("b", 2.5, HOUR + 70))
    metrics = copying.run()
    assert metrics["wallets_copied"] == 2
    found = copying.results()
    assert found.select("wallet_address", "delay_seconds").rows() == sorted(
        (wallet, delay) for wallet in (ANN, BOB) for delay in (10, 60, 300)
    )
    assert copying.of(ANN)["copied_return"] == pytest.approx(97.0)
    prices = copying.store.scan(TOKEN_TRADES).select("wallet_address", "price").collect()
    assert sorted(prices.rows()) == sorted([(ANN, 1.0), (ANN, 3.0), (BOB, 1.25), (BOB, 2.5)])


def test_where_nothing_is_new_nothing_is_written(copied):
    before = copied.versions()
    assert "wallets_copied" not in copied.run(minutes=5)
    assert copied.versions() == before


def test_a_later_trade_of_another_wallet_prices_a_bet_that_was_not_priced(copied):
    assert copied.of(ANN)["copied_return"] is None
    # Of somebody whom nobody knew; the exits of ANN and DEE, and no fill of BOB, lie within its reach.
    copied.put(seen("c", 2.5, HOUR + 70, wallet=CID))
    metrics = copied.run(minutes=5)
    assert (metrics["wallets_copied"], metrics["wallets_priced_anew"]) == (3, 2)
    assert copied.of(ANN)["copied_return"] == pytest.approx(97.0)


def test_a_trade_that_comes_sooner_than_the_one_that_priced_a_bet_replaces_it(copying):
    copying.put(*trip(ANN), seen("a", 1.0, 100), seen("b", 3.0, HOUR + 100))
    copying.run()
    assert copying.of(ANN)["copied_return"] == pytest.approx(197.0)
    copying.put(seen("c", 2.0, 61, wallet=CID))
    copying.run(minutes=5)
    assert copying.of(ANN)["copied_return"] == pytest.approx(47.0)


def test_a_trade_out_of_reach_makes_nobody_else_due(copied):
    copied.put(seen("c", 2.5, 5 * HOUR, wallet=CID))
    metrics = copied.run(minutes=5)
    assert (metrics["wallets_copied"], metrics["wallets_priced_anew"]) == (1, 0)


def test_a_day_that_changes_no_number_makes_nobody_due(copying):
    copying.put(*trip(ANN))
    copying.run()
    before = copying.versions()
    assert "wallets_copied" not in copying.run(minutes=24 * 60)
    assert copying.versions() == before


def test_everything_is_copied_again_where_it_is_asked_for(copied):
    assert copied.run(minutes=5, reprocess="true")["wallets_copied"] == 3


def test_a_death_before_the_results_costs_nothing_but_repeated_work(copied):
    copied.put(seen("c", 2.5, HOUR + 70, wallet=CID))
    with dying_before(COPY_RESULTS):
        copied.run(minutes=5)
    assert copied.of(ANN)["copied_return"] is None
    # The trades are written already, and yet ANN and DEE are priced by them.
    metrics = copied.run(minutes=10)
    assert metrics["wallets_priced_anew"] == 2
    assert copied.of(ANN)["copied_return"] == pytest.approx(97.0)


def test_numbers_whose_swaps_are_not_settled_yet_are_copied_once_they_are(copied, monkeypatch):
    copied.put(seen("b", 2.5, HOUR + 70, CID), seen("c", 2.5, HOUR + 80, CID))
    whole = DeltaStore.commit

    def dies(self, what, operation):
        if what == f"{TRANSACTIONS.name}: state":
            raise DiedError
        return whole(self, what, operation)

    # The numbers are written, and the process dies before it says that their swaps are counted.
    monkeypatch.setattr(DeltaStore, "commit", dies)
    with pytest.raises(DiedError):
        copied.materialize([WALLET_PNL.name], AS_OF + timedelta(minutes=5), "00")
    monkeypatch.undo()
    copied.materialize(COPYING, AS_OF + timedelta(minutes=6))
    copied.run(minutes=10)
    assert copied.of(ANN)["copied_return"] == pytest.approx(97.0)
    traded = copied.store.scan(TOKEN_TRADES).select("wallet_address").collect()
    assert traded["wallet_address"].to_list().count(CID) == 2


def test_what_is_cash_from_now_on_was_cash_in_the_trades_of_before(copying):
    coin = mint("coin")
    copying.put(
        *trip(ANN),
        swap("a", Leg(coin, 125, 1.0), Leg(CAT, 100), wallet=BOB, **at(61)),
        swap("b", Leg(coin, 250, 1.0), Leg(CAT, 100), wallet=BOB, **at(HOUR + 70)),
    )
    copying.run()
    assert copying.of(ANN)["copied_return"] is None
    # A later trade makes those of before old.
    copying.put(buy("c", 1, 1.0, DOG, wallet=BOB, **at(2 * HOUR)))
    copying.run(minutes=5)
    renamed = Copying(copying.root, cash_mints=[coin])
    renamed.run(minutes=10)
    assert renamed.of(ANN)["copied_return"] == pytest.approx(97.0)
    # What is cash is not traded.
    assert coin in renamed.store.scan(TOKEN_TRADES).collect()["token_address"]
    assert coin not in {token for _, token in traded(renamed)}


def test_what_was_counted_by_a_clock_that_is_behind_is_found_where_it_is_missing(copying):
    copying.put(*trip(ANN))
    copying.run(minutes=5)
    copying.put(seen("late", 1.25, 61, wallet=ANN), seen("other", 1.25, 61))
    copying.run(minutes=3)
    assert traded(copying) == [(ANN, CAT)] * 3 + [(BOB, CAT)]
    assert copying.of(ANN)["priced_bets"] == 0
    versions = copying.versions()
    copying.run(minutes=30)
    assert copying.versions() == versions


def test_what_a_clock_behind_found_and_a_death_cut_off_comes_to_the_recent_trades(copying):
    copying.put(buy("a", 1, 1.0, CAT, wallet=ANN, hours_ago=3))
    copying.run(minutes=5)
    copying.put(buy("b", 1, 1.0, CAT, wallet=ANN, hours_ago=2))
    with dying_before(RECENT_TRADES):
        copying.run(minutes=3)
    assert traded(copying) == [(ANN, CAT)] * 2
    assert recent(copying) == [(ANN, 3.0)]
    copying.run(minutes=4)
    assert recent(copying) == [(ANN, 2.0), (ANN, 3.0)]


def test_a_trade_that_is_denied_while_others_wait_to_be_counted_is_withdrawn(copying):
    copying.put(buy("x", 100, 1.0, CAT, wallet=ANN, **at(30)), *trip(BOB))
    copying.run()
    # News of CID makes ANN's results anew, whose other half is there and not counted.
    copying.put(seen("c", 1.5, 95, wallet=CID))
    copying.materialize([WALLET_PNL.name], AS_OF + timedelta(minutes=5), "00")
    copying.put(sell("x", 100, 1.0, CAT, wallet=ANN, ordinal=1, **at(30)))
    copying.materialize(COPYING, AS_OF + timedelta(minutes=6))
    assert (ANN, CAT) in traded(copying)
    copying.run(minutes=10)
    assert (ANN, CAT) not in traded(copying)


def test_what_comes_bit_by_bit_ends_like_what_comes_at_once(tmp_path):
    random = Random(0)
    rows = []
    for number in range(60):
        wallet, token = random.choice(WALLETS), random.choice(TOKENS)
        begin, price = random.uniform(0, 5_000), random.choice([0.5, 1.0, 2.0])
        rows.append(buy(f"{number} in", 100, price, token, wallet=wallet, **at(begin)))
        rows.append(
            sell(
                f"{number} out",
                100,
                2.0,
                token,
                wallet=wallet,
                **at(begin + random.uniform(20, 3_000)),
            )
        )
    once, by_parts = Copying(tmp_path / "once"), Copying(tmp_path / "parts")
    once.put(*rows)
    once.run(minutes=20)
    shuffled = random.sample(rows, len(rows))
    for part in range(3):
        by_parts.put(*shuffled[part::3])
        by_parts.run(minutes=5 * part)
    by_parts.run(minutes=20)
    assert by_parts.results().equals(once.results())
    assert once.results()["priced_bets"].sum() > 0
    audit = [column.name for column in AUDIT]
    trades = [
        root.store.scan(TOKEN_TRADES).drop(audit).sort(TOKEN_TRADES.key).collect()
        for root in (once, by_parts)
    ]
    assert trades[0].equals(trades[1])


def test_the_ranking_shows_what_copying_earned(copying):
    names = [f"token {number}" for number in range(12)]
    rows: list[Row] = []
    for number, name in enumerate(names):
        token, begin = mint(name), number * 15 * HOUR
        rows += [
            buy(f"{name} in", 1_000, 1.0, token, wallet=ANN, **at(begin)),
            sell(f"{name} out", 1_000, 3.0, token, wallet=ANN, **at(begin + HOUR)),
            buy(f"{name} late", 100, 4.0, token, wallet=BOB, **at(begin + 60)),
            sell(f"{name} later", 100, 3.0, token, wallet=BOB, **at(begin + HOUR + 60)),
        ]
    copying.put(*rows)
    copying.run()
    copying.materialize([SMART_TRADERS.name], AS_OF)
    (trader,) = copying.store.scan(SMART_TRADERS).collect().to_dicts()
    assert (trader["wallet_address"], trader["tier"]) == (ANN, "PROMISING")
    assert (trader["copied_priced_share"], trader["copied_return"]) == (100.0, pytest.approx(-28.0))
    assert "Not STRONG: copied 60 s later, its bets have lost on average." in trader["reasons"]


def traded(copying: Copying) -> list[tuple[str, str]]:
    """Wallet and token of each trade in silver/token_trades."""
    rows = copying.store.scan(TOKEN_TRADES).filter(pl.col("quantity") != 0)
    found = rows.select("wallet_address", "token_address").collect().rows()
    return sorted(found, key=lambda row: (WALLETS.index(row[0]), row[1]))


def recent(copying: Copying) -> list[tuple[str, float]]:
    """The recent trades, by wallet and by how many hours before the first run they were made."""
    rows = copying.store.scan(RECENT_TRADES).select("wallet_address", "block_unix_time").collect()
    began = AS_OF.timestamp()
    return sorted((wallet, round((began - at) / HOUR, 1)) for wallet, at in rows.rows())


def test_trades_are_recent_for_nine_days_and_are_found_by_time(copying):
    copying.put(
        buy("old", 1, 1.0, CAT, wallet=ANN, hours_ago=240),
        buy("week", 1, 1.0, CAT, wallet=ANN, hours_ago=190),
        buy("new", 1, 1.0, CAT, wallet=ANN, hours_ago=1),
    )
    copying.run()
    assert recent(copying) == [(ANN, 1.0), (ANN, 190.0)]
    copying.put(buy("later", 1, 1.0, CAT, wallet=BOB, hours_ago=-25))
    copying.run(minutes=26 * 60)
    assert recent(copying) == [(ANN, 1.0), (ANN, 190.0), (BOB, -25.0)]
    copying.put(buy("latest", 1, 1.0, CAT, wallet=BOB, hours_ago=-49))
    copying.run(minutes=50 * 60)
    assert recent(copying) == [(ANN, 1.0), (BOB, -49.0), (BOB, -25.0)]


def test_a_table_of_recent_trades_that_is_new_begins_with_those_that_are_known(copying):
    copying.put(buy("a", 1, 1.0, CAT, wallet=ANN, hours_ago=3), *trip(BOB))
    copying.run()
    copying.store.open(RECENT_TRADES).delete()
    assert recent(copying) == []
    copying.put(buy("b", 1, 1.0, CAT, wallet=CID, hours_ago=2))
    copying.run(minutes=1)
    assert recent(copying) == sorted([(ANN, 3.0), (CID, 2.0)])


def test_a_trade_that_is_denied_later_is_none_among_the_recent_either(copying):
    """The other half of its transaction comes later: nothing was left of what was bought."""
    copying.put(buy("x", 100, 1.0, CAT, wallet=ANN, hours_ago=2))
    copying.run()
    assert recent(copying) == [(ANN, 2.0)]
    copying.put(sell("x", 100, 1.0, CAT, wallet=ANN, hours_ago=2, ordinal=1))
    copying.run(minutes=1)
    rows = copying.store.scan(RECENT_TRADES).filter(pl.col("quantity") != 0).collect()
    whole = copying.store.scan(TOKEN_TRADES).filter(pl.col("quantity") != 0).collect()
    assert rows.height == whole.height == 0
