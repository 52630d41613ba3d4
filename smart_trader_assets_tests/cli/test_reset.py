"""The reset as a Dagster job and as a command: both show first, and do it only when told to."""

from typing import Any
from uuid import uuid4

import dagster as dg
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from smart_trader_assets.assembly import make_definitions
from smart_trader_assets.automation.home import make_home
from smart_trader_assets.cli.app import app
from smart_trader_assets.settings import load_settings
from smart_trader_assets.sources import settings_of_root
from smart_trader_assets.tables.catalog import TRACKED_TOKENS, TRACKED_WHALES
from smart_trader_assets_tests.support.pipeline import Pipeline
from smart_trader_assets_tests.support.roots import versions
from smart_trader_assets_tests.support.tiny_market import CAT, CID


def run_job(pipeline: Pipeline, **choice: Any) -> tuple[dg.ExecuteInProcessResult, list[str]]:
    settings = pipeline.settings()
    job = make_definitions(settings).resolve_job_def("reset")
    config = {"table": TRACKED_TOKENS.name, "tokens": [CAT], **choice}
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            run_config={"ops": {"reset_rows": {"config": config}}},
            instance=instance,
            raise_on_error=False,
        )
        told = [str(entry) for entry in instance.all_logs(result.run_id)]
    return result, told


def test_the_job_only_tells_until_it_is_really_asked(drained):
    before = versions(drained.store)
    result, told = run_job(drained)
    assert result.success
    assert "Nothing was changed: set `yes` to do it." in "".join(told)
    assert versions(drained.store) == before

    result, told = run_job(drained, yes=True)
    assert "1 rows of silver/tracked_tokens are back in their first state." in "".join(told)
    (row,) = drained.rows(TRACKED_TOKENS).filter(pl.col("token_address") == CAT).to_dicts()
    assert (row["whale_fetch_status"], row["_delta_operation"], row["batch_id"]) == (
        "pending",
        "RESET",
        result.run_id,
    )


def test_the_job_fails_where_it_is_asked_for_what_does_not_exist(drained):
    result, _ = run_job(drained, tokens=["nothing"], yes=True)
    assert not result.success


def test_the_job_asks_which_rows_are_meant(drained):
    result, told = run_job(drained, tokens=[])
    assert not result.success
    assert "name some, or set `everything`" in "".join(told)
    result, _ = run_job(drained, tokens=[], everything=True)
    assert result.success
    result, told = run_job(drained, table="")
    assert not result.success
    assert "No table is named: set `table` to one of bronze/tokens" in "".join(told)


def command(pipeline: Pipeline, *arguments: str) -> Result:
    options = [*arguments, "--data", str(pipeline.root)]
    return CliRunner().invoke(app, ["reset", *options], env={"COLUMNS": "200"})


def test_the_command_only_shows_until_it_is_told_yes(drained):
    before = versions(drained.store)
    shown = command(drained, TRACKED_WHALES.name, "--wallet", CID)
    assert shown.exit_code == 0, shown.output
    assert "2 rows of silver/tracked_whales" in shown.output
    assert "the swaps of 1 wallet again costs 12 credits for a page of each" in shown.output
    assert "Nothing was changed: add --yes to do it." in shown.output
    assert versions(drained.store) == before

    done = command(drained, TRACKED_WHALES.name, "--wallet", CID, "--refetch", "--yes")
    assert done.exit_code == 0, done.output
    assert "2 rows are back in their first state." in done.output
    rows = drained.rows(TRACKED_WHALES).filter(pl.col("wallet_address") == CID)
    trail = ("processing_status", "_delta_operation", "fetched_to")
    assert rows.select(trail).unique().rows() == [("pending", "RESET", None)]


def test_all_rows_are_reset_only_where_all_are_asked_for(drained):
    refused = command(drained, TRACKED_TOKENS.name, "--yes")
    assert refused.exit_code == 2
    assert "or all of them with --all" in " ".join(refused.output.split())
    shown = command(drained, TRACKED_TOKENS.name, "--all")
    assert shown.exit_code == 0
    assert "Fetching their holders again costs at most" in shown.output


def test_histories_are_fetched_again_only_while_nobody_is_at_work(drained):
    """What a run took over from another row of the wallet would undo the reset."""
    settings = settings_of_root(load_settings({"root": str(drained.root)}))
    with dg.DagsterInstance.from_config(str(make_home(settings))) as instance:
        run = dg.DagsterRun(
            job_name="wallet_side", run_id=str(uuid4()), status=dg.DagsterRunStatus.STARTED
        )
        instance.add_run(run)
        refused = command(drained, TRACKED_WHALES.name, "--wallet", CID, "--refetch", "--yes")
    assert refused.exit_code == 1
    assert f"Run {run.run_id} is under way or waiting" in refused.output
    assert set(drained.rows(TRACKED_WHALES)["processing_status"]) == {"processed"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["silver/wallets", "--all", "--yes"],
            "'silver/wallets' is not a table with a state to reset",
        ),
        ([TRACKED_TOKENS.name, "--token", "nothing", "--yes"], "Nothing in silver/tracked_tokens"),
        ([TRACKED_TOKENS.name, "--state", "done", "--yes"], "is never done"),
    ],
)
def test_the_command_refuses_in_one_sentence_and_exits_with_1(drained, arguments, told):
    before = versions(drained.store)
    refused = command(drained, *arguments)
    assert refused.exit_code == 1
    assert told in refused.output
    assert "Traceback" not in refused.output
    assert versions(drained.store) == before
