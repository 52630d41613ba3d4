"""What is shipped to deploy with names settings, commands, files and versions that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from smart_trader_assets.cli.app import _SUBCOMMANDS
from smart_trader_assets.settings import PREFIX, Settings

PROJECT = Path(__file__).parents[1]
DEPLOY = PROJECT / "deploy"
FILES = [path for path in DEPLOY.rglob("*") if path.is_file()]
COMPOSE = [DEPLOY / "compose.yaml", DEPLOY / "compose.cluster.yaml"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_setting_that_is_named_is_one(path):
    named = set(re.findall(rf"{PREFIX}(\w+)", path.read_text()))
    assert {name.lower() for name in named} <= set(Settings.model_fields)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_subcommand_that_is_called_is_one(path):
    called = re.findall(r"smart-trader,? ([a-z]+)[ ,\]\"'&>]", path.read_text())
    called += re.findall(r"bin/smart-trader ([a-z]+)", path.read_text())
    assert set(called) <= {*_SUBCOMMANDS, "smart-trader"}


def services(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from yaml.safe_load(path.read_text())["services"].items()


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_no_port_but_the_uis_is_open_and_that_on_loopback(path):
    open_ports = {name: service["ports"] for name, service in services(path) if "ports" in service}
    assert open_ports == {"webserver": ["127.0.0.1:3000:3000"]}


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_services_depend_on_services_and_keep_named_volumes(path):
    known = dict(services(path))
    volumes = set(yaml.safe_load(path.read_text())["volumes"])
    for service in known.values():
        assert set(service.get("depends_on", {})) <= set(known)
        assert {volume.partition(":")[0] for volume in service.get("volumes", [])} <= volumes


@pytest.mark.parametrize("name", [".env", "smart-trader.env"])
def test_neither_git_nor_an_image_takes_a_file_of_secrets(name):
    assert name in (PROJECT / ".gitignore").read_text().split()
    assert f"**/{name}" in (PROJECT / ".dockerignore").read_text().split()


def test_secrets_of_the_cluster_have_no_default():
    for name, service in services(DEPLOY / "compose.cluster.yaml"):
        given = service.get("environment", {})
        for variable in (
            "AWS_SECRET_ACCESS_KEY",
            "SMART_TRADER_STATE_URL",
            "SMART_TRADER_BROKER_URL",
        ):
            if variable in given:
                assert ":?" in given[variable], name


def test_the_image_copies_what_there_is():
    copied = re.findall(r"^COPY (?!--from)(.*)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    for line in copied:
        *sources, _ = shlex.split(line)
        assert all((PROJECT / source).exists() for source in sources)


def test_the_chart_is_of_the_dagster_in_use_and_runs_as_many_as_the_settings_say():
    text = (DEPLOY / "kubernetes" / "values.yaml").read_text()
    assert set(re.findall(r"\b1\.\d+\.\d+\b", text)) == {version("dagster")}
    values = yaml.safe_load(text)
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    given = {one["name"]: one["value"] for one in deployment["env"]}
    concurrency = values["concurrency"]
    assert given["SMART_TRADER_RUNS_AT_ONCE"] == str(concurrency["runs"]["maxConcurrentRuns"])
    assert given["SMART_TRADER_FETCHES_AT_ONCE"] == str(concurrency["pools"]["defaultLimit"])
