"""The command as a process of its own, undisturbed by the settings of whoever runs the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from smart_trader_assets.settings import API_KEY_VARIABLE, PREFIX

PROJECT = Path(__file__).parents[2]
RECORDED_ROWS = PROJECT.parent / "shared" / "birdeye" / "trader_txs"
"""Real rows; tests that read them pass without them."""


def environment(**variables: str) -> dict[str, str]:
    """This process's environment without settings, key and Dagster home, and with `variables`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) and name not in {API_KEY_VARIABLE, "DAGSTER_HOME"}
    }
    return {**kept, "DAGSTER_DISABLE_TELEMETRY": "1", "COLUMNS": "200", **variables}


def python(
    *arguments: str | Path, variables: dict[str, str] | None = None, seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run `python ARGUMENTS` from the project's folder to its end."""
    return _run([sys.executable, *map(str, arguments)], variables, seconds)


def installed(
    command: str,
    *arguments: str | Path,
    variables: dict[str, str] | None = None,
    seconds: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run a command of the environment that the tests run in: `smart-trader`, `dagster`."""
    place = Path(sys.executable).parent / command
    return _run([str(place), *map(str, arguments)], variables, seconds)


@contextmanager
def started(
    command: str, *arguments: str | Path, variables: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """The same while it is at work, its lines to be read as they come."""
    with subprocess.Popen(
        [str(Path(sys.executable).parent / command), *map(str, arguments)],
        cwd=PROJECT,
        env=environment(PYTHONUNBUFFERED="1", **(variables or {})),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


def _run(
    command: Sequence[str], variables: dict[str, str] | None, seconds: float
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=PROJECT,
        env=environment(**(variables or {})),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
