"""What a machine does to a run: a full disk, too little memory, a process that is stopped and goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from smart_trader_assets_tests.support.command import PROJECT, environment
from smart_trader_assets_tests.support.killing import SHARDS
from smart_trader_assets_tests.trust.endings import Ending, Site

LONGEST_SECONDS = 180
STOPPED_SECONDS = 2.0

_NO_MEMORY = (
    "memory allocation",
    "MemoryError",
    "Cannot allocate memory",
    "out of memory",
    "failed to map segment",
    "can't start new thread",
)

# A small file system of one's own in the root's place; what came to lie there is copied out of it.
_ON_A_SMALL_DISK = """
mount -t tmpfs -o size="$SIZE" tmpfs "$ROOT" || exit 97
"$@"
code=$?
cp -a "$ROOT"/. "$COPY"
exit $code
"""


@cache
def small_disks() -> bool:
    """Whether this user may mount a file system that only the run sees."""
    trial = ["unshare", "-Urm", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"]
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


def full_disk(site: Site, root: Path, *, kilobytes: int) -> Ending:
    """A run whose root may take so many kilobytes."""
    root.mkdir(parents=True)
    copy = root.with_name(f"{root.name} copied")
    copy.mkdir()
    small = ["unshare", "-Urm", "sh", "-c", _ON_A_SMALL_DISK, "sh"]
    ended = _run([*small, *_command(site, root)], SIZE=f"{kilobytes}k", ROOT=root, COPY=copy)
    root.rmdir()
    copy.rename(root)
    return _ending(ended)


def little_memory(site: Site, root: Path, *, megabytes: int) -> Ending:
    """A run that may address so many megabytes."""
    limited = ["sh", "-c", f'ulimit -v {megabytes * 1024}; exec "$@"', "sh"]
    return _ending(_run([*limited, *_command(site, root)]))


def stopped_and_continued(site: Site, root: Path, *, write: int) -> Ending:
    """A run that is stopped before a write and goes on after a while."""
    command = [
        sys.executable,
        "-m",
        "smart_trader_assets_tests.trust.stopped",
        str(write),
        *_arguments(site, root),
    ]
    with subprocess.Popen(
        command,
        cwd=PROJECT,
        env=environment(**SHARDS),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), "the run ended before it was stopped"
        try:
            time.sleep(STOPPED_SECONDS)
            process.send_signal(signal.SIGCONT)
            _, errors = process.communicate(timeout=LONGEST_SECONDS)
        finally:
            process.kill()
    return _ending(subprocess.CompletedProcess(command, process.returncode, "", errors))


def _arguments(site: Site, root: Path) -> list[str]:
    return ["run", "--replay", str(site.folder), "--data", str(root), "--as-of", site.now]


def _command(site: Site, root: Path) -> list[str]:
    return [sys.executable, "-m", "smart_trader_assets.cli", *_arguments(site, root)]


def _run(command: Sequence[str], **variables: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=PROJECT,
        env=environment(**SHARDS, **{name: str(value) for name, value in variables.items()}),
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )


def _ending(ended: subprocess.CompletedProcess[str]) -> Ending:
    """How a run of the command ended; AssertionError where it left a trace of a defect."""
    if ended.returncode == 0:
        return Ending.RIGHT
    told = [line for line in ended.stderr.splitlines() if line.startswith("✗ ")]
    if ended.returncode == 1 and len(told) == 1 and "Traceback" not in ended.stderr:
        return Ending.TOLD
    if any(sign in ended.stderr for sign in _NO_MEMORY):
        return Ending.DIED
    raise AssertionError(f"exit code {ended.returncode}: {ended.stderr[-2000:]}")
