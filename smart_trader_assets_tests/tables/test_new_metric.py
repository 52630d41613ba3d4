"""A metric of the PnL that gold shows takes two edits: where it is computed, and where it is declared."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl

import smart_trader_assets
from smart_trader_assets_tests.support.command import PROJECT, environment
from smart_trader_assets_tests.support.tiny_market import ANN

COMPUTED = (
    "pnl/metrics.py",
    '        max_drawdown_usd=to_usd(pl.col("drawdown")),\n',
    '        buy_share=_percent(pl.col("buy_count"), pl.col("trade_count")),\n',
)
DECLARED = (
    "pnl/columns.py",
    '    _count("active_days", ',
    '    _percent("buy_share", "Buys in all trades", "trades", RANKED, CLASSIFIED, preview=True),\n',
)
# In a process of its own: drain a root by the changed package, and tell the metric's lineage.
DRAINED = """
import sys
from pathlib import Path

import smart_trader_assets
from smart_trader_assets.tables.lineage import LINEAGE
from smart_trader_assets_tests.support.killing import drain_here

package, folder, root = map(Path, sys.argv[1:])
assert Path(smart_trader_assets.__file__).parent == package
drain_here(folder, root)
print([(table.name, column) for table, column in LINEAGE["gold/smart_traders"]["buy_share"]])
"""


def edit(package: Path, file: str, beside: str, line: str) -> None:
    """Put a line in front of another one."""
    text = (package / file).read_text(encoding="utf-8")
    assert text.count(beside) == 1
    (package / file).write_text(text.replace(beside, line + beside), encoding="utf-8")


def test_a_metric_computed_and_declared_is_in_silver_in_gold_and_in_the_lineage(
    tmp_path: Path, tiny_market_folder: Path
) -> None:
    package = tmp_path / "changed" / "smart_trader_assets"
    source = Path(smart_trader_assets.__file__).parent
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("__pycache__"))
    edit(package, *COMPUTED)
    edit(package, *DECLARED)

    root = tmp_path / "root"
    ran = subprocess.run(
        [sys.executable, "-c", DRAINED, str(package), str(tiny_market_folder), str(root)],
        cwd=PROJECT.parent,
        env=environment(PYTHONPATH=os.pathsep.join([str(package.parent), str(PROJECT)])),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr

    whole = (pl.col("window") == "all") & (pl.col("token_address") == "ALL_TOKENS")
    own = pl.col("wallet_address") == ANN
    silver = pl.scan_delta(str(root / "silver" / "wallet_pnl")).filter(own & whole).collect()
    gold = pl.scan_delta(str(root / "gold" / "smart_traders")).filter(own).collect()
    classified = pl.scan_delta(str(root / "gold" / "classified_wallets")).collect()
    assert silver["buy_share"].to_list() == [50.0]
    assert gold["buy_share"].to_list() == [50.0]
    assert classified["buy_share"].is_not_null().all()
    assert ran.stdout.splitlines()[-1] == "[('silver/wallet_pnl', 'buy_share')]"
