"""Keys go to the services that they are for, and are found nowhere else, whatever fails on the way."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner, Result

from smart_trader_assets.assembly import make_resources
from smart_trader_assets.assets.webhook import helius_webhook_asset
from smart_trader_assets.cli import serve
from smart_trader_assets.cli.app import app
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.sandbox import (
    Endpoint,
    Fault,
    FaultKind,
    HeliusEndpoint,
    Recording,
    SandboxServer,
)
from smart_trader_assets.settings import PREFIX, load_settings
from smart_trader_assets_tests.support.command import PROJECT
from smart_trader_assets_tests.support.pipeline import SMALL
from smart_trader_assets_tests.support.rivals import ONE_SHARD
from smart_trader_assets_tests.support.tiny_market import ANN, NOW
from smart_trader_assets_tests.trust.traces import all_logs, in_files, in_tables, in_texts

KEYS = {
    "BIRDEYE_API_KEY": "birdeye/key+that=nobody-may-read",
    "HELIUS_API_KEY": "helius/key+that=nobody-may-read",
    "AWS_SECRET_ACCESS_KEY": "aws/secret+that=nobody-may-read",
    "AWS_SESSION_TOKEN": "aws/token+that=nobody-may-read",
}
SECRETS = tuple(KEYS.values())


@pytest.fixture
def account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_market: Recording
) -> Iterator[SandboxServer]:
    """A live account at both services, a Dagster home, and keys in the environment."""
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    with SandboxServer(tiny_market, clock=lambda: NOW, api_key=KEYS["BIRDEYE_API_KEY"]) as server:
        server.webhooks.api_key = KEYS["HELIUS_API_KEY"]
        webhook = server.webhooks.create(
            {"webhookURL": "https://x.example", "accountAddresses": []}
        )
        settings = {
            **SMALL,
            **ONE_SHARD,
            "birdeye_base_url": server.base_url,
            "helius_base_url": server.base_url,
            "helius_webhook_id": webhook["webhookID"],
            "alert_tiers": "ELITE,STRONG,PROMISING,QUALIFIED",
            "requests_per_second": 1000,
            "as_of": NOW.isoformat(),
            "root": tmp_path / "root",
        }
        for name, value in settings.items():
            monkeypatch.setenv(PREFIX + name.upper(), str(value))
        for name, value in {**KEYS, "DAGSTER_DISABLE_TELEMETRY": "1", "COLUMNS": "200"}.items():
            monkeypatch.setenv(name, value)
        (tmp_path / "home").mkdir()
        monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
        yield server


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def follow_ranking() -> bool:
    """A run of the webhook's asset; whether it succeeded."""
    with dg.DagsterInstance.get() as instance:
        return dg.materialize(
            [helius_webhook_asset()],
            resources=make_resources(load_settings()),
            instance=instance,
            raise_on_error=False,
        ).success


def test_no_key_is_found_in_anything_that_runs_leave(
    account: SandboxServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with all_logs() as logged:
        account.faults.add(
            Fault(FaultKind.BAD_KEY, endpoint=Endpoint.SWAPS, after=2),
            Fault(FaultKind.BAD_KEY, endpoint=HeliusEndpoint.WEBHOOKS),
        )
        outputs = [command("run"), command("run")]
        assert [result.exit_code for result in outputs] == [1, 0]
        assert [follow_ranking(), follow_ranking()] == [False, True]
        exports = [str(tmp_path / name) for name in ("ranking.csv", "ranking.json")]
        outputs.append(command("report", "--csv", exports[0], "--json", exports[1]))
        outputs.append(command("explain", ANN, "--json"))
        assert [result.exit_code for result in outputs[2:]] == [0, 0]
    assert account.webhooks.get(load_settings().helius_webhook_id or "")["accountAddresses"]
    assert any(line.startswith("httpx ") for line in logged)
    assert list((tmp_path / "home").rglob("*.db"))

    assert in_texts(logged, SECRETS) == []
    assert in_texts([result.output for result in outputs], SECRETS) == []
    assert in_texts(capfd.readouterr(), SECRETS) == []
    assert in_files(tmp_path, SECRETS) == []
    assert in_tables(DeltaStore(str(tmp_path / "root")), SECRETS) == []
    assert in_texts(map(str, account.requests_by_query), SECRETS) == []
    settings = load_settings()
    assert in_texts([repr(settings), str(settings), settings.model_dump_json()], SECRETS) == []


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"\x00" + SECRETS[0].encode())
    assert in_files(tmp_path, SECRETS) == [str(tmp_path / "a" / "file")]
    assert in_texts(
        [f"key={SECRETS[1].replace('/', '%2F').replace('+', '%2B').replace('=', '%3D')}"], SECRETS
    )
    with all_logs() as logged:
        logging.getLogger("httpx").debug("with %s", SECRETS[2])
    assert in_texts(logged, SECRETS) == [f"httpx with {SECRETS[2]}"]


def is_open_beyond_loopback(url: str) -> bool:
    """Whether a port of 127.0.0.1 answers at another address of this machine."""
    try:
        socket.create_connection(("127.0.0.2", int(url.rpartition(":")[2])), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_the_stand_in_listens_on_loopback_only(tiny_market: Recording) -> None:
    with SandboxServer(tiny_market, clock=lambda: NOW) as server:
        assert server.base_url.startswith("http://127.0.0.1:")
        assert not is_open_beyond_loopback(server.base_url)
    with socket.create_server(("0.0.0.0", 0)) as open_to_all:  # noqa: S104
        assert is_open_beyond_loopback(f":{open_to_all.getsockname()[1]}")


def test_the_ui_is_started_on_loopback_only(
    account: SandboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    def note(arguments: list[str], _: object) -> int:
        started.append(arguments)
        return 0

    monkeypatch.setattr(serve, "run_until_stopped", note)
    assert command("dev").exit_code == 0
    (arguments,) = started
    assert arguments[arguments.index("-h") + 1] == "127.0.0.1"


def test_nothing_in_the_project_listens_everywhere() -> None:
    written = [
        *PROJECT.glob("*.toml"),
        *PROJECT.glob("*.yaml"),
        PROJECT / "Makefile",
        *(PROJECT / "smart_trader_assets").rglob("*.py"),
    ]
    assert [file for file in written if "0.0.0.0" in file.read_text()] == []  # noqa: S104
