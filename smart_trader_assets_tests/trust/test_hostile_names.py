"""However a wallet or a token is named, the name is a value: it reaches no other row and no other path."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from smart_trader_assets.cli.app import app
from smart_trader_assets.delta.batch import Batch
from smart_trader_assets.pnl import ALL_TOKENS
from smart_trader_assets.sandbox import Recording
from smart_trader_assets.tables.catalog import SMART_TRADERS, TRANSACTIONS, WALLET_PNL
from smart_trader_assets.transforms.swaps import transaction_rows
from smart_trader_assets_tests.delta.test_sql_literals import HOSTILE
from smart_trader_assets_tests.support.pipeline import Pipeline, open_pipeline
from smart_trader_assets_tests.support.rivals import ONE_SHARD
from smart_trader_assets_tests.support.samples import STAMP
from smart_trader_assets_tests.support.tiny_market import CAT, NOW, swap

NAMES = [*(name for name in HOSTILE if name), "../../../outside", "/etc/passwd", "a wallet"]
INJECTED = NAMES[0]


def bought_by(name: str) -> dict[str, Any]:
    row = swap(name, CAT, 10, 1.0, NOW)
    row["base"]["symbol"] = name
    return row


@pytest.fixture
def hostile(tmp_path: Path, tiny_market: Recording) -> Iterator[Pipeline]:
    """A root with a wallet for each name, each of which bought CAT once, computed and ranked."""
    with open_pipeline(tmp_path / "inner" / "root", tiny_market, **ONE_SHARD) as pipeline:
        rows = transaction_rows(
            {name: [bought_by(name)] for name in NAMES}, fetched_at=NOW, wallet_shards=1
        )
        pipeline.store.write(TRANSACTIONS, Batch(rows, "00"), STAMP)
        assert pipeline.materialize(WALLET_PNL, "00").success
        assert pipeline.materialize(SMART_TRADERS).success
        yield pipeline


def trades(pipeline: Pipeline) -> dict[str, int]:
    rows = pipeline.rows(WALLET_PNL).filter(token_address=ALL_TOKENS, window="all")
    assert rows["wallet_address"].is_unique().all()
    return dict(rows.select("wallet_address", "trade_count").iter_rows())


def due(pipeline: Pipeline) -> list[str]:
    return (
        pipeline.rows(TRANSACTIONS).filter(~pl.col("processed_for_pnl"))["wallet_address"].to_list()
    )


def command(pipeline: Pipeline, *arguments: str) -> Result:
    place = ["--data", str(pipeline.root)]
    return CliRunner().invoke(app, [*arguments, *place], env={"COLUMNS": "200"})


def test_a_name_is_a_value_in_every_step_and_command(hostile: Pipeline, tmp_path: Path) -> None:
    assert trades(hostile) == dict.fromkeys(NAMES, 1)
    assert due(hostile) == []

    shown = command(hostile, "explain", INJECTED, "--json", "--as-of", NOW.isoformat())
    assert shown.exit_code == 0, shown.output
    nobody = command(hostile, "explain", "' OR 'x' = 'x", "--as-of", NOW.isoformat())
    assert nobody.exit_code == 1

    reset = command(hostile, "reset", TRANSACTIONS.name, "--wallet", INJECTED, "--yes")
    assert reset.exit_code == 0, reset.output
    assert due(hostile) == [INJECTED]
    assert hostile.materialize(WALLET_PNL, "00").success
    assert trades(hostile) == dict.fromkeys(NAMES, 1)
    assert due(hostile) == []

    before = hostile.store.version(TRANSACTIONS)
    for shard in ("../../outside", "/outside", INJECTED):
        command(hostile, "reset", TRANSACTIONS.name, "--shard", shard, "--yes")
    assert hostile.store.version(TRANSACTIONS) == before

    assert command(hostile, "report").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]
    assert [path.name for path in (tmp_path / "inner").iterdir()] == ["root"]
    named = [path for path in hostile.root.rglob("*") if any(n in str(path) for n in NAMES[:2])]
    assert named == []
